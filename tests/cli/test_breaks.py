"""`trueup breaks`: the list, everything about one, and decisions with who and when."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow.parquet as pq
import pytest
from tests.cli.month import Month, trueup

from trueup.cli import breaks
from trueup.controls.lifecycle import BreakState


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


def states(*options: str) -> list[tuple[str, str]]:
    """Amount and state of every break that is listed."""
    found = trueup("breaks", "list", "--json", *options)
    assert found.exit_code == 0, found.output
    return [(row["amount"], row["state"]) for row in json.loads(found.stdout)]


def test_a_workspace_that_never_ran(month: Month) -> None:
    """An empty table, the command that fills it, exit 0; nothing is made on the disk."""
    found = trueup("breaks", "list")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[-1] == "This workspace has never run: `trueup run` fills it."
    assert states() == []
    assert trueup("breaks", "explain", "abc", "--note", "x").exit_code == 2
    assert not (month.folder / ".trueup").exists()


def test_a_break_is_listed_with_money_state_and_age(month: Month) -> None:
    """-1.00 USD, open, 0 days old at the configuration's clock; filters leave it out."""
    month.run()
    line = trueup("breaks", "list").stdout.splitlines()[1].split()
    assert line[1:7] == ["commitment", "-1.00", "USD", "open", "0", "d"]
    assert states() == states("--class", "commitment", "--period", "2026-10")
    assert "more: --limit 0" not in trueup("breaks", "list").stdout
    for filters in (
        ("--state", "cleared"),
        ("--class", "quantity"),
        ("--owner", "preparer"),
        ("--period", "2026-11"),
    ):
        assert states(*filters) == []


def test_an_explained_break_says_by_whom(month: Month) -> None:
    """Without a key the user of the machine, marked; the note and the amount stand in its history."""
    month.run()
    name = month.break_id()
    done = trueup("breaks", "explain", name[:6], "--note", "the plan grew", user="preparer")
    assert done.exit_code == 0, done.output
    assert "Nobody signed this" in done.output
    assert states("--state", "explained") == [("-1.00", "explained")]
    shown = trueup("breaks", "show", name[:4])
    assert "preparer (unauthenticated): explained at -1.00 USD: the plan grew" in shown.stdout
    assert "run-0001: found in 2026-10: -1.00" in shown.stdout


def test_the_rows_of_both_sides_are_shown_as_the_files_have_them(month: Month) -> None:
    """Both hours of the bill by file, sha256 and row, with the values of the file; also as JSON."""
    month.run()
    digest = hashlib.sha256((month.folder / "bills" / "oct.csv").read_bytes()).hexdigest()
    shown = trueup("breaks", "show", month.break_id())
    assert f"billed: bills/oct.csv row 2, sha256 {digest}" in shown.stdout
    found = json.loads(trueup("breaks", "show", month.break_id(), "--json").stdout)
    billed = [row for row in found["rows"] if row["side"] == "billed"]
    assert [row["values"]["EffectiveCost"] for row in billed] == ["8.50", "1.50"]
    assert [event["by"] for event in found["history"]] == ["run-0001"]


def test_a_signed_decision_is_proved(month: Month) -> None:
    """With a key it is the preparer; the entry is signed, and `trueup verify` finds it genuine."""
    month.persons()
    month.run()
    done = trueup("breaks", "assign", month.break_id(), "platform", "--key", "preparer.key")
    assert done.exit_code == 0, done.output
    assert "by Preparer." in done.output
    assert "Nobody signed" not in done.output
    assert json.loads(trueup("breaks", "list", "--json").stdout)[0]["owner"] == "platform"
    assert trueup("verify").exit_code == 0
    other = trueup("breaks", "assign", month.break_id(), "x", "--key", "stranger.key")
    assert other.exit_code == 2
    assert "bound to no person" in other.output


def test_a_write_off_above_the_limit_needs_an_approver(month: Month) -> None:
    """-1.00 is within 1.00: anybody; at -1.50 only the key of one who may approve will do."""
    month.persons()
    month.run()
    assert trueup("breaks", "write-off", month.break_id(), "--note", "small").exit_code == 0
    month.bill("8.00")
    month.run()
    name = month.break_id()
    assert states() == [("-1.50", "open")]  # the decision was on -1.00
    for options in ([], ["--key", "preparer.key"]):
        refused = trueup("breaks", "write-off", name, "--note", "large", *options)
        assert refused.exit_code == 2
        assert "needs the key of a person who may approve" in refused.output
    done = trueup("breaks", "write-off", name, "--note", "large", "--key", "approver.key")
    assert done.exit_code == 0, done.output
    assert states() == [("-1.50", "written_off")]


def test_a_write_off_above_the_limit_without_persons(month: Month) -> None:
    """Where no key is bound to anybody, nobody can: the message says how to make one."""
    month.bill("8.00")
    month.run()
    refused = trueup("breaks", "write-off", month.break_id(), "--note", "large")
    assert refused.exit_code == 2
    assert "`trueup key new`" in refused.output


def test_without_a_limit_every_write_off_needs_an_approver(month: Month) -> None:
    """No limit is set: a preparer may not write off -1.00, an approver may."""
    month.persons()
    config = month.folder / "trueup.toml"
    config.write_text(config.read_text().replace('write_off_limit = "1.00"', ""))
    month.run()
    refused = trueup(
        "breaks", "write-off", month.break_id(), "--note", "small", "--key", "preparer.key"
    )
    assert refused.exit_code == 2
    assert "writing off -1.00, without a write_off_limit, needs the key of" in refused.output
    done = trueup(
        "breaks", "write-off", month.break_id(), "--note", "small", "--key", "approver.key"
    )
    assert done.exit_code == 0, done.output


