"""Rate cards: what each product costs under a subscription, within the pool and beyond it.

https://docs.oracle.com/en-us/iaas/tools/python/latest/api/onesubscription/client/oci.onesubscription.RatecardClient.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.adapter.feed import RATES, Answer, Asking, Feed, Row
from trueup.period import iso
from trueup.providers.oci import subscriptions
from trueup.providers.oci.operation import Item, Operation

CARDS = Operation(
    "onesubscription:ListRateCards",
    "onesubscription.RatecardClient",
    "list_rate_cards",
    "read rate-cards in tenancy",
    keys=("product", "timeStart", "netUnitPrice"),
)


def _fetch(asking: Asking) -> Iterator[Answer]:
    compartment = {"compartment_id": asking.connection.compartment}
    for answer, ids in subscriptions.subscriptions(asking):
        yield answer
        for subscription in ids:
            yield from CARDS.pages(asking, {"subscription_id": subscription, **compartment})


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for _, card in CARDS.of(answers):
        tiers = (card.get("rateCardTiers") or ()) if card.get("isTier") else ()
        for tier in tiers or (card,):
            bound = tier.get("upToQuantity")
            of_tier = f", up to {bound}" if bound else ""
            yield _row(card, of_tier, tier.get("netUnitPrice"))
            if tier.get("overagePrice") not in (None, tier.get("netUnitPrice")):
                yield _row(card, f"{of_tier}, overage", tier["overagePrice"])


def _row(card: Item, condition: str, price: str | None) -> Row:
    product = card["product"] or {}
    return {
        "provider": "oci",
        "sku_id": product.get("partNumber"),
        "sku": f"{product.get('name') or product.get('partNumber')}{condition}",
        "unit": product.get("unitOfMeasure"),
        "price": price,
        "currency": (card.get("currency") or {}).get("isoCode"),
        "valid_from": iso(subscriptions.start_of(card)),
        "valid_to": iso(subscriptions.end_of(card)) if card.get("timeEnd") else None,
        "operation": CARDS.name,
    }


rates = Feed(
    name="rate-cards",
    gives=RATES,
    operations={one.name: one.permission for one in (subscriptions.SUBSCRIPTIONS, CARDS)},
    fetch=_fetch,
    normalise=_normalise,
)
