"""Brings what a user names (paths, globs, URLs, data frames) to local files with their hash."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from trueup.errors import SourceError, UsageError
from trueup.files import ENDLESS, is_endless
from trueup.redacted import redacted, scrubbed

MAGIC = "*?["
WEB = ("http://", "https://")
REFUSED = {
    **dict.fromkeys((401, 403), "renew the token or signature in its URL"),
    **dict.fromkeys((404, 410), "no such file"),
}
_BELOW = re.compile(r"(?:^|(?<=/))\*\*(?:/|$)")


@dataclass(frozen=True)
class Landed:
    """One local file: where it came from as it was given, its content's hash and its size.

    Results and journal name a file by its ``source``, in which no secret is.
    """

    source: str
    path: Path
    sha256: str
    size_bytes: int


COPY = "a copy of "  # begins the reason of a row of a file that was read under another name


def copy_of(source: str) -> str:
    """Why the records of a file are rejected whose bytes are those of ``source``."""
    return f"{COPY}{source}, byte for byte, not read: leave one of the two out"


def flatten(sources: Iterable[Any]) -> tuple[list[str], list[Any]]:
    """Split arguments into names (paths, globs, URLs) and what is landed or a data frame."""
    names: list[str] = []
    frames: list[Any] = []
    for item in sources:
        if isinstance(item, str | os.PathLike):
            names.append(os.fspath(item))
        elif isinstance(item, Landed) or hasattr(item, "__arrow_c_stream__"):
            frames.append(item)
        elif isinstance(item, list | tuple | set | frozenset):
            inner_names, inner_frames = flatten(item)
            names += inner_names
            frames += inner_frames
        else:
            raise UsageError(
                f"cannot read a {type(item).__name__}: give a path, a glob, a URL, "
                "or a pandas, polars or Arrow table"
            )
    return names, frames


def expand(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Every file the paths, globs and URLs name, as given, sorted; each path once.

    A pattern that finds nothing, a file that is not there and a directory raise SourceError.
    """
    names, frames = flatten([paths])
    if frames:
        raise UsageError("a data frame has no path")
    found: dict[str, str] = {}
    for name in names:
        for file in _remote(name) if "://" in name else _local(name):
            key = file if "://" in file else os.path.realpath(file)
            found[key] = min(file, found.get(key, file))
    if not found:
        raise SourceError(", ".join(names) or "(nothing)", "no file was given")
    return sorted(found.values())


def _local(name: str) -> list[str]:
    if not name:
        raise SourceError("(empty path)", "a path is needed")
    path = Path(name)
    try:
        if path.is_dir():
            raise SourceError(name, f"is a directory; give its files, such as {path / '*.csv'}")
        if path.exists():
            return [_spelled(name)]
    except (OSError, ValueError) as error:  # a name too long, or no name at all
        raise SourceError(name, f"no such file ({error})") from error
    if not any(character in name for character in MAGIC):
        raise SourceError(name, "no such file")
    found = [_spelled(file) for file in _matching(name) if not Path(file).is_dir()]
    if not found:
        raise SourceError(name, "no file matches this pattern")
    return found


