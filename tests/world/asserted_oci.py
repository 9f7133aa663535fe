"""What the fourth provider's own API must say, from the ledger and the contracts alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from tests.world import oci
from tests.world.contracts import Contract, contracts
from tests.world.figures import Row
from tests.world.focus import text
from tests.world.ledger import DAY, Ledger

NEXT_POOL = "UC-2027-4410927"  # the contract's second year: nothing is drawn from it yet


def _pool(ledger: Ledger) -> Contract:
    (pool,) = (one for one in contracts(ledger) if one.id == oci.POOL)
    return pool


def _years(ledger: Ledger) -> list[tuple[str, datetime, datetime, Decimal]]:
    """The contract's two years: id, start, end, drawn."""
    pool = _pool(ledger)
    drawn = sum((one for one in _by_day(ledger).values()), Decimal(0))
    later = pool.end.replace(year=pool.end.year + 1)
    return [(pool.id, pool.start, pool.end, drawn), (NEXT_POOL, pool.end, later, Decimal(0))]


def _by_day(ledger: Ledger) -> dict[datetime, Decimal]:
    found: dict[datetime, Decimal] = defaultdict(Decimal)
    for one in ledger.drawings:
        if one.commitment == oci.POOL:
            found[one.start.replace(hour=0)] += one.quantity
    return found


def commitments(ledger: Ledger) -> list[Row]:
    pool = _pool(ledger)
    return [
        {
            "ContractId": pool.contract,
            "ContractCommitmentId": name,
            "ContractCommitmentType": pool.type,
            "ContractCommitmentCategory": pool.category,
            "ContractCommitmentCost": text(pool.figure),
            "BillingCurrency": pool.currency,
            "ContractCommitmentPeriodStart": text(start),
            "ContractCommitmentPeriodEnd": text(end),
            "ContractCommitmentFulfillmentInterval": "Full Period",
            "x_Layer": pool.layer,
        }
        for name, start, end, _ in _years(ledger)
    ]


def balances(ledger: Ledger, at: datetime) -> list[Row]:
    pool = _pool(ledger)
    return [
        {
            "lot_id": name,
            "commitment_id": name,
            "granted": text(pool.figure),
            "drawn": text(drawn),
            "expired": "",
            "remaining": text(pool.figure - drawn),
            "unit": pool.unit,
            "currency": pool.currency,
            "starts_at": text(start),
            "expires_at": text(end),
            "at": text(at),
        }
        for name, start, end, drawn in _years(ledger)
    ]


def drawdown(ledger: Ledger) -> list[Row]:
    """What was drawn from the pool on each day."""
    return [_day(oci.POOL, day, drawn) for day, drawn in sorted(_by_day(ledger).items())]


def cost(ledger: Ledger) -> list[Row]:
    """What each day cost, drawn from the pool or not; of no commitment."""
    found: dict[datetime, Decimal] = defaultdict(Decimal)
    for charge in ledger.charges:
        if charge.provider == oci.PROVIDER:
            found[charge.start.replace(hour=0)] += charge.billed
    return [_day("", day, billed) for day, billed in sorted(found.items())]


def _day(commitment: str, day: datetime, used: Decimal) -> Row:
    return {
        "commitment_id": commitment,
        "interval_start": text(day),
        "interval_end": text(day + DAY),
        "committed": "",
        "used": text(used),
        "unused": "",
        "unit": oci.CURRENCY,
        "currency": oci.CURRENCY,
    }
