"""`trueup verify` and `trueup key new`: from the command line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trueup.cli import verify
from trueup.cli.app import app
from trueup.config import read_configuration
from trueup.workspace.canonical import NOTHING
from trueup.workspace.verify import Difference, Verification

RUN = '[run]\nperiod = "2026-10"\nas_of = 2026-12-01T00:00:00Z\n'
GOOD = RUN + '[[charges]]\npaths = ["used.csv", "unused.csv"]\n'


def trueup(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def test_a_workspace_that_has_never_run_says_what_fills_it(folder: Path) -> None:
    """Exit 2, as for a workspace that is elsewhere; nothing is made."""
    (folder / "trueup.toml").write_text(GOOD, encoding="utf-8")
    found = trueup("verify")
    assert (found.exit_code, found.stdout) == (2, "")
    assert ".trueup: nothing is here to look at; `trueup run` fills it, unless" in found.stderr
    assert not (folder / ".trueup").exists()


def test_it_answers_0_then_names_what_was_changed_with_1(folder: Path) -> None:
    """The head of the first answer is found by the second; a byte of the kept bill is named."""
    (folder / "trueup.toml").write_text(GOOD, encoding="utf-8")
    first = trueup("run")
    assert first.stdout.splitlines()[-1].split() == ["Evidence", "run-0001"]
    good = trueup("verify")
    assert good.exit_code == 0, good.stdout
    looked = re.search(r"2 entries, \d+ files, [\d,]+ bytes: all as they were left.", good.stdout)
    assert looked
    head = re.search(r"head ([0-9a-f]{64})", good.stdout)
    assert head
    assert trueup("run", "-q").exit_code == 0
    assert trueup("verify", "--head", head[1]).exit_code == 0
    assert trueup("verify", "--head", "ab" * 32).exit_code == 1
    kept = next(p for p in (folder / ".trueup" / "raw").rglob("*") if p.is_file())
    kept.write_bytes(kept.read_bytes() + b" ")
    bad = trueup("verify")
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[0] == (
        f"raw/{kept.parent.name}/{kept.name}: was changed: its bytes have another hash than its "
        "name; restore it from a backup"
    )
    (folder / ".trueup" / "head").write_text("1 " + "0" * 64)
    damaged = trueup("verify").stdout
    tables = sum(1 for p in (folder / ".trueup" / "tables").rglob("*") if p.is_file())
    for what in (
        "whether files of raw are missing",
        f"{tables:,} files of tables, whether any was changed, is missing or came in",
        "whether other files came in",
        "whether landing is what each run knew of it",
    ):
        assert f"not checked: {what}; that needs a journal that is whole" in damaged
    assert "2 differ, 4 things were not checked." in damaged


def test_a_key_is_made_and_its_block_is_a_person(folder: Path) -> None:
    """What is printed goes into the configuration as it stands; the file is its owner's."""
    made = trueup("key", "new", "--out", "close.key", "--name", 'Preparer "of books"')
    assert made.exit_code == 0, made.stderr
    (folder / "trueup.toml").write_text(GOOD + made.stdout, encoding="utf-8")
    (person,) = read_configuration(folder / "trueup.toml").person
    assert person.name == 'Preparer "of books"'
    assert person.public_key == tomllib.loads(made.stdout)["person"][0]["public_key"]
    assert (folder / "close.key").stat().st_mode & 0o777 == 0o600
    again = trueup("key", "new", "--out", "close.key", "--name", "Preparer")
    assert again.exit_code == 2
    assert "a key is never overwritten" in again.stderr


def test_two_persons_with_one_key_are_a_mistake(folder: Path) -> None:
    """Nobody approves what they prepared by another name."""
    block = trueup("key", "new", "--out", "a.key", "--name", "Preparer").stdout
    (folder / "trueup.toml").write_text(
        GOOD + block + block.replace('"Preparer"', '"Controller"'), encoding="utf-8"
    )
    found = trueup("verify")
    assert found.exit_code == 2
    assert "two persons have the public key" in found.stderr


def test_what_differs_is_shown_up_to_fifty(capsys: pytest.CaptureFixture[str]) -> None:
    """51 differences: 50 lines and one more; the verdict counts all."""
    found = Verification(differences=[Difference(f"raw/{n}", "is missing") for n in range(51)])
    verify._say(found)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "raw/0: is missing; restore it from a backup"
    assert lines[49].startswith("raw/49: ")
    assert lines[50:] == [
        "and 1 more",
        "0 entries, 0 files, 0 bytes: 51 differ.",
        f"head {NOTHING}",
    ]


@pytest.mark.parametrize(
    ("at_work", "said"),
    [
        (None, ["raw/.coming: left by a run that was killed; the next run tidies it up"]),
        (
            "trueup run (process 5)",
            [
                "trueup run (process 5) is at work: what it writes is not compared yet",
                "raw/.coming: being written; the next run tidies it up",
            ],
        ),
    ],
)
def test_what_is_left_over_or_being_written_is_no_difference(
    at_work: str | None, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is listed, and the verdict is good."""
    verify._say(Verification(left_over=["raw/.coming"], at_work=at_work))
    *told, verdict, _head = capsys.readouterr().out.splitlines()
    assert told == said
    assert verdict == "0 entries, 0 files, 0 bytes: all as they were left."
