"""The billing export in BigQuery, a file per billing month, every column as text.

A month is fetched again when its rows, their sums or any value of them changed.
https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from functools import partial
from typing import IO, TYPE_CHECKING

from trueup.adapter.feed import Answer, Asking, Changed, Export, File
from trueup.period import iso
from trueup.providers.gcp import query

if TYPE_CHECKING:
    import pyarrow as pa

DIGITS = 76

LISTING = """\
SELECT
  {month} AS month,
  CAST(COUNT(*) AS STRING) AS line_count,
  {sums},
  CAST(BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(line))) AS STRING) AS fingerprint
FROM {table} AS line
WHERE {month} >= '{first}' AND ({month} <= '{last}' OR {start} < TIMESTAMP '{end}')
GROUP BY month
ORDER BY month"""
CONTENT = "SELECT\n  {columns}\nFROM {table}\nWHERE {month} = '{wanted}'"


@dataclass(frozen=True)
class Shape:
    """Where a kind of billing table keeps its month, its amounts and when a charge begins."""

    month: str  # SQL: YYYYMM
    amounts: tuple[str, ...]
    start: str


FOCUS = Shape(
    "FORMAT_TIMESTAMP('%Y%m', CAST(BillingPeriodStart AS TIMESTAMP), 'UTC')",
    ("BilledCost", "EffectiveCost"),
    "CAST(ChargePeriodStart AS TIMESTAMP)",
)
NATIVE = Shape("invoice.month", ("cost",), "usage_start_time")


def _files(asking: Asking) -> Iterator[File]:
    name = asking.settings["billing_table"]
    columns = query.columns(query.table(asking, name))
    names = {column["name"] for column in columns}
    shape = FOCUS if "BillingPeriodStart" in names else NATIVE
    start, end = asking.period.start, asking.period.end
    # The month before, too: balances of lots are often stated at its end.
    before = start.replace(day=1) - timedelta(days=1)
    sql = LISTING.format(
        month=shape.month,
        sums=",\n  ".join(
            f"CAST(SUM({query.as_number(column)}) AS STRING) AS {column['name']}"
            for column in columns
            if column["name"] in shape.amounts
        ),
        table=query.quoted(name),
        first=f"{before:%Y%m}",
        last=f"{end - timedelta(microseconds=1):%Y%m}",
        start=shape.start,
        end=end.strftime("%Y-%m-%d %H:%M:%S+00"),
    )
    dated = {"start": iso(start), "end": iso(end)}
    listed = list(query.rows(asking, sql, table=name, what="months", **dated))
    for month in query.cells(listed):
        sums = {amount: month[amount] for amount in ("line_count", *shape.amounts)}
        version = " ".join(str(month[key]) for key in (*sums, "fingerprint"))
        content = CONTENT.format(
            columns=",\n  ".join(query.as_text(column) for column in columns),
            table=query.quoted(name),
            month=shape.month,
            wanted=month["month"],
        )
        place = f"{name}/{month['month']}.parquet"
        yield File(place, version, None, partial(_download, asking, content, place, sums))


def _download(
    asking: Asking, sql: str, place: str, sums: dict[str, str | None], target: IO[bytes]
) -> None:
    """Write a month as Parquet; Changed where it is not what was listed a moment before."""
    import pyarrow.parquet as pq

    come = dict.fromkeys(sums, Decimal(0))
    with ExitStack() as opened:
        writer = None
        for answer in query.rows(asking, sql, file=place):
            page = _page(answer, None if writer is None else writer.schema)
            if writer is None:
                writer = opened.enter_context(
                    pq.ParquetWriter(target, page.schema, compression="zstd")
                )
            writer.write_table(page)
            _add(come, page)
    listed = {name: Decimal(value or 0) for name, value in sums.items()}
    if come != listed:
        raise Changed(f"{place}: {come} came of what was listed as {listed}")


def _page(answer: Answer, schema: pa.Schema | None) -> pa.Table:
    import pyarrow as pa

    rows = list(query.cells([answer]))
    names: Sequence[str] = schema.names if schema else list(rows[0]) if rows else ()
    if not names:
        raise Changed("a page without rows")
    kinds = schema or pa.schema([(name, pa.string()) for name in names])
    return pa.table([[row[name] for row in rows] for name in names], schema=kinds)


def _add(come: dict[str, Decimal], page: pa.Table) -> None:
    with localcontext(prec=DIGITS):
        for name in come:
            if name == "line_count":
                come[name] += page.num_rows
            else:
                values = page.column(name).to_pylist()
                come[name] += sum((Decimal(value) for value in values if value), Decimal(0))


charges = Export(
    name="billing-export",
    operations=query.PERMISSIONS | {"billing-export": "bigquery.tables.getData"},
    files=_files,
    needs=("billing_project", "billing_table"),
)
