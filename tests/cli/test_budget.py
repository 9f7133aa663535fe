"""`trueup budget`: the table, the alerts of a run, and the gate with its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.budgets.test_gate import budget, snapshot
from tests.cli.month import Month, trueup

BUDGETS = """
[alerts]
urls = ["env:TRUEUP_TEST_ALERTS"]

[[budget]]
name = "everything"
amount = "11.00"
currency = "USD"
thresholds = [{ on = "actual", at = "90%" }, { on = "accrued", at = "95%", act = "stop" }]

[[budget]]
name = "plan"
scope = { commitment = "plan-1" }
amount = "10.00"
currency = "USD"
thresholds = [{ on = "actual", at = "100%", act = "queue" }]
"""
AT = ("--as-of", "2026-11-01T06:00")


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """October, of whose one hour the bill says 8.50 used and 1.50 unused, with two budgets."""
    monkeypatch.chdir(tmp_path)
    made = Month(tmp_path)
    made.configure(BUDGETS)
    return made


def test_a_workspace_that_never_ran_says_so(month: Month) -> None:
    """No table, exit 0; the gate cannot answer, exit 2, and says what makes a snapshot."""
    listed = trueup("budget")
    assert (listed.exit_code, "`trueup run` fills it" in listed.stdout) == (0, True)
    assert json.loads(trueup("budget", "--json").stdout) == []
    asked = trueup("budget", "check")
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert "`trueup run` and `trueup budget` make it" in asked.stderr


def test_a_run_measures_alerts_and_opens_the_gate(month: Month) -> None:
    """10.00 of 11.00 is 90.9 %: an alert that cannot be told, no act; the plan's 10.00 queues."""
    ran = trueup("run", "-q")
    assert ran.exit_code == 0
    assert "everything: actual 10.00 of 11.00 USD, 90.9 %" in ran.stderr
    assert ran.stderr.count("set TRUEUP_TEST_ALERTS to a URL") == 1  # of two that are crossed
    all_, plan = json.loads(trueup("budget", "--json").stdout)
    assert (all_["actual"], all_["left"], all_["verdict"]) == ("10", "1", "allow")
    assert (plan["actual"], plan["left"], plan["verdict"]) == ("10", "0", "queue")
    asked = trueup("budget", "check", *AT).stdout
    assert asked.startswith("queue: everything: its window ended at 2026-11-01T00:00:00Z")
    # Nothing came after the bill's one hour, however late the run's clock is.
    assert "older than 48 h" in asked
    assert "spend known up to 2026-10-03T15:00:00Z, 28 days ago" in asked
    table = trueup("budget").stdout
    assert [line.split()[-1] for line in table.splitlines()[:3]] == ["STATE", "allow", "queue"]
    assert table.splitlines()[1].split()[3:10] == [
        *("10.00", "0.00", "10.00", "10.00", "11.00", "USD", "90.9"),
    ]
    assert "Known up to 2026-10-03T15:00:00Z." in table
    assert trueup("verify").exit_code == 0


def test_the_exit_code_says_whether_work_may_start(month: Month) -> None:
    """The morning after: 0 for allow, 1 for queue and for stop, the word first; and as JSON."""
    month.run()
    within = ("--as-of", "2026-10-04T12:00")  # 21 hours after what is known
    allowed = trueup("budget", "check", "--scope", "team=search", *within)
    assert (allowed.exit_code, allowed.stdout.split(":")[0]) == (0, "allow")
    queued = trueup("budget", "check", "--scope", "commitment=plan-1", "--json", *within)
    found = json.loads(queued.stdout)
    assert (queued.exit_code, found["verdict"], found["budget"]) == (1, "queue", "plan")
    assert (found["age_seconds"], found["stale"], found["left"]) == (75600, False, "0")
    month.bill("8.95")  # 10.45 of 11.00 are 95 %
    month.run()
    stopped = trueup("budget", "check", "--snapshot", ".trueup/budgets.json", *within)
    assert (stopped.exit_code, stopped.stdout.split(":")[0]) == (1, "stop")
    assert trueup("budget", "check", "--scope", "taem=search").exit_code == 2


