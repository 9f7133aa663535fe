"""The nightly job: what it reads, what it does when a source fails, where it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from errno import ENOSPC
from os import strerror
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from trueup import evidence, sources
from trueup.config import Configuration, read_configuration
from trueup.errors import ConfigurationError, IntegrityError, SourceError, UsageError
from trueup.fetch.providers import Failed, Fetched
from trueup.focus.landing import Landed
from trueup.job.folder import folder_name, why_not_writable
from trueup.job.progress import Unwatched
from trueup.job.reading import Reading
from trueup.job.run import run
from trueup.job.settings import Settings
from trueup.model.dataset import Dataset
from trueup.model.outcome import Outcome
from trueup.model.schema import REJECTS, RESULT_TABLES, SOURCES
from trueup.model.table import Table
from trueup.period import parse_period
from trueup.report.result import Result
from trueup.sources import Failure

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
KEY = {
    "charges": "x_ChargeId",
    "usage": "usage_id",
    "commitments": "ContractId",
    "invoices": "InvoiceId",
}
AMOUNTS = (Decimal(120), Decimal(-50), None)


@dataclass
class Fakes:
    """Stands for readers and core: files hold row counts, the core finds three breaks."""

    read: list[tuple[str, list[str], dict[str, Any]]] = field(default_factory=list)
    core: list[dict[str, Any]] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    def reader_of(self, kind: str) -> Callable[..., Dataset]:
        def read(paths: list[Landed], **options: Any) -> Dataset:
            self.read.append((kind, [file.source for file in paths], options))
            return dataset(kind, paths)

        return read

    def outcome_of(self, inputs: Any, **given: Any) -> Outcome:
        self.core.append({**vars(inputs), **given})
        tables = {name: Table.from_rows(schema, []) for name, schema in RESULT_TABLES.items()}
        breaks = [{"amount": amount, "currency": "USD"} for amount in AMOUNTS]
        tables["breaks"] = Table.from_rows(RESULT_TABLES["breaks"], breaks)
        notes = [{"code": "core", "subject": "x", "text": "from the core", "remedy": None}]
        tables["notes"] = Table.from_rows(RESULT_TABLES["notes"], notes)
        return Outcome(START, END, given["as_of"], tables, inputs)

    def write(self, folder: str | Path) -> list[Path]:
        self.written.append(Path(folder))
        return [Path(folder) / "result.json"]


def dataset(kind: str, landed: list[Landed]) -> Dataset:
    """One row per file that holds `ok`; any other file cannot be read."""
    told = []
    files = [one.source for one in landed]
    for number, (file, one) in enumerate(zip(files, landed, strict=True)):
        if one.path.read_text(encoding="utf-8") != "ok":
            raise SourceError(file, "is damaged")
        counts = {"rows_in": 1, "accepted": 1, "rejected": 0}
        told.append({"source_id": number, "source": file, "kind": kind, **counts})
    schema = pa.schema([(KEY[kind], pa.int64()), ("source", pa.string())])
    rows = [{KEY[kind]: number, "source": file} for number, file in enumerate(files)]
    return Dataset(
        kind,
        Table.from_rows(schema, rows),
        Table.from_rows(SOURCES, told),
        Table.from_rows(REJECTS, []),
    ).checked()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    monkeypatch.setattr(sources, "reader_of", fakes.reader_of)
    monkeypatch.setattr(evidence, "outcome_of", fakes.outcome_of)
    monkeypatch.setattr(Result, "write", lambda _result, folder: fakes.write(folder))
    return fakes


def configured(folder: Path, text: str, *good: str) -> Configuration:
    """A configuration in a folder that holds the good files."""
    for name in good:
        (folder / name).write_text("ok", encoding="utf-8")
    (folder / "trueup.toml").write_text(text, encoding="utf-8")
    return read_configuration(folder / "trueup.toml")


CHARGES = '[[charges]]\npaths = ["a.csv", "b.csv"]\n'
ALL = CHARGES + '[[commitments]]\npath = "c.csv"\n[[usage]]\npath = "u.csv"\n'


def test_everything_is_read_and_written(fakes: Fakes, tmp_path: Path) -> None:
    """A run without failures ends with 0 and its results in out/<period>."""
    text = '[run]\nperiod = "2026-10"\n' + ALL + '[[invoices]]\npath = "i.csv"\n'
    config = configured(tmp_path, text, "a.csv", "b.csv", "c.csv", "u.csv", "i.csv")
    outcome = run(config)
    assert outcome.exit_code == 0
    assert outcome.failures == ()
    assert outcome.folder == tmp_path / "out" / "2026-10"
    assert outcome.written == (tmp_path / "out" / "2026-10" / "result.json",)
    assert [kind for kind, _, _ in fakes.read] == ["charges", "commitments", "invoices", "usage"]
    assert fakes.core[0]["period"] == parse_period("2026-10")
    assert len(fakes.core[0]["charges"].table) == 2
    assert len(fakes.core[0]["invoices"].table) == 1


def test_usage_is_read_as_its_entry_says(fakes: Fakes, tmp_path: Path) -> None:
    """Format, columns and constants go to the reader of usage."""
    text = (
        CHARGES + '[[usage]]\npath = "u.csv"\ncolumns = { model = "m" }\n'
        'constants = { provider = "acme" }\n'
    )
    run(configured(tmp_path, text, "a.csv", "b.csv", "u.csv"))
    assert fakes.read[1][2] == {
        "format": None,
        "columns": {"model": "m"},
        "constants": {"provider": "acme"},
    }


def test_a_failing_source_makes_the_run_partial(fakes: Fakes, tmp_path: Path) -> None:
    """The rest is done and written; exit code 3; the failure is the first note of the result."""
    outcome = run(configured(tmp_path, ALL, "a.csv", "b.csv", "c.csv"))
    assert outcome.exit_code == 3
    (failure,) = outcome.failures
    assert failure.kind == "usage"
    assert failure.text == f"{tmp_path / 'u.csv'}: no such file"
    assert "[[usage]] entry" in failure.remedy
    assert fakes.core[0]["usage"] is None
    assert outcome.result is not None
    first, second = outcome.result.outcome.tables["notes"].rows()
    assert first["code"] == "source_failed"
    assert first["subject"] == str(tmp_path / "u.csv")
    assert first["text"].startswith("PARTIAL RUN")
    assert first["remedy"] == failure.remedy
    assert second["code"] == "core"
    assert len(fakes.written) == 1


def test_a_failing_file_leaves_the_others_of_its_entry(fakes: Fakes, tmp_path: Path) -> None:
    """One damaged file of two is named; the other is read and counted."""
    (tmp_path / "b.csv").write_text("damaged", encoding="utf-8")
    outcome = run(configured(tmp_path, CHARGES, "a.csv"))
    assert outcome.exit_code == 3
    assert [failure.source for failure in outcome.failures] == [str(tmp_path / "b.csv")]
    assert [row["source"] for row in fakes.core[0]["charges"].table.rows()] == [
        str(tmp_path / "a.csv")
    ]


def test_files_that_can_be_read_are_read_together(fakes: Fakes, tmp_path: Path) -> None:
    """Two of three files of a pattern are kept, and in the end read by one call.

    A reader finds duplicates across the files of a call, so reading them apart would count twice.
    """
    (tmp_path / "b.csv").write_text("damaged", encoding="utf-8")
    config = configured(tmp_path, '[[charges]]\npath = "*.csv"\n', "a.csv", "c.csv")
    outcome = run(config)
    assert outcome.exit_code == 3
    good = [str(tmp_path / "a.csv"), str(tmp_path / "c.csv")]
    assert fakes.read[-1][1] == good
    assert [row["source"] for row in fakes.core[0]["charges"].table.rows()] == good


def test_without_any_charges_nothing_is_written(fakes: Fakes, tmp_path: Path) -> None:
    """When no charges can be read the run ends with 2, whatever else was read."""
    outcome = run(configured(tmp_path, ALL, "c.csv", "u.csv"))
    assert outcome.exit_code == 2
    assert outcome.result is None
    assert len(outcome.failures) == 2
    assert (fakes.core, fakes.written) == ([], [])


def test_without_charges_configured_it_is_a_mistake(fakes: Fakes, tmp_path: Path) -> None:
    """The message says what to write."""
    with pytest.raises(ConfigurationError, match=r"needs at least one \[\[charges\]\]"):
        run(configured(tmp_path, ""))
    assert fakes.read == []


def test_a_broken_identity_of_a_source_stops_the_run(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows in that are not accepted plus rejected are not a failed source: nothing is to be trusted."""

    def broken(_kind: str) -> Callable[..., Dataset]:
        def read(_paths: list[Landed]) -> Dataset:
            raise IntegrityError("2 rows in, but 1 accepted + 0 rejected")

        return read

    monkeypatch.setattr(sources, "reader_of", broken)
    with pytest.raises(IntegrityError):
        run(configured(tmp_path, CHARGES, "a.csv", "b.csv"))


