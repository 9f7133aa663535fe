"""One part of a month, as one worker of a cluster would take it: ``split`` makes the parts.

``split N``: a month's charges and usage by contiguous hours, a folder a part, and what that moved.
``part M N``: the contestant trueup over a part. ``merge N``: the parts' tables as one.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow as pa

from benchmarks.agree import KEYS
from benchmarks.contestants import trueup as contestant
from benchmarks.contestants.arguments import Arguments, arguments
from benchmarks.data import HOURS

START = datetime(2026, 10, 1, tzinfo=UTC)
# What a step must have of a row to match and share it: the key, the figures, who.
KEYED = {
    "charges": "SubAccountId, RegionId, ResourceId, SkuId, ChargePeriodStart, ChargePeriodEnd, "
    "CommitmentDiscountId, CommitmentDiscountStatus, CommitmentDiscountQuantity, "
    "ConsumedQuantity, ConsumedUnit, EffectiveCost, BilledCost, BillingCurrency",
    "usage": "provider, account_id, resource_id, meter, window_start, window_end, quantity, unit, "
    "session_id, agent, team",
}
TIME = {"charges": "ChargePeriodStart", "usage": "window_start"}


def bounds(part: int, parts: int) -> tuple[datetime, datetime]:
    """The hours of a part: from, and up to."""
    first, last = (HOURS * number // parts for number in (part, part + 1))
    return START + timedelta(hours=first), START + timedelta(hours=last)


def split(told: Arguments, parts: int) -> None:
    """Write the parts' files below the folder, and ``moved.json``."""
    moved = {"rows": 0, "parquet": 0, "arrow": 0}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for part in range(parts):
            folder = told.out / f"month-{part}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(told.contracts, folder)
            start, end = bounds(part, parts)
            for kind, time in TIME.items():
                rows = (
                    f"'{told.month}/{kind}.parquet' WHERE {time} >= TIMESTAMPTZ '{start}' "
                    f"AND {time} < TIMESTAMPTZ '{end}'"
                )
                file = folder / f"{kind}.parquet"
                connection.execute(
                    f"COPY (SELECT * FROM {rows}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
                )
                reader = connection.execute(f"SELECT {KEYED[kind]} FROM {rows}").to_arrow_reader()
                moved["arrow"] += _bytes(reader, moved)
                moved["parquet"] += file.stat().st_size
    (told.out / "moved.json").write_text(json.dumps(moved))


def _bytes(reader: pa.RecordBatchReader, moved: dict[str, int]) -> int:
    """What the rows take as an Arrow stream, as workers hand them to one another."""
    sink = pa.MockOutputStream()
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            moved["rows"] += batch.num_rows
            stream.write_batch(batch)
    return int(sink.size())


def merge(told: Arguments, parts: int) -> None:
    """Unite the parts' tables."""
    with duckdb.connect() as connection:
        for table in KEYS:
            files = [
                str(told.month / f"tables-{part}" / f"{table}.parquet") for part in range(parts)
            ]
            connection.execute(
                f"COPY (SELECT * FROM read_parquet({files})) "
                f"TO '{told.out / table}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )


def run(told: Arguments) -> None:
    """The word says what."""
    word, first, second = told.words
    if word == "split":
        split(told, int(first))
    elif word == "merge":
        merge(told, int(first))
    else:
        start, end = bounds(int(first), int(second))
        with patch.object(contestant, "PERIOD", f"{start:%FT%TZ}/{end:%FT%TZ}"):
            contestant.run(told)


def tables_of(folder: Path, part: int) -> Path:
    """Where a part's tables go."""
    return folder / f"tables-{part}"


if __name__ == "__main__":
    run(arguments())
