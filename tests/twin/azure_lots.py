"""Lots, events and balances of the third provider's twin."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from tests.twin.exchange import Request
from tests.world import asserted_azure as asserted
from tests.world import azure
from tests.world.figures import Row
from tests.world.ledger import DAY
from tests.world.world import World

LOTS_PATH = "/providers/Microsoft.Consumption/lots/"
Item = dict[str, Any]


def _money(value: Decimal) -> Item:
    return {"currency": azure.CURRENCY, "value": value}


def lots(world: World, request: Request) -> list[Item]:
    of_profile = "/billingProfiles/" in request.path
    return [
        _lot(one, request)
        for one in asserted.balances(world.ledger)
        if (one["kind"] == "ConsumptionCommitment") is not of_profile
    ]


def _lot(one: Row, request: Request) -> Item:
    amounts = {"originalAmount": "granted", "usedAmount": "drawn", "closedBalance": "remaining"}
    status = "Expired" if one["lot_id"] == asserted.PROMOTION else "Active"
    shared = one["lot_id"] == asserted.SHARED
    return {
        "id": f"{request.path}/{one['lot_id']}",
        "name": one["lot_id"],
        "type": "Microsoft.Consumption/lots",
        "properties": {
            "source": one["kind"],
            "startDate": one["starts_at"],
            "expirationDate": one["expires_at"],
            "purchasedDate": one["starts_at"],
            "status": status,
            "billingCurrency": azure.CURRENCY,
            "creditCurrency": azure.CURRENCY,
            "isEstimatedBalance": False,
            "OrganizationType": "Contributor" if shared else "Primary",
            **{
                name: {"currency": azure.CURRENCY, "value": one[figure]}
                for name, figure in amounts.items()
                if one[figure] is not None
            },
        },
    }


def events(world: World, request: Request) -> list[Item]:
    """Grants, what was settled by the day, what expired, and charges that are not settled yet."""
    ledger = world.ledger
    if "/billingProfiles/" not in request.path:
        before = ledger.start.date() - DAY
        drawn = {before: asserted.DRAWN_BEFORE, **asserted.drawn_of_day(ledger)}
        return _history(azure.AGREEMENT, azure.AGREED, date(2025, 1, 1), drawn, request)
    start, end = (date.fromisoformat(request.query[name]) for name in ("startDate", "endDate"))
    promotion = _history(
        asserted.PROMOTION, asserted.PROMOTION_GRANTED, asserted.PROMOTED[0].date(),
        {date(2026, 1, 4): asserted.PROMOTION_DRAWN}, request,
    )  # fmt: skip
    left = asserted.PROMOTION_GRANTED - asserted.PROMOTION_DRAWN
    promotion[-1] = _event(
        asserted.PROMOTION, asserted.PROMOTED[1].date(), "CreditExpired", request,
        creditExpired=left, closedBalance=Decimal(0),
    )  # fmt: skip
    found = promotion + _history(
        asserted.CREDIT, asserted.CREDIT_GRANTED, asserted.YEAR[0].date(),
        asserted.credited_of_day(ledger), request,
    )  # fmt: skip
    return [one for one in found if start <= _date_of(one) <= end]


def _date_of(event: Item) -> date:
    return date.fromisoformat(event["properties"]["transactionDate"][:10])


def _history(
    lot: str, granted: Decimal, start: date, drawn: dict[date, Decimal], request: Request
) -> list[Item]:
    found = [_event(lot, start, "NewCredit", request, newCredit=granted, closedBalance=granted)]
    left = granted
    for day, charges in drawn.items():
        left -= charges
        found.append(
            _event(lot, day, "SettledCharges", request, charges=charges, closedBalance=left)
        )
    pending = Decimal("17.25")
    found.append(
        _event(
            lot, max(drawn) + DAY, "PendingCharges", request,
            charges=pending, closedBalance=left - pending,
        )
    )  # fmt: skip
    return found


def _event(lot: str, day: date, kind: str, request: Request, **amounts: Decimal) -> Item:
    name = f"{lot}-{kind}-{day:%Y%m%d}"
    return {
        "id": f"{request.path}/{name}",
        "name": name,
        "type": "Microsoft.Consumption/events",
        "properties": {
            "transactionDate": f"{day}T00:00:00Z",
            "description": f"{kind} of {lot}",
            "eventType": kind,
            "lotId": f"{request.path.rpartition('/providers/')[0]}{LOTS_PATH}{lot}",
            "billingCurrency": azure.CURRENCY,
            "creditCurrency": azure.CURRENCY,
            "isEstimatedBalance": False,
            **{name: _money(value) for name, value in amounts.items()},
        },
    }


def balance(world: World, request: Request) -> Item:
    """The prepayment of an enterprise: it pays for what the credit pays for in the ledger."""
    month = re.findall(r"/billingPeriods/(\d{6})/", request.path)[0]
    spent = sum(asserted.credited_of_day(world.ledger).values(), Decimal(0))
    return {
        "id": f"{request.path.removeprefix('/')}/{month}",
        "name": month,
        "type": "Microsoft.Consumption/balances",
        "properties": {
            "currency": f"{azure.CURRENCY}  ",
            "beginningBalance": Decimal("9000.00"),
            "newPurchases": Decimal("1000.00"),
            "adjustments": Decimal("-12.50"),
            "utilized": spent,
            "endingBalance": Decimal("9987.50") - spent,
            "serviceOverage": Decimal(0),
            "totalUsage": spent,
            "billingFrequency": "Month",
            "priceHidden": False,
        },
    }
