"""Datasets of one kind that were read apart, made one: columns united, numbers kept unique."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.errors import UsageError
from trueup.model.dataset import Dataset
from trueup.model.folder import OwnedFolder
from trueup.model.split import Split, SplitWriter
from trueup.model.splits import SPLITS
from trueup.model.table import Table

SOURCE_IDS = ("source_id", "x_SourceId")
ROW_IDS = ("usage_id", "x_ChargeId")


def combined(datasets: Sequence[Dataset]) -> Dataset:
    """One dataset of all rows, in the order given.

    Source and row numbers of each following dataset are shifted past those before it, so that
    they stay unique. Columns that only some have are null in the others. Rows are streamed, in
    bounded memory. Raises UsageError for datasets of different kinds.
    """
    if len(datasets) == 1:
        return datasets[0]
    kinds = sorted({dataset.kind for dataset in datasets})
    if len(kinds) != 1:
        raise UsageError(f"only datasets of one kind can be combined, not {', '.join(kinds)}")
    folder = OwnedFolder()
    shifts = list(_source_shifts(datasets))

    def whole(name: str, split: Split | None = None) -> Table:
        parts = [getattr(dataset, name) for dataset in datasets]
        place = folder.path / name
        place.mkdir()
        schema = pa.schema(_united(parts))
        also = None
        if split is not None and split.fits(schema):
            also = SplitWriter(place / kinds[0], split, schema)
        files = _stacked(parts, shifts, schema, place, also)
        return Table(schema, files=files, keep=folder, split=None if also is None else also.close())

    broken = {name: why for dataset in datasets for name, why in dataset.broken.items()}
    tables = whole("table", SPLITS.get(kinds[0])), whole("sources"), whole("rejects")
    return Dataset(kinds[0], *tables, broken=broken).checked()


def _source_shifts(datasets: Sequence[Dataset]) -> Iterator[int]:
    taken = 0
    for dataset in datasets:
        yield taken
        numbers = [row["source_id"] for row in dataset.sources.rows()]
        taken += max(numbers, default=-1) + 1


def _stacked(
    tables: Sequence[Table],
    source_shifts: Sequence[int],
    schema: pa.Schema,
    folder: Path,
    split: SplitWriter | None,
) -> list[Path]:
    """A Parquet file for each table under the schema of all."""
    files = []
    rows_taken = 0
    for number, (table, source_shift) in enumerate(zip(tables, source_shifts, strict=True)):
        files.append(folder / f"{number:06d}.parquet")
        shift = dict.fromkeys(SOURCE_IDS, source_shift) | dict.fromkeys(ROW_IDS, rows_taken)
        with pq.ParquetWriter(files[-1], schema) as writer:
            for batch in table.reader():
                shifted = _fitted(batch, schema, shift)
                rows_taken = max(rows_taken, _next_row_id(shifted))
                writer.write_batch(shifted)
                if split is not None:
                    split.write(pa.Table.from_batches([shifted]))
    return files


def _united(tables: Sequence[Table]) -> list[pa.Field]:
    fields: dict[str, pa.Field] = {}
    for table in tables:
        for column in table.schema:
            fields.setdefault(column.name, column)
    return list(fields.values())


def _fitted(batch: pa.RecordBatch, schema: pa.Schema, shift: Mapping[str, int]) -> pa.RecordBatch:
    columns = []
    for column in schema:
        if column.name not in batch.schema.names:
            columns.append(pa.nulls(batch.num_rows, column.type))
            continue
        values = batch.column(column.name)
        if shift.get(column.name):
            values = pc.add_checked(values, pa.scalar(shift[column.name], column.type))
        columns.append(values.cast(column.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _next_row_id(batch: pa.RecordBatch) -> int:
    """One past the largest row number of the batch; 0 where it has none."""
    largest = [pc.max(batch.column(name)).as_py() for name in ROW_IDS if name in batch.schema.names]
    return max((number + 1 for number in largest if number is not None), default=0)
