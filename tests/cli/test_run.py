"""`trueup run`: the nightly job from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trueup.cli.app import app
from trueup.cli.run import _say
from trueup.job.outcome import DONE, MATERIAL_BREAKS, JobOutcome
from trueup.sources import Failure

RUN = '[run]\nperiod = "2026-10"\nas_of = 2026-12-01T00:00:00Z\n'
GOOD = RUN + '[[charges]]\npaths = ["used.csv", "unused.csv"]\n'
PARTIAL = RUN + '[[charges]]\npaths = ["used.csv", "broken.csv"]\n'


def run(*args: str) -> Result:
    return CliRunner().invoke(app, ["run", *args])


def configure(folder: Path, text: str, name: str = "trueup.toml") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_the_configuration_of_the_current_folder_is_run(folder: Path) -> None:
    """Results go to out/<period>; the summary says where; progress is a line per source."""
    configure(folder, GOOD)
    found = run()
    assert found.exit_code == 0, found.stderr
    assert "October 2026" in found.stdout
    assert str(Path("out") / "2026-10" / "report.html") in found.stdout
    assert found.stderr == "charges      used.csv, unused.csv (2 files): 2 rows\n"
    result = json.loads((folder / "out" / "2026-10" / "result.json").read_text(encoding="utf-8"))
    assert result["period"]["start"] == "2026-10-01T00:00:00Z"


def test_results_lie_beside_the_configuration(folder: Path) -> None:
    """Out starts from the configuration's folder, wherever the command is called."""
    (folder / "nightly").mkdir()
    configure(
        folder / "nightly", GOOD.replace('"used', '"../used').replace('"unused', '"../unused')
    )
    found = run("-c", "nightly/trueup.toml")
    assert found.exit_code == 0, found.stderr
    assert (folder / "nightly" / "out" / "2026-10" / "result.json").exists()


def test_out_says_otherwise(folder: Path) -> None:
    """--out is the folder itself, from where the command is called."""
    configure(folder, GOOD)
    assert run("--out", "here").exit_code == 0
    assert (folder / "here" / "result.json").exists()
    assert not (folder / "out").exists()


def test_a_partial_run_looks_partial(folder: Path) -> None:
    """The broken file is named above the summary and in result.json; the rest is there; exit 3."""
    configure(folder, PARTIAL)
    found = run()
    assert found.exit_code == 3
    first, second, *_ = found.stdout.splitlines()
    assert first == "PARTIAL RUN: 1 source could not be read; every figure is without them."
    assert second.startswith("  charges: broken.csv: not a FOCUS Cost and Usage file")
    assert "8.50" in found.stdout
    assert "charges      FAILED broken.csv: " in found.stderr
    result = json.loads((folder / "out" / "2026-10" / "result.json").read_text(encoding="utf-8"))
    failed = [note for note in result["notes"] if note["code"] == "source_failed"]
    assert [note["subject"] for note in failed] == ["broken.csv"]
    assert failed[0]["text"].startswith("PARTIAL RUN")


def test_a_bill_that_breaks_off_is_told_also_by_a_quiet_run(folder: Path) -> None:
    """Half of its only row is there: exit 3, one message, one note; reconcile says so as well."""
    whole = (folder / "unused.csv").read_bytes()
    (folder / "unused.csv").write_bytes(whole[: len(whole) - 40])
    configure(folder, GOOD)
    found = run("-q")
    assert found.exit_code == 3
    first, second, *_ = found.stderr.splitlines()
    assert first.endswith("or not to the end; no figure has what is missing.")
    assert second.startswith("  charges: unused.csv: it breaks off in record 1, what follows is")
    result = json.loads((folder / "out" / "2026-10" / "result.json").read_text(encoding="utf-8"))
    assert result["partial"] is True
    codes = [note["code"] for note in result["notes"] if note["subject"] == "unused.csv"]
    assert codes == ["source_not_whole"]
    files = ["--charges", "used.csv", "--charges", "unused.csv", "--period", "2026-10"]
    alone = CliRunner().invoke(app, ["reconcile", *files])
    assert (alone.exit_code, "PARTIAL RUN" in alone.stdout) == (3, True)


def test_without_any_charges_it_is_an_error(folder: Path) -> None:
    """Nothing is written, the file is named, exit 2."""
    configure(folder, RUN + '[[charges]]\npath = "broken.csv"\n')
    found = run()
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "Error: no charges could be read, so nothing was reconciled." in found.stderr
    assert "  charges: broken.csv: not a FOCUS" in found.stderr
    assert not (folder / "out").exists()


def test_quiet_says_only_what_failed(folder: Path) -> None:
    """Nothing for a good run, the failed source for a partial one."""
    configure(folder, GOOD)
    found = run("--quiet")
    assert (found.exit_code, found.output) == (0, "")
    configure(folder, PARTIAL)
    found = run("-q")
    assert (found.exit_code, found.stdout) == (3, "")
    assert "broken.csv" in found.stderr


def test_without_a_configuration_it_says_what_to_do(folder: Path) -> None:
    """Exit 2 and two remedies."""
    found = run()
    assert found.exit_code == 2
    assert found.stderr == (
        "Error: trueup.toml: there is no such file; name the configuration with -c, "
        "or write one with `trueup init --out trueup.toml`\n"
    )


def test_a_mistake_in_the_configuration_is_named(folder: Path) -> None:
    """File, key, value, what would be right; exit 2."""
    configure(folder, '[run]\nengine = "duckdbb"\n')
    found = run()
    assert found.exit_code == 2
    assert found.stderr == (
        "Error: trueup.toml: run.engine = 'duckdbb': did you mean 'duckdb'? "
        "it is one of duckdb, spark\n"
    )


def test_the_command_line_goes_before_the_configuration(folder: Path) -> None:
    """Another period is another folder."""
    configure(folder, GOOD)
    assert run("--period", "2026-10-03T14").exit_code == 0
    assert [path.name for path in (folder / "out").iterdir()] == ["2026-10-03T14"]


def told(outcome: JobOutcome, *, quiet: bool, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is said of an outcome, stdout and stderr."""
    _say(outcome, quiet, None, "2026-10: ")
    return list(capsys.readouterr())


def test_no_bill_yet_is_said_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no failure: nothing on stderr."""
    yet = Failure("provider", "nimbus", "no file", "look", nothing_yet=True)
    outcome = JobOutcome(None, (yet,), None, (), 0, DONE)
    assert told(outcome, quiet=False, capsys=capsys) == ["2026-10: no bill yet\n", ""]
    assert told(outcome, quiet=True, capsys=capsys) == ["", ""]


def test_material_breaks_say_why_the_exit_code_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nothing else is said."""
    result: Any = SimpleNamespace(summary=lambda: "the summary")
    outcome = JobOutcome(result, (), None, (), 2, MATERIAL_BREAKS, "run-0007")
    why = "2026-10: 2 material breaks: exit code 1.\n"
    whole = "the summary\nEvidence      run-0007\n"
    assert told(outcome, quiet=False, capsys=capsys) == [whole, why]
    assert told(outcome, quiet=True, capsys=capsys) == ["", why]


def test_a_quiet_rehearsal_says_what_failed_once(folder: Path) -> None:
    """In words, or in the log, never in both."""
    configure(folder, PARTIAL)
    found = run("--dry-run", "-q")
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr.startswith("charges: broken.csv: ")
    logged = run("--dry-run", "-q", "--log-format", "json")
    assert (logged.exit_code, logged.stdout) == (3, "")
    (line,) = logged.stderr.splitlines()
    assert json.loads(line)["source"] == "broken.csv"
