"""`trueup reconcile`: files in, a summary and perhaps a folder out."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.cli.month import CONTRACT

import trueup
from trueup.cli.app import app

AS_OF = ("--as-of", "2026-12-01")


def reconcile(*args: str) -> Result:
    return CliRunner().invoke(app, ["reconcile", *args, *AS_OF])


def figures(path: Path) -> tuple[Decimal, Decimal]:
    """Used and unused cost of the only commitment."""
    (row,) = json.loads(path.read_text(encoding="utf-8"))["commitments"]
    return Decimal(row["used_cost"]), Decimal(row["unused_cost"])


def test_without_out_only_the_summary_is_printed(folder: Path) -> None:
    """Nothing is written unasked."""
    before = sorted(folder.iterdir())
    found = reconcile("--charges", "used.csv", "unused.csv")
    assert found.exit_code == 0, found.stderr
    assert "10.00" in found.stdout  # 8.50 used + 1.50 unused
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "charges",
    [
        ["--charges", "used.csv", "unused.csv"],
        ["--charges", "*used.csv"],
    ],
)
def test_files_may_be_given_in_any_way(folder: Path, charges: list[str]) -> None:
    """Expanded by the shell, repeated, or as a pattern: 8.50 used and 1.50 unused."""
    found = reconcile(*charges, "--out", "out")
    assert found.exit_code == 0, found.stderr
    assert figures(folder / "out" / "result.json") == (Decimal("8.50"), Decimal("1.50"))


def test_it_writes_what_the_script_writes(folder: Path) -> None:
    """Command and function give the same bytes, and the command says where."""
    found = reconcile("--charges", "used.csv", "--period", "2026-10", "--out", "out")
    assert "report.html" in found.stdout
    result = trueup.reconcile("used.csv", period="2026-10", as_of="2026-12-01")
    result.to_json("script.json")
    assert (folder / "out" / "result.json").read_bytes() == (folder / "script.json").read_bytes()
    assert {path.name for path in (folder / "out").iterdir()} == {
        *("result.json", "report.html", "report.xlsx", "parquet")
    }


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--charges", "gone.csv"], "Error: gone.csv: no such file\n"),
        (["--charges", "no*.csv"], "Error: no*.csv: no file matches this pattern\n"),
        (["--charges", "used.csv", "broken.csv"], "Error: broken.csv: not a FOCUS Cost and Usage"),
        (["--charges", "used.csv", "--rules", "no.toml"], "Error: no.toml: cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(folder: Path, args: list[str], said: str) -> None:
    """One line on stderr that names the file, exit code 2, nothing written."""
    found = reconcile(*args, "--out", "out")
    assert found.exit_code == 2
    assert found.stderr.startswith(said)
    assert len(found.stderr.splitlines()) == 1
    assert found.stdout == ""
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "Missing option '--charges'"),
        (["--charges", "used.csv", "--period", "2026-13"], "'2026-13' is not a period"),
        (["--charges", "used.csv", "--engine", "duckbd"], "'duckbd' is not one of"),
        (["--charges", "used.csv", "--material-amount", "much"], "'much' is not an amount"),
        (["--charges", "used.csv", "--material-amount", "-5"], "is not an amount of zero or more"),
        (["--charges", "used.csv", "--usage-constant", "a=b"], "without --usage"),
        (["--charges", "used.csv", "--usage", "u", "--usage-column", "ab"], "is not NAME=COLUMN"),
        (
            ["--charges", "a", "--usage", "u", "--usage-column", "a=b", "--usage-column", "a=c"],
            "'a' is given twice",
        ),
    ],
)
def test_wrong_use_is_explained(folder: Path, args: list[str], said: str) -> None:
    """Exit code 2 and the option that is wrong."""
    found = reconcile(*args)
    assert found.exit_code == 2
    assert said in " ".join(found.stderr.split())


def test_an_out_that_is_a_file_is_refused_before_reading(folder: Path) -> None:
    """The folder is looked at first."""
    found = reconcile("--charges", "gone.csv", "--out", "used.csv")
    assert found.exit_code == 2
    assert "used.csv" in found.stderr
    assert "gone.csv" not in found.stderr


def test_an_out_that_is_a_url_is_refused(folder: Path) -> None:
    """It would become a folder named "s3:"."""
    found = reconcile("--charges", "used.csv", "--out", "s3://bucket/out")
    assert found.exit_code == 2
    assert "s3://bucket/out: results are written to a folder of this machine" in " ".join(
        found.stderr.split()
    )
    assert not (folder / "s3:").exists()


def test_usage_options_reach_the_reader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format, columns and constants are handed on; only the first equals sign separates."""
    from trueup import api
    from trueup.errors import SourceError

    given: list[object] = []

    def read(*args: object, **options: object) -> None:
        given.append((args, options))
        raise SourceError("u", "enough")

    monkeypatch.setattr(api, "reader_of", lambda _kind: read)
    reconcile(
        *("--charges", "used.csv", "--usage", "u", "v", "--usage-format", "table"),
        *("--usage-column", "model=m", "--usage-constant", "tags=a=b"),
    )
    options = {"format": "table", "columns": {"model": "m"}, "constants": {"tags": "a=b"}}
    assert given == [((["u", "v"],), options)]


