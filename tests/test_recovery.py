"""Past runs performed again from what landed, and what was known on a past day."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.workspace import month
from trueup import carried
from trueup.carried import Book, completed
from trueup.config import Configuration, read_configuration
from trueup.errors import UsageError
from trueup.forecast.foreseen import Foreseen
from trueup.job.outcome import JobOutcome
from trueup.job.run import run
from trueup.job.settings import Settings, workspace_of
from trueup.model.forecast_schema import FORECAST_DAYS, FORECASTS
from trueup.model.table import Table
from trueup.period import parse_instant, parse_period
from trueup.recovery import Differing, known, replay
from trueup.workspace.verify import verify
from trueup.workspace.workspace import Workspace

CASSETTES = Path(__file__).parents[1] / "cassettes"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Three runs, then the files are gone.

    The third hour costs 3.25 on the 9th and 3.75 on the 10th; what a recording of the 8th said,
    3.00, is run last.
    """
    folder = tmp_path_factory.mktemp("nights")
    config = month.written(folder)
    for day, cost in (("2026-11-09", "3.25"), ("2026-11-10", "3.75"), ("2026-11-08", "3.00")):
        (folder / "bill.csv").write_text(month.bill(("4.00", "2.50", cost)), encoding="utf-8")
        month.ran(config, day)
    for name in ("bill.csv", "usage.csv", "contracts.toml"):
        (folder / name).unlink()
    shutil.rmtree(folder / "out")
    return config


def differing(workspace: Workspace, name: str) -> list[Differing]:
    """A run performed again: what differs."""
    past = workspace.run(name)
    before = [entry for entry in workspace.journal.entries() if entry.number < past.number]
    return replay(workspace, past, partial(completed, Book(workspace, before, name)))


def known_at(config: Configuration, at: str, period: str | None = None) -> JobOutcome:
    asked = parse_period(period) if period else None
    return run(config, Settings(known_at=parse_instant(at), period=asked))


def billed(outcome: JobOutcome) -> Decimal:
    assert outcome.result is not None
    (row,) = outcome.result.identity.rows()
    return Decimal(row["billed"])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_performed_again_gives_the_same_bytes(nights: Configuration, number: int) -> None:
    """Report, workbook, JSON and Parquet, without the original files."""
    workspace = workspace_of(nights)
    name = f"run-000{number}"
    past = workspace.run(name)
    assert {"report.html", "report.xlsx", "result.json"} < past.outputs.keys()
    assert past.inputs[0]["source"] == str(nights.folder / "bill.csv")
    assert differing(workspace, name) == []


def test_what_a_run_foresaw_is_kept_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another machine estimates otherwise, the run performed again says what it said."""
    config = month.written(tmp_path)
    rows = Table.from_rows(FORECASTS, []), Table.from_rows(FORECAST_DAYS, [])
    monkeypatch.setattr(carried, "foreseen", lambda _: Foreseen(*rows, "a reason of then"))
    outcome = month.ran(config, "2026-11-09")
    assert outcome.folder
    assert "a reason of then" in (outcome.folder / "report.html").read_text(encoding="utf-8")
    monkeypatch.undo()
    workspace = workspace_of(config)
    assert differing(workspace, "run-0001") == []
    assert workspace.runs()[0].body["foreseen"] in {one for one, _ in workspace.referenced()}


def test_an_output_that_is_another_is_named_with_its_first_difference(
    nights: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a version of trueup that writes something else would: here, one word of the page."""
    from trueup.report import json as written

    whole = written.write_json

    def other(*args: object) -> None:
        whole(*args)  # type: ignore[arg-type]
        path = next(one for one in args if isinstance(one, Path))
        path.write_text(path.read_text("utf-8").replace("schema_version", "schema_versiom", 1))

    monkeypatch.setattr(written, "write_json", other)
    workspace = workspace_of(nights)
    (found,) = differing(workspace, "run-0001")
    assert (found.path, found.at_byte) == ("result.json", len('{\n"schema_versio'))
    assert '"schema_version"' in found.before
    assert '"schema_versiom"' in found.after


