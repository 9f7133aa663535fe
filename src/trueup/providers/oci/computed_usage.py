"""What was drawn from each commitment by the day, as the subscription's own ledger counts it.

A computed usage names the service that it belongs to, not the contract year: that is the one in
whose term the day lies. Days are checked by the sums over the whole time.
https://docs.oracle.com/en-us/iaas/tools/python/latest/api/onesubscription/client/oci.onesubscription.ComputedUsageClient.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trueup.adapter.feed import UTILIZATION, Answer, Asking, BrokenAnswer, Changed, Feed, Row
from trueup.period import iso
from trueup.providers.oci import subscriptions
from trueup.providers.oci.operation import Item, Operation, amount, plain
from trueup.providers.oci.subscriptions import Pool, instant

COMPUTED = Operation(
    "onesubscription:ListAggregatedComputedUsages",
    "onesubscription.ComputedUsageClient",
    "list_aggregated_computed_usages",
    "read computed-usages in tenancy",
    keys=("parentSubscribedServiceId", "aggregatedComputedUsages"),
)
DAILY, NONE = "DAILY", "NONE"
# Overage, promotions, what is not billed and what came too late draw on nothing.
DRAWN = frozenset({"COMMIT", "FUNDED_ALLOCATION", "USAGE"})
DAY = timedelta(days=1)


def days(asking: Asking) -> tuple[str, str]:
    """The whole days in UTC that the period touches: the first instant, and that after the last."""
    start, end = asking.period.start, asking.period.end
    midnight = _day(end)
    return iso(_day(start)), iso(midnight if midnight == end else midnight + DAY)


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _fetch(asking: Asking) -> Iterator[Answer]:
    found = []
    for answer in subscriptions.walk(asking):
        found.append(answer)
        yield answer
    start, end = days(asking)
    for _, subscription in subscriptions.SUBSCRIPTIONS.of(found):
        for grouping in (DAILY, NONE):
            yield from COMPUTED.pages(
                asking,
                {
                    "compartment_id": asking.connection.compartment,
                    "subscription_id": subscription["id"],
                    "time_from": start,
                    "time_to": end,
                    "grouping": grouping,
                },
            )


def _lines(answers: Sequence[Answer], grouping: str) -> Iterator[tuple[Answer, Item, Item]]:
    """Each computed usage with the answer and the service's entry that it stands in."""
    for answer, entry in COMPUTED.of(answers):
        if answer.asked["grouping"] == grouping:
            for line in entry["aggregatedComputedUsages"] or ():
                lacking = {"costUnrounded", "timeMeteredOn", "type"} - line.keys()
                if lacking:
                    raise BrokenAnswer(f"{COMPUTED.name}: a usage without {', '.join(lacking)}")
                yield answer, entry, line


def _check(answers: Sequence[Answer]) -> None:
    """The days of each service and type of usage add up to what it has without days."""
    subscriptions.check(answers)
    daily, whole = (_totals(answers, grouping) for grouping in (DAILY, NONE))
    for key in daily.keys() | whole.keys():
        if daily[key] != whole[key]:
            raise Changed(f"{' '.join(key)}: the days make {daily[key]}, the whole {whole[key]}")


def _totals(answers: Sequence[Answer], grouping: str) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for _, entry, line in _lines(answers, grouping):
        found[(entry["parentSubscribedServiceId"], line["type"])] += amount(line["costUnrounded"])
    return found


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    pools = subscriptions.pools(answers)
    drawn: dict[tuple[str, datetime, str | None], Decimal] = defaultdict(Decimal)
    for answer, entry, line in _lines(answers, DAILY):
        at = instant(line["timeMeteredOn"])
        first, last = (instant(answer.asked[key]) for key in ("time_from", "time_to"))
        pool = _pool_at(pools, entry, at)
        if pool is not None and first <= at < last and line["type"] in DRAWN:
            key = pool.id, _day(at), entry.get("currencyCode") or pool.currency
            drawn[key] += amount(line["costUnrounded"])
    return (_row(*key, used) for key, used in drawn.items())


def _pool_at(pools: list[Pool], entry: Item, at: datetime) -> Pool | None:
    for pool in pools:
        mine = pool.service["id"] == entry["parentSubscribedServiceId"]
        if mine and pool.start <= at < pool.end:
            return pool
    return None


def _row(commitment: str, day: datetime, currency: str | None, used: Decimal) -> Row:
    return {
        "provider": "oci",
        "commitment_id": commitment,
        "interval_start": iso(day),
        "interval_end": iso(day + DAY),
        "used": plain(used),
        "unit": currency,
        "currency": currency,
        "operation": COMPUTED.name,
    }


drawdown = Feed(
    name="universal-credits-drawdown",
    gives=UTILIZATION,
    operations=subscriptions.OPERATIONS | {COMPUTED.name: COMPUTED.permission},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
)
