"""The nightly job: read every source, reconcile what could be read, write the results.

A source that fails is recorded with its remedy and the rest goes on: the run is then *partial*,
and says so in its notes, its summary, ``result.json`` and its exit code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trueup.api import outcome_of, reader_of
from trueup.config import Configuration, Files, UsageFiles
from trueup.errors import (
    ConfigurationError,
    MissingDependency,
    SourceError,
    TrueupError,
    UnitError,
    UsageError,
)
from trueup.focus.landing import expand

if TYPE_CHECKING:
    from trueup.fetch.providers import Failed, Fetched
    from trueup.model.dataset import Dataset
    from trueup.model.outcome import Outcome
    from trueup.model.rules import Rules
    from trueup.model.table import Table
    from trueup.period import Period
    from trueup.report.result import Result

DONE, MATERIAL_BREAKS, WRONG_USE, PARTIAL = 0, 1, 2, 3
KINDS = ("charges", "commitments", "usage", "invoices")
SOURCE_FAILED = "source_failed"
_FAILURES = (SourceError, MissingDependency, UsageError, UnitError)  # of a source, not of the run


@dataclass(frozen=True)
class Failure:
    """A source that could not be read, why, and what to do about it."""

    kind: str
    source: str
    reason: str
    remedy: str

    @property
    def text(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(frozen=True)
class Settings:
    """What a command line may override of ``[run]``; None leaves the configuration's value."""

    period: Period | None = None
    as_of: datetime | None = None
    out: Path | None = None  # exactly this folder, without one for the period in it
    engine: str | None = None
    fail_on_breaks: bool | None = None
    material_amount: Decimal | None = None
    replay: Path | None = None


@dataclass(frozen=True)
class JobOutcome:
    """What a run found, what it could not read, and where the results are."""

    result: Result | None  # None: no charges could be read
    failures: tuple[Failure, ...]
    folder: Path | None
    written: tuple[Path, ...]
    material_breaks: int
    exit_code: int


class Progress(Protocol):
    """Whoever watches the run: a terminal, a log, nobody."""

    def reading(self, kind: str, title: str) -> None: ...

    def read(self, kind: str, title: str, dataset: Dataset) -> None: ...

    def failed(self, failure: Failure) -> None: ...

    def step(self, text: str) -> None: ...


class Unwatched:
    """Progress that nobody watches."""

    def reading(self, kind: str, title: str) -> None:
        """A source is about to be read."""

    def read(self, kind: str, title: str, dataset: Dataset) -> None:
        """A source was read."""

    def failed(self, failure: Failure) -> None:
        """A source could not be read."""

    def step(self, text: str) -> None:
        """A long step begins."""


def run(
    config: Configuration, settings: Settings | None = None, progress: Progress | None = None
) -> JobOutcome:
    """Perform the run that the configuration describes and write its results.

    Exit codes: 0 done; 1 done, with material breaks where ``fail_on_breaks`` asks for that;
    2 no charges could be read; 3 partial. Raises ConfigurationError where the configuration names
    no charges, UsageError where the results cannot be written, and what ``trueup.reconcile``
    raises.
    """
    settings = settings or Settings()
    progress = progress or Unwatched()
    if not config.charges and not config.asked:
        raise ConfigurationError(
            f"{config.file}: charges: is missing; a run needs at least one [[charges]] with its "
            'paths, as paths = ["bills/*.csv"], or a provider to ask, as [providers.<name>]'
        )
    from trueup.fetch.asserted import asserted

    out = settings.out or config.out
    refusal = why_not_writable(out)
    if refusal:
        raise UsageError(f"{out}: {refusal}; results go there: choose another folder with --out")
    fetched = _fetched(config, settings, progress)
    tables, unreadable = asserted(fetched)
    read, failures = _read_all(config, fetched, unreadable, progress)
    if read["charges"] is None:
        return JobOutcome(None, tuple(failures), None, (), 0, WRONG_USE)
    return _finished(config, settings, progress, read, fetched, tables, failures)


