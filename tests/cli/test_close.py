"""`trueup close`: refusal, acceptance, two persons, true-ups, and a pack that proves itself."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.cli.month import Month, trueup

from trueup.controls import pack_verifier
from trueup.controls.pack_verifier import canonical, sha256


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


def closed(month: Month) -> None:
    """October, closed by two persons with keys, its one break accepted."""

    def close() -> None:
        month.persons()
        month.run()
        accept = f"break:{month.break_id()[:6]}=the plan grew"
        prepared = trueup("close", "2026-10", "--key", "preparer.key", "--accept", accept)
        assert prepared.exit_code == 0, prepared.output
        approved = trueup("close", "2026-10", "--approve", "--key", "approver.key")
        assert approved.exit_code == 0, approved.output

    month.once(close)


def test_a_month_that_never_ran_cannot_be_closed(month: Month) -> None:
    """No workspace: status says which command fills it, exit 0; closing is refused, exit 2."""
    status = trueup("close", "2026-10", "--status")
    assert (status.exit_code, "`trueup run`" in status.output) == (0, True)
    assert trueup("close", "2026-10").exit_code == 2
    month.run()
    other = trueup("close", "2026-09")
    assert other.exit_code == 2
    assert "`trueup run --period 2026-09` makes one" in other.output


def test_a_close_is_refused_until_each_obstacle_is_accepted(month: Month) -> None:
    """An open break refuses it and is listed with the option to type; that option closes it."""
    month.run()
    refused = trueup("close", "2026-10", user="preparer")
    assert refused.exit_code == 2
    option = f"--accept break:{month.break_id()[:6]}=REASON"
    assert f"or {option}" in refused.stderr
    assert trueup("close", "2026-10", *option.split(), user="preparer").exit_code == 0
    assert "prepared on" in trueup("close", "2026-10", "--status").stdout


def test_before_final_and_partial_are_obstacles(month: Month) -> None:
    """A run at the clock of 2 November with a file that is no bill: both are named."""
    (month.folder / "bills" / "broken.csv").write_text("colour\nred\n", encoding="utf-8")
    assert trueup("run", "-q", "--as-of", "2026-11-02").exit_code == 3
    refused = trueup("close", "2026-10").stderr
    assert "partial:" in refused
    assert "broken.csv" in refused
    assert "not_final:" in refused


def test_two_persons_close_with_keys(month: Month) -> None:
    """The preparer prepares, the approver approves; neither can do the other's part, nor both."""
    month.persons()
    month.run()
    accept = ("--accept", f"break:{month.break_id()[:6]}=the plan grew")
    assert trueup("close", "2026-10", *accept).exit_code == 2  # no key
    assert trueup("close", "2026-10", *accept, "--key", "approver.key").exit_code == 2
    assert trueup("close", "2026-10", *accept, "--key", "preparer.key").exit_code == 0
    refused = trueup("close", "2026-10", "--approve", "--key", "preparer.key")
    assert refused.exit_code == 2
    assert "those persons of trueup.toml are: Approver" in refused.output
    approved = trueup("close", "2026-10", "--approve", "--key", "approver.key")
    assert approved.exit_code == 0, approved.output
    assert "no evidence" not in approved.output
    assert trueup("verify").exit_code == 0


def test_without_keys_the_close_says_what_it_is_worth(month: Month) -> None:
    """Two users of the machine close it; every output says that it is no evidence."""
    month.run()
    accept = ("--accept", f"break:{month.break_id()[:6]}=the plan grew")
    assert trueup("close", "2026-10", *accept, user="preparer").exit_code == 0
    assert trueup("close", "2026-10", "--approve", user="preparer").exit_code == 2
    approved = trueup("close", "2026-10", "--approve", user="approver")
    assert approved.exit_code == 0
    assert "no evidence of segregation of duties" in approved.output
    assert "no evidence" in trueup("close", "2026-10", "--status").stdout
    assert "no evidence" in trueup("close", "2026-10", "--pack", "p.zip").stdout


