"""The sidecar of a case: where its exchanges come from, said honestly, and their hashes."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from glob import glob
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from trueup.errors import SourceError
from trueup.files import ENDLESS, is_endless
from trueup.period import parse_instant

SIDECAR = "provenance.json"
PLAIN_MAX_CHARACTERS = 500_000
TEXT_BYTES_MAX = 64 << 20  # of a recording, unpacked: it is taken apart in memory
STATEMENTS = {
    "synthetic": "recorded from a synthetic twin; shapes checked against the SDK's models; "
    "behaviour not observed",
    "live": "recorded from an account by its owner; ids and addresses are pseudonyms",
    "derived": "altered by hand from another recording; behaviour not observed",
}


@dataclass(frozen=True)
class Provenance:
    """What ``provenance.json`` holds."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    provider: str
    case: str
    origin: str  # synthetic | live | derived
    period: str
    settings: Mapping[str, Any]  # as they must be given again to ask the same questions
    sdk: Mapping[str, str]  # package -> version
    at: str | None = None  # the clock of the recording, on which its questions depend
    statement: str = ""
    world_seed: int | None = None
    parent: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)  # file of the case -> hash

    @property
    def clock(self) -> datetime | None:
        return None if self.at is None else parse_instant(self.at)

    def write(self, folder: Path) -> None:
        """Write the sidecar, with the statement of its origin and the hash of every recording."""
        values = asdict(self)
        values["statement"] = STATEMENTS[self.origin]
        values["sha256"] = hashes(folder)
        text = json.dumps(values, indent=1, sort_keys=True) + "\n"
        (folder / SIDECAR).write_text(text, encoding="utf-8")


_SIDECAR = TypeAdapter(Provenance)


def recordings(folder: Path) -> list[Path]:
    """The recorded exchanges of a case, in the order of their names; large ones are packed."""
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yaml.gz")])


def recorded_text(file: Path) -> str:
    """What a recording says, unpacked."""
    if is_endless(file):
        raise SourceError(str(file), ENDLESS)
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            content = opened.read(TEXT_BYTES_MAX + 1)
        text = content.decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SourceError(str(file), f"cannot be read as a recording: {error}") from error
    if len(content) > TEXT_BYTES_MAX:
        size = TEXT_BYTES_MAX >> 20
        raise SourceError(str(file), f"more than {size} MiB of text: record a shorter period")
    return text


def write_recording(file: Path, text: str) -> None:
    """Write a recording: readable as it is, or packed where it is large."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if len(text) <= PLAIN_MAX_CHARACTERS:
        file.write_text(text, encoding="utf-8")
    else:
        packed = gzip.compress(text.encode(), mtime=0)
        file.with_name(f"{file.name}.gz").write_bytes(packed)


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every recording of a case, by file name."""
    return {file.name: _digest(file) for file in recordings(folder)}


def _digest(file: Path) -> str:
    if is_endless(file):
        raise SourceError(str(file), ENDLESS)
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_provenance(folder: Path) -> Provenance:
    """The sidecar of a case; SourceError where it is missing or a recording was changed."""
    file = folder / SIDECAR
    try:
        known = _SIDECAR.validate_python(json.loads(recorded_text(file)))
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(str(file), f"not the provenance of a recording: {error}") from error
    found = hashes(folder)
    changed = sorted(
        name for name in {*found, *known.sha256} if found.get(name) != known.sha256.get(name)
    )
    if changed:
        raise SourceError(
            str(folder), f"not as recorded: {', '.join(changed)} was changed, added or removed"
        )
    return known


def cases(folder: Path) -> dict[str, Path]:
    """The case of each provider below a folder, or below all that a pattern names.

    SourceError where there is none, or two of one provider.
    """
    found: dict[str, Path] = {}
    below = (Path(place) for place in sorted(glob(str(folder))))  # noqa: PTH207  an absolute pattern
    for sidecar in sorted(sidecar for place in below for sidecar in place.rglob(SIDECAR)):
        provider = read_provenance(sidecar.parent).provider
        if provider in found:
            raise SourceError(
                str(folder),
                f"two recordings of {provider}: {found[provider]} and {sidecar.parent}; "
                "name a folder with one of each provider",
            )
        found[provider] = sidecar.parent
    if not found:
        raise SourceError(str(folder), f"no recording here: no {SIDECAR} in it or below it")
    return found
