"""The four bills as files: CSV.gz a day, Parquet, and CSV of two versions of FOCUS."""

from __future__ import annotations

import gzip
import io
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from tests.world import focus
from tests.world.dice import Dice
from tests.world.ledger import Charge, Ledger, Value

VERSIONS = {
    "aws": focus.VERSION_1_2,
    "gcp": focus.VERSION_1_0,
    "azure": focus.VERSION_1_3,
    "oci": focus.VERSION_1_4,
}
AMOUNT = pa.decimal128(38, 12)
INSTANT = pa.timestamp("us", tz="UTC")


def bills(ledger: Ledger) -> dict[str, bytes]:
    """Every file of every bill by its path."""
    charges: dict[str, list[Charge]] = defaultdict(list)
    for charge in ledger.earlier + ledger.charges:
        charges[charge.file].append(charge)
    spoilt: dict[str, list[Mapping[str, Value]]] = defaultdict(list)
    for one in ledger.malformed:
        spoilt[one.charge.file].append({**one.charge.values, one.column: one.text})
    found = {}
    for file, members in sorted(charges.items()):
        members.sort(key=lambda charge: (charge.start, charge.file))
        columns = VERSIONS[members[0].provider]
        rows: list[Mapping[str, Value]] = [charge.values for charge in members]
        dice = Dice(ledger.seed, file)
        for row in spoilt[file]:
            rows.insert(dice.between(0, len(rows)), row)
        found[file] = _content(file, columns, rows)
    return found


def _content(file: str, columns: list[str], rows: list[Mapping[str, Value]]) -> bytes:
    if file.endswith(".parquet"):
        return _parquet(columns, rows)
    content = focus.csv_text(columns, rows).encode()
    return gzip.compress(content, mtime=0) if file.endswith(".gz") else content


def _parquet(columns: list[str], rows: list[Mapping[str, Value]]) -> bytes:
    kinds = {column: _kind(column) for column in columns}
    arrays = [
        pa.array([_cell(row.get(column), kinds[column]) for row in rows], kinds[column])
        for column in columns
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, names=columns), buffer, compression="zstd")
    return buffer.getvalue()


def _kind(column: str) -> pa.DataType:
    if column.endswith(("Cost", "Quantity", "UnitPrice")):
        return AMOUNT
    if column.endswith(("PeriodStart", "PeriodEnd")):
        return INSTANT
    return pa.string()


def _cell(value: Value, kind: pa.DataType) -> Decimal | datetime | str | None:
    """A value as its column takes it: typed, or as text."""
    if value is None:
        return None
    if kind == pa.string() or isinstance(value, dict):
        return focus.text(value)
    return value
