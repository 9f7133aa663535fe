"""Files that are evidently not whole: they break off inside a record, or no record is readable.

A record that cannot be read is one row less; where half of a file or more cannot, it is the file
that is read wrongly. A file that ends inside a record lacks all that followed, however many rows
that were, so that its last record is no row of the file but its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import SEEK_END
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.landing import COPY, Landed
from trueup.focus.raw import PARQUET_MAGIC
from trueup.focus.stream import COMPRESSIONS, opened
from trueup.model.schema import REPEATS
from trueup.model.table import Table

UNENDED = "the file does not end with a line end: its last value may be cut"
EMPTY = "it holds no record: nothing was compared with it"
CUT = "the file was cut"  # ends the reason of a record that swallowed the end of its file
CHUNK_BYTES = 1 << 20
FEW = 10  # records of which half may be wrong by themselves
LINE_ENDS = (b"\n", b"\r")


def not_whole(
    landed: Iterable[Landed], sources: Iterable[Mapping[str, Any]], rejects: Table
) -> dict[str, str]:
    """What is wrong with each source of which more is missing than its rejects tell.

    ``sources`` and ``rejects`` are those of the dataset that was read from ``landed``. A source all
    of whose records repeat others is whole.
    """
    files = {one.source: one for one in landed}
    found: dict[str, str] = {}
    suspects = [row for row in sources if row["rejected"] and row["source"] in files]
    if not suspects:
        return found
    for row in suspects:
        name, count = row["source"], row["rows_in"]
        own = pc.field("source") == name
        at_end = own & (pc.field("row_number") == count) & pc.field("column").is_null()
        last = _reason(rejects, at_end)
        if last and (last.endswith(CUT) or _ends_inside_a_line(files[name])):
            found[name] = f"it breaks off in record {count:,}, what follows is missing ({last})"
        elif not row["accepted"] and (first := _reason(rejects, own)):
            found[name] = f"none of its records could be read, the first: {first}"
        elif count >= FEW and 2 * (lost := sum(1 for _ in _reasons(rejects, own))) >= count:
            first = _reason(rejects, own)
            found[name] = f"{lost:,} of its {count:,} records could not be read, the first: {first}"
    return found


def unended(
    landed: Iterable[Landed], sources: Iterable[Mapping[str, Any]], rejects: Table
) -> frozenset[str]:
    """The tables of text whose last record is accepted and whose last line has no end.

    A file that was cut within its last value looks like that, and so does one of a writer that
    leaves out the last line end: nothing tells the two apart. JSON and TOML end with a value that
    is whole or none, and a cut archive cannot be unpacked.
    """
    files = {one.source: one for one in landed}
    found = set()
    for row in sources:
        name = row["source"]
        if not row["accepted"] or name not in files or not _is_plain_table(files[name]):
            continue
        last = (pc.field("source") == name) & (pc.field("row_number") == row["rows_in"])
        if not any(some.num_rows for some in _where(rejects, last)):
            found.add(name)
    return frozenset(found)


def _is_plain_table(landed: Landed) -> bool:
    """Whether it is text, neither packed nor JSON or TOML, whose last byte ends no line."""
    if landed.source.lower().endswith(".toml"):
        return False
    with landed.path.open("rb") as file:
        first = file.read(4)
        packed = any(first.startswith(magic) for magic in (PARQUET_MAGIC, *COMPRESSIONS))
        if not first or packed or first.lstrip()[:1] in (b"{", b"["):
            return False
        file.seek(-1, SEEK_END)
        return file.read(1) not in LINE_ENDS


def _where(rejects: Table, condition: pc.Expression) -> Iterator[pa.Table]:
    """The rejects of which that is true, in their order; a small file may have millions of them."""
    for batch in rejects.reader():
        yield pa.Table.from_batches([batch]).filter(condition)


def _reasons(rejects: Table, condition: pc.Expression) -> Iterator[str]:
    """Every reason that is another than that a record is in the figures already."""
    reasons = (text for some in _where(rejects, condition) for text in some["reason"].to_pylist())
    return (text for text in reasons if not text.startswith((REPEATS, COPY)))


def _reason(rejects: Table, condition: pc.Expression) -> str | None:
    """The first of them."""
    return next(_reasons(rejects, condition), None)


def _ends_inside_a_line(landed: Landed) -> bool:
    with opened(landed.path, landed.source) as file:
        last = b""
        while chunk := file.read(CHUNK_BYTES):
            last = chunk
    return not last.endswith(LINE_ENDS)
