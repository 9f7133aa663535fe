"""Arrow alone writes what a bill's reader leaves behind: no value is checked, no profile told."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contestants.arguments import Arguments, arguments
from trueup.focus.columns import CHARGES
from trueup.model.columns import AMOUNT, numbers_stored
from trueup.model.places import counted
from trueup.model.splits import SPLITS

SPLIT = SPLITS["charges"]
AMOUNTS = (*SPLIT.money, *SPLIT.quantities)
TEXTS = frozenset(each.name for each in CHARGES if pa.types.is_string(each.type))
COUNTED = ("x_SourceId", "x_SourceRow", "x_ChargeId")
BY_VALUE = pa.dictionary(pa.int32(), pa.string())
TABLE = pa.schema([each.with_type(BY_VALUE) if each.name in TEXTS else each for each in CHARGES])
FACTS = pa.schema([*map(CHARGES.field, SPLIT.own), *(pa.field(name, AMOUNT) for name in AMOUNTS)])


def run(told: Arguments) -> None:
    """Each FOCUS file as the common model's columns and as facts, the two side by side."""
    for name in told.words:
        land(told.month / name, told.out)


def land(file: Path, out: Path) -> None:
    """One file, a row group at a time, one of which is written while the next is read."""
    texts = [name for name in pq.read_schema(file).names if name in TEXTS]
    with (
        pq.ParquetFile(file, read_dictionary=texts) as source,
        writer(out / "table.parquet", TABLE) as table,
        writer(out / "facts.parquet", FACTS) as facts,
        ThreadPoolExecutor(max_workers=2) as threads,
    ):
        on_their_way: list[Future[None]] = []
        for group in range(source.num_row_groups):
            rows = common(source.read_row_group(group))
            for each in on_their_way:
                each.result()
            on_their_way = [
                threads.submit(table.write_table, rows),
                threads.submit(facts.write_table, rows.select(FACTS.names)),
            ]
        for each in on_their_way:
            each.result()


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Written as the reader writes: text by its values, statistics of instants only."""
    times = [each.name for each in schema if pa.types.is_timestamp(each.type)]
    return pq.ParquetWriter(
        path,
        schema,
        use_dictionary=[*times, *(name for name in schema.names if name in TEXTS)],
        column_encoding=numbers_stored(schema),
        write_statistics=times,
    )


def common(rows: pa.Table) -> pa.Table:
    """The common model's columns: what the file lacks is null, numbers of rows are counted."""
    numbers = counted(len(rows))
    columns = []
    for each in TABLE:
        if each.name in COUNTED:
            columns.append(numbers.cast(each.type))
        elif each.name in rows.column_names:
            columns.append(rows[each.name].cast(each.type))
        else:
            columns.append(pa.nulls(len(rows), each.type))
    return pa.Table.from_arrays(columns, schema=TABLE)


if __name__ == "__main__":
    run(arguments())
