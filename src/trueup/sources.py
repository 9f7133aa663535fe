"""Every source of a run: landed in the workspace byte for byte, then read from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.api import reader_of
from trueup.config import Configuration, Files, UsageFiles
from trueup.errors import (
    MissingDependency,
    SourceError,
    TrueupError,
    UnitError,
    UsageError,
    disk_full,
)
from trueup.focus.landing import Landed, Landing, expand
from trueup.redacted import redacted

if TYPE_CHECKING:
    from trueup.fetch.providers import Fetched
    from trueup.model.dataset import Dataset
    from trueup.workspace.store import Store

KINDS = ("charges", "commitments", "usage", "invoices")
FETCHED = "fetched"  # the folder in whose name fetched files are listed as sources
FAILURES = (SourceError, MissingDependency, UsageError, UnitError)  # of a source, not of the run


def is_fetched(source: str) -> bool:
    """Whether a provider was asked for it, which each run does for its own period alone."""
    return source.startswith(f"{FETCHED}/")


@dataclass(frozen=True)
class Failure:
    """A source that could not be read, why, and what to do about it."""

    kind: str
    source: str
    reason: str
    remedy: str
    partly: bool = False  # what could be read of it is in the figures, and the core says so
    nothing_yet: bool = False  # the provider's bill holds nothing of the period

    @property
    def text(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(frozen=True)
class Group:
    """Files that are read together: duplicates are found across them."""

    kind: str
    title: str
    files: tuple[Landed, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, files: Sequence[Landed] | None = None) -> Dataset:
        """All of its files as one dataset, or some of them."""
        return reader_of(self.kind)(list(self.files if files is None else files), **self.options)


def groups(
    config: Configuration, fetched: Sequence[Fetched], folder: Path, store: Store
) -> Iterator[tuple[Group, list[Failure]]]:
    """Every group of the configuration, then of what was fetched into ``folder``, landed.

    With each, its files that could not be landed.
    """
    for kind, entry in config.sources():
        paths = [config.located(path) for path in entry.paths]
        yield _landed(kind, entry, paths, store, config)
    for one in fetched:
        contracts = [fed.path for fed in one.feeds if fed.gives == "commitments" and fed.rows]
        for kind, found in (("charges", one.charges), ("commitments", contracts)):
            if found:
                yield _kept(kind, f"{one.provider} {kind}", found, folder, store), []


def _landed(
    kind: str, entry: Files, paths: Sequence[str], store: Store, config: Configuration
) -> tuple[Group, list[Failure]]:
    """The files of an entry in the store, under their names as given."""
    kept: list[Landed] = []
    failures: list[Failure] = []
    with Landing() as landing:
        for name in _files(paths):
            try:
                expand(name)  # says better than an open what is wrong with a name
                found = landing.file(name)
                digest = store.put_file(found.path, found.sha256)
                kept.append(replace(found, path=store.path(digest)))
            except SourceError as error:
                failures.append(failure(kind, name, error, config))
    options = {}
    if isinstance(entry, UsageFiles):
        options = {
            "format": entry.format,
            "columns": dict(entry.columns) or None,
            "constants": dict(entry.constants) or None,
        }
    return Group(kind, entry.title, tuple(kept), options), failures


def _kept(kind: str, title: str, paths: Sequence[Path], folder: Path, store: Store) -> Group:
    """Fetched files in the store, named as they lie in the folder, whatever the folder is."""
    files = []
    for path in paths:
        digest = store.put_file(path)
        name = path.absolute().relative_to(folder.absolute().parent).as_posix()
        files.append(Landed(name, store.path(digest), digest, path.stat().st_size))
    return Group(kind, title, tuple(sorted(files, key=lambda one: one.source)))


def _files(paths: Sequence[str]) -> list[str]:
    """Every file that paths, patterns and URLs stand for; one that stands for none, as given."""
    try:
        return expand(paths)
    except SourceError:
        pass  # some stand for none: which, landing them will say
    found: list[str] = []
    for path in paths:
        try:
            found.extend(expand(path))
        except SourceError:
            found.append(path)
    return sorted(dict.fromkeys(found))


def read(group: Group, config: Configuration) -> tuple[Dataset | None, list[Failure], list[Landed]]:
    """A group's files, or those that can be read, with the failures of the others.

    What can be read is read together: only to find out which files fail are they read one by one.
    """
    if not group.files:
        return None, [], []
    try:
        return group.read(), [], list(group.files)
    except FAILURES as error:
        if len(group.files) == 1:
            return None, [failure(group.kind, group.files[0].source, error, config)], []
    good, failures = [], []
    for file in group.files:
        try:
            group.read([file])
        except FAILURES as error:
            failures.append(failure(group.kind, file.source, error, config))
        else:
            good.append(file)
    return (group.read(good) if good else None), failures, good


def not_whole(kind: str, found: Dataset) -> list[Failure]:
    """The sources of which more is missing than single rows: no night passes over them."""
    remedy = "Deliver the whole file, or correct how it is read, then run again."
    return [Failure(kind, name, why, remedy, partly=True) for name, why in found.broken.items()]


def failure(kind: str, source: str, error: TrueupError, config: Configuration) -> Failure:
    """What is reported of an error while a source was landed or read; a full disk is raised."""
    if disk_full(error):
        raise error
    if isinstance(error, SourceError):
        source, reason = error.source, error.reason
    else:
        source = redacted(source)
        reason = str(error).removeprefix(f"{source}: ")
    if isinstance(error, MissingDependency):
        remedy = "Install what is missing, then run again."
    else:
        remedy = f"Correct the file, or its [[{kind}]] entry in {config.file}, then run again."
    return Failure(kind, source, reason, remedy)
