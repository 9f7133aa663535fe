"""What providers' own APIs say of commitments, lots and rates, as typed tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from trueup.adapter.feed import BALANCES, RATES, UTILIZATION
from trueup.errors import ProviderError, UsageError
from trueup.fetch.providers import Failed, Fetched, failed
from trueup.model.schema import RESULT_TABLES, STATED_AT
from trueup.model.table import Table
from trueup.money import EXACT
from trueup.period import parse_instant

NAMES = {
    UTILIZATION: "provider_utilization",
    BALANCES: "provider_balances",
    RATES: "provider_rates",
}


@dataclass(frozen=True)
class Assertion:
    """A table that a provider's feed gave, as the CSV file it was normalised into."""

    provider: str
    feed: str
    gives: str
    path: Path


def assertions(fetched: Sequence[Fetched]) -> list[Assertion]:
    """Every table of ``NAMES`` that was fetched."""
    return [
        Assertion(one.provider, fed.feed, fed.gives, fed.path)
        for one in fetched
        for fed in one.feeds
        if fed.gives in NAMES
    ]


def asserted(given: Sequence[Assertion]) -> tuple[dict[str, Table], list[Failed]]:
    """Each table of ``NAMES`` over all providers, and the feeds with a value that is none.

    ``source_id`` of a row is the place of its table in ``given``, ``source_row`` that of the row in
    its file. Of a feed that fails no row is in the table.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES.values()}
    failures: list[Failed] = []
    for source_id, one in enumerate(given):
        name = NAMES[one.gives]
        try:
            found = _rows(one.path, RESULT_TABLES[name], one.provider, one.feed)
            rows[name] += [{**row, "source_id": source_id} for row in found]
        except ProviderError as error:
            failures.append(failed(one.provider, one.feed, error))
    tables = {name: Table.from_rows(RESULT_TABLES[name], found) for name, found in rows.items()}
    return tables, failures


def _rows(path: Path, schema: pa.Schema, provider: str, feed: str) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {**_typed(row, schema, provider, feed), "source_row": number}
            for number, row in enumerate(csv.DictReader(file), start=1)
        ]


def _typed(row: dict[str, str], schema: pa.Schema, provider: str, feed: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column in schema:
        if column.name in STATED_AT:
            continue
        text = row[column.name]
        try:
            found[column.name] = _value(text, column.type) if text else None
        except (ArithmeticError, pa.ArrowInvalid, UsageError) as error:
            raise ProviderError(
                provider,
                feed,
                f"{column.name} = {text!r} is no value of its kind"
                " (numbers have at most 20 digits before and 18 after the point)",
                "the raw answer is kept in the workspace; report it with its operation",
            ) from error
    return found


def _value(text: str, kind: pa.DataType) -> object:
    if pa.types.is_decimal(kind):
        value: object = pa.scalar(Decimal(text).normalize(EXACT), kind).as_py()
        return value
    return parse_instant(text) if pa.types.is_timestamp(kind) else text
