"""A table of a result or dataset: typed, read lazily, handed on as an Arrow PyCapsule stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from trueup.model.split import SplitFiles

ROWS_SHOWN = 10


class Table:
    """Rows under a schema, held as Arrow in memory or as Parquet files on disk.

    It is read only when asked. ``to_pandas``, ``to_polars``, ``to_arrow`` and
    ``__arrow_c_stream__`` give exact decimals and UTC instants; ``rows`` gives dictionaries.
    """

    def __init__(
        self,
        schema: pa.Schema,
        *,
        arrow: pa.Table | None = None,
        files: Sequence[Path] = (),
        keep: object = None,
        split: SplitFiles | None = None,
    ) -> None:
        self.schema = schema
        self._arrow = arrow
        self.files = tuple(files)
        self.split = split  # the same rows for computing, where the files' reader wrote them
        self._keep = keep  # whatever owns the files: they live as long as this table does

    @classmethod
    def from_rows(cls, schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> Table:
        """Make a table of plain dictionaries; missing keys are null."""
        columns = {name: [row.get(name) for row in rows] for name in schema.names}
        return cls(schema, arrow=pa.table(columns, schema=schema))

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names)

    def select(self, columns: Sequence[str]) -> Table:
        """The same rows with these columns, in this order."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        arrow = None if self._arrow is None else self._arrow.select(list(columns))
        return Table(schema, arrow=arrow, files=self.files, keep=self)

    def reader(self) -> pa.RecordBatchReader:
        """Stream the rows in bounded memory, in file order."""
        if self._arrow is not None:
            return self._arrow.to_reader()
        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        for file in self.files:
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(columns=self.schema.names):
                    yield batch.cast(self.schema)

    def to_arrow(self) -> pa.Table:
        if self._arrow is None:
            return self.reader().read_all()
        return self._arrow

    def to_pandas(self) -> pd.DataFrame:
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        from trueup.errors import MissingDependency

        try:
            import polars
        except ImportError as error:
            raise MissingDependency("polars", "all") from error
        return polars.DataFrame(self.to_arrow())

    def rows(self) -> list[dict[str, Any]]:
        """All rows as dictionaries of Python values (Decimal, datetime, str, int, bool, None)."""
        rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
        return rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        if self._arrow is not None:
            return int(self._arrow.num_rows)
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(file).num_rows for file in self.files)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.reader():
            yield from batch.to_pylist()

    def head(self, count: int = ROWS_SHOWN) -> pa.Table:
        """The first ``count`` rows, without reading the rest."""
        found: list[pa.RecordBatch] = []
        missing = count
        for batch in self.reader():
            found.append(batch.slice(0, missing))
            missing -= found[-1].num_rows
            if missing <= 0:
                break
        return pa.Table.from_batches(found, schema=self.schema)

    def __repr__(self) -> str:
        from trueup.model.display import table_text

        return table_text(self)

    def _repr_html_(self) -> str:
        from trueup.model.display import table_html

        return table_html(self)
