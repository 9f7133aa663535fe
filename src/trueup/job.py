"""The nightly job: land every source, reconcile what could be read, write and keep the results.

A source that fails is recorded with its remedy and the rest goes on: the run is then *partial*,
and says so in its notes, its summary, ``result.json`` and its exit code. What was read and written
is kept in the workspace, so that the run can be performed again from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from trueup import notes
from trueup.config import Configuration
from trueup.errors import ConfigurationError, TrueupError, UsageError
from trueup.sources import KINDS, Failure, Group, groups, not_whole, read

if TYPE_CHECKING:
    from trueup.budgets.projection import Days
    from trueup.budgets.review import Review, Told
    from trueup.evidence import Given
    from trueup.fetch.feeds import Place
    from trueup.fetch.providers import Fetched
    from trueup.model.dataset import Dataset
    from trueup.model.rules import Rules
    from trueup.period import Period
    from trueup.report.result import Result
    from trueup.workspace.workspace import Workspace

DONE, MATERIAL_BREAKS, WRONG_USE, PARTIAL = 0, 1, 2, 3
FETCHED = "fetched"  # the folder in whose name fetched files are listed as sources


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
    known_at: datetime | None = None  # what was known then, from the workspace; nothing is asked


@dataclass(frozen=True)
class JobOutcome:
    """What a run found, what it could not read, and where the results are."""

    result: Result | None  # None: no charges could be read
    failures: tuple[Failure, ...]
    folder: Path | None
    written: tuple[Path, ...]
    material_breaks: int
    exit_code: int
    run_id: str | None = None  # in the workspace; None: nothing was kept
    told: Told | None = None  # of budgets; None: there are none


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
    """Perform the run that the configuration describes, write its results and keep the evidence.

    Exit codes: 0 done; 1 done, with material breaks where ``fail_on_breaks`` asks for that;
    2 no charges could be read; 3 partial. Raises ConfigurationError where the configuration names
    no charges, UsageError where the results cannot be written or another run is at work, and what
    ``trueup.reconcile`` raises.
    """
    settings = settings or Settings()
    progress = progress or Unwatched()
    out = settings.out or config.out
    refusal = why_not_writable(out)
    if refusal:
        raise UsageError(f"{out}: {refusal}; results go there: choose another folder with --out")
    if settings.known_at is not None:
        return _known_at(config, settings, settings.known_at, progress)
    if not config.charges and not config.asked:
        raise ConfigurationError(
            f"{config.file}: charges: is missing; a run needs at least one [[charges]] with its "
            'paths, as paths = ["bills/*.csv"], or a provider to ask, as [providers.<name>]'
        )
    with _begun(config, settings) as (workspace, run_id):
        outcome = _performed(config, settings, progress, workspace, run_id)
        if outcome.result is None:
            why = "; ".join(failure.text for failure in outcome.failures)
            workspace.fail(run_id, _clock(config, settings), f"no charges could be read: {why}")
            return outcome
    return replace(outcome, told=_told(config, _clock(config, settings)))


def _told(config: Configuration, clock: datetime) -> Told | None:
    """What was told of the budgets; the run is done and kept, so that no error of it is raised."""
    from trueup.budgets.review import Told
    from trueup.workspace.workspace import SNAPSHOT

    if not config.budget and not (workspace_of(config).folder / SNAPSHOT).exists():
        return None
    try:
        return reviewed(config, clock, alerting=True)[1]
    except TrueupError as error:
        return Told(failed=[f"budgets were not looked at: {error}; then `trueup budget --alert`"])


def reviewed(
    config: Configuration, clock: datetime, *, alerting: bool
) -> tuple[Review | None, Told | None]:
    """Look at the budgets, renew the gate's snapshot and, on demand, tell what is crossed.

    None where the workspace has never run. Raises UsageError where another process is at work in
    the workspace while alerts are to be told, or the snapshot cannot be written.
    """
    from trueup.budgets.review import alert, review
    from trueup.workspace.lock import locked

    workspace = workspace_of(config)
    found = review(workspace, config.budget, config.gate, clock, projected)
    if found is None or not alerting:
        return found, None
    with locked(workspace.folder, "trueup budget"):
        return found, alert(workspace, found, config.alerts, clock)


def projected(days: Days, start: datetime, end: datetime) -> Decimal | None:
    """What is still to come, estimated by the forecaster, else by the means of weekdays.

    The forecaster needs ``trueup[forecast]`` and eight whole weeks; see ``budgets.projection``.
    """
    from trueup.budgets.projection import CENT, weekday_mean
    from trueup.errors import MissingDependency

    if not days:
        return None
    try:
        from trueup.forecast.forecaster import expected
        from trueup.forecast.series import Series

        first = datetime.combine(days[0][0], time(), UTC)
        series = Series.of("spend", None, first, [cost for _, cost in days])
        until = [expected(series, at).expected for at in (end, start)]
    except (MissingDependency, UsageError):
        return weekday_mean(days, start, end)
    return (until[0] - until[1]).quantize(CENT)


def workspace_of(config: Configuration) -> Workspace:
    """The workspace that the configuration names; it need not exist yet."""
    from trueup.workspace.workspace import Workspace

    return Workspace(Path(config.located(config.run.workspace)))


@contextmanager
def _begun(config: Configuration, settings: Settings) -> Iterator[tuple[Workspace, str]]:
    """The locked workspace and the run's name; how it fails is in the journal, too."""
    from trueup.workspace.lock import locked

    workspace, clock = workspace_of(config), _clock(config, settings)
    with locked(workspace.folder, "trueup run"):
        given = settings.period or config.run.period
        run_id = workspace.begin(clock, {"period": given and [given.start, given.end]})
        try:
            yield workspace, run_id
        except BaseException as error:
            workspace.fail(run_id, clock, f"{type(error).__name__}: {error}")
            raise