def test_a_newer_run_with_other_figures_voids_the_preparation(month: Month) -> None:
    """Prepared at 8.50; the bill becomes 8.00 before the approval: refused, prepare again."""
    month.run()
    accept = ("--accept", f"break:{month.break_id()[:6]}=the plan grew")
    assert trueup("close", "2026-10", *accept, user="preparer").exit_code == 0
    month.run()  # the same figures
    month.bill("8.00")
    month.run()
    refused = trueup("close", "2026-10", "--approve", user="approver")
    assert refused.exit_code == 2
    assert "run-0003 has another result than what was prepared" in refused.output


def test_a_decision_after_the_preparation_voids_it(month: Month) -> None:
    """What was prepared rests on an explanation; it becomes another one: prepare again."""
    month.run()
    name = month.break_id()
    assert trueup("breaks", "explain", name, "--note", "the plan grew").exit_code == 0
    assert trueup("close", "2026-10", user="preparer").exit_code == 0
    assert trueup("breaks", "explain", name, "--note", "nobody knows").exit_code == 0
    assert "void: since it was prepared" in trueup("close", "2026-10", "--status").stdout
    refused = trueup("close", "2026-10", "--approve", user="approver")
    assert refused.exit_code == 2
    assert "another decision was made on its breaks" in refused.output
    packed = trueup("close", "2026-10", "--pack", "void.zip")
    assert packed.exit_code == 2
    assert "void: since it was prepared" in packed.output
    assert not Path("void.zip").exists()
    assert trueup("close", "2026-10", user="preparer").exit_code == 0
    packed = trueup("close", "2026-10", "--pack", "again.zip")
    assert packed.exit_code == 0
    assert "again.zip: 2026-10, prepared" in packed.output
    assert trueup("close", "2026-10", "--approve", user="approver").exit_code == 0


def test_other_true_ups_void_the_preparation(month: Month) -> None:
    """November is prepared with -0.50 of October, which is then closed anew at 8.00: nothing posts.

    November's own figures are the same; what it posts is not.
    """
    closed(month)
    month.bill("8.00")
    month.next_bill("9.50")
    november = ("--period", "2026-11", "--as-of", "2026-12-20")
    month.run(*november)
    prepare(month, "2026-11")
    again = ("close", "2026-10", "--reopen", "--reason", "8.00", "--key", "approver.key")
    assert trueup(*again).exit_code == 0
    month.run()
    prepare(month, "2026-10")
    assert trueup("close", "2026-10", "--approve", "--key", "approver.key").exit_code == 0
    month.run(*november)
    assert pq.read_table("out/2026-11/parquet/true_ups.parquet").num_rows == 0
    refused = trueup("close", "2026-11", "--approve", "--key", "approver.key")
    assert refused.exit_code == 2
    assert "has another result than what was prepared" in refused.output


def prepare(month: Month, period: str) -> None:
    """Prepare a month, whatever stands in its way."""
    refused = trueup("close", period, "--key", "preparer.key")
    names = re.findall(r"--accept (\S+)=REASON", refused.output)
    accept = [part for name in names for part in ("--accept", f"{name}=known")]
    prepared = trueup("close", period, "--key", "preparer.key", *accept)
    assert prepared.exit_code == 0, prepared.output


