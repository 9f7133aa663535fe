"""The gate answers from a snapshot: the strictest, with its age, never silently from an old one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from timeit import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trueup
from tests.budgets.spent import NOW, at
from trueup.budgets.snapshot import VERDICTS, Snapshot, write
from trueup.errors import UsageError


def budget(name: str, verdict: str, scope: Mapping[str, str], **more: Any) -> trueup.Budget:
    """A budget of 100.00 in November, of which 60.00 are spent."""
    given_ = {
        "amount": Decimal(100),
        "window": "2026-11",
        "start": at("2026-11-01"),
        "end": at("2026-12-01"),
        "actual": Decimal(60),
        "accrued": Decimal(60),
        "forecast": None,
        **more,
    }
    return trueup.Budget(name, scope, "USD", verdict=verdict, reason=f"says {verdict}", **given_)


def snapshot(path: Path, *budgets: trueup.Budget, stale: str = "queue") -> Path:
    write(path, Snapshot(NOW, NOW, timedelta(hours=48), stale, budgets))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return snapshot(
        tmp_path / "budgets.json",
        budget("all", "allow", {}, accrued=Decimal(10)),
        budget("search", "queue", {"team": "search"}),
        budget("planner", "stop", {"team": "search", "agent": "planner"}),
        budget("m", "allow", {"model": "m"}, accrued=Decimal(90)),
    )


def test_spend_of_which_more_may_be_is_not_taken_for_all(tmp_path: Path) -> None:
    """Nothing of 100 is known to be spent, and a run was partial: by policy it waits."""
    lacks = "run-0003 was partial: what it could not read is in no figure"
    notes = [lacks, "no forecast: 3 whole days of history are too short"]
    some = budget("search", "allow", {"team": "search"}, accrued=Decimal(0), notes=notes)
    path = snapshot(tmp_path / "budgets.json", replace(some, short=lacks))
    answer = trueup.Budget.check({"team": "search"}, path, NOW)
    assert answer.verdict == "queue"
    why = f"more may have been spent ({lacks}), so by policy at least queue"
    assert answer.reason == f"search: says allow; {why}"
    known = snapshot(tmp_path / "known.json", some)
    assert trueup.Budget.check({"team": "search"}, known, NOW).verdict == "allow"


@pytest.mark.parametrize(
    ("scope", "verdict", "name", "left"),
    [
        ({}, "allow", "all", 90),
        ({"team": "ads"}, "allow", "all", 90),
        ({"team": "ads", "model": "m"}, "allow", "m", 10),
        ({"team": "search"}, "queue", "search", 40),
        ({"agent": "planner"}, "allow", "all", 90),
        ({"agent": "planner", "team": "search", "model": "m"}, "stop", "planner", 40),
    ],
)
def test_the_strictest_of_all_that_apply_answers(
    file: Path, scope: dict[str, str], verdict: str, name: str, left: int
) -> None:
    """A budget applies where its scope is part of the given one; of equals, the fullest answers."""
    answer = trueup.Budget.check(scope, file, NOW)
    assert answer.budget is not None
    assert (answer.verdict, answer.budget.name) == (verdict, name)
    assert answer.left == left


def test_an_answer_says_its_age(file: Path) -> None:
    """The first word is the verdict; the age is that of the knowledge."""
    answer = trueup.Budget.check({"team": "search"}, file, NOW + timedelta(hours=7))
    assert str(answer) == (
        "queue: search: says queue; spend known up to 2026-11-10T00:00:00Z, 7 h ago"
    )


@pytest.mark.parametrize("policy", VERDICTS)
@pytest.mark.parametrize("late", [timedelta(hours=49), -timedelta(hours=49)])
def test_what_is_old_is_answered_by_policy(tmp_path: Path, policy: str, late: timedelta) -> None:
    """48 hours are allowed: after that, or that long before, the policy answers and says so."""
    file = snapshot(tmp_path / "b.json", budget("a", "allow", {}), stale=policy)
    fresh = trueup.Budget.check({}, file, NOW + timedelta(hours=48))
    assert (fresh.verdict, fresh.stale) == ("allow", False)
    answer = trueup.Budget.check({}, file, NOW + late)
    assert (answer.verdict, answer.stale) == (policy, True)
    assert f"that is older than 48 h, so by policy at least {policy}" in answer.reason


def test_an_old_answer_of_no_budget_follows_policy_too(tmp_path: Path) -> None:
    """A budget of that scope may have come since: after 48 hours it is not `allow`."""
    file = snapshot(tmp_path / "b.json", budget("a", "allow", {"team": "search"}))
    assert trueup.Budget.check({"team": "ads"}, file, NOW).verdict == "allow"
    answer = trueup.Budget.check({"team": "ads"}, file, NOW + timedelta(hours=49))
    assert (answer.verdict, answer.budget) == ("queue", None)
    assert answer.reason == (
        "no budget is of this scope; that is older than 48 h, so by policy at least queue"
    )


def test_policy_never_softens_a_threshold(tmp_path: Path) -> None:
    """An old stop stays one where old answers are allowed, for its window still runs."""
    file = snapshot(tmp_path / "b.json", budget("a", "stop", {}), stale="allow")
    assert trueup.Budget.check({}, file, NOW + timedelta(days=9)).verdict == "stop"


def test_a_window_that_ended_binds_no_more(tmp_path: Path) -> None:
    """Half an hour into December nothing of it is known, and that is said; what rolls goes on."""
    over = budget("a", "stop", {}, end=at("2026-11-10T12:00"))
    file = snapshot(tmp_path / "b.json", over)
    answer = trueup.Budget.check({}, file, at("2026-11-10T12:30"))
    assert (answer.verdict, answer.left) == ("allow", None)
    assert "its window ended at 2026-11-10T12:00:00Z" in answer.reason
    file = snapshot(tmp_path / "b.json", budget("a", "stop", {}, end=None))
    assert trueup.Budget.check({}, file, at("2026-11-10T12:30")).verdict == "stop"


def test_spend_that_is_not_known_is_answered_by_policy(tmp_path: Path) -> None:
    """It is not taken for zero."""
    file = snapshot(tmp_path / "b.json", budget("a", "allow", {}, accrued=None))
    answer = trueup.Budget.check({}, file, NOW)
    assert (answer.verdict, answer.left) == ("queue", None)
    assert "its spend is not known" in answer.reason


def test_without_a_budget_of_the_scope_work_may_start(tmp_path: Path) -> None:
    """And the answer says that there is none."""
    file = snapshot(tmp_path / "b.json", budget("a", "stop", {"team": "ads"}))
    answer = trueup.Budget.check({"team": "search"}, file, NOW)
    assert (answer.verdict, answer.reason) == ("allow", "no budget is of this scope")


def test_what_cannot_be_answered_says_what_to_do(tmp_path: Path) -> None:
    """No snapshot, a damaged one, a scope that is misspelt."""
    missing = tmp_path / "none.json"
    with pytest.raises(UsageError, match="`trueup run` and `trueup budget` make it"):
        trueup.Budget.check({}, missing, NOW)
    missing.write_text('{"as_of": 1}')
    with pytest.raises(UsageError, match="`trueup budget` makes a new one"):
        trueup.Budget.check({}, missing, NOW)
    with pytest.raises(UsageError, match="'taem' is no part of a scope"):
        trueup.Budget.check({"taem": "a"}, missing, NOW)


def test_a_new_snapshot_is_seen_at_once(tmp_path: Path) -> None:
    """It is read again where the file is another."""
    file = snapshot(tmp_path / "b.json", budget("a", "allow", {}))
    assert trueup.Budget.check({}, file, NOW).verdict == "allow"
    snapshot(file, budget("a", "stop", {}))
    assert trueup.Budget.check({}, file, NOW).verdict == "stop"


def test_nothing_heavy_is_imported_to_ask(file: Path) -> None:
    """A scheduler's process loads neither Arrow nor an engine nor pydantic."""
    code = (
        "import sys, trueup\n"
        f"trueup.Budget.check({{}}, {str(file)!r})\n"
        "print({'pyarrow', 'pydantic', 'ibis', 'duckdb', 'apprise'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_asking_costs_far_less_than_reading(tmp_path: Path) -> None:
    """With 1,000 budgets an answer takes less than a tenth of reading the snapshot anew."""
    many = [budget(f"b{number}", "allow", {"team": f"t{number}"}) for number in range(1000)]
    file = snapshot(tmp_path / "b.json", *many)
    scope = {"team": "t7", "agent": "x", "model": "m", "provider": "p"}
    from trueup.budgets.snapshot import read

    trueup.Budget.check(scope, file, NOW)
    reading = timeit(lambda: read(file), number=3) / 3
    asking = timeit(lambda: trueup.Budget.check(scope, file, NOW), number=100) / 100
    print(f"reading {reading * 1e3:.2f} ms, asking {asking * 1e3:.4f} ms")  # noqa: T201
    assert asking < reading / 10


SCOPES = st.dictionaries(
    st.sampled_from(["team", "agent", "model", "provider"]), st.sampled_from("ab")
)


@given(st.lists(st.tuples(SCOPES, st.sampled_from(VERDICTS)), max_size=8), SCOPES)
def test_every_budget_that_is_part_of_a_scope_is_heard(
    tmp_path_factory: pytest.TempPathFactory,
    budgets: list[tuple[dict[str, str], str]],
    scope: dict[str, str],
) -> None:
    """The answer is the strictest of those that a plain comparison of all keys finds."""
    file = tmp_path_factory.mktemp("gate") / "b.json"
    snapshot(file, *(budget(str(at), said, of) for at, (of, said) in enumerate(budgets)))
    applying = [said for of, said in budgets if of.items() <= scope.items()]
    expected = max(applying, key=VERDICTS.index, default="allow")
    assert trueup.Budget.check(scope, file, NOW).verdict == expected


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(minutes=119, seconds=59), "119 min"),
        (timedelta(minutes=120), "2 h"),
        (timedelta(hours=71, minutes=59), "71 h"),
        (timedelta(hours=72), "3 days"),
    ],
)
def test_an_age_is_said_in_a_fitting_unit(file: Path, age: timedelta, said: str) -> None:
    """Whole minutes below two hours, hours below three days, then days."""
    assert str(trueup.Budget.check({}, file, NOW + age)).endswith(f", {said} ago")
