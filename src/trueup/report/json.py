"""result.json: the figures for other programs, streamed row by row.

Amounts and quantities are plain decimal text without an exponent, instants are ISO 8601 in UTC,
what is not known is null. The schema is published as docs/reference/result.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from trueup.model.display import MONEY_DECIMALS, instant, is_money
from trueup.money import plain
from trueup.report.atomic import replacing
from trueup.report.distinct import told
from trueup.report.figures import is_partial, provisional
from trueup.report.rejects import rejects_summary

if TYPE_CHECKING:
    from trueup.model.table import Table
    from trueup.report.result import Result

SCHEMA_VERSION = "1"

# What grows with the hours or the rows of a bill is for Parquet only; rejects are summarised.
TABLES = (
    "control_totals",
    "commitments",
    "causes",
    "breaks",
    "break_states",
    "claims",
    "pending",
    "credits",
    "roll_forward",
    "agreements",
    "figures",
    "invoices",
    "invoice_bridge",
    "conversions",
    "restatements",
    "true_ups",
    "allocations",
    "identity",
    "billed_identity",
    "unattributed_by_reason",
    "buckets",
    "straddling",
    "notes",
    "sources",
)


def write_json(result: Result, path: Path) -> Path:
    """Write the document; memory use does not grow with the number of rows."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        _document(result, file)
    return path


def _document(result: Result, file: TextIO) -> None:
    head = {
        "schema_version": SCHEMA_VERSION,
        "period": {"start": instant(result.start), "end": instant(result.end)},
        "as_of": instant(result.as_of),
        "provisional": provisional(result),
        "partial": is_partial(result),
        "usage_leg_ran": result.outcome.usage_leg_ran,
    }
    file.write("{\n")
    file.writelines(f'"{key}": {_dump(value)},\n' for key, value in head.items())
    for name in TABLES:
        _array(file, name, _rows(getattr(result, name)))
        file.write(",\n")
    _array(file, "rejects", map(_dump, _reject_rows(result)))
    file.write("\n}\n")


def _array(file: TextIO, name: str, rows: Iterable[str]) -> None:
    file.write(f'"{name}": [')
    separator = "\n"
    for row in rows:
        file.write(separator + row)
        separator = ",\n"
    file.write("]" if separator == "\n" else "\n]")


_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _rows(table: Table) -> Iterator[str]:
    tellers = [_teller(name, is_money(name, table.schema)) for name in table.columns]
    for batch in table.reader():
        columns = [
            told(column, tell, tell(None))
            for column, tell in zip(batch.columns, tellers, strict=True)
        ]
        for row in zip(*columns, strict=True):
            yield f"{{{', '.join(row)}}}"


def _teller(name: str, money: bool) -> Callable[[object], str]:
    def tell(value: object) -> str:
        if isinstance(value, Decimal):
            value = plain(value, MONEY_DECIMALS if money else 0)
        elif isinstance(value, datetime):
            value = instant(value)
        return f"{_dump(name)}: {_dump(value)}"

    return tell


def _reject_rows(result: Result) -> Iterator[dict[str, Any]]:
    for item in rejects_summary(result):
        yield {
            "source": item.source,
            "column": item.column,
            "reason": item.reason,
            "rows": item.rows,
            "first_rows": list(item.first_rows),
            "example": item.example,
        }
