"""A review over several runs: measured, written for the gate, and told once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.budgets.spent import NOW, at, empty, outlay, ran, spend
from tests.budgets.test_budget import terms
from trueup.budgets import notify, snapshot
from trueup.budgets.budget import Alerts, BudgetTerms, Gate
from trueup.budgets.measure import measure
from trueup.budgets.notify import Destination, deliver, destinations
from trueup.budgets.projection import weekday_mean
from trueup.budgets.review import Told, alert, review, state
from trueup.budgets.snapshot import VERDICTS
from trueup.errors import MissingDependency
from trueup.workspace.workspace import Workspace

OCTOBER, NOVEMBER = ("2026-10-01", "2026-11-01"), ("2026-11-01", "2026-12-01")
TWO = [
    {"on": "accrued", "at": "80%"},
    {"on": "accrued", "at": "100%", "act": "stop"},
]
BOTH = Alerts(urls=("env:MAIL", "env:CHAT"))
SET = {"MAIL": "mailto://secret", "CHAT": "slack://secret"}


@dataclass
class Post:
    """Takes messages instead of a service; those to what is in ``refuse`` are not delivered."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)

    def __call__(self, to: Destination, _title: str, text: str) -> str | None:
        if to.name in self.refuse:
            return "it is down"
        self.sent.append((to.name, text.splitlines()[0]))
        return None


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return empty(tmp_path)


def spent_so_far(workspace: Workspace, cost: str) -> None:
    """A run of November on the 10th that knows this much of search."""
    ran(workspace, NOVEMBER, "2026-11-10", [spend("2026-11-02", cost, team="search")])


def told(workspace: Workspace, post: Post, *budgets: BudgetTerms, alerts: Alerts = BOTH) -> Told:
    found = review(workspace, budgets or [terms(thresholds=TWO)], Gate(), NOW)
    assert found is not None
    return alert(workspace, found, alerts, NOW, SET, post)


def test_a_workspace_that_never_ran_has_no_review(workspace: Workspace) -> None:
    """Nothing is known, nothing is written."""
    assert review(workspace, [terms()], Gate(), NOW) is None
    assert not workspace.folder.exists()


def test_each_crossing_is_told_once_to_each(workspace: Workspace) -> None:
    """799.99 of 1000.00 is below 80 %; 800.00 is told to both, once; at 1000.00 only that is new."""
    post = Post()
    spent_so_far(workspace, "799.99")
    assert told(workspace, post) == Told([], [])
    spent_so_far(workspace, "800.00")
    told(workspace, post)
    eighty = "accrued 800.00 of 1000.00 USD, 80.0 %: at or over 80% (800.00 USD)."
    assert post.sent == [("env:MAIL", eighty), ("env:CHAT", eighty)]
    spent_so_far(workspace, "900.00")
    assert told(workspace, post) == Told([], [])
    spent_so_far(workspace, "1000.00")
    assert len(told(workspace, post).delivered) == 2
    full = "accrued 1000.00 of 1000.00 USD, 100.0 %: at or over 100% (1000.00 USD)."
    assert post.sent[2:] == [("env:MAIL", full), ("env:CHAT", full)]


def test_what_fell_below_and_crosses_again_is_told_again(workspace: Workspace) -> None:
    """850, restated to 700, then 850: the second crossing is another."""
    post = Post()
    for cost, messages in (("850", 1), ("700", 1), ("700", 1), ("850", 2), ("850", 2)):
        spent_so_far(workspace, cost)
        told(workspace, post, alerts=Alerts(urls=("env:MAIL",)))
        assert len(post.sent) == messages
    below = [entry for entry in workspace.journal.entries() if entry.kind == "budget_below"]
    assert len(below) == 1