@pytest.mark.parametrize(
    ("asked", "amount", "material", "code"),
    [
        # Breaks of 120, -50 and an unknown amount; what is not known may be material.
        (True, None, 3, 1),
        (True, Decimal(50), 3, 1),
        (True, Decimal("50.01"), 2, 1),
        (True, Decimal(1000), 1, 1),
        (False, None, 3, 0),
        (None, None, 3, 0),
    ],
)
def test_material_breaks_fail_the_run_where_asked(
    fakes: Fakes,
    tmp_path: Path,
    asked: bool | None,
    amount: Decimal | None,
    material: int,
    code: int,
) -> None:
    """Exit code 1 needs fail_on_breaks and a break of at least the material amount, either sign."""
    config = configured(tmp_path, CHARGES, "a.csv", "b.csv")
    outcome = run(config, Settings(fail_on_breaks=asked, material_amount=amount))
    assert (outcome.material_breaks, outcome.exit_code) == (material, code)


def test_a_partial_run_with_material_breaks_is_partial(fakes: Fakes, tmp_path: Path) -> None:
    """3 goes before 1: the breaks may come from what is missing."""
    config = configured(tmp_path, "[run]\nfail_on_breaks = true\n" + ALL, "a.csv", "b.csv", "c.csv")
    assert run(config).exit_code == 3


