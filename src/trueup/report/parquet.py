"""Tables as Parquet files."""

from __future__ import annotations

from pathlib import Path

from trueup.model.table import Table
from trueup.report.atomic import replacing


def write_parquet(table: Table, path: Path) -> Path:
    """Stream one table into one file, in the table's own order."""
    import pyarrow.parquet as pq

    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer,
    ):
        for batch in table.reader():
            writer.write_batch(batch)
    return path
