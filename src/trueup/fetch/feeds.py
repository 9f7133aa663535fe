"""One feed asked to its end, landed and normalised; one export's files fetched."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from trueup.adapter.feed import (
    COMMITMENTS,
    TABLES,
    Answer,
    BrokenAnswer,
    Changed,
    Export,
    Feed,
    Lacking,
    Row,
)
from trueup.errors import IntegrityError, NothingYet, ProviderError, SourceError
from trueup.fetch.asking import Asker
from trueup.fetch.landing import Landing
from trueup.focus.columns import CONTRACT_COMMITMENT, DATASETS
from trueup.focus.commitments import STATED

T = TypeVar("T")

NAME_BYTES_MAX = 200  # of a part of a path: file systems take 255
READINGS_MAX = 3  # data that changes while it is read is read again


@dataclass(frozen=True)
class Fed:
    """What a feed gave: its raw answers, and its normalised rows as a CSV file."""

    feed: str
    gives: str
    answers: int
    rows: int
    path: Path


@dataclass(frozen=True)
class Place:
    """Where what is fetched goes, and the instant at which it becomes known."""

    landing: Landing
    folder: Path  # of normalised tables and exported files
    at: datetime


def columns_of(table: str) -> tuple[str, ...]:
    """The columns of a table that feeds give, in order."""
    if table != COMMITMENTS:
        return TABLES[table]
    focus = (column for column in DATASETS[CONTRACT_COMMITMENT] if column.removed is None)
    return tuple(column.name for column in (*focus, *STATED))


def fetched(feed: Feed, asker: Asker) -> list[Answer]:
    """All answers of a feed that belong together; ProviderError where they keep changing."""

    def read() -> list[Answer]:
        answers = list(feed.fetch(asker))
        if feed.check is not None:
            feed.check(answers)
        return answers

    return unchanged(feed.name, asker, read)


def unchanged(name: str, asker: Asker, read: Callable[[], T]) -> T:
    """What ``read`` gives once nothing changes meanwhile; ProviderError where it always does."""
    readings = 0
    while True:
        readings += 1
        try:
            return read()
        except Changed as change:
            if readings == READINGS_MAX:
                raise asker.error(
                    name,
                    f"the data changed while it was read, {READINGS_MAX} times: {change}",
                    "run again when the provider has finished its refresh",
                ) from change
        except BrokenAnswer as error:
            raise _misshapen(name, asker, error) from error


def normalised(feed: Feed, answers: Sequence[Answer], asker: Asker) -> list[Row]:
    """The feed's rows; ProviderError where an answer has another shape than the API's."""
    try:
        return list(feed.normalise(answers))
    except BrokenAnswer as error:
        raise _misshapen(feed.name, asker, error) from error


def _misshapen(name: str, asker: Asker, error: BrokenAnswer) -> ProviderError:
    return asker.error(
        name,
        f"an answer is not what the API gives: {error}",
        "report it with its operation; `trueup record` keeps the answer without ids or secrets",
    )


def csv_text(table: str, rows: Iterable[Row]) -> str:
    """Rows as CSV with the table's columns, unknown as nothing, in a stable order.

    Raises IntegrityError for a column the table does not have.
    """
    columns = columns_of(table)
    known = set(columns)
    lines = []
    for row in rows:
        if not row.keys() <= known:
            raise IntegrityError(f"{table}: no such column: {sorted(row.keys() - known)}")
        lines.append(["" if row.get(name) is None else str(row[name]) for name in columns])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(sorted(lines))
    return text.getvalue()


def fed(feed: Feed, asker: Asker, place: Place) -> Fed:
    """Ask a feed, keep its raw answers, write its normalised rows."""
    answers = fetched(feed, asker)
    for answer in answers:
        place.landing.answer(asker.provider, feed.name, answer, place.at)
    rows = normalised(feed, answers, asker)
    path = place.folder / f"{asker.provider}-{feed.name}.csv"
    path.write_text(csv_text(feed.gives, rows), encoding="utf-8")
    return Fed(feed.name, feed.gives, len(answers), len(rows), path)


def exported(export: Export, asker: Asker, place: Place) -> list[Path]:
    """The export's files that belong together; only new or changed ones are fetched."""
    try:
        return unchanged(export.name, asker, lambda: _exported(export, asker, place))
    except Lacking as error:
        raise NothingYet(
            asker.provider,
            export.name,
            f"the export holds no file for {error}",
            f"check where [providers.{asker.provider}] looks, and that the export runs",
        ) from error


def _exported(export: Export, asker: Asker, place: Place) -> list[Path]:
    paths = []
    for listed in list(export.files(asker)):  # a list that breaks off fails before any file comes
        # Pseudonyms in a recorded file may be longer or shorter than what they stand for.
        file = replace(listed, size_bytes=None) if asker.offline else listed
        path = place.folder / asker.provider / _safe(file.name)
        if path in paths:
            raise SourceError(file.name, f"two files of the export would be {path.name}")
        entry = asker.retried(
            export.name,
            partial(place.landing.file, asker.provider, export.name, file, file.download, place.at),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(place.landing.path(entry.sha256).resolve())
        paths.append(path)
    if not paths:
        raise Lacking("the period")
    return paths


def _safe(name: str) -> Path:
    """A file's name as a path below a folder, whatever the provider wrote into it."""
    parts = [part for part in name.split("/") if part not in {"", ".", ".."}]
    return Path(*map(_safe_part, parts or ["unnamed"]))


def _safe_part(part: str) -> str:
    text = part.encode(errors="replace").decode().replace("\\", "_").replace("\0", "_")
    if len(text.encode()) <= NAME_BYTES_MAX:
        return text
    return f"{sha256(part.encode(errors='replace')).hexdigest()}{Path(part).suffix[:9]}"