def test_the_command_line_goes_before_the_configuration(fakes: Fakes, tmp_path: Path) -> None:
    """Period, clock, engine, folder and material amount of the settings are used."""
    text = (
        '[run]\nperiod = "2026-09"\nas_of = 2026-10-02T00:00:00Z\nengine = "duckdb"\n'
        "material_amount = 1\n[rules]\nmaterial_amount = 2\n"
    )
    config = configured(tmp_path, text + CHARGES, "a.csv", "b.csv")
    settings = Settings(
        period=parse_period("2026-10"),
        as_of=END,
        out=tmp_path / "elsewhere",
        engine="spark",
        material_amount=Decimal(3),
    )
    outcome = run(config, settings)
    given = fakes.core[0]
    assert given["period"] == parse_period("2026-10")
    assert (given["as_of"], given["engine"]) == (END, "spark")
    assert given["rules"].material_amount == 3
    assert outcome.folder == tmp_path / "elsewhere"


def test_the_material_amount_of_run_goes_before_that_of_the_rules(
    fakes: Fakes, tmp_path: Path
) -> None:
    """[run] says how a run is judged; the rules say it where [run] does not."""
    text = "[run]\nmaterial_amount = 1\n[rules]\nmaterial_amount = 2\n"
    run(configured(tmp_path, text + CHARGES, "a.csv", "b.csv"))
    run(configured(tmp_path, "[rules]\nmaterial_amount = 2\n" + CHARGES, "a.csv", "b.csv"))
    assert [given["rules"].material_amount for given in fakes.core] == [1, 2]


def test_an_out_that_cannot_be_written_is_found_before_reading(
    fakes: Fakes, tmp_path: Path
) -> None:
    """Nobody waits for an hour to learn that the folder is a file."""
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        run(configured(tmp_path, CHARGES, "a.csv", "b.csv"))
    assert fakes.read == []


