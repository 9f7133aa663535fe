"""All enabled providers, side by side; one that fails leaves the others' answers as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from trueup.adapter.feed import Feed
from trueup.errors import (
    ConfigurationError,
    MissingDependency,
    NothingYet,
    ProviderError,
    SourceError,
    disk_full,
)
from trueup.fetch.asking import Asker
from trueup.fetch.cassette.provenance import cases, read_provenance
from trueup.fetch.cassette.replay import replaying
from trueup.fetch.feeds import Fed, Place, exported, fed
from trueup.fetch.settings import connector_of
from trueup.period import Period, parse_period

Said = Callable[[str, str], None]  # provider, what is asked for


NOT_RECORDED = "nothing was recorded"


@dataclass(frozen=True)
class Failed:
    """One feed, export or whole provider that gave nothing, why, and what to do about it."""

    provider: str
    what: str
    reason: str
    remedy: str
    nothing_yet: bool = False  # its bill holds nothing of the period


@dataclass(frozen=True)
class Fetched:
    """What one provider gave, and what it did not."""

    provider: str
    feeds: tuple[Fed, ...]
    charges: tuple[Path, ...]
    failures: tuple[Failed, ...]
    not_asked: tuple[str, ...]  # feeds and exports that lack a setting, and which


def fetch_all(
    settings: Mapping[str, Mapping[str, Any]],
    period: Period,
    place: Place,
    *,
    replay: Path | None = None,
    said: Said = lambda _provider, _feed: None,
) -> list[Fetched]:
    """Ask every provider for everything, side by side; or play what was recorded in ``replay``.

    Recordings are played one provider after the other, since vcrpy lifts its patches for a moment
    whenever a connection is made: another thread could then reach the network. They are played
    from their beginning every time, so their landing must be one that is ``recorded``.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    if replay is not None:
        recorded = cases(replay)
        return [replayed(name, recorded.get(name), period, place, said=said) for name in settings]

    def one(name: str) -> Fetched:
        return fetch_one(name, settings[name], period, place, said=said)

    with ThreadPoolExecutor(max_workers=max(1, len(settings))) as pool:
        return list(pool.map(one, settings))


def fetch_one(
    name: str,
    settings: Mapping[str, Any],
    period: Period,
    place: Place,
    *,
    offline: bool = False,
    clock: datetime | None = None,
    said: Said = lambda _provider, _feed: None,
    around: Callable[[str], AbstractContextManager[None]] = lambda _feed: nullcontext(),
) -> Fetched:
    """Everything one provider gives; each feed fails on its own, inside ``around(its name)``.

    ``clock`` is the instant up to which it is asked, where that is not ``place.at``.
    """
    connector, when = connector_of(name), clock or place.at
    failures: list[Failed] = []
    feeds: list[Fed] = []
    charges: list[Path] = []
    not_asked: list[str] = []
    try:
        connection = connector.connect(settings, offline)
    except (MissingDependency, ProviderError) as error:
        return Fetched(name, (), (), (failed(name, "connection", error),), ())
    with closing(connection):
        for source in connector.sources:
            lacking = [key for key in source.needs if not settings.get(key)]
            if lacking:
                not_asked.append(f"{source.name}: needs {', '.join(lacking)} in [providers.{name}]")
                continue
            said(name, source.name)
            asker = Asker(
                name, connector, connection, settings, period, when, source.operations, offline
            )
            try:
                with around(source.name):
                    if isinstance(source, Feed):
                        feeds.append(fed(source, asker, place))
                    else:
                        charges += exported(source, asker, place)
            except (ProviderError, SourceError) as error:
                if disk_full(error):
                    raise
                failures.append(failed(name, source.name, error))
    return Fetched(name, tuple(feeds), tuple(charges), tuple(failures), tuple(not_asked))


def to_record(provider: str) -> str:
    """What to do where nothing was recorded of a provider."""
    return f"record it: trueup record {provider} --out DIR"


def replayed(
    name: str,
    case: Path | None,
    period: Period,
    place: Place,
    *,
    said: Said = lambda _provider, _feed: None,
) -> Fetched:
    """What a provider gave when it was recorded, asked for in the same words."""
    if case is None:
        error = ProviderError(name, "replay", NOT_RECORDED, to_record(name))
        return Fetched(name, (), (), (failed(name, "replay", error),), ())
    known = read_provenance(case)
    if parse_period(known.period) != period:
        raise ConfigurationError(f"{case}: recorded for the period {known.period}; run that one")
    fetched = None
    try:
        with replaying(name, connector_of(name), case):
            fetched = fetch_one(
                name, known.settings, period, place, offline=True, clock=known.clock, said=said
            )
    except ProviderError as error:
        if fetched is None:
            return Fetched(name, (), (), (failed(name, "replay", error),), ())
        if not fetched.failures:
            return replace(fetched, failures=(failed(name, "replay", error),))
    return fetched


def failed(provider: str, what: str, error: Exception) -> Failed:
    """What is reported of an error while a feed, an export or a whole provider was asked."""
    if isinstance(error, ProviderError):
        yet = isinstance(error, NothingYet)
        return Failed(provider, f"{what} ({error.operation})", error.reason, error.remedy, yet)
    if isinstance(error, MissingDependency):
        remedy = f"pip install 'trueup[{error.extra}]'"
        return Failed(provider, what, f"{error.package} is not installed", remedy)
    return Failed(provider, what, str(error), "see what it says, then run again")


def paths_of(fetched: Sequence[Fetched], table: str) -> list[Path]:
    """The normalised files of a table, over all providers."""
    return [fed.path for one in fetched for fed in one.feeds if fed.gives == table]
