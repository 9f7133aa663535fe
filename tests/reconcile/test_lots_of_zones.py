"""Lots and agreements whose instants are midnights of a zone of half hours, by hand arithmetic.

Midnight in India is 18:30 UTC. The vendor bills by days of that zone: 10.00 for the 15th, 7.00 for
the 16th, which begins at the same instant at which the lot ends.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.reconcile.prepaid import cost, moved, of_leg, reconciled, rolled, text
from tests.reconcile.test_balance_leg import LOT as UNTIL_2027

D = Decimal
ENDS = datetime(2026, 10, 15, 18, 30, tzinfo=UTC)
LOT = UNTIL_2027.replace("2027-01-01", "2026-10-15T18:30:00Z")
RULE = 'applies_to = { ServiceName = "^tokens$" }\n'


def day(amount: str, start: datetime, **more: str) -> Any:
    drew = {"lot": amount} if more.pop("names", "") else None
    end = text(start + timedelta(days=1))
    return cost(amount, start, drew, ChargePeriodEnd=end) | {
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    }


DAYS = [day("10.00", ENDS - timedelta(days=1)), day("7.00", ENDS)]


@pytest.mark.parametrize("minutes", [0, 20])
def test_what_begins_as_a_lot_ends_is_beyond_it(tmp_path: Path, minutes: int) -> None:
    """10 of 100 are drawn, 90 expire, 7 are overage; so is what begins twenty minutes later."""
    later = day("7.00", ENDS + timedelta(minutes=minutes))
    result = reconciled(tmp_path, [DAYS[0], later], LOT + RULE)
    assert moved(result, "lot") == [
        (datetime(2026, 10, 1, tzinfo=UTC), "grant", D(100)),
        (ENDS - timedelta(days=1), "drawdown", D(-10)),
        (ENDS, "expiry", D(-90)),
        (ENDS + timedelta(minutes=minutes // 15 * 15), "overage", D(7)),
    ]
    roll = rolled(result, "lot")
    assert (roll["drawn"], roll["expired"], roll["overage"]) == (D(10), D(90), D(7))
    [row] = result.commitments.rows()
    assert (row["overage_quantity"], row["remaining"]) == (D(7), 0)


def test_an_hour_of_utc_that_begins_before_the_end_still_draws(tmp_path: Path) -> None:
    """18:00 to 19:00 began before 18:30; the hour after it did not: 3 drawn, 4 beyond."""
    before = datetime(2026, 10, 15, 18, tzinfo=UTC)
    charges = [cost("3.00", before), cost("4.00", before + timedelta(hours=1))]
    roll = rolled(reconciled(tmp_path, charges, LOT + RULE), "lot")
    assert (roll["drawn"], roll["expired"], roll["overage"]) == (D(3), D(97), D(4))


def test_overage_at_another_rate_has_the_row_beyond_behind_it(tmp_path: Path) -> None:
    """7 beyond at 0.50 are 3.50; 7.00 was billed, by the second row alone."""
    result = reconciled(tmp_path, DAYS, LOT + RULE + 'overage_rate = "0.50"\n')
    [found] = [row for row in of_leg(result) if row["rule"] == "overage_rate"]
    assert (found["billed"], found["expected"], found["amount"]) == (D(7), D("3.5"), D("3.5"))
    behind = [row for row in result.break_rows.rows() if row["break_id"] == found["id"]]
    assert [row["source_row"] for row in behind if row["side"] == "billed"] == [2]


def test_a_lot_that_is_named_after_it_ended(tmp_path: Path) -> None:
    """7 name a lot that ended as they began."""
    charges = [day("10.00", ENDS - timedelta(days=1), names="x"), day("7.00", ENDS, names="x")]
    result = reconciled(tmp_path, charges, LOT)
    [found] = of_leg(result)
    assert (found["billed"], found["expected"], found["amount"]) == (D(7), 0, D(7))


def test_a_milestone_at_midnight_of_a_zone(tmp_path: Path) -> None:
    """10 were billed before it; the 7 that begin with it count for what comes after."""
    contract = LOT.replace("funding", "agreement").replace("2026-10-15T18:30:00Z", "2026-12-01")
    contract += 'milestones = [{ due = "2026-10-15T18:30:00Z", amount = "12.00" }]\n'
    first = cost("0.00", datetime(2026, 10, 1, tzinfo=UTC))  # the bill reaches back to the start
    [row] = reconciled(tmp_path, [first, *DAYS], contract).agreements.rows()
    assert (row["counted"], row["shortfall"]) == (D(10), D(2))