def test_each_window_is_told_anew(workspace: Workspace) -> None:
    """900 in October and 900 in November are two crossings; a budget that shrinks is not a third.

    Raised to 2000.00 it is not crossed any more, so that 1700.00 is told, 85 % of it.
    """
    post, mail = Post(), Alerts(urls=("env:MAIL",))
    ran(workspace, OCTOBER, "2026-11-01", [spend("2026-10-02", "900", team="search")])
    told(workspace, post, alerts=mail)
    spent_so_far(workspace, "900")
    told(workspace, post, alerts=mail)
    told(workspace, post, terms(thresholds=TWO, amount="950"), alerts=mail)
    told(workspace, post, terms(thresholds=TWO, amount="2000"), alerts=mail)
    spent_so_far(workspace, "1700")
    told(workspace, post, terms(thresholds=TWO, amount="2000"), alerts=mail)
    assert [text.partition(" (")[0] for _, text in post.sent] == [
        "accrued 900.00 of 1000.00 USD, 90.0 %: at or over 80%",
        "accrued 900.00 of 1000.00 USD, 90.0 %: at or over 80%",
        "accrued 1700.00 of 2000.00 USD, 85.0 %: at or over 80%",
    ]


def test_a_bill_that_comes_late_is_told_of_its_window(workspace: Workspace) -> None:
    """October was at 700 when November began, and its last bill makes it 850: told once."""
    post, mail = Post(), Alerts(urls=("env:MAIL",))
    for october in ("700", "850", "850"):
        ran(workspace, OCTOBER, "2026-11-10", [spend("2026-10-31", october, team="search")])
        spent_so_far(workspace, "1")
        told(workspace, post, alerts=mail)
    assert [text for _, text in post.sent] == [
        "accrued 850.00 of 1000.00 USD, 85.0 %: at or over 80% (800.00 USD)."
    ]


def test_a_forecast_that_is_not_known_for_a_day_is_not_told_twice(workspace: Workspace) -> None:
    """950 and 100 to come are told; a run without a forecast changes nothing; of October none is."""
    post, mail = Post(), Alerts(urls=("env:MAIL",))
    budget = terms(thresholds=[{"on": "forecast", "at": "100%"}])
    ran(workspace, OCTOBER, "2026-11-01", [spend("2026-10-02", "2000", team="search")])
    spent_so_far(workspace, "950")
    for rest in (Decimal(100), None, Decimal(100)):
        found = review(workspace, [budget], Gate(), NOW, lambda *_, rest=rest: rest)
        assert found is not None
        alert(workspace, found, mail, NOW, SET, post)
    assert [text for _, text in post.sent] == [
        "forecast 1050.00 of 1000.00 USD, 105.0 %, estimated: at or over 100% (1000.00 USD)."
    ]


def test_what_could_not_be_delivered_is_tried_again(workspace: Workspace) -> None:
    """The chat is down: mail is told, chat is named with its remedy, and only chat the next time."""
    post = Post(refuse={"env:CHAT"})
    spent_so_far(workspace, "850")
    found = told(workspace, post)
    assert len(found.delivered) == 1
    (failed,) = found.failed
    assert "not told to env:CHAT: it is down; `apprise -vv -b test URL`" in failed
    assert "secret" not in failed
    post.refuse.clear()
    assert told(workspace, post).failed == []
    assert [name for name, _ in post.sent] == ["env:MAIL", "env:CHAT"]
    assert b"secret" not in workspace.journal.path.read_bytes()


def test_a_variable_that_is_not_set_is_named(workspace: Workspace) -> None:
    """Nothing is sent; the line says which variable to set."""
    spent_so_far(workspace, "850")
    found = review(workspace, [terms(thresholds=TWO)], Gate(), NOW)
    assert found is not None
    failed = alert(workspace, found, Alerts(urls=("env:PAGER",)), NOW, {}).failed
    assert failed[0].startswith("env:PAGER is not set; set PAGER to a URL of Apprise; not told")


def test_a_url_of_the_file_is_named_by_a_hash() -> None:
    """No message shows more of it than its kind."""
    (one,) = destinations(["slack://a/b/c"], {})
    assert one.name.startswith("slack ")
    assert "a/b/c" not in one.name + repr(one)


