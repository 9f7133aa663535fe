"""The rows behind a break: file, hash, row number, and what the file says there."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from trueup.workspace.store import Store
from trueup.workspace.workspace import Workspace

KINDS = {  # side of a break -> kind of source
    "billed": "charges",
    "metered": "usage",
    "contract": "commitments",
    "invoice": "invoices",
    "provider": "provider",
}
FILE_BYTES_MAX = 256 << 20  # a larger file is not read for a few rows
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Origin:
    """One row of one side of a break. ``values`` are the file's own; None: not read."""

    side: str
    source: str
    sha256: str | None
    row: int | None
    values: Mapping[str, str] | None


def origins(workspace: Workspace, run_id: str, break_id: str) -> list[Origin]:
    """The rows of both sides of a break, as a run tells them, in order."""
    named = [row for row in workspace.table(run_id, "break_rows") if row["break_id"] == break_id]
    if not named:
        return []
    sources = {(row["kind"], row["source_id"]): row for row in workspace.table(run_id, "sources")}
    found: list[Origin] = []
    wanted: dict[str, list[int]] = {}
    for row in sorted(named, key=lambda row: (row["side"], row["source_id"], row["source_row"])):
        source = sources.get((KINDS.get(row["side"], ""), row["source_id"]), {})
        digest = source.get("sha256")
        name = source.get("source") or "a source of the run"
        found.append(Origin(row["side"], name, digest, row["source_row"], None))
        if digest is not None and row["source_row"] is not None:
            wanted.setdefault(digest, []).append(row["source_row"])
    values = {
        (digest, number): of_row
        for digest, numbers in wanted.items()
        for number, of_row in rows_of(workspace.store, digest, numbers).items()
    }
    return [replace(one, values=values.get((one.sha256 or "", one.row or 0))) for one in found]


def rows_of(store: Store, sha256: str, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    """Rows of a landed file by number, 1 for the first data row; nothing of what is no table."""
    path = store.path(sha256)
    if not path.exists() or path.stat().st_size > FILE_BYTES_MAX:
        return {}
    with path.open("rb") as file:
        begin = file.read(4)
    rows = _parquet(path, numbers) if begin == _PARQUET else _delimited(path, begin, numbers)
    return dict(rows)


def _parquet(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, str]]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        first = 1
        for group in range(file.metadata.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            here = [number for number in numbers if first <= number < first + count]
            if here:
                taken = file.read_row_group(group).take([number - first for number in here])
                for number, row in zip(here, taken.to_pylist(), strict=True):
                    yield (
                        number,
                        {name: str(value) for name, value in row.items() if value is not None},
                    )
            first += count


def _delimited(
    path: Path, begin: bytes, numbers: Sequence[int]
) -> Iterator[tuple[int, dict[str, str]]]:
    opened: Any = gzip.open if begin[:2] == _GZIP else open
    wanted = set(numbers)
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.readline()
        if not head or head[0] in "{[":
            return
        separator = max(_SEPARATORS, key=head.count)
        names = next(csv.reader([head], delimiter=separator))
        rows = csv.reader(file, delimiter=separator)
        for number, row in enumerate(islice(rows, max(wanted)), start=1):
            if number in wanted:
                pairs = zip(names, row, strict=False)
                yield number, {name: value for name, value in pairs if value}
