"""Usage on its way to its file: numbered, providers translated, constants set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from trueup.adapter.registry import provider_of_telemetry
from trueup.focus.distinct import translated
from trueup.model.arrays import whole
from trueup.model.schema import INTERRUPTIBLE, USAGE
from trueup.model.table import Table
from trueup.model.table_files import TableFiles
from trueup.telemetry.workbench import WHERE, WHO, YES

FLAG = f'"{INTERRUPTIBLE}":"true"'


class UsageFile:
    """The table ``USAGE``, as it is and split, in the order in which rows are written."""

    def __init__(self, folder: Path, constants: Mapping[str, str]) -> None:
        self._files = TableFiles(folder, "usage", USAGE)
        self._constants = {n: v for n, v in constants.items() if n in (*WHERE, *WHO)}
        self._slug = cache(provider_of_telemetry)
        self._next = 0

    def write(self, rows: pa.Table) -> None:
        """Append rows of the workbench's columns, not necessarily all of them."""
        count = rows.num_rows
        if not count:
            return
        columns = {name: rows[name] for name in rows.column_names}
        for name, value in self._constants.items():
            columns[name] = pa.chunked_array([pa.repeat(value, count)])
        if "provider" in columns:
            columns["provider"] = translated(whole(columns["provider"]), self._slug)
        flag = columns.pop(INTERRUPTIBLE, None)
        if flag is not None and flag.null_count < count:
            columns["tags"] = _flagged(columns.get("tags", pa.nulls(count, pa.string())), flag)
        columns["usage_id"] = pa.array(range(self._next, self._next + count), pa.int64())
        self._next += count
        lacking = [each for each in USAGE if each.name not in columns]
        complete = pa.table(columns | {e.name: pa.nulls(count, e.type) for e in lacking})
        self._files.write(complete)

    def close(self) -> None:
        """Finish the files; no rows can follow."""
        self._files.close()

    def table(self, keep: object) -> Table:
        """The rows written; ``keep`` owns the folder."""
        return self._files.table(keep)


def _flagged(tags: pa.ChunkedArray | pa.Array, flag: pa.ChunkedArray) -> pa.ChunkedArray:
    """The tags, with one more where work may be interrupted."""
    tags = tags.cast(pa.string())
    yes = pc.is_in(pc.utf8_lower(flag.cast(pa.string())), pa.array(YES))
    alone = pc.fill_null(pc.equal(tags, "{}"), True)  # noqa: FBT003  no tags, as if empty
    more = pc.binary_join_element_wise(f"{{{FLAG},", pc.utf8_slice_codeunits(tags, 1), "")
    return pc.if_else(yes, pc.if_else(alone, f"{{{FLAG}}}", more), tags)
