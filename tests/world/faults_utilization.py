"""What a provider's own API says was used of the plan, hour by hour: in one hour not what it billed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.world import sagemaker
from tests.world.aws_bill import CURRENCY, PROVIDER
from tests.world.dice import Dice
from tests.world.figures import Row
from tests.world.focus import text
from tests.world.ledger import HOUR, ZERO, Covered, Ledger, Value
from tests.world.sagemaker import COMMITTED, LAG, PLAN


@dataclass(frozen=True)
class UtilizationFault:
    """An hour of which the provider says that so much more was unused than it billed."""

    start: datetime
    more: Decimal


def misreport(ledger: Ledger) -> UtilizationFault:
    """Choose an hour of which no charge is awaited, and in which contract and bill agree."""
    dice = Dice(ledger.seed, "utilization")
    awaited: timedelta = LAG + HOUR
    hours = [
        start
        for start in ledger.hours()
        if start + awaited <= ledger.as_of
        and start not in sagemaker.short_hours(ledger)
        and start != ledger.at(2, 14)
    ]
    return UtilizationFault(dice.one_of(hours), Decimal(dice.between(1, 12)) / 4)


def _of_plan(ledger: Ledger) -> list[Covered]:
    return [one for one in ledger.covered if one.commitment == PLAN]


def utilization(ledger: Ledger, planted: UtilizationFault) -> list[dict[str, Value]]:
    """Rows of the provider's table: what is not used of the commitment is unused."""
    rows: list[dict[str, Value]] = []
    for one in _of_plan(ledger):
        used = one.used - (planted.more if one.start == planted.start else ZERO)
        rows.append(
            {
                "provider": PROVIDER,
                "commitment_id": PLAN,
                "interval_start": one.start,
                "interval_end": one.start + HOUR,
                "committed": COMMITTED,
                "used": used,
                "unused": COMMITTED - used,
                "unit": CURRENCY,
                "currency": CURRENCY,
                "operation": "GetSavingsPlansUtilization",
            }
        )
    return rows


def answers(ledger: Ledger, planted: UtilizationFault) -> list[Row]:
    """The break of what is unused: the bill's, less what the provider says."""
    [unused] = [one.unused for one in _of_plan(ledger) if one.start == planted.start]
    return [
        {
            "class": "commitment",
            "leg": "commitment",
            "rule": "three_sources",
            "provider": PROVIDER,
            "commitment_id": PLAN,
            "account_id": None,
            "subject": None,
            "period_start": text(ledger.start),
            "period_end": text(ledger.end),
            "billed": text(unused),
            "expected": text(unused + planted.more),
            "unit": CURRENCY,
            "amount": text(-planted.more),
            "currency": CURRENCY,
        }
    ]
