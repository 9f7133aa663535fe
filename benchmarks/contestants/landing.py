"""What a bill's reader must do at the least, by hand: Arrow, for this month's columns and values.

It makes the reader's columns, looks at what no reader can leave unlooked at (the file's digest,
each text once, instants, periods, what must be there) and hands the rows to trueup's own writer of
the table and its split. It ends where a value is another than this month has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.contestants import cur
from benchmarks.contestants.arguments import Arguments, arguments
from trueup.focus.charges import ROWS_PER_SOURCE
from trueup.focus.columns import CHARGES
from trueup.focus.distinct import translated
from trueup.focus.native_by_value import YEAR_1, YEAR_10000
from trueup.focus.raw import CHUNK_ROWS, ahead
from trueup.model.arrays import whole
from trueup.model.places import counted
from trueup.model.table import Table
from trueup.model.table_files import TableFiles

NEEDED = ("BilledCost", "EffectiveCost", "BillingCurrency", "ChargeCategory")
INSTANTS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
SOURCE = 1
SLUGS = {"AWS": "aws"}
OWN_FOCUS = ("x_ProviderName",)
Columns = Mapping[str, pa.ChunkedArray | pa.Array]


def run(told: Arguments) -> None:
    """Each file as the table that its reader makes, with its split."""
    for name in told.words:
        land(told.month / name, told.out)


def land(file: Path, out: Path) -> Table:
    """One file: rows are read, as many at a time as by the reader, while others are written."""
    with file.open("rb") as read:
        hashlib.file_digest(read, "sha256")
    is_cur = "line_item_usage_type" in pq.read_schema(file).names
    own = cur.OWN if is_cur else OWN_FOCUS
    schema = pa.schema([*CHARGES, *(pa.field(name, pa.string()) for name in own)])
    files = TableFiles(out, "charges", schema)
    for rows in ahead(_tables(file, cur.columns if is_cur else _focus, schema)):
        files.write(rows)
    return files.table(None)


def _tables(
    file: Path, columns: Callable[[pa.Table], Columns], schema: pa.Schema
) -> Generator[pa.Table]:
    """What the reader makes of the file, in its order."""
    texts = [each.name for each in pq.read_schema(file) if pa.types.is_string(each.type)]
    known: set[str | None] = set()
    taken = 0
    with pq.ParquetFile(file, read_dictionary=texts) as source:
        groups = range(source.num_row_groups)
        together = max(CHUNK_ROWS // source.metadata.row_group(0).num_rows, 1)
        for start in groups[::together]:
            rows = source.read_row_groups(groups[start : start + together])
            for name in texts:
                _look(whole(rows[name]).dictionary, known)
            found = columns(rows)
            _check(found)
            yield _table(found, schema, rows.num_rows, taken)
            taken += rows.num_rows


def _focus(rows: pa.Table) -> Columns:
    """Columns of FOCUS are what they are."""
    provider = rows["ProviderName"]
    return {name: rows[name] for name in rows.column_names} | {
        "ServiceProviderName": provider,
        "x_Provider": translated(whole(provider), SLUGS.__getitem__),
        "x_PublisherName": rows["PublisherName"],
        "x_ProviderName": provider,
    }


def _look(values: pa.Array, known: set[str | None]) -> None:
    """ValueError where a text is none to keep as it is."""
    new = set(values.to_pylist()) - known
    if any(not text or text != text.strip() for text in new):
        raise ValueError("a text of this month is empty or has blanks around it")
    known |= new


def _check(found: Columns) -> None:
    """ValueError where a row would be rejected."""
    if any(found[name].null_count for name in (*NEEDED, *INSTANTS)):
        raise ValueError("a row of this month lacks what it needs")
    for name in INSTANTS:
        ends = pc.min_max(found[name].cast(pa.int64())).as_py()
        if not YEAR_1 <= ends["min"] <= ends["max"] < YEAR_10000:
            raise ValueError(f"{name} is out of range")
    if pc.any(pc.less(found["ChargePeriodEnd"], found["ChargePeriodStart"])).as_py():
        raise ValueError("a charge of this month ends before it starts")


def _table(found: Columns, schema: pa.Schema, rows: int, before: int) -> pa.Table:
    """The reader's columns: what is not there is null, rows are numbered."""
    numbers = counted(rows, before + 1)
    keys = {
        "x_SourceId": pa.repeat(pa.scalar(SOURCE, schema.field("x_SourceId").type), rows),
        "x_SourceRow": numbers,
        "x_ChargeId": pc.add(numbers, SOURCE * ROWS_PER_SOURCE),
    }
    nothing = {each.name: pa.nulls(rows, each.type) for each in schema if each.name not in found}
    return pa.table({**nothing, **found, **keys}).select(schema.names)


if __name__ == "__main__":
    run(arguments())
