"""All enabled providers, side by side; one that fails leaves the others' answers as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.adapter.feed import Connector, Export, Feed, Setting
from trueup.adapter.registry import providers
from trueup.errors import ConfigurationError, MissingDependency, ProviderError, SourceError
from trueup.fetch.asking import Asker
from trueup.fetch.feeds import Fed, exported, fed
from trueup.fetch.landing import Landing

if TYPE_CHECKING:
    from trueup.period import Period

Said = Callable[[str, str], None]  # provider, what is asked for


@dataclass(frozen=True)
class Failed:
    """One feed, export or whole provider that gave nothing, why, and what to do about it."""

    provider: str
    what: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Fetched:
    """What one provider gave, and what it did not."""

    provider: str
    feeds: tuple[Fed, ...]
    charges: tuple[Path, ...]
    failures: tuple[Failed, ...]
    not_asked: tuple[str, ...]  # feeds and exports that lack a setting, and which


def enabled(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The providers that a configuration asks to be fetched, with their settings."""
    return {name: given for name, given in settings.items() if given.get("enabled", True)}


def checked_settings(provider: str, given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError where a key of ``[providers.<name>]`` is unknown or wrong."""
    own: tuple[Setting, ...] = connector_of(provider).settings
    known = {setting.name: setting for setting in (ENABLED, *own)}
    for key, value in given.items():
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ConfigurationError(
                f"providers.{provider}.{key}: there is no such key; {hint}"
                f"known here: {', '.join(known)}"
            )
        kind = known[key].kind
        items = value if kind is list and isinstance(value, list) else [""]
        if not isinstance(value, kind) or not all(isinstance(item, str) for item in items):
            right = {
                str: 'text in quotes, as "this"',
                bool: "true or false",
                list: "a list of text",
            }
            raise ConfigurationError(
                f"providers.{provider}.{key} = {value!r}: it is {right[kind]}; {known[key].about}"
            )


ENABLED = Setting("enabled", "whether the provider is asked", bool)


def connector_of(provider: str) -> Connector:
    """How a provider is reached; its module is imported now, its SDK when it is connected."""
    connector = providers()[provider].connector
    if connector is None:
        raise ConfigurationError(
            f"providers.{provider}: it cannot be asked; list its exported files under [[charges]]"
        )
    return connector()


def fetch_all(
    settings: Mapping[str, Mapping[str, Any]],
    period: Period,
    workspace: Path,
    at: datetime,
    *,
    offline: bool = False,
    said: Said = lambda _provider, _feed: None,
) -> list[Fetched]:
    """Ask every provider for everything; side by side, except offline.

    Recorded answers are played one provider after the other, since vcrpy lifts its patches for a
    moment whenever a connection is made: another thread could then reach the network.
    """
    landing = Landing(workspace / "landing")
    folder = workspace / "fetched"
    folder.mkdir(parents=True, exist_ok=True)

    def one(name: str) -> Fetched:
        return fetch_one(
            name, settings[name], period, landing, folder, at, offline=offline, said=said
        )

    if offline:
        return [one(name) for name in settings]
    with ThreadPoolExecutor(max_workers=max(1, len(settings))) as pool:
        return list(pool.map(one, settings))


def fetch_one(
    name: str,
    settings: Mapping[str, Any],
    period: Period,
    landing: Landing,
    folder: Path,
    at: datetime,
    *,
    offline: bool,
    said: Said,
) -> Fetched:
    """Everything one provider gives; each feed fails on its own."""
    connector = connector_of(name)
    failures: list[Failed] = []
    feeds: list[Fed] = []
    charges: list[Path] = []
    not_asked: list[str] = []
    try:
        connection = connector.connect(settings, offline)
    except (MissingDependency, ProviderError) as error:
        return Fetched(name, (), (), (_failed(name, "connection", error),), ())
    sources: tuple[Feed | Export, ...] = (*connector.feeds, *connector.exports)
    for source in sources:
        lacking = [key for key in source.needs if not settings.get(key)]
        if lacking:
            not_asked.append(f"{source.name}: needs {', '.join(lacking)} in [providers.{name}]")
            continue
        said(name, source.name)
        asker = Asker(name, connector, connection, settings, period, source.operations)
        try:
            if isinstance(source, Feed):
                feeds.append(fed(source, asker, landing, folder, at))
            else:
                charges += exported(source, asker, landing, folder, at)
        except (ProviderError, SourceError) as error:
            failures.append(_failed(name, source.name, error))
    return Fetched(name, tuple(feeds), tuple(charges), tuple(failures), tuple(not_asked))


def _failed(provider: str, what: str, error: Exception) -> Failed:
    if isinstance(error, ProviderError):
        return Failed(provider, f"{what} ({error.operation})", error.reason, error.remedy)
    return Failed(provider, what, str(error), "see what it says, then run again")


def paths_of(fetched: Sequence[Fetched], table: str) -> list[Path]:
    """The normalised files of a table, over all providers."""
    return [fed.path for one in fetched for fed in one.feeds if fed.gives == table]