def test_what_arrives_later_posts_once_into_the_open_month(month: Month) -> None:
    """October closed at 8.50, then billed 8.00: November posts -0.50; October keeps 8.50 and says so."""
    closed(month)
    month.bill("8.00")
    month.next_bill("9.50")
    month.run("--period", "2026-11", "--as-of", "2026-12-20")
    (posted,) = pq.read_table("out/2026-11/parquet/true_ups.parquet").to_pylist()
    assert (posted["closed_period"], posted["resource_id"], posted["effective_delta"]) == (
        "2026-10",
        "e1",
        Decimal("-0.50"),
    )
    month.run()
    (item,) = pq.read_table("out/2026-10/parquet/restatements.parquet").to_pylist()
    breaks = pq.read_table("out/2026-10/parquet/breaks.parquet").to_pylist()
    (found,) = [row for row in breaks if row["class"] == "restatement"]
    assert (found["id"], found["amount"]) == (item["break_id"], Decimal("-0.50"))
    shown = trueup("breaks", "show", found["id"])
    assert "billed: bills/oct.csv row 1, sha256" in shown.stdout
    assert "EffectiveCost: 8.00" in shown.stdout
    notes = pq.read_table("out/2026-10/parquet/notes.parquet").to_pylist()
    (said,) = [row for row in notes if row["code"] == "period_closed"]
    assert "by Approver" in said["text"]
    assert "the closed figures are those of run-0001" in said["text"]
    assert "post to 2026-11" in said["remedy"]
    for run in ("run-0002", "run-0003"):
        assert trueup("replay", run).exit_code == 0


def test_the_month_after_posts_only_what_is_new(month: Month) -> None:
    """November posted -0.50 and is closed; October is billed 7.70 by then: December posts -0.30."""
    closed(month)
    month.bill("8.00")
    month.next_bill("9.50")
    month.run("--period", "2026-11", "--as-of", "2026-12-20")
    accept = ("--accept", "commitment:plan-1=it ended in October")
    prepared = trueup("close", "2026-11", "--key", "preparer.key", *accept)
    assert prepared.exit_code == 0, prepared.output
    assert trueup("close", "2026-11", "--approve", "--key", "approver.key").exit_code == 0
    month.next_bill("9.50", "2026-12")
    month.run("--period", "2026-12", "--as-of", "2027-01-20")
    assert pq.read_table("out/2026-12/parquet/true_ups.parquet").to_pylist() == []
    month.bill("7.70")
    month.run("--period", "2026-12", "--as-of", "2027-01-20")
    (posted,) = pq.read_table("out/2026-12/parquet/true_ups.parquet").to_pylist()
    assert (posted["closed_period"], posted["effective_delta"]) == ("2026-10", Decimal("-0.30"))
    assert (posted["effective_before"], posted["effective_after"]) == (
        Decimal("8.00"),
        Decimal("7.70"),
    )


def test_reopening_is_logged_with_its_reason(month: Month) -> None:
    """It needs the approver's key and a reason; afterwards the month is open and says why."""
    closed(month)
    again = trueup("close", "2026-10", "--key", "preparer.key")
    assert again.exit_code == 2
    assert "--reopen" in again.output
    reopen = ("close", "2026-10", "--reopen")
    assert trueup(*reopen, "--key", "approver.key").exit_code == 2
    assert trueup(*reopen, "--reason", "wrong rates", "--key", "preparer.key").exit_code == 2
    done = trueup(*reopen, "--reason", "wrong rates", "--key", "approver.key")
    assert done.exit_code == 0, done.output
    assert "Next: `trueup run --period 2026-10`" in done.output
    assert "by Approver: wrong rates" in trueup("close", "2026-10", "--status").stdout
    assert trueup("close", "2026-10", "--pack", "p.zip").exit_code == 2


def unpacked(pack: Path, folder: Path) -> Path:
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(folder)
    return folder