def _performed(
    config: Configuration,
    settings: Settings,
    progress: Progress,
    workspace: Workspace,
    run_id: str,
) -> JobOutcome:
    from trueup import carried, evidence
    from trueup.fetch.asserted import asserted, assertions
    from trueup.fetch.feeds import Place
    from trueup.fetch.landing import Landing

    recorded = bool(_replay(config, settings))
    with TemporaryDirectory(prefix="trueup-fetched-") as scratch:
        landing = Landing(workspace.store, workspace.landing, recorded=recorded)
        place = Place(landing, Path(scratch) / FETCHED, _clock(config, settings))
        fetched = _fetched(config, settings, progress, place)
        said = assertions(fetched)
        _, unreadable = asserted(said)
        failures = [
            Failure("provider", f"{one.provider} {one.what}", one.reason, one.remedy)
            for one in (*(failed for each in fetched for failed in each.failures), *unreadable)
        ]
        for failure in failures:
            progress.failed(failure)
        landed, datasets = _read_all(config, fetched, place.folder, workspace, failures, progress)
        bad = {(one.provider, one.what) for one in unreadable}
        given = evidence.Given(
            groups=landed,
            assertions=evidence.landed_assertions(
                [one for one in said if (one.provider, one.feed) not in bad], workspace.store
            ),
            rules=_rules(config, settings),
            period=settings.period or config.run.period,
            as_of=_clock(config, settings),
            engine=settings.engine or config.run.engine,
            notes=[*notes.failed(failures), *notes.not_asked(fetched)],
            failures=failures,
            budgets=config.budget,
        )
    if datasets["charges"] is None:
        return JobOutcome(None, tuple(failures), None, (), 0, WRONG_USE, run_id)
    progress.step("reconciling")
    book = carried.Book(workspace, workspace.journal.entries(), run_id)
    result = carried.completed(book, given, evidence.performed(given, datasets))
    outcome = _written(config, settings, progress, given, result)
    progress.step(f"keeping the evidence in {workspace.folder}")
    if outcome.folder is None:
        raise ValueError("what is written has a folder")
    evidence.kept(
        workspace, run_id, given, result, outcome.folder, outcome.exit_code,
        workspace.store.put(config.file.read_bytes()),
    )  # fmt: skip
    return replace(outcome, run_id=run_id)