def test_a_deferral_and_the_past(month: Month) -> None:
    """Deferred beyond the clock: deferred; known at the run's clock it was still open."""
    month.run()
    done = trueup("breaks", "defer", month.break_id(), "--until", "2026-12-01")
    assert done.exit_code == 0, done.output
    assert states() == [("-1.00", "deferred")]
    assert states("--known-at", "2026-11-20T06:00:00Z") == [("-1.00", "open")]
    assert states("--known-at", "2026-11-19") == []


def test_a_day_that_has_passed_is_no_deferral(month: Month) -> None:
    """The clock is 20 November, 06:00: until then is refused, and nothing is decided."""
    month.run()
    done = trueup("breaks", "defer", month.break_id(), "--until", "2026-11-20T06:00:00Z")
    assert (done.exit_code, "has passed at the clock, 2026-11-20T06" in done.output) == (2, True)
    assert "decision" not in Path(".trueup/journal.jsonl").read_text(encoding="utf-8")


def test_a_list_that_is_empty_says_why(month: Month) -> None:
    """No such class: which there are; a class without a break is told from a month without one."""
    month.run()
    said = trueup("breaks", "list", "--class", "quantitty").stdout
    assert "No break fits these options; there are 1 of class commitment:" in said
    month.bill("9.50")
    month.run()
    assert "`trueup breaks list --state all`" in trueup("breaks", "list").stdout


def test_a_run_clears_what_it_no_longer_finds(month: Month) -> None:
    """9.50 + 1.50 = 11.00: the next run finds nothing; the break is cleared, and says by which."""
    month.run()
    name = month.break_id()
    month.bill("9.50")
    month.run()
    assert states() == []
    assert states("--state", "all") == [("-1.00", "cleared")]
    decided = trueup("breaks", "explain", name, "--note", "late")
    assert decided.exit_code == 2
    assert "run run-0002 no longer found it" in decided.output
    (kept,) = pq.read_table("out/2026-10/parquet/break_states.parquet").to_pylist()
    assert (kept["state"], kept["cleared_by"]) == ("cleared", "run-0002")


def test_an_unknown_break(month: Month) -> None:
    """Exit 2, with the id that was probably meant."""
    month.run()
    name = month.break_id()
    wrong = name[:8] + ("0" if name[8] != "0" else "1") + name[9:]
    found = trueup("breaks", "show", wrong)
    assert found.exit_code == 2
    assert f"did you mean {name}?" in found.output
    assert trueup("breaks", "show", "zzz").exit_code == 2


def test_a_run_performed_again_knows_what_was_decided_before_it(month: Month) -> None:
    """A decision between two runs is in the second's states; replay gives the same bytes of both."""
    month.run()
    trueup("breaks", "explain", month.break_id(), "--note", "the plan grew", user="preparer")
    month.run()
    (kept,) = pq.read_table("out/2026-10/parquet/break_states.parquet").to_pylist()
    assert (kept["state"], kept["decided_by"]) == ("explained", "preparer (unauthenticated)")
    for run in ("run-0001", "run-0002"):
        again = trueup("replay", run)
        assert again.exit_code == 0, again.output


def test_a_list_is_cut_and_says_how_much_is_left(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three breaks, --limit 1: the largest and two more; with 0 all."""

    def state(number: int) -> BreakState:
        row = {"class": "commitment", "amount": Decimal(number), "currency": "USD"}
        row |= dict.fromkeys([*breaks.SUBJECTS, "provider"])
        at = datetime(2026, 10, 3, tzinfo=UTC)
        found: Any = SimpleNamespace(
            id=f"b{number}", row=row, state="open", age_days=0, owner=None, first_seen=at
        )
        return cast("BreakState", found)

    three = {f"b{number}": state(number) for number in (1, 2, 3)}
    monkeypatch.setattr(breaks, "_states", lambda *_: three)
    lines = trueup("breaks", "list", "--limit", "1").stdout.splitlines()
    assert lines[1].split()[:3] == ["b3", "commitment", "3.00"]
    assert lines[-1] == "and 2 more: --limit 0 shows them"
    whole = trueup("breaks", "list", "--limit", "0").stdout
    assert [line.split()[0] for line in whole.splitlines()[1:4]] == ["b3", "b2", "b1"]
    assert "more: --limit" not in whole


def test_a_run_that_kept_no_rows_of_a_break_says_so(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a figure that no row tells there is nothing to show."""
    month.run()
    monkeypatch.setattr("trueup.controls.origin.origins", lambda *_: [])
    shown = trueup("breaks", "show", month.break_id())
    assert shown.stdout.endswith("\nRows\n  run-0001 kept no rows of it.\n")


def test_an_empty_list_says_whether_there_is_any_break() -> None:
    """None at all, or none that fits."""
    assert breaks._none_of([]) == "No run found a break."
    row: Any = SimpleNamespace(row={"class": "quantity"})
    assert breaks._none_of([row, row]) == (
        "No break fits these options; there are 2 of class quantity: "
        "`trueup breaks list --state all`."
    )
