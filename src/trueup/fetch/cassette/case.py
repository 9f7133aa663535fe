"""One provider recorded: every feed asked once, its exchanges and their provenance written."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trueup.adapter.feed import Setting
from trueup.adapter.registry import providers
from trueup.errors import UsageError
from trueup.fetch.cassette.provenance import Provenance
from trueup.fetch.cassette.pseudonyms import Pseudonyms
from trueup.fetch.cassette.record import recording
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import Fetched, fetch_one
from trueup.fetch.settings import connector_of
from trueup.period import Period, iso

KEY_BYTES = 32


def record_case(
    provider: str,
    settings: Mapping[str, Any],
    period: Period,
    folder: Path,
    key: bytes,
    at: datetime,
    *,
    origin: str = "live",
    world_seed: int | None = None,
) -> Fetched:
    """Ask a provider for everything and keep the exchanges in ``folder``, which must be new.

    ``key`` makes the pseudonyms; it is not stored. Raises IntegrityError, with the feed's
    exchanges not written, where an id or a secret would be.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty; record into a new folder")
    connector = connector_of(provider)
    named = [one for one in connector.settings if one.identifies and origin == "live"]
    pseudonyms = Pseudonyms(key, tuple(_names(settings, named)))
    with TemporaryDirectory(prefix="trueup-recording-") as place:
        fetched = fetch_one(
            provider,
            settings,
            period,
            Place(Landing.at(Path(place) / "landing"), Path(place), at),
            around=lambda feed: recording(connector, folder / f"{feed}.yaml", pseudonyms),
        )
    folder.mkdir(parents=True, exist_ok=True)
    Provenance(
        provider=provider,
        case=folder.name,
        origin=origin,
        period=f"{period.start:%Y-%m-%dT%H:%M:%SZ}/{period.end:%Y-%m-%dT%H:%M:%SZ}",
        settings={name: _mapped(value, pseudonyms) for name, value in settings.items()},
        sdk=sdk_versions(provider),
        at=iso(at),
        world_seed=world_seed,
    ).write(folder)
    return fetched


def _names(settings: Mapping[str, Any], named: Iterable[Setting]) -> Iterator[str]:
    for setting in named:
        value = settings.get(setting.name, [])
        for text in value if isinstance(value, list) else [value]:
            yield from text.split(setting.joins) if setting.joins else [text]


def _mapped(value: Any, pseudonyms: Pseudonyms) -> Any:
    if isinstance(value, list):
        return [pseudonyms.of(item) for item in value]
    return pseudonyms.of(value) if isinstance(value, str) else value


def sdk_versions(provider: str) -> dict[str, str]:
    """What the adapter's package needs to ask: of its extra, where it has one, and the versions."""
    extra = providers()[provider].extra
    (point,) = entry_points(group="trueup.providers", name=provider)
    marker = f'extra == "{extra}"' if extra else ""
    found = {}
    for requirement in (point.dist and point.dist.requires) or ():
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name and marker in requirement.replace("'", '"'):
            try:
                found[name[0]] = version(name[0])
            except PackageNotFoundError:
                continue
    return found


def key_of(file: Path, folder: Path) -> bytes:
    """The key in a file, made at first use and readable by its owner only.

    Raises UsageError where it would lie inside the recording: who has the key can undo pseudonyms
    by trying every id.
    """
    if file.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{file}: the key must not lie in the recording it protects ({folder})")
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(KEY_BYTES), encoding="utf-8")
    text = file.read_text(encoding="utf-8").strip()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", text):
        raise UsageError(f"{file}: not a key of {KEY_BYTES} bytes in hexadecimal")
    return bytes.fromhex(text)
