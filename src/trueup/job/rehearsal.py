"""A night without its effects: everything is read and checked, nobody asked, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trueup.budgets.notify import destinations
from trueup.errors import UsageError
from trueup.job.folder import folder_name, why_not_writable
from trueup.job.outcome import DONE, PARTIAL, WRONG_USE
from trueup.job.run import check_out, check_period, check_sources, read_all
from trueup.job.settings import Settings, replay_of, workspace_of
from trueup.redacted import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.config import Configuration
    from trueup.job.progress import Progress
    from trueup.job.reading import Reading
    from trueup.period import Period
    from trueup.sources import Failure


@dataclass(frozen=True)
class Asked:
    """What one provider would be asked for: a call for each at least, and one for each page."""

    provider: str
    feeds: tuple[str, ...]
    lacking: tuple[str, ...]  # what would not be asked, and which setting that needs


@dataclass(frozen=True)
class Rehearsal:
    """What a run would read, ask, write and tell, and the exit code as far as files decide it."""

    reads: tuple[Reading, ...]
    failures: tuple[Failure, ...]
    asked: tuple[Asked, ...]
    played: Path | None  # the recordings that would answer
    writes: tuple[tuple[str, str], ...]  # what, and where
    exit_code: int


def rehearsed(
    config: Configuration,
    settings: Settings,
    periods: Sequence[Period | None],
    progress: Progress,
    environment: Mapping[str, str],
) -> Rehearsal:
    """Read every file as a run would, into a folder that is gone at the end.

    Raises what a run raises before it begins, and UsageError where it could not begin.
    """
    from trueup.workspace.lock import at_work
    from trueup.workspace.store import Store

    out, workspace = check_out(config, settings), workspace_of(config).folder
    check_sources(config)
    for period in periods:
        check_period(config, period)
    refusal = why_not_writable(workspace) or at_work(workspace)
    if refusal:
        raise UsageError(f"{workspace}: {refusal}; a run keeps its evidence there")
    failures: list[Failure] = []
    with TemporaryDirectory(prefix="trueup-rehearsal-") as scratch:
        folder = Path(scratch)
        _, found, reads = read_all(config, [], folder, Store(folder), failures, progress)
        unread = found["charges"] is None and not config.asked
    played = replay_of(config, settings)
    if played is not None:
        failures.extend(_not_recorded(config, played))
    return Rehearsal(
        reads,
        tuple(failures),
        tuple(_asked(config)),
        played,
        tuple(_writes(config, settings.out, out, periods, environment)),
        WRONG_USE if unread else PARTIAL if failures else DONE,
    )


def _not_recorded(config: Configuration, played: Path) -> Iterator[Failure]:
    """The providers of which the recordings hold nothing; SourceError where there are none."""
    from trueup.fetch.cassette.provenance import cases
    from trueup.fetch.providers import NOT_RECORDED, to_record
    from trueup.sources import Failure

    recorded = cases(played) if config.asked else {}
    for provider in config.asked:
        if provider not in recorded:
            yield Failure(provider, "replay", NOT_RECORDED, to_record(provider))


def _asked(config: Configuration) -> Iterator[Asked]:
    from trueup.fetch.settings import connector_of

    for provider, given in config.asked.items():
        lacking = {
            source.name: [key for key in source.needs if not given.get(key)]
            for source in connector_of(provider).sources
        }
        yield Asked(
            provider,
            tuple(name for name, keys in lacking.items() if not keys),
            tuple(f"{name}: needs {', '.join(keys)}" for name, keys in lacking.items() if keys),
        )


def _writes(
    config: Configuration,
    exactly: Path | None,
    out: Path,
    periods: Sequence[Period | None],
    environment: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    for period in periods:
        yield "results", str(exactly or out / folder_name(period))
    yield "evidence", str(workspace_of(config).folder)
    if config.metrics.textfile is not None:
        yield "metrics", config.located(config.metrics.textfile)
    if config.metrics.otlp is not None:
        yield "metrics", redacted(config.metrics.otlp)
    for to in destinations(config.alerts.urls, environment):
        yield "alerts", to.name if to.url else f"{to.name}, which is not set"