def _fetched(config: Configuration, settings: Settings, progress: Progress) -> list[Fetched]:
    """What every enabled provider gives, side by side, or what was recorded of it."""
    if not config.asked:
        return []
    from trueup.fetch.providers import fetch_all

    period = settings.period or config.run.period
    if period is None:
        raise ConfigurationError(
            f"{config.file}: run.period: is missing; providers are asked for a period: give "
            "--period 2026-10"
        )
    replay = settings.replay or (config.run.replay and Path(config.located(config.run.replay)))
    return fetch_all(
        config.asked,
        period,
        Path(config.located(config.run.workspace)),
        _clock(config, settings),
        replay=replay or None,
        said=lambda provider, feed: progress.step(f"asking {provider}: {feed}"),
    )


def _clock(config: Configuration, settings: Settings) -> datetime:
    return settings.as_of or config.run.as_of or datetime.now(UTC)


def _finished(
    config: Configuration,
    settings: Settings,
    progress: Progress,
    read: dict[str, Dataset | None],
    fetched: Sequence[Fetched],
    tables: Mapping[str, Table],
    failures: list[Failure],
) -> JobOutcome:
    from trueup.model.inputs import Inputs
    from trueup.report.result import Result

    charges = read["charges"]
    if charges is None:
        raise UsageError("a run needs charges")
    period = settings.period or config.run.period
    rules = _rules(config, settings)
    progress.step("reconciling")
    outcome = outcome_of(
        Inputs(charges, read["commitments"], read["usage"], read["invoices"], asserted=tables),
        period=period,
        rules=rules,
        as_of=_clock(config, settings),
        engine=settings.engine or config.run.engine,
    )
    result = Result(_annotated(outcome, [*_notes(failures), *_not_asked(fetched)]))
    folder = settings.out or config.out / folder_name(period)
    progress.step(f"writing {folder}")
    written = result.write(folder)
    material = len(result.material_breaks(rules.material_amount))
    fails = settings.fail_on_breaks
    fails = config.run.fail_on_breaks if fails is None else fails
    code = PARTIAL if failures else MATERIAL_BREAKS if fails and material else DONE
    return JobOutcome(result, tuple(failures), folder, tuple(written), material, code)


def _rules(config: Configuration, settings: Settings) -> Rules:
    """The configuration's rules; a material amount of the command line or of [run] goes first."""
    for amount in (settings.material_amount, config.run.material_amount):
        if amount is not None:
            return config.rules.model_copy(update={"material_amount": amount})
    return config.rules


def _read_all(
    config: Configuration,
    fetched: Sequence[Fetched],
    unreadable: Sequence[Failed],
    progress: Progress,
) -> tuple[dict[str, Dataset | None], list[Failure]]:
    """One dataset per kind, of all its sources that could be read, and those that could not."""
    from trueup.model.combined import combined

    datasets: dict[str, list[Dataset]] = {kind: [] for kind in KINDS}
    failures: list[Failure] = []
    for one in (*(failed for each in fetched for failed in each.failures), *unreadable):
        source = f"{one.provider} {one.what}"
        failures.append(Failure("provider", source, one.reason, one.remedy))
        progress.failed(failures[-1])
    for kind, entry in _entries(config, fetched):
        progress.reading(kind, entry.title)
        found, failed = _read_entry(config, kind, entry)
        failures.extend(failed)
        for failure in failed:
            progress.failed(failure)
        if found is not None:
            datasets[kind].append(found)
            progress.read(kind, _title(entry, found), found)
    return {kind: combined(found) if found else None for kind, found in datasets.items()}, failures


def _entries(config: Configuration, fetched: Sequence[Fetched]) -> Iterator[tuple[str, Files]]:
    """Every source: the files that the configuration names, then what was fetched."""
    yield from config.sources()
    for one in fetched:
        contracts = [fed.path for fed in one.feeds if fed.gives == "commitments" and fed.rows]
        for kind, paths in (("charges", one.charges), ("commitments", contracts)):
            if paths:
                listed = tuple(str(path.absolute()) for path in paths)
                yield kind, Files(paths=listed, name=f"{one.provider} {kind}")


