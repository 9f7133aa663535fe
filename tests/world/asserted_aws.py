"""What the first provider's APIs must be understood to say, from the bill's rows and the contracts."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

from tests.world.aws_bill import PROVIDER
from tests.world.contracts import Contract, contracts
from tests.world.figures import Row
from tests.world.ledger import Ledger


def of_provider(ledger: Ledger) -> list[Contract]:
    return [one for one in contracts(ledger) if one.provider == PROVIDER]


def commitments(ledger: Ledger) -> list[Row]:
    """Every contract, by its id."""
    return [
        {
            "ContractCommitmentId": one.id,
            "ContractId": one.contract,
            "ContractCommitmentType": one.type,
            "ContractCommitmentCategory": one.category,
            "ContractCommitmentCost": one.figure,
            "ContractCommitmentFulfillmentInterval": "Hourly",
            "ContractCommitmentLifecycleStatus": "Active",
            "ContractCommitmentPeriodStart": one.start,
            "ContractCommitmentPeriodEnd": one.end,
            "BillingCurrency": one.currency,
            "x_Layer": one.layer,
        }
        for one in sorted(of_provider(ledger), key=lambda one: one.id)
    ]


def utilization(ledger: Ledger) -> list[Row]:
    """Each contract on each day: committed by its terms, used by the rows that the bill has."""
    used: dict[tuple[str, datetime], Decimal] = defaultdict(Decimal)
    for charge in ledger.charges:
        if charge.provider == PROVIDER and charge.values.get("CommitmentDiscountStatus") == "Used":
            quantity = charge.values["CommitmentDiscountQuantity"]
            assert isinstance(quantity, Decimal)
            day = charge.start.replace(hour=0)
            used[(str(charge.values["CommitmentDiscountId"]), day)] += quantity
    rows: list[Row] = []
    for one in sorted(of_provider(ledger), key=lambda one: one.id):
        for number in range(ledger.days):
            day = ledger.start + timedelta(days=number)
            rows.append(
                {
                    "commitment_id": one.id,
                    "interval_start": day,
                    "interval_end": day + timedelta(days=1),
                    "committed": 24 * one.figure,
                    "used": used[(one.id, day)],
                    "unused": 24 * one.figure - used[(one.id, day)],
                    "unit": one.unit,
                    "currency": one.currency,
                }
            )
    return rows


def balances(_: Ledger) -> list[Row]:
    """No lot of this provider is told by an API: its agreements are in configuration."""
    return []