def _fetched(
    config: Configuration, settings: Settings, progress: Progress, place: Place
) -> list[Fetched]:
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
    return fetch_all(
        config.asked,
        period,
        place,
        replay=_replay(config, settings),
        said=lambda provider, feed: progress.step(f"asking {provider}: {feed}"),
    )


def _replay(config: Configuration, settings: Settings) -> Path | None:
    """The folder of recordings that are played instead of asking, if any."""
    named = config.run.replay and Path(config.located(config.run.replay))
    return settings.replay or named or None


def _clock(config: Configuration, settings: Settings) -> datetime:
    return settings.as_of or config.run.as_of or datetime.now(UTC)


def _rules(config: Configuration, settings: Settings) -> Rules:
    """The configuration's rules; a material amount of the command line or of [run] goes first."""
    for amount in (settings.material_amount, config.run.material_amount):
        if amount is not None:
            return config.rules.model_copy(update={"material_amount": amount})
    return config.rules


def _read_all(
    config: Configuration,
    fetched: list[Fetched],
    folder: Path,
    workspace: Workspace,
    failures: list[Failure],
    progress: Progress,
) -> tuple[list[Group], dict[str, Dataset | None]]:
    """Every group as far as it could be read, one dataset per kind; adds what failed."""
    from trueup.model.combined import combined

    datasets: dict[str, list[Dataset]] = {kind: [] for kind in KINDS}
    landed: list[Group] = []
    for group, lost in groups(config, fetched, folder, workspace.store):
        progress.reading(group.kind, group.title)
        found, failed, files = read(group, config)
        for failure in (*lost, *failed):
            failures.append(failure)
            progress.failed(failure)
        if found is not None:
            landed.append(replace(group, files=tuple(files)))
            datasets[group.kind].append(found)
            count = len(found.sources)
            many = f"{group.title} ({count} files)"
            progress.read(group.kind, group.title if count == 1 else many, found)
            for failure in not_whole(group.kind, found):
                failures.append(failure)
                progress.failed(failure)
    return landed, {kind: combined(some) if some else None for kind, some in datasets.items()}


def _written(
    config: Configuration, settings: Settings, progress: Progress, given: Given, result: Result
) -> JobOutcome:
    """The result in its folder, and how the run ended."""
    folder = settings.out or config.out / folder_name(given.period)
    if settings.known_at is not None and settings.out is None:
        folder /= f"known-at-{settings.known_at:%Y-%m-%dT%H%M%SZ}"
    progress.step(f"writing {folder}")
    written = result.write(folder)
    material = len(result.material_breaks(given.rules.material_amount))
    fails = settings.fail_on_breaks
    fails = config.run.fail_on_breaks if fails is None else fails
    code = PARTIAL if given.failures else MATERIAL_BREAKS if fails and material else DONE
    return JobOutcome(result, tuple(given.failures), folder, tuple(written), material, code)


def _known_at(
    config: Configuration, settings: Settings, at: datetime, progress: Progress
) -> JobOutcome:
    """What the figures were at an instant, performed from what had landed; nothing is kept."""
    from trueup import carried, evidence, recovery

    wanted = settings.period or config.run.period
    workspace = workspace_of(config)
    run, given = recovery.known(workspace, wanted, at)
    progress.step(f"performing {run.run_id} again, known at {run.at:%Y-%m-%dT%H:%M:%SZ}")
    before = [entry for entry in workspace.journal.entries() if entry.number < run.number]
    book = carried.Book(workspace, before, run.run_id)
    result = carried.completed(book, given, evidence.performed(given, recovery.datasets_of(given)))
    return replace(_written(config, settings, progress, given, result), run_id=run.run_id)


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
