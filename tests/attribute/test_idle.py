"""Unused commitment traced: hours in which nothing stood idle, and rows without a cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trueup.attribute.unused_trace import traced
from trueup.model.spend_schema import ACTIVITY, SPEND

START = datetime(2026, 10, 8, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)
D = Decimal


def spent(cost: str | None, **who: Any) -> dict[str, Any]:
    row = {"start": START, "end": START + HOUR, "provider": "p", "currency": "USD"}
    return row | {"cost": None if cost is None else D(cost)} | who


def counted(capacity: str, quantity: int, meter: str = "gpu") -> dict[str, Any]:
    row = {"start": START, "end": START + HOUR, "provider": "p", "unit": f"{meter}-Seconds"}
    return row | {"meter": meter, "capacity": capacity, "quantity": D(quantity)}


def test_what_was_as_busy_as_it_was_held_stood_not_idle() -> None:
    """3600 GPU-seconds held, 1000 busy: 2600 idle. Of 60 vCPU-seconds all were busy: none.

    2.00 are idle on the bill; what nobody knows the cost of adds nothing.
    """
    unused: dict[str, Any] = {
        "commitment_id": "plan",
        "provider": "p",
        "currency": "USD",
        "unit": "USD",
    }
    unused |= {"interval_start": START, "interval_end": START + HOUR}
    unused |= {"unused_quantity": D(5), "unused_cost": D(5)}
    spend = [
        spent("2.00", reason="idle"),
        spent(None, reason="idle"),
        spent(None, team="new"),
        spent("4.00", team="ml"),
    ]
    activity = [
        counted("allocated", 3600),
        counted("busy", 1000),
        counted("allocated", 60, "vcpu"),
        counted("busy", 60, "vcpu"),
    ]
    [found] = traced(
        [unused], pa.Table.from_pylist(spend, SPEND), pa.Table.from_pylist(activity, ACTIVITY)
    )
    assert found.idle == {("gpu", "gpu-Seconds"): D(2600)}
    assert (found.idle_cost, found.hours) == (D("2.00"), 1)