def test_an_old_snapshot_queues_and_says_so(month: Month) -> None:
    """By the wall clock the figures of October are years old, or of a time to come."""
    month.run()
    old = trueup("budget", "check", "--scope", "team=search", "--as-of", "2027-11-01")
    assert old.exit_code == 1
    assert old.stdout.startswith("queue: everything")
    assert "older than 48 h, so by policy at least queue" in old.stdout


def test_what_was_not_told_is_told_on_demand(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--alert` tries again; what was delivered then is not sent by the next run."""
    sent: list[str] = []

    def deliver(self: object, title: str, body: str) -> bool:
        sent.append(body.splitlines()[0])
        return True

    month.run()
    monkeypatch.setenv("TRUEUP_TEST_ALERTS", "json://127.0.0.1:9")
    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.notify", deliver)
    told = trueup("budget", "--alert")
    assert told.stdout.count("told env:TRUEUP_TEST_ALERTS") == 2
    month.run()
    assert sent == [
        "actual 10.00 of 11.00 USD, 90.9 %: at or over 90% (9.90 USD).",
        "actual 10.00 of 10.00 USD, 100.0 %: at or over 100% (10.00 USD).",
    ]
    assert trueup("verify").exit_code == 0


def test_a_scope_that_nothing_is_of_is_named(month: Month) -> None:
    """`plan-2` is near to plan-1, which runs know; the unset destination of alerts is not used."""
    month.configure(BUDGETS.replace('commitment = "plan-1"', 'commitment = "plan-2"'))
    month.run()
    assert "no run knows commitment 'plan-2'; did you mean 'plan-1'?" in trueup("budget").stdout


def test_each_budget_answers_for_itself(month: Month) -> None:
    """Two apply: `everything` allows at 10.00 of 11.00, the plan queues at 10.00 of 10.00."""
    month.run()
    within = ("--as-of", "2026-10-04T12:00", "--json")
    found = json.loads(trueup("budget", "check", "--scope", "commitment=plan-1", *within).stdout)
    answers = {one["name"]: (one["verdict"], one["reason"]) for one in found["budgets"]}
    assert answers == {
        "everything": ("allow", "accrued 10.00 of 11.00 USD, 90.9 %"),
        "plan": ("queue", "actual 10.00 of 10.00 USD, 100.0 %: at or over 100%"),
    }
    assert {(one["accrued"], one["total"]) for one in found["budgets"]} == {("0", "10")}


@pytest.mark.parametrize(
    "args",
    [
        ("budget", "--json", "check"),
        ("budget", "check", "--snapshot", "x", "-c", "trueup.toml"),
        ("burn", "--every", "3"),
        ("burn", "--usage-format", "table"),
        ("drivers", "--unused", "--by", "agent"),
        ("forecast", "--backtest", "--horizon", "3"),
        ("sessions", "s1", "--top", "3"),
        ("plan", "--usage", "x", "-c", "trueup.toml"),
    ],
)
def test_an_option_without_effect_is_refused(month: Month, args: tuple[str, ...]) -> None:
    """Exit code 2, before anything is read."""
    found = trueup(*args)
    assert found.exit_code == 2
    assert "has no effect" in found.stderr


def test_the_file_without_budgets_is_named(month: Month) -> None:
    """It is the one that was given, whatever its name."""
    month.configure("")
    month.run()
    Path("trueup.toml").rename("other.toml")
    assert "No [[budget]] is in other.toml" in trueup("budget", "-c", "other.toml").stdout


def test_the_gate_says_what_is_missing(month: Month) -> None:
    """What a review noted of the budget that answers, below the answer."""
    noted = budget("everything", "allow", {}, notes=["no run knows 2026-11-05"])
    file = snapshot(month.folder / "b.json", noted)
    found = trueup("budget", "check", "--snapshot", str(file), "--as-of", "2026-11-10")
    assert found.exit_code == 0, found.output
    answer, note = found.stdout.splitlines()
    assert answer.startswith("allow: everything: ")
    assert note == "  everything: no run knows 2026-11-05"