def _spelled(name: str) -> str:
    """The name itself; SourceError where reports could not spell it."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceError(name, "its name is not UTF-8: rename the file") from error
    return name


def _matching(pattern: str) -> Iterator[str]:
    """What a pattern names, as it is given: Path would drop a leading ./ of it.

    Below ``**`` each folder is entered once, however many links lead to it and in circles.
    """
    before, *after = _BELOW.split(pattern, maxsplit=1)
    if not after:
        yield from glob.iglob(pattern)  # noqa: PTH207
        return
    entered: set[str] = set()
    for top in sorted(glob.iglob(before or ".")):  # noqa: PTH207
        for folder, below, _ in os.walk(top, followlinks=True):
            real = os.path.realpath(folder)
            if real in entered:
                below.clear()
                continue
            entered.add(real)
            below[:] = sorted(name for name in below if not name.startswith("."))
            here = folder if before else folder.removeprefix("./").removeprefix(".")
            yield from _matching(os.path.join(glob.escape(here), after[0] or "*"))  # noqa: PTH118


def _file_system(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise SourceError(url, f"this kind of URL needs another package: {error}") from error
    except ValueError as error:
        raise SourceError(url, str(error)) from error
    return system, path


def _remote(url: str) -> list[str]:
    system, path = _file_system(url)
    if url.lower().startswith(WEB) and "*" not in url:  # a question mark begins its query
        return [_answered(system, path, url)]
    try:
        if any(character in path for character in MAGIC) and not system.exists(path):
            found = [system.unstrip_protocol(file) for file in system.glob(path)]
            if not found:
                raise SourceError(url, "no file matches this pattern")
            return found
        if not system.exists(path):
            raise SourceError(url, "no such file")
        if system.isdir(path):
            raise SourceError(url, "is a directory; give its files by a pattern such as /*.csv")
    except OSError as error:
        raise SourceError(url, f"cannot be reached ({error})") from error
    return [url]


def _answered(system: Any, path: str, url: str) -> str:
    """The URL, if its server has it; else SourceError that says what the server answered."""
    try:
        system.info(path)
    except OSError as error:
        status = getattr(error.__cause__, "status", None)
        if status is None:
            kind = type(error.__cause__ or error).__name__
            raise SourceError(url, f"its server cannot be reached ({kind})") from error
        further = REFUSED.get(status, "ask again later" if status >= 500 else "look at its URL")
        raise SourceError(url, f"its server answered {status}: {further}") from error
    return url


class Landing:
    """A place for the copies of remote files and data frames, gone when the context ends.

    Local files are used where they are.
    """

    def __init__(self) -> None:
        self._directory: TemporaryDirectory[str] | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._directory is not None:
            self._directory.cleanup()

    def _new_file(self) -> Path:
        if self._directory is None:
            self._directory = TemporaryDirectory(prefix="trueup-landing-")
        self._count += 1
        return Path(self._directory.name) / f"{self._count:06d}"

    def file(self, name: str) -> Landed:
        """Land one file that ``expand`` named; SourceError when it cannot be read."""
        try:
            local = self._copied(name) if "://" in name else Path(name)
            if is_endless(local):
                raise SourceError(name, ENDLESS)
            return _landed(name, local)
        except OSError as error:
            raise SourceError(name, f"cannot be read ({error.strerror or error})") from error

    def _copied(self, url: str) -> Path:
        system, path = _file_system(url)
        if "file" in (system.protocol if isinstance(system.protocol, tuple) else ()):
            return Path(path)
        local = self._new_file()
        with system.open(path, "rb") as remote, local.open("wb") as copy:
            copyfileobj(remote, copy, 1 << 20)
        return local

    def all(self, sources: Iterable[Any]) -> list[Landed]:
        """Everything that ``flatten`` takes, landed: files by name, then the rest as given."""
        names, others = flatten(sources)
        if not names and not others:
            raise UsageError("nothing to read: give at least one path, URL or table")
        landed = [self.file(name) for name in expand(names)] if names else []
        landed += [one for one in others if isinstance(one, Landed)]
        frames = [one for one in others if not isinstance(one, Landed)]
        numbered = enumerate(frames, start=1)
        return landed + [self.frame(frame, f"data frame {number}") for number, frame in numbered]

    def frame(self, frame: Any, name: str) -> Landed:
        """Land a pandas, polars or Arrow table (or any Arrow stream) as Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        local = self._new_file()
        try:
            if type(frame).__module__.split(".")[0] == "pandas":
                reader = pa.Table.from_pandas(frame, preserve_index=False).to_reader()
            else:
                reader = pa.RecordBatchReader.from_stream(frame)
            with pq.ParquetWriter(local, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise SourceError(name, f"cannot be taken over as Arrow: {error}") from error
        return _landed(name, local)


def _landed(name: str, path: Path) -> Landed:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = redacted(name) if "://" in name else scrubbed(name)
    return Landed(source, path, digest, path.stat().st_size)