def checked(folder: Path) -> tuple[int, str]:
    """The pack's verifier in this process: its exit code, and what it says."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return pack_verifier.main([str(folder)]), said.getvalue()


def checked_alone(folder: Path) -> tuple[int, str]:
    """The pack's own copy of it, with the standard library alone."""
    done = subprocess.run(
        [sys.executable, "-I", "verify.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_pack_proves_itself(month: Month) -> None:
    """Made twice it has the same bytes; unpacked into an empty folder, its verifier finds it whole."""
    closed(month)
    assert trueup("close", "2026-10", "--pack", "one.zip").exit_code == 0
    month.bill("8.00")
    month.run()
    assert trueup("close", "2026-10", "--pack", "two.zip").exit_code == 0
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()
    folder = unpacked(Path("one.zip"), month.folder / "empty")
    exit_code, said = checked_alone(folder)
    assert exit_code == 0, said
    assert checked(folder) == (exit_code, said)
    assert checked(Path("one.zip")) == (exit_code, said)
    assert "preparer and approver are segregated" in said
    rows = json.loads((folder / "breaks.json").read_text(encoding="utf-8"))
    assert [(row["amount"], row["state"]) for row in rows] == [("-1.00", "open")]
    assert set(json.loads((folder / "keys.json").read_bytes()).values()) == {"Preparer", "Approver"}


def test_any_changed_byte_of_a_pack_is_named(month: Month) -> None:
    """In each member in turn one byte is changed, in the middle and at both ends: named, exit 1."""
    closed(month)
    trueup("close", "2026-10", "--pack", "one.zip")
    folder = unpacked(Path("one.zip"), month.folder / "empty")
    for member in sorted(folder.iterdir()):
        whole = member.read_bytes()
        for at in (0, len(whole) // 2, len(whole) - 1):
            member.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            exit_code, said = checked(folder)
            assert exit_code == 1, (member.name, at)
            assert member.name in said, (member.name, at)
        exit_code, said = checked_alone(folder)
        assert exit_code == 1, member.name
        assert member.name in said, member.name
        member.write_bytes(whole)
    (folder / "letter.txt").write_text("hello", encoding="utf-8")
    assert "letter.txt: is not of this pack" in checked(folder)[1]


@pytest.mark.parametrize(
    ("told", "value"),
    [
        ("accepted", {}),
        ("hashes", {}),
        ("prepared", "2026-11-10T00:00:00Z by Forger"),
        ("approved", "2026-11-10T00:00:00Z by Forger"),
        ("period", "2027-01"),
        ("segregation", "all is well"),
    ],
)
def test_a_pack_tells_what_its_journal_holds(month: Month, told: str, value: object) -> None:
    """A manifest rewritten with fitting hashes says what the journal does not: named, exit 1."""
    folder = repacked(month, {told: value}, {})
    assert f"manifest.json: {told} is not what the journal says" in checked(folder)[1]


@pytest.mark.parametrize("name", ["keys.json", "approvals.json"])
def test_a_member_tells_what_the_journal_holds(month: Month, name: str) -> None:
    """A member rewritten together with its hash in the manifest: named, exit 1."""
    said = f"{name}: is not what the journal says\n"
    assert checked(repacked(month, {}, {name: {}})) == (1, said)


def test_a_break_is_not_written_off_by_the_pack_alone(month: Month) -> None:
    """breaks.json says written off, and no decision of the journal does: named, exit 1."""
    folder = repacked(month, {}, {})
    row = json.loads((folder / "breaks.json").read_bytes())[0]
    folder = repacked(month, {}, {"breaks.json": [{**row, "state": "written_off"}]})
    said = f"breaks.json: {row['id']} is not decided as the journal says\n"
    assert checked(folder) == (1, said)


def repacked(month: Month, manifest: dict[str, object], members: dict[str, object]) -> Path:
    """An unpacked pack of a closed month with other contents, and hashes that fit them."""
    folder = month.folder / "empty"
    if not folder.exists():
        closed(month)
        trueup("close", "2026-10", "--pack", "one.zip")
        unpacked(Path("one.zip"), folder)
    told = json.loads((folder / "manifest.json").read_bytes()) | manifest
    for name, value in members.items():
        (folder / name).write_bytes(canonical(value) + b"\n")
        told["files"][name] = sha256((folder / name).read_bytes())
    del told["sha256"]
    told["sha256"] = sha256(canonical(told))
    (folder / "manifest.json").write_bytes(canonical(told) + b"\n")
    return folder


def test_options_that_do_not_belong_together(month: Month) -> None:
    """--accept with --approve, --reason without --reopen: wrong use."""
    month.run()
    assert trueup("close", "2026-10", "--approve", "--accept", "a=b").exit_code == 2
    assert trueup("close", "2026-10", "--reason", "x").exit_code == 2
