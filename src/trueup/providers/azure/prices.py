"""The negotiated price sheet of the period's billing months.

https://learn.microsoft.com/en-us/rest/api/consumption/price-sheet/get-by-billing-period
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

from trueup.adapter.feed import RATES, Answer, Asking, BrokenAnswer, Feed, Page, Row
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected
from trueup.providers.azure.shape import Item

SHEET = "PriceSheet_GetByBillingPeriod"


def _fetch(asking: Asking) -> Iterator[Answer]:
    for first, following in shape.months(asking):
        month = f"{first:%Y%m}"

        def page(token: str | None, month: str = month) -> Page:
            more = {"skiptoken": token} if token else {}
            body = connected(asking).ask(
                "consumption", "price_sheet", "get_by_billing_period",
                billing_period_name=month, expand="properties/meterDetails", **more,
            )  # fmt: skip
            answer = Answer(SHEET, {}, 0, body)
            _prices(answer)
            return Page(body, _following(shape.object_of(answer)))

        yield from asking.pages(SHEET, page, start=first.isoformat(), end=following.isoformat())


def _following(sheet: Item) -> str | None:
    """The SDK gives one page and no pager: the next one's token stands in its address."""
    link = shape.optional(sheet, "properties", "nextLink")
    if not link:
        return None
    asked = {name.lower(): value for name, value in parse_qs(urlsplit(link).query).items()}
    token = asked.get("$skiptoken") or asked.get("skiptoken")
    if not token:
        raise BrokenAnswer("properties.nextLink has no skiptoken")
    return token[0]


def _prices(answer: Answer) -> list[Item]:
    properties = shape.object_of(answer).get("properties")
    found = properties.get("pricesheets") if isinstance(properties, dict) else None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BrokenAnswer(f"{SHEET}: no list of objects in properties.pricesheets")
    return found


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer in answers:
        for price in _prices(answer):
            yield _row(price, answer, shape.needed_amount(price, "unitPrice"), "")
            planned = shape.amount(price, "savingsPlan", "effectivePrice")
            if planned is not None:
                term = shape.text(price, "savingsPlan", "term")
                yield _row(price, answer, planned, f" (savings plan {term})")


def _row(price: Item, answer: Answer, amount: str, suffix: str) -> Row:
    name = shape.optional(price, "meterDetails", "meterName") or shape.text(price, "meterId")
    return {
        "provider": "azure",
        "sku_id": shape.text(price, "partNumber"),
        "sku": f"{name}{suffix}",
        "unit": shape.text(price, "unitOfMeasure"),
        "price": amount,
        "currency": shape.text(price, "currencyCode").strip(),
        "valid_from": f"{answer.asked['start']}T00:00:00Z",
        "valid_to": f"{answer.asked['end']}T00:00:00Z",
        "operation": SHEET,
    }


sheet = Feed(
    name="price-sheet",
    gives=RATES,
    operations={SHEET: "Microsoft.Consumption/pricesheets/read"},
    fetch=_fetch,
    normalise=_normalise,
    needs=("subscription",),
)
