"""Usage made row by row, and rates for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trueup.model.dataset import Dataset
from trueup.model.schema import REJECTS, SOURCES, USAGE
from trueup.model.table import Table

FIRST = datetime(2026, 9, 7, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
YES = '{"interruptible":"true"}'
GPU: dict[str, Any] = {
    "match": {"provider": "acme"},
    "meter": "gpu",
    "unit": "GPU-Hours",
    "price": "4.00",
    "currency": "USD",
}


def held(hour: float, quantity: str, **more: Any) -> dict[str, Any]:
    """GPU-hours held in one hour of the history."""
    start = FIRST + hour * HOUR
    return {
        "window_start": start,
        "window_end": start + HOUR,
        "provider": "acme",
        "resource_id": "pool",
        "meter": "gpu",
        "capacity": "allocated",
        "quantity": Decimal(quantity),
        "unit": "GPU-Hours",
        **more,
    }


def usage(rows: Iterable[Mapping[str, Any]]) -> Dataset:
    numbered = [
        {"usage_id": number, "source_id": 0, "source_row": number + 1, **row}
        for number, row in enumerate(rows)
    ]
    none = Table.from_rows(SOURCES, []), Table.from_rows(REJECTS, [])
    return Dataset("usage", Table.from_rows(USAGE, numbered), *none)
