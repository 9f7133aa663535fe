"""What was drawn from each commitment by the day, as the subscription's own ledger counts it.

A computed usage names the service that it belongs to, not the contract year: that is the one in
whose term the day lies. Days are checked by the sums over the whole time.
https://docs.oracle.com/en-us/iaas/tools/python/latest/api/onesubscription/client/oci.onesubscription.ComputedUsageClient.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from trueup.adapter.feed import UTILIZATION, Answer, Asking, BrokenAnswer, Changed, Feed, Row
from trueup.providers.oci import subscriptions
from trueup.providers.oci.operation import Item, Operation, amount, plain

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
    first, last = (
        datetime.combine(instant.date(), time(), UTC)
        for instant in (asking.period.start, asking.period.end)
    )
    return _text(first), _text(last if last == asking.period.end else last + DAY)


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


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
    drawn: dict[tuple[str, str, str | None], Decimal] = defaultdict(Decimal)
    for answer, entry, line in _lines(answers, DAILY):
        at = subscriptions.instant(line["timeMeteredOn"]).astimezone(UTC)
        pool = _pool_at(pools, entry, _text(at))
        within = answer.asked["time_from"] <= _text(at) < answer.asked["time_to"]
        if pool is not None and within and line["type"] in DRAWN:
            key = pool.id, f"{at:%Y-%m-%d}", entry.get("currencyCode") or pool.currency
            drawn[key] += amount(line["costUnrounded"])
    return (_row(*key, used) for key, used in drawn.items())


def _pool_at(pools: list[subscriptions.Pool], entry: Item, at: str) -> subscriptions.Pool | None:
    for pool in pools:
        mine = pool.service["id"] == entry["parentSubscribedServiceId"]
        if mine and pool.start <= at < pool.end:
            return pool
    return None


def _row(commitment: str, day: str, currency: str | None, used: Decimal) -> dict[str, Any]:
    following = datetime.fromisoformat(day).date() + DAY
    return {
        "provider": "oci",
        "commitment_id": commitment,
        "interval_start": f"{day}T00:00:00Z",
        "interval_end": f"{following}T00:00:00Z",
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
