"""The prepayment of an Enterprise Agreement, month by month.

https://learn.microsoft.com/en-us/rest/api/consumption/balances/get-for-billing-period-by-billing-account
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.adapter.feed import BALANCES, Answer, Asking, Feed, Row
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected

BALANCE = "Balances_GetForBillingPeriodByBillingAccount"


def _fetch(asking: Asking) -> Iterator[Answer]:
    account = asking.settings["enrollment"]
    for first, following in shape.months(asking):
        month = f"{first:%Y%m}"

        def ask(month: str = month) -> bytes:
            return connected(asking).ask(
                "consumption", "balances", "get_for_billing_period_by_billing_account",
                billing_account_id=account, billing_period_name=month,
            )  # fmt: skip

        yield asking.once(
            BALANCE, ask, account=account, start=first.isoformat(), end=following.isoformat()
        )


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    """What could be spent in a month, what was, and what is left; a month's balance is a lot."""
    for answer in answers:
        balance = shape.object_of(answer)
        currency = shape.text(balance, "properties", "currency").strip()  # blanks stand after it
        granted = shape.plus(
            shape.needed_amount(balance, "properties", name)
            for name in ("beginningBalance", "newPurchases", "adjustments")
        )
        yield {
            "provider": "azure",
            "lot_id": f"{answer.asked['account']}/{answer.asked['start'][:7]}",
            "kind": "Prepayment",
            "granted": format(granted, "f"),
            "drawn": shape.needed_amount(balance, "properties", "utilized"),
            "remaining": shape.needed_amount(balance, "properties", "endingBalance"),
            "unit": currency,
            "currency": currency,
            "starts_at": f"{answer.asked['start']}T00:00:00Z",
            "operation": BALANCE,
        }


prepayment = Feed(
    name="prepayment",
    gives=BALANCES,
    operations={BALANCE: "Microsoft.Consumption/balances/read"},
    fetch=_fetch,
    normalise=_normalise,
    needs=("enrollment",),
)