def _not_asked(fetched: Sequence[Fetched]) -> list[dict[str, str]]:
    return [
        {
            "code": "not_asked",
            "subject": one.provider,
            "text": f"not asked for: {lacking}",
            "remedy": "add it to the configuration, or leave it: files can be given instead",
        }
        for one in fetched
        for lacking in one.not_asked
    ]


def _title(entry: Files, dataset: Dataset) -> str:
    count = len(dataset.sources)
    return entry.title if count == 1 else f"{entry.title} ({count} files)"


def _read_entry(
    config: Configuration, kind: str, entry: Files
) -> tuple[Dataset | None, list[Failure]]:
    """All files of an entry, or those that can be read, and the others.

    What can be read is read together, since duplicates are found across files: only to find out
    which files fail are they read one by one.
    """
    reader, options = reader_of(kind), _options(entry)
    paths = [config.located(path) for path in entry.paths]
    try:
        return reader(paths, **options), []
    except _FAILURES as error:
        files = _files(paths)
        if len(files) == 1:
            return None, [_failure(kind, files[0], error, config)]
    good, failures = [], []
    for file in files:
        try:
            reader([file], **options)
        except _FAILURES as error:
            failures.append(_failure(kind, file, error, config))
        else:
            good.append(file)
    return (reader(good, **options) if good else None), failures


def _options(entry: Files) -> dict[str, Any]:
    if not isinstance(entry, UsageFiles):
        return {}
    return {
        "format": entry.format,
        "columns": dict(entry.columns) or None,
        "constants": dict(entry.constants) or None,
    }


def _files(paths: Sequence[str]) -> list[str]:
    """Every file that paths, patterns and URLs stand for; one that stands for none, as given."""
    found: list[str] = []
    for path in paths:
        try:
            found.extend(expand(path))
        except SourceError:
            found.append(path)  # reading it will say what is wrong with it
    return list(dict.fromkeys(found))


def _failure(kind: str, source: str, error: TrueupError, config: Configuration) -> Failure:
    if isinstance(error, SourceError):
        source, reason = error.source, error.reason
    else:
        reason = str(error).removeprefix(f"{source}: ")
    if isinstance(error, MissingDependency):
        remedy = "Install what is missing, then run again."
    else:
        remedy = f"Correct the file, or its [[{kind}]] entry in {config.file}, then run again."
    return Failure(kind, source, reason, remedy)


def _notes(failures: Sequence[Failure]) -> list[dict[str, str]]:
    return [
        {
            "code": SOURCE_FAILED,
            "subject": failure.source,
            "text": f"PARTIAL RUN: this source of {failure.kind} could not be read, so every "
            f"figure is without it: {failure.reason}",
            "remedy": failure.remedy,
        }
        for failure in failures
    ]


def _annotated(outcome: Outcome, notes: list[dict[str, str]]) -> Outcome:
    """The outcome with the job's own notes before those of the core."""
    if not notes:
        return outcome
    from trueup.model.schema import NOTES
    from trueup.model.table import Table

    table = Table.from_rows(NOTES, [*notes, *outcome.tables["notes"].rows()])
    return replace(outcome, tables={**outcome.tables, "notes": table})


def folder_name(period: Period | None) -> str:
    """A folder for a period's results: 2026-10, 2026-10-03, 2026-10-03T14, or both ends; or all."""
    from trueup.period import parse_period

    if period is None:
        return "all"
    for form in ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H"):
        name = period.start.strftime(form)
        if parse_period(name) == period:
            return name
    whole_days = all(
        (end.hour, end.minute, end.second, end.microsecond) == (0, 0, 0, 0)
        for end in (period.start, period.end)
    )
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%dT%H%M%S"
    return f"{period.start.strftime(form)}_{period.end.strftime(form)}"


def why_not_writable(folder: Path) -> str | None:
    """Why results cannot be written to a folder that need not exist yet; None when they can."""
    for place in (folder, *folder.absolute().parents):
        if place.exists():
            if not place.is_dir():
                return f"{place} is a file, not a folder"
            allowed = os.access(place, os.W_OK | os.X_OK)
            return None if allowed else f"no permission to write to {place}"
    return "no such place on this machine"