def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider asked fails as a whole."""

    def fetch_all(asked: dict[str, Any], *_: Any, **__: Any) -> list[Fetched]:
        failed = Failed("aws", "connection", "a permission is missing", "grant ce:Get")
        return [Fetched(name, (), (), (failed,), ("export: needs bucket",)) for name in asked]

    monkeypatch.setattr("trueup.fetch.providers.fetch_all", fetch_all)


def test_a_provider_that_fails_makes_the_run_partial(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, the failure with its remedy, and a note; one that is off is neither."""
    failing(monkeypatch)
    text = '[run]\nperiod = "2026-10"\n' + CHARGES
    text += "[providers.aws]\n[providers.gcp]\nenabled = false\n"
    outcome = run(configured(tmp_path, text, "a.csv", "b.csv"))
    assert outcome.exit_code == 3
    (failure,) = outcome.failures
    assert failure.text == "aws connection: a permission is missing"
    assert failure.remedy == "grant ce:Get"
    assert outcome.result is not None
    notes = outcome.result.outcome.tables["notes"].rows()
    assert [(note["code"], note["subject"]) for note in notes[:-1]] == [
        ("source_failed", "aws connection"),
        ("not_asked", "aws"),
    ]


def test_providers_are_asked_for_a_period(fakes: Fakes, tmp_path: Path) -> None:
    """Without one there is nothing to ask for, and the message says how to give it."""
    with pytest.raises(ConfigurationError, match="--period 2026-10"):
        run(configured(tmp_path, CHARGES + "[providers.aws]\n", "a.csv", "b.csv"))


def test_progress_is_told_of_every_source(fakes: Fakes, tmp_path: Path) -> None:
    """Each source is announced, then read or failed."""
    seen: list[str] = []

    class Watching(Unwatched):
        def reading(self, kind: str, title: str) -> None:
            seen.append(f"reading {kind} {title}")

        def read(self, reading: Reading) -> None:
            seen.append(f"read {reading.kind} {reading.name}: {reading.rows}")

        def failed(self, failure: Failure) -> None:
            seen.append(f"failed {failure.kind}")

    run(configured(tmp_path, ALL, "a.csv", "b.csv", "c.csv"), progress=Watching())
    assert seen == [
        "reading charges a.csv, b.csv",
        "read charges a.csv, b.csv (2 files): 2",
        "reading commitments c.csv",
        "read commitments c.csv: 1",
        "reading usage u.csv",
        "failed usage",
    ]


@pytest.mark.parametrize(
    ("period", "name"),
    [
        (None, "all"),
        ("2026", "2026"),
        ("2026-10", "2026-10"),
        ("2026-10-01/2026-11-01", "2026-10"),
        ("2026-10-03", "2026-10-03"),
        ("2026-10-03T14", "2026-10-03T14"),
        ("2026-10-01/2026-10-16", "2026-10-01_2026-10-16"),
        ("2026-10-03T14:30/2026-10-04", "2026-10-03T143000_2026-10-04T000000"),
    ],
)
def test_a_folder_is_named_after_its_period(period: str | None, name: str) -> None:
    """The same period has the same folder however it was written."""
    assert folder_name(None if period is None else parse_period(period)) == name


def test_a_folder_that_is_not_there_yet_can_be_written(tmp_path: Path) -> None:
    """What counts is the nearest folder that exists; looking makes none."""
    assert why_not_writable(tmp_path / "a" / "b") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(ENOSPC, "x"), RuntimeError(f"IO: {strerror(ENOSPC)}")])
def test_a_full_disk_is_no_fault_of_a_source(error: Exception) -> None:
    """A file that cannot be landed or read for want of room ends the run; it is not left out."""
    wanted = SourceError("bill.csv", "cannot be read")
    wanted.__cause__ = error
    with pytest.raises(SourceError, match="cannot be read"):
        sources.failure("charges", "bill.csv", wanted, Configuration(file=Path("trueup.toml")))