@pytest.mark.parametrize(
    ("at", "total"),
    [
        ("2026-11-08T23:00:00Z", "9.50"),  # 4.00 + 2.50 + 3.00
        ("2026-11-09", "9.75"),  # 4.00 + 2.50 + 3.25: the instant itself counts
        ("2027-01-01", "10.25"),  # 4.00 + 2.50 + 3.75: the latest clock, not the latest run
    ],
)
def test_what_was_known_at_an_instant(nights: Configuration, at: str, total: str) -> None:
    """The last run by its clock; it is written apart from the period's results, none is kept."""
    before = (nights.folder / ".trueup" / "journal.jsonl").read_bytes()
    outcome = known_at(nights, at)
    assert billed(outcome) == Decimal(total)
    stamp = parse_instant(at).strftime("%Y-%m-%dT%H%M%SZ")
    assert outcome.folder == nights.out / "2026-10" / f"known-at-{stamp}"
    assert json.loads((outcome.folder / "result.json").read_text("utf-8"))["identity"]
    assert (nights.folder / ".trueup" / "journal.jsonl").read_bytes() == before
    assert verify(nights.folder / ".trueup").differences == []


def test_another_period_is_performed_from_what_had_landed(nights: Configuration) -> None:
    """No run was of the 3rd alone; the last one known on the 9th had it: 3.25."""
    assert billed(known_at(nights, "2026-11-09", "2026-10-03")) == Decimal("3.25")


def test_where_nothing_was_known_it_says_since_when(nights: Configuration, tmp_path: Path) -> None:
    """The earliest clock; in a workspace that never ran, the command that fills it."""
    with pytest.raises(UsageError, match=r"nothing was known at 2026-11-07.*2026-11-08T00:00:00Z"):
        known_at(nights, "2026-11-07")
    with pytest.raises(UsageError, match="it has never run: `trueup run` fills it"):
        known_at(month.written(tmp_path), "2026-11-07")


def test_a_table_of_a_past_run(nights: Configuration) -> None:
    """Each run's own rows, with their types."""
    workspace = workspace_of(nights)
    totals = [
        row["billed"]
        for name in ("run-0001", "run-0002", "run-0003")
        for row in workspace.table(name, "identity").rows()
    ]
    assert totals == [Decimal("9.75"), Decimal("10.25"), Decimal("9.50")]
    with pytest.raises(UsageError, match=r"no run 'run-7'; the last are run-0001, run-0002"):
        workspace.run("run-7")


def test_what_a_recording_answered_is_kept_and_performed_again(tmp_path: Path) -> None:
    """Two runs of a recording, then the recording is gone: the same bytes, and all verifies."""
    shutil.copytree(CASSETTES / "oci" / "nightly", tmp_path / "recorded")
    (tmp_path / "trueup.toml").write_text(
        '[run]\nperiod = "2026-10"\nas_of = 2026-11-02T12:00:00Z\nreplay = "recorded"\n'
        "[providers.oci]\n",
        encoding="utf-8",
    )
    config = read_configuration(tmp_path / "trueup.toml")
    assert [run(config).failures for _ in range(2)] == [(), ()]
    shutil.rmtree(tmp_path / "recorded")
    workspace = Workspace(tmp_path / ".trueup")
    first, second = workspace.runs()
    assert first.outputs == second.outputs
    assert first.body["landing"] == second.body["landing"]  # nothing landed twice
    assert differing(workspace, second.run_id) == []
    assert verify(tmp_path / ".trueup").differences == []


def test_a_workspace_without_a_run_knows_nothing(tmp_path: Path) -> None:
    """What fills it is said; another one would say when its first run was."""
    empty = Workspace(tmp_path / ".trueup")
    with pytest.raises(UsageError, match=r"nothing was known at 2026-11-09.*; it has never run"):
        known(empty, None, parse_instant("2026-11-09T00:00:00Z"))
