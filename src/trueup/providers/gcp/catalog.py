"""List prices, from the Cloud Billing Catalog over REST.

They are Google's public prices; negotiated ones are on the bill only (``price.effective_price``).
https://cloud.google.com/billing/v1/how-tos/catalog-api
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from trueup.adapter.feed import (
    RATES,
    Answer,
    Asking,
    BrokenAnswer,
    Changed,
    Feed,
    Page,
    Row,
    exact_json,
)
from trueup.providers.gcp.client import SECONDS, Refusal

SERVICES = "cloudbilling.services.list"
SKUS = "cloudbilling.services.skus.list"
PAGE_ROWS = 5000  # the most there are


def _fetch(asking: Asking) -> Iterator[Answer]:
    connection = asking.connection
    listed: list[Answer] = []

    def services(token: str | None) -> Page:
        body = connection.raw(
            lambda: connection.catalog.list_services(request=_asked(token), timeout=SECONDS)
        )
        return Page(body, exact_json(body).get("nextPageToken"))

    for answer in asking.pages(SERVICES, services):
        listed.append(answer)
        yield answer
    for name in _named(asking, listed):

        def skus(token: str | None, name: str = name) -> Page:
            body = connection.raw(
                lambda: connection.catalog.list_skus(
                    request=_asked(token) | {"parent": name}, timeout=SECONDS
                )
            )
            return Page(body, exact_json(body).get("nextPageToken"))

        yield from asking.pages(SKUS, skus, service=name)


def _asked(token: str | None) -> dict[str, Any]:
    return {"page_size": PAGE_ROWS} | ({"page_token": token} if token else {})


def _named(asking: Asking, listed: Sequence[Answer]) -> list[str]:
    """The services that the settings name, by their id or their name on the price list."""
    known: dict[str, str] = {}
    for answer in listed:
        for service in answer.json().get("services", ()):
            known |= {
                service["serviceId"]: service["name"],
                service["displayName"]: service["name"],
            }
    wanted = asking.settings["catalog_services"]

    def ask() -> bytes:
        missing = [name for name in wanted if name not in known]
        if missing:
            raise Refusal(f"catalog_services: the price list has no service {missing[0]!r}")
        return b""

    asking.once(SERVICES, ask)
    return sorted({known[name] for name in wanted})


def _listed(answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        if answer.operation == SKUS:
            yield from answer.json().get("skus", ())


def _check(answers: Sequence[Answer]) -> None:
    """A SKU that is listed twice moved from one page to another."""
    counted = Counter(item.get("skuId") for item in _listed(answers))
    twice = [sku for sku, count in counted.items() if count > 1]
    if twice:
        raise Changed(f"listed twice: SKU {twice[0]}")


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for item in _listed(answers):
        try:
            for price in item.get("pricingInfo", ()):
                yield from _rows(item, price)
        except (KeyError, ArithmeticError) as error:
            raise BrokenAnswer(f"SKU {item.get('skuId')} without {error}") from error


def _rows(item: Mapping[str, Any], price: Mapping[str, Any]) -> Iterator[Row]:
    """A price that depends on how much is used has no row: the table has no tiers."""
    expression = price["pricingExpression"]
    tiers = expression.get("tieredRates", ())
    if len(tiers) != 1:
        return
    money = tiers[0]["unitPrice"]
    exact = Decimal(money.get("units", 0)) + Decimal(money.get("nanos", 0)).scaleb(-9)
    yield {
        "provider": "gcp",
        "sku_id": item["skuId"],
        "sku": item["description"],
        "unit": expression["usageUnit"],
        "price": format(exact, "f"),
        "currency": money["currencyCode"],
        "valid_from": price["effectiveTime"],
        "operation": SKUS,
    }


prices = Feed(
    name="list-prices",
    gives=RATES,
    operations={SERVICES: "serviceusage.services.use", SKUS: "serviceusage.services.use"},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
    needs=("catalog_services",),
)
