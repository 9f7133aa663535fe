"""The nightly job: land every source, reconcile what could be read, write and keep the results.

A source that fails is recorded with its remedy and the rest goes on: the run is then *partial*,
and says so in its notes, its summary, ``result.json`` and its exit code. What was read and written
is kept in the workspace, so that the run can be performed again from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trueup import notes
from trueup.config import Configuration
from trueup.errors import ConfigurationError, UsageError
from trueup.job.budgets import told_of
from trueup.job.folder import folder_name, why_not_writable
from trueup.job.outcome import DONE, MATERIAL_BREAKS, PARTIAL, WRONG_USE, JobOutcome
from trueup.job.progress import Progress, Unwatched
from trueup.job.reading import Reading
from trueup.job.room import room_in
from trueup.job.settings import Settings, clock_of, replay_of, rules_of, workspace_of
from trueup.redacted import redacted
from trueup.sources import FETCHED, KINDS, Failure, Group, groups, not_whole, read

if TYPE_CHECKING:
    from trueup.evidence import Given
    from trueup.fetch.feeds import Place
    from trueup.fetch.providers import Failed, Fetched
    from trueup.model.dataset import Dataset
    from trueup.period import Period
    from trueup.report.result import Result
    from trueup.workspace.store import Store
    from trueup.workspace.workspace import Workspace


def run(
    config: Configuration, settings: Settings | None = None, progress: Progress | None = None
) -> JobOutcome:
    """Perform the run that the configuration describes, write its results and keep the evidence.

    Exit codes: 0 done; 1 done, with material breaks where ``fail_on_breaks`` asks for that;
    2 no charges could be read; 3 partial. Raises ConfigurationError where the configuration names
    no charges, UsageError where the results cannot be written, a disk is full or another run is at
    work, and what ``trueup.reconcile`` raises.
    """
    settings = settings or Settings()
    progress = progress or Unwatched()
    out = check_out(config, settings)
    if settings.known_at is not None:
        return _known_at(config, settings, settings.known_at, progress)
    check_sources(config)
    check_workspace(config)
    with (
        room_in(workspace_of(config).folder, out),
        _begun(config, settings) as (workspace, run_id),
    ):
        progress.begun(run_id, settings.period or config.run.period, clock_of(config, settings))
        outcome = _performed(config, settings, progress, workspace, run_id)
        if outcome.result is None:
            why = "; ".join(failure.text for failure in outcome.failures)
            workspace.fail(run_id, clock_of(config, settings), f"no charges could be read: {why}")
            return outcome
    return replace(outcome, told=told_of(config, clock_of(config, settings)))


def check_out(config: Configuration, settings: Settings) -> Path:
    """The folder of the results; UsageError where it cannot be written."""
    out = settings.out or config.out
    refusal = why_not_writable(out)
    if refusal:
        raise UsageError(f"{out}: {refusal}; results go there: choose another folder with --out")
    return out


def check_workspace(config: Configuration) -> None:
    """UsageError where the evidence cannot be kept, as where another user ran here once."""
    folder = workspace_of(config).folder
    refusal = why_not_writable(folder)
    if refusal:
        raise UsageError(f"{folder}: {refusal}; the evidence of every run is kept there")
    for place in sorted(folder.glob("*")):
        if not os.access(place, os.W_OK):
            raise UsageError(
                f"{place}: no permission to write; a workspace has one owner, who runs trueup: "
                f"`chown -R` {folder} to that user, or run as user {place.stat().st_uid}"
            )


def check_sources(config: Configuration) -> None:
    """Raise ConfigurationError where there are no charges to read and nobody to ask."""
    if not config.charges and not config.asked:
        raise ConfigurationError(
            f"{config.file}: charges: is missing; a run needs at least one [[charges]] with its "
            'paths, as paths = ["bills/*.csv"], or a provider to ask, as [providers.<name>]'
        )


def check_period(config: Configuration, period: Period | None) -> None:
    """Raise ConfigurationError where providers are to be asked for nothing in particular."""
    if config.asked and period is None:
        raise ConfigurationError(
            f"{config.file}: run.period: is missing; providers are asked for a period: give "
            "--period 2026-10"
        )


@contextmanager
def _begun(config: Configuration, settings: Settings) -> Iterator[tuple[Workspace, str]]:
    """The locked workspace and the run's name; how it fails is in the journal, too."""
    from trueup.workspace.lock import locked

    workspace, clock = workspace_of(config), clock_of(config, settings)
    with locked(workspace.folder, "trueup run"):
        given = settings.period or config.run.period
        run_id = workspace.begin(clock, {"period": given and [given.start, given.end]})
        try:
            yield workspace, run_id
        except BaseException as error:
            try:
                workspace.fail(run_id, clock, redacted(f"{type(error).__name__}: {error}"))
            except OSError as unsaid:  # by a full disk; the next run says it
                error.add_note(f"the journal does not tell of it yet: {unsaid}")
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

    recorded = bool(replay_of(config, settings))
    with TemporaryDirectory(prefix="trueup-fetched-") as scratch:
        landing = Landing(workspace.store, workspace.landing, recorded=recorded)
        place = Place(landing, Path(scratch) / FETCHED, clock_of(config, settings))
        fetched = _fetched(config, settings, progress, place)
        said = assertions(fetched)
        _, unreadable = asserted(said)
        failures = _failures(fetched, unreadable)
        for failure in failures:
            progress.failed(failure)
        landed, datasets, reads = read_all(
            config, fetched, place.folder, workspace.store, failures, progress
        )
        bad = {(one.provider, one.what) for one in unreadable}
        given = evidence.Given(
            groups=landed,
            assertions=evidence.landed_assertions(
                [one for one in said if (one.provider, one.feed) not in bad], workspace.store
            ),
            rules=rules_of(config, settings),
            period=settings.period or config.run.period,
            as_of=clock_of(config, settings),
            engine=settings.engine or config.run.engine,
            notes=[*notes.failed(failures), *notes.not_asked(fetched)],
            failures=failures,
            budgets=config.budget,
        )
    if datasets["charges"] is None:
        return JobOutcome(
            None, tuple(failures), None, (), 0, WRONG_USE, run_id, period=given.period, reads=reads
        )
    progress.step("reconciling")
    book = carried.Book(workspace, workspace.journal.entries(), run_id)
    result = carried.completed(book, given, evidence.performed(given, datasets))
    outcome = _written(config, settings, progress, given, result)
    progress.step(f"keeping the evidence in {workspace.folder}")
    if outcome.folder is None:
        raise ValueError("what is written has a folder")
    evidence.kept(
        workspace, run_id, given, result, outcome.folder, outcome.exit_code,
        workspace.store.put(evidence.configuration_kept(config)),
    )  # fmt: skip
    return replace(outcome, run_id=run_id, reads=reads)


