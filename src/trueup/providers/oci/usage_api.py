"""The Usage API: what each day cost, credits that were adjusted, credits that expired.

It names no commitment. Amounts are JSON numbers that the provider itself computes in binary
floating point: they are taken over as written, and sums of them agree only to some 12 digits.
https://docs.oracle.com/en-us/iaas/api/#/en/usage/20200107/UsageSummary/RequestSummarizedUsages
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from trueup.adapter.feed import BALANCES, UTILIZATION, Answer, Asking, Changed, Feed, Row
from trueup.period import iso
from trueup.providers.oci.computed_usage import days
from trueup.providers.oci.operation import Item, Operation, amount, plain
from trueup.providers.oci.subscriptions import instant

USAGES = Operation(
    "usageapi:RequestSummarizedUsages",
    "usage_api.UsageapiClient",
    "request_summarized_usages",
    "read usage-report in tenancy",
    keys=("timeUsageStarted", "timeUsageEnded", "computedAmount", "currency"),
    within="items",
)
COST, CREDIT, EXPIRED = "COST", "CREDIT", "EXPIREDCREDIT"
KINDS = {CREDIT: "credit adjustment", EXPIRED: "expired credit"}
NEAR = Decimal("1e-12")  # of the sum, and no less than of one


def _asked(asking: Asking, query: str, *, whole: bool) -> Iterator[Answer]:
    """One kind of amount by the day, or over all days together."""
    from oci.usage_api.models import RequestSummarizedUsagesDetails

    start, end = days(asking)
    question = RequestSummarizedUsagesDetails(
        tenant_id=asking.connection.tenancy,
        time_usage_started=start,
        time_usage_ended=end,
        granularity="DAILY",
        query_type=query,
        is_aggregate_by_time=whole,
    )
    named = {"query": query, "start": start, "end": end, "whole": str(whole).lower()}
    return USAGES.pages(asking, named, {"request_summarized_usages_details": question})


def _fetch_cost(asking: Asking) -> Iterator[Answer]:
    yield from _asked(asking, COST, whole=False)
    yield from _asked(asking, COST, whole=True)


def _fetch_credits(asking: Asking) -> Iterator[Answer]:
    for query in KINDS:
        yield from _asked(asking, query, whole=False)
        yield from _asked(asking, query, whole=True)


def _items(answers: Sequence[Answer], *, whole: bool) -> Iterator[tuple[Answer, Item]]:
    for answer, item in USAGES.of(answers):
        if answer.asked["whole"] == str(whole).lower() and not item.get("isForecast"):
            yield answer, item


def _check(answers: Sequence[Answer]) -> None:
    """The days add up to what the whole time has."""
    daily, over_all = (_totals(answers, whole=whole) for whole in (False, True))
    for key in daily.keys() | over_all.keys():
        one, other = daily[key], over_all[key]
        if abs(one - other) > NEAR * max(abs(one), abs(other), Decimal(1)):
            raise Changed(f"{' '.join(key)}: the days make {one}, the whole {other}")


def _totals(answers: Sequence[Answer], *, whole: bool) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for answer, item in _items(answers, whole=whole):
        found[(answer.asked["query"], _currency(item))] += amount(item["computedAmount"])
    return found


def _currency(item: Item) -> str:
    return (item["currency"] or "").strip()


def _costs(answers: Sequence[Answer]) -> Iterator[Row]:
    by_day: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for _, item in _items(answers, whole=False):
        key = _instant(item["timeUsageStarted"]), _instant(item["timeUsageEnded"]), _currency(item)
        by_day[key] += amount(item["computedAmount"])
    for (start, end, currency), cost in by_day.items():
        yield {
            "provider": "oci",
            "interval_start": start,
            "interval_end": end,
            "used": plain(cost),
            "unit": currency,
            "currency": currency,
            "operation": USAGES.name,
        }


def _credits(answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    for answer, item in _items(answers, whole=False):
        value = amount(item["computedAmount"])
        if not value:
            continue
        query = answer.asked["query"]
        yield {
            "provider": "oci",
            "lot_id": item.get("subscriptionId") or item.get("tenantId"),
            "kind": KINDS[query],
            "expired" if query == EXPIRED else "granted": plain(value),
            "unit": _currency(item),
            "currency": _currency(item),
            "starts_at": _instant(item["timeUsageStarted"]),
            "at": _instant(item["timeUsageEnded"]),
            "operation": USAGES.name,
        }


def _instant(text: str) -> str:
    return iso(instant(text))


cost = Feed(
    name="cost",
    gives=UTILIZATION,
    operations={USAGES.name: USAGES.permission},
    fetch=_fetch_cost,
    normalise=_costs,
    check=_check,
)
adjustments = Feed(
    name="credits",
    gives=BALANCES,
    operations={USAGES.name: USAGES.permission},
    fetch=_fetch_credits,
    normalise=_credits,
    check=_check,
)
