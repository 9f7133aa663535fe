"""What providers' own APIs say of commitments, lots and rates, as typed tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from trueup.adapter.feed import BALANCES, RATES, UTILIZATION
from trueup.errors import ProviderError, UsageError
from trueup.fetch.providers import Fetched
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table
from trueup.period import parse_instant

NAMES = {
    UTILIZATION: "provider_utilization",
    BALANCES: "provider_balances",
    RATES: "provider_rates",
}


def asserted(fetched: Sequence[Fetched]) -> dict[str, Table]:
    """Each table of ``NAMES`` over all providers; ProviderError where a value is none."""
    return {
        name: Table.from_rows(RESULT_TABLES[name], list(_rows(fetched, table, RESULT_TABLES[name])))
        for table, name in NAMES.items()
    }


def _rows(fetched: Sequence[Fetched], table: str, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    for one in fetched:
        for fed in one.feeds:
            if fed.gives == table:
                with fed.path.open(encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file):
                        yield _typed(row, schema, one.provider, fed.feed)


def _typed(row: dict[str, str], schema: pa.Schema, provider: str, feed: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column in schema:
        text = row[column.name]
        try:
            found[column.name] = _value(text, column.type) if text else None
        except (InvalidOperation, UsageError) as error:
            raise ProviderError(
                provider,
                feed,
                f"{column.name} = {text!r} is none",
                "the raw answer is kept in the workspace; report it with its operation",
            ) from error
    return found


def _value(text: str, kind: pa.DataType) -> object:
    if pa.types.is_decimal(kind):
        return Decimal(text)
    return parse_instant(text) if pa.types.is_timestamp(kind) else text