def _fetched(
    config: Configuration, settings: Settings, progress: Progress, place: Place
) -> list[Fetched]:
    """What every enabled provider gives, side by side, or what was recorded of it."""
    period = settings.period or config.run.period
    check_period(config, period)
    if period is None or not config.asked:
        return []
    from trueup.fetch.providers import fetch_all

    return fetch_all(
        config.asked,
        period,
        place,
        replay=replay_of(config, settings),
        said=progress.asking,
    )


def _failures(fetched: list[Fetched], unreadable: list[Failed]) -> list[Failure]:
    """What was not given by providers, or cannot be read of what they assert."""
    return [
        Failure(
            "provider",
            f"{one.provider} {one.what}",
            one.reason,
            one.remedy,
            nothing_yet=one.nothing_yet,
        )
        for one in (*(failed for each in fetched for failed in each.failures), *unreadable)
    ]


def read_all(
    config: Configuration,
    fetched: list[Fetched],
    folder: Path,
    store: Store,
    failures: list[Failure],
    progress: Progress,
) -> tuple[list[Group], dict[str, Dataset | None], tuple[Reading, ...]]:
    """Every group as far as it could be read, one dataset per kind; adds what failed."""
    from trueup.model.combined import combined

    datasets: dict[str, list[Dataset]] = {kind: [] for kind in KINDS}
    landed: list[Group] = []
    reads: list[Reading] = []
    for group, lost in groups(config, fetched, folder, store):
        progress.reading(group.kind, group.title)
        found, failed, files = read(group, config)
        for failure in (*lost, *failed):
            failures.append(failure)
            progress.failed(failure)
        if found is not None:
            landed.append(replace(group, files=tuple(files)))
            datasets[group.kind].append(found)
            reads.append(Reading.of(group.title, found))
            progress.read(reads[-1])
            for failure in not_whole(group.kind, found):
                failures.append(failure)
                progress.failed(failure)
    whole = {kind: combined(some) if some else None for kind, some in datasets.items()}
    return landed, whole, tuple(reads)


def _written(
    config: Configuration, settings: Settings, progress: Progress, given: Given, result: Result
) -> JobOutcome:
    """The result in its folder, on the disk, and how the run ended."""
    from trueup.evidence import outputs_of
    from trueup.report.atomic import clear_coming
    from trueup.workspace.store import all_synced, made

    folder = settings.out or config.out / folder_name(given.period)
    if settings.known_at is not None and settings.out is None:
        folder /= f"known-at-{settings.known_at:%Y-%m-%dT%H%M%SZ}"
    progress.step(f"writing {folder}")
    made(folder)
    for place in (folder, folder / "parquet", folder / "chargeback"):
        clear_coming(place)
    written = result.write(folder)
    all_synced(outputs_of(folder), folder)
    material = len(result.material_breaks(given.rules.material_amount))
    fails = settings.fail_on_breaks
    fails = config.run.fail_on_breaks if fails is None else fails
    code = PARTIAL if given.failures else MATERIAL_BREAKS if fails and material else DONE
    return JobOutcome(
        result, tuple(given.failures), folder, tuple(written), material, code, period=given.period
    )


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
