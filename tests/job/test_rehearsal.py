"""`trueup run --dry-run`: all is read and checked, and the machine is as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.cli.month import Month, trueup
from tests.job.receiver import receiving

DRY = ("run", "--dry-run")
CASSETTES = Path(__file__).parents[2] / "cassettes"


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file and folder, with when it was changed and what is in it."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
    }


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """October with bill and contract."""
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


@pytest.mark.parametrize("ran_before", [False, True])
def test_nothing_changes(month: Month, scratch: Path, ran_before: bool) -> None:
    """Not a file, not a time, in a new folder or beside a workspace; nothing is sent."""
    with receiving() as receiver:
        to = receiver.url.replace("http", "json")
        month.configure(
            f'[alerts]\nurls = ["{to}"]\non = ["material_breaks"]\n'
            f'[metrics]\ntextfile = "night.prom"\notlp = "{receiver.url}"\n'
        )
        if ran_before:
            month.run()
            assert len(receiver.posted) == 2
            receiver.posted.clear()
        before = tree(month.folder)
        found = trueup(*DRY)
        assert found.exit_code == 0, found.output
        assert tree(month.folder) == before
    assert tree(scratch) == {}
    assert receiver.posted == []


def test_no_provider_is_asked(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what would be asked for, and what lacks a setting; no SDK is even connected."""
    month.configure('[providers.aws]\nexport_bucket = "bills"\n')
    monkeypatch.setattr("trueup.fetch.providers.fetch_one", None)
    found = trueup(*DRY)
    assert found.exit_code == 0, found.output
    _, asked = found.stdout.split("Would ask\n")
    first, *lacking = asked.partition("Would write")[0].splitlines()
    feeds, _, calls = first.partition(": ")
    named = feeds.removeprefix("  aws          ").split(", ")
    assert "export" in named
    assert calls == f"at least {len(named)} calls, one more for each further page"
    assert any("needs regions" in line for line in lacking)
    month.configure("[providers.aws]\n")
    without = trueup(*DRY)
    assert "not asked: export: needs export_bucket" in without.stdout


def test_recordings_that_lack_a_provider_are_found(month: Month) -> None:
    """As in a run: 3 where nothing was recorded of one, 2 where there are no recordings at all."""
    month.configure('[providers.aws]\nexport_bucket = "bills"\n[providers.gcp]\n')
    found = trueup(*DRY, "--replay", str(CASSETTES / "aws"))
    assert found.exit_code == 3, found.output
    assert "  gcp          FAILED replay: nothing was recorded\n" in found.stdout
    assert "→ record it: trueup record gcp --out DIR\n" in found.stdout
    assert "aws          FAILED" not in found.stdout
    none = trueup(*DRY, "--replay", "bills")
    assert (none.exit_code, "bills: no recording here" in none.stderr) == (2, True)


def test_it_says_what_a_run_would_do(month: Month) -> None:
    """Sources with their rows, and where results, evidence and metrics would go."""
    month.configure('[metrics]\ntextfile = "night.prom"\n')
    found = trueup(*DRY)
    assert found.stdout.splitlines() == [
        "Would read",
        "  charges      bills/*.csv: 2 rows",
        "  commitments  contracts.toml: 1 row",
        "Would write",
        "  results      out/2026-10",
        "  evidence     .trueup",
        "  metrics      night.prom",
        "Nobody was asked, nothing was written.",
    ]


def test_what_fails_ends_as_a_run_would(month: Month) -> None:
    """A broken file: 3, with its remedy; no bill at all: 2; a configuration with a mistake: 2."""
    (month.folder / "bills" / "nov.csv").write_text("colour\nred\n", encoding="utf-8")
    partial = trueup(*DRY)
    assert partial.exit_code == 3
    assert "charges      FAILED bills/nov.csv: not a FOCUS" in partial.stdout
    assert "→ Correct the file, or its [[charges]] entry" in partial.stdout
    assert trueup(*DRY, "-q").stderr.startswith("charges: bills/nov.csv: not a FOCUS")
    (month.folder / "bills" / "oct.csv").unlink()
    assert trueup(*DRY).exit_code == 2
    month.configure("[gate]\nstale = 3\n")
    assert trueup(*DRY).exit_code == 2
    assert not (month.folder / ".trueup").exists()
    assert not (month.folder / "out").exists()


def test_a_folder_that_cannot_be_written_is_found(month: Month) -> None:
    """Results under a file: said before anything is read."""
    found = trueup(*DRY, "--out", "trueup.toml/x")
    assert (found.exit_code, "results go there" in found.stderr) == (2, True)


def test_a_workspace_that_cannot_be_written_is_said(month: Month) -> None:
    """A run keeps its evidence there: exit 2 before anything is read."""
    (month.folder / ".trueup").write_text("a file", encoding="utf-8")
    found = trueup(*DRY)
    assert found.exit_code == 2
    assert ".trueup is a file, not a folder; a run keeps its evidence there" in found.stderr
    assert found.stdout == ""