class Webhook(BaseHTTPRequestHandler):
    bodies: list[dict[str, Any]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.bodies.append(json.loads(self.rfile.read(length)))
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the same
        """Nothing is logged."""


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The URL of a server of this machine, and what was posted to it; it ends with the block."""
    bodies: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Own", (Webhook,), {"bodies": bodies}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_gets_the_message(workspace: Workspace) -> None:
    """A real delivery by HTTP: once, with the figures; a service that refuses is not told."""
    spent_so_far(workspace, "850")
    found = review(workspace, [terms(thresholds=TWO)], Gate(), NOW)
    assert found is not None
    with webhook() as (url, bodies):
        environment = {"HOOK": url, "BROKEN": f"{url}/broken"}
        urls = Alerts(urls=("env:HOOK", "env:BROKEN"))
        first = alert(workspace, found, urls, NOW, environment)
        again = alert(workspace, found, urls, NOW, environment)
    assert (len(first.delivered), len(first.failed)) == (1, 1)
    assert (len(again.delivered), len(again.failed)) == (0, 1)
    assert len(bodies) == 3
    assert bodies[0]["title"] == "trueup budget search: notify"
    assert bodies[0]["message"].splitlines()[1:] == [
        "Of team search, 2026-11: actual 850.00, accrued 850.00.",
        "Known up to 2026-11-02T01:00:00Z. At this threshold: notify.",
        "Note: no forecast: 9 whole days of history are too short.",
    ]


def test_text_that_is_no_url_is_said() -> None:
    """It is neither sent nor shown."""
    why = deliver(Destination("env:X", "nonsense"), "title", "text")
    assert why == "it holds no URL that Apprise understands"


def test_without_apprise_the_rest_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failed delivery says which extra installs it."""
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(MissingDependency):
        notify.deliver(Destination("env:X", "json://127.0.0.1"), "title", "text")
    spent_so_far(workspace, "850")
    found = review(workspace, [terms(thresholds=TWO)], Gate(), NOW)
    assert found is not None
    failed = alert(workspace, found, BOTH, NOW, SET).failed
    assert "pip install 'trueup[alerts]'" in failed[0]


def test_the_snapshot_is_what_the_review_found(workspace: Workspace) -> None:
    """1012.00 of 1000.00 stops; written and read it is the same, with -12.00 left."""
    spent_so_far(workspace, "1012.00")
    found = review(workspace, [terms(thresholds=TWO)], Gate(), NOW)
    assert found is not None
    read = snapshot.read(workspace.folder / "budgets.json")
    assert read == found.snapshot
    (one,) = read.budgets
    assert (one.verdict, one.left, read.as_of) == (
        "stop",
        Decimal("-12.00"),
        at("2026-11-02T01:00"),
    )
    assert one.reason == "accrued 1012.00 of 1000.00 USD, 101.2 %: at or over 100%"


def test_a_second_run_of_a_month_stands_for_the_first(workspace: Workspace) -> None:
    """October and two runs of November: 100 + 300, not 200 + 300 + 100; of a quarter."""
    ran(workspace, OCTOBER, "2026-11-01", [spend("2026-10-02", "100", team="search")])
    spent_so_far(workspace, "200")
    spent_so_far(workspace, "300")
    found = review(workspace, [terms(period="quarter")], Gate(), NOW)
    assert found is not None
    assert found.snapshot.budgets[0].actual == 400


def test_a_partial_run_is_named(workspace: Workspace) -> None:
    """What its failed source holds is in no figure of November; October was whole."""
    ran(workspace, OCTOBER, "2026-11-01", [])
    ran(workspace, NOVEMBER, "2026-11-10", [], failures=[{"kind": "charges"}])
    found = review(workspace, [terms()], Gate(), NOW)
    assert found is not None
    assert found.snapshot.budgets[0].notes[0] == (
        "run-0002 was partial: what it could not read is in no figure"
    )


def test_intervals_of_a_commitment_come_from_utilization(workspace: Workspace) -> None:
    """Two hours of 8.50 used and 1.50 unused, and an interval of a year in November alone."""
    hours = [
        {
            "commitment_id": "plan-1",
            "interval_start": at(f"2026-11-03T{hour}:00"),
            "interval_end": at(f"2026-11-03T{hour}:59"),
            "currency": "USD",
            "used_cost": Decimal("8.50"),
            "unused_cost": Decimal("1.50"),
        }
        for hour in (14, 15)
    ]
    year = {
        **hours[0],
        "commitment_id": "lot-1",
        "interval_start": at("2026-01-01"),
        "interval_end": at("2027-01-01"),
    }
    ran(workspace, NOVEMBER, "2026-11-10", [], [*hours, year])
    budgets = [terms(name=name, scope={"commitment": name}) for name in ("plan-1", "lot-1")]
    found = review(workspace, budgets, Gate(), NOW)
    assert found is not None
    assert [one.actual for one in found.snapshot.budgets] == [20, 10]


def test_lots_are_counted_in_their_own_unit(workspace: Workspace) -> None:
    """Of 1000 credits 40 and 60 are drawn, 15 come back, 5 are beyond: 90; grant and expiry are none."""
    moved = [
        ("grant", "1000"),
        ("drawdown", "-40"),
        ("drawdown", "-60"),
        ("refund", "15"),
        ("overage", "5"),
        ("expiry", "-900"),
    ]
    movements = [
        {
            "commitment_id": "lot-1",
            "at": at("2026-11-03"),
            "kind": kind,
            "quantity": Decimal(quantity),
            "unit": "credits",
        }
        for kind, quantity in moved
    ]
    ran(workspace, NOVEMBER, "2026-11-10", [], movements=movements)
    budget = terms(scope={"commitment": "lot-1"}, amount="100", currency="credits")
    found = review(workspace, [budget], Gate(), NOW)
    assert found is not None
    (one,) = found.snapshot.budgets
    assert (one.actual, one.left, one.currency) == (Decimal(90), Decimal(10), "credits")


@given(st.lists(st.integers(0, 1200), min_size=1, max_size=8))
def test_a_crossing_is_told_once_however_the_figure_moves(
    tmp_path_factory: pytest.TempPathFactory, costs: list[int]
) -> None:
    """Told is each step from below 800 to at or over it, the first from nothing: counted by hand."""
    own, post = empty(tmp_path_factory.mktemp("moves")), Post()
    for cost in costs:
        spent_so_far(own, str(cost))
        told(own, post, terms(thresholds=TWO[:1]), alerts=Alerts(urls=("env:MAIL",)))
    steps = zip([0, *costs], costs, strict=False)
    assert len(post.sent) == sum(before < 800 <= after for before, after in steps)


PERCENT = st.integers(1, 200)
ACTS = st.sampled_from(["notify", "queue", "stop"])
ON = st.sampled_from(["actual", "accrued", "forecast"])


@given(
    st.lists(st.tuples(ON, PERCENT, ACTS), max_size=5),
    st.integers(0, 30_000),
    st.integers(0, 5_000),
)
def test_the_gate_is_never_more_lenient_than_a_threshold(
    thresholds: list[tuple[str, int, str]], billed: int, accrued: int
) -> None:
    """In cents, of 100.00: what is reached by plain integers is at least what is answered."""
    days = [(f"2026-10-{day:02}", "1") for day in range(1, 32)]
    spent = outlay(
        *(spend(day, cost, team="search") for day, cost in days),
        spend("2026-11-01", str(Decimal(billed).scaleb(-2)), team="search"),
        spend("2026-11-01", str(Decimal(accrued).scaleb(-2)), team="search", state="accrued"),
        known=[("2026-10-01", "2026-11-02")],
    )
    given_ = [{"on": on, "at": f"{at}%", "act": act} for on, at, act in thresholds]
    budget = terms(amount="100.00", thresholds=given_)
    found = measure(budget, spent, weekday_mean)
    assert found.forecast is not None
    cents = {"actual": billed, "accrued": billed + accrued, "forecast": int(found.forecast * 100)}
    reached = [act for on, at, act in thresholds if cents[on] * 100 >= at * 10_000]
    strict = max((VERDICTS.index(act) for act in reached if act != "notify"), default=0)
    assert VERDICTS.index(state(budget, found).verdict) == strict