TELEMETRY = "start,end,resource,gpus\n2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,ghost,1\n"
MAPPED = (
    *("--usage-format", "table", "--usage-column", "window_start=start"),
    *("--usage-column", "window_end=end", "--usage-column", "resource_id=resource"),
    *("--usage-column", "quantity=gpus", "--usage-constant", "meter=gpu"),
    *("--usage-constant", "unit=GPU-Hours", "--usage-constant", "capacity=allocated"),
    *("--usage-constant", "provider=Example Cloud"),
)


def test_material_breaks_fail_where_asked(folder: Path) -> None:
    """A metered hour that was never billed is a break: 1 with --fail-on-breaks, else 0."""
    (folder / "calls.csv").write_text(TELEMETRY, encoding="utf-8")
    args = ("--charges", "used.csv", "--usage", "calls.csv", *MAPPED)
    assert reconcile(*args).exit_code == 0
    found = reconcile(*args, "--fail-on-breaks")
    assert found.exit_code == 1, found.output
    assert "1 material breaks: exit code 1." in found.stderr


def test_invoices_are_compared(folder: Path) -> None:
    """A bill of covered hours, at nought: an invoice of 1.00 is 1.00 too much."""
    (folder / "invoices.csv").write_text(
        "issuer,billing_period,currency,amount_due\nExample Cloud,2026-10,USD,1.00\n",
        encoding="utf-8",
    )
    found = reconcile("--charges", "used.csv", "--invoices", "invoices.csv", "--out", "out")
    assert found.exit_code == 0, found.stderr
    breaks = json.loads((folder / "out" / "result.json").read_text(encoding="utf-8"))["breaks"]
    (wrong,) = [row for row in breaks if row["leg"] == "invoice"]
    assert (wrong["class"], Decimal(wrong["amount"])) == ("invoice", Decimal(1))


def test_a_break_below_the_material_amount_is_no_failure(folder: Path) -> None:
    """1.00 is missing of what the contract says: from 1.00 on it is material, from 1.01 on not."""
    (folder / "contracts.toml").write_text(CONTRACT, encoding="utf-8")
    args = ("--charges", "used.csv", "unused.csv", "--commitments", "contracts.toml")
    found = reconcile(*args, "--fail-on-breaks", "--material-amount", "1.00")
    assert (found.exit_code, found.stderr) == (1, "1 material breaks: exit code 1.\n")
    assert reconcile(*args, "--fail-on-breaks", "--material-amount", "1.01").exit_code == 0


def test_out_is_a_folder(folder: Path) -> None:
    """A file stands there: refused before anything is read."""
    (folder / "out").write_text("mine", encoding="utf-8")
    found = reconcile("--charges", "gone.csv", "--out", str(folder / "out" / "deeper"))
    assert found.exit_code == 2
    assert "choose another folder with --out" in found.stderr
    assert (folder / "out").read_text(encoding="utf-8") == "mine"
