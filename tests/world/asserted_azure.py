"""What the third provider says itself: derived from the ledger, and from what stands only there.

Its APIs know more than the bill: what a commitment had drawn before the period, credits that no
charge names, a price sheet. Those figures are written down here.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

from tests.world import azure
from tests.world.contracts import Contract, contracts
from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import DAY, ZERO, Ledger

DRAWN_BEFORE = Decimal("431212.07")  # of the agreement, before any period
SHARED = f"{azure.AGREEMENT}-BRK"  # the agreement as a contributor sees it: what it drew, no more
CREDIT, CREDIT_GRANTED = "CR-2026-0031", Decimal("10000.00")
PROMOTION, PROMOTION_GRANTED = "PROMO-2025-17", Decimal("500.00")
PROMOTION_DRAWN = Decimal("120.50")
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
PROMOTED = datetime(2025, 7, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
GPU_HOUR, GPU_HOUR_PLANNED = Decimal("4.1040"), Decimal("2.790720")
Price = tuple[str, str, str, Decimal]  # part, meter, unit, price


def of_azure(ledger: Ledger) -> list[Contract]:
    return [one for one in contracts(ledger) if one.provider == azure.PROVIDER]


def commitments(ledger: Ledger) -> list[Row]:
    """The terms of each contract, as far as the provider publishes them."""
    return [
        {
            "ContractCommitmentId": one.id,
            "ContractCommitmentCategory": one.category,
            "figure": text(one.figure),
            "unit": one.unit,
            "BillingCurrency": one.currency,
            "ContractCommitmentPeriodStart": text(one.start),
            "ContractCommitmentPeriodEnd": text(one.end),
            "x_Layer": one.layer,
        }
        for one in of_azure(ledger)
    ]


def used_of_day(ledger: Ledger) -> dict[date, Decimal]:
    """Hours of provisioned units used under the reservation, by day."""
    found: dict[date, Decimal] = defaultdict(Decimal)
    for one in ledger.covered:
        if one.commitment == azure.RESERVATION:
            found[one.start.date()] += one.used
    return found


def utilization(ledger: Ledger) -> list[Row]:
    reserved = 24 * azure.RESERVED
    return [
        {
            "provider": azure.PROVIDER,
            "commitment_id": azure.RESERVATION,
            "interval_start": f"{day}T00:00:00Z",
            "interval_end": f"{day + DAY}T00:00:00Z",
            "committed": text(reserved),
            "used": text(used),
            "unused": text(reserved - used),
            "unit": "Hours",
        }
        for day, used in sorted(used_of_day(ledger).items())
    ]


def drawn_of_day(ledger: Ledger) -> dict[date, Decimal]:
    """What the period's charges drew on the agreement, by the day they began."""
    found: dict[date, Decimal] = defaultdict(Decimal)
    for one in ledger.drawings:
        if one.commitment == azure.AGREEMENT:
            found[one.start.date()] += one.quantity
    return dict(sorted(found.items()))


def credited_of_day(ledger: Ledger) -> dict[date, Decimal]:
    """What does not count towards the agreement is paid from the credit: tax and marketplace."""
    found: dict[date, Decimal] = defaultdict(Decimal)
    for one in ledger.charges:
        tax = one.values["ChargeCategory"] == "Tax"
        if one.provider == azure.PROVIDER and (tax or one.values["PublisherName"] != "Microsoft"):
            found[one.start.date()] += one.billed
    return dict(sorted(found.items()))


def balances(ledger: Ledger) -> list[Row]:
    """Each lot: granted, drawn, expired, remaining, and after which event."""
    drawn, paid = drawn_of_day(ledger), credited_of_day(ledger)
    counted, spent = DRAWN_BEFORE + total(drawn.values()), total(paid.values())
    agreed = next(one for one in of_azure(ledger) if one.id == azure.AGREEMENT)
    term = (agreed.start, agreed.end)
    return [
        _lot(
            azure.AGREEMENT, "ConsumptionCommitment", term, f"{max(drawn)}T00:00:00Z",
            (azure.AGREED, counted, ZERO, azure.AGREED - counted),
        ),
        _lot(
            SHARED, "ConsumptionCommitment", term, None,
            (None, total(drawn.values()), None, None),
        ),
        _lot(
            CREDIT, "PurchasedCredit", YEAR, f"{max(paid)}T00:00:00Z",
            (CREDIT_GRANTED, None, ZERO, CREDIT_GRANTED - spent),
        ),
        _lot(
            PROMOTION, "PromotionalCredit", PROMOTED, text(PROMOTED[1]),
            (PROMOTION_GRANTED, PROMOTION_DRAWN, PROMOTION_GRANTED - PROMOTION_DRAWN, ZERO),
        ),
    ]  # fmt: skip


def _lot(
    name: str,
    kind: str,
    term: tuple[datetime, datetime],
    at: str | None,
    figures: tuple[Decimal | None, ...],
) -> Row:
    granted, drawn, expired, remaining = figures
    return {
        "lot_id": name,
        "kind": kind,
        "granted": granted,
        "drawn": drawn,
        "expired": expired,
        "remaining": remaining,
        "currency": azure.CURRENCY,
        "starts_at": text(term[0]),
        "expires_at": text(term[1]),
        "at": at,
    }


def prices() -> list[Price]:
    """The price sheet: tokens, provisioned units, and a machine that savings plans cover."""
    found = [
        (
            f"{model.name}-{meter}".upper().replace("_", "-"),
            f"{model.name} {azure.WORDS[meter]} global 1K Tokens",
            model.unit,
            price,
        )
        for model in (azure.LARGE, azure.MINI)
        for meter, price in model.prices.items()
    ]
    return [
        *found,
        ("DZH318Z0FX8N", "Provisioned Managed Global Unit", "1 Hour", azure.UNIT_HOUR),
        ("AAH-31337", "NC24ads A100 v4", "1 Hour", GPU_HOUR),
    ]


def rates() -> list[Row]:
    """What a unit costs, in the period's month; with the price under a savings plan."""
    priced = [
        *prices(),
        ("AAH-31337", "NC24ads A100 v4 (savings plan P1Y)", "1 Hour", GPU_HOUR_PLANNED),
    ]
    return [
        {"sku_id": part, "sku": meter, "unit": unit, "price": price, "currency": azure.CURRENCY}
        for part, meter, unit, price in priced
    ]
