"""Cost Explorer: how AWS is asked what it says was used of each commitment.

Each request costs the account 0.01 USD. A kind of commitment is first asked for in one request for
the whole period, by the day: where it says that nothing was committed, nothing more is asked, and
what each commitment is then said to have used must add up to it. Hours are not to be had: the
enumeration has HOURLY, the operations refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trueup.adapter.feed import Answer, Asking, Changed, exact_json
from trueup.errors import ConfigurationError
from trueup.providers.aws.reading import amount, listed, need

NO_DATA = ("DataUnavailableException",)  # as where nothing was ever committed
BY_DAY, BY_PERIOD, NEVER = "day", "period", "never"
DECIMALS_MIN = 2
ONE_DAY = timedelta(days=1)

Span = tuple[str, str]  # the first day and the day after the last
Figures = Mapping[str, Any]


def whole(asking: Asking) -> Span | None:
    """The whole UTC days of the period that are over by the clock of the run."""
    first = _midnight(asking.period.start + ONE_DAY - timedelta(microseconds=1))
    last = _midnight(min(asking.period.end, asking.at))
    return (first.isoformat(), last.isoformat()) if first < last else None


def _midnight(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def manner(asking: Asking) -> str:
    """How finely utilization is asked for; ConfigurationError for another word."""
    said: str = asking.settings.get("cost_explorer", BY_DAY)
    if said not in {BY_DAY, BY_PERIOD, NEVER}:
        raise ConfigurationError(
            f"providers.aws.cost_explorer = {said!r}: it is {BY_DAY!r}, {BY_PERIOD!r} or {NEVER!r}"
        )
    return said


def days(span: Span) -> Iterator[Span]:
    """The single days of a span."""
    day, last = (date.fromisoformat(one) for one in span)
    while day < last:
        yield day.isoformat(), (day + ONE_DAY).isoformat()
        day += ONE_DAY


def time(span: Span) -> dict[str, str]:
    """A span as the API takes it."""
    return dict(zip(("Start", "End"), span, strict=True))


def asked(span: Span) -> dict[str, str]:
    """A span as an answer keeps it."""
    return dict(zip(("start", "end"), span, strict=True))


def spans(asking: Asking, span: Span, by_day: Mapping[str, Figures], committed: str) -> list[Span]:
    """What to ask the commitments for: the days on which there were any, or all days as one."""
    held = [
        day for day in days(span) if day[0] in by_day and amount(need(by_day[day[0]], committed))
    ]
    return held if manner(asking) == BY_DAY or not held else [span]


def agree(what: str, parts: Sequence[Figures], total: Figures, names: Sequence[str]) -> None:
    """Raise Changed where parts do not make the total, but for the rounding of each figure.

    Figures are rounded at some decimal that the API does not tell: at least at the last that any
    of them is written with, and beyond cents.
    """
    for name in names:
        figures = [amount(need(part, name)) for part in parts]
        stated = amount(need(total, name))
        decimals = max(-int(one.as_tuple().exponent) for one in (*figures, stated))
        rounding = Decimal("0.5").scaleb(-max(decimals, DECIMALS_MIN)) * (len(figures) + 1)
        if abs(sum(figures, Decimal(0)) - stated) > rounding:
            raise Changed(f"{name} of {what}: its parts make {sum(figures)}, the total is {stated}")


def adds_up(
    total: Answer,
    daily: Mapping[str, Figures],
    parts: Iterable[tuple[Answer, Figures]],
    stated: Figures,
    names: Sequence[str],
) -> None:
    """Raise Changed where the commitments do not add up to each day, and to the whole period."""
    by_span: dict[Span, list[Figures]] = {}
    for answer, used in parts:
        by_span.setdefault((answer.asked["start"], answer.asked["end"]), []).append(used)
    for day in days((total.asked["start"], total.asked["end"])):
        if day in by_span and day[0] in daily:
            agree(day[0], by_span[day], daily[day[0]], names)
    agree("the period", [used for some in by_span.values() for used in some], stated, names)


def used_of(
    name: str, span: Mapping[str, str], used: Figures, names: Sequence[str]
) -> dict[str, Any]:
    """What was used of a commitment, in the columns of the table."""
    committed, spent, unused = (need(used, key) for key in names)
    return {
        "provider": "aws",
        "commitment_id": name,
        "interval_start": f"{span['start']}T00:00:00Z",
        "interval_end": f"{span['end']}T00:00:00Z",
        "committed": committed,
        "used": spent,
        "unused": unused,
    }


def total(
    asking: Asking,
    call: tuple[str, str],
    items: str,
    span: Span,
    said: Mapping[str, str],
    **parameters: Any,
) -> Answer:
    """What a kind of commitment used in all; ``call`` is the operation and the SDK's method."""
    operation, method = call

    def ask() -> bytes:
        body: bytes = asking.connection.ask(
            "ce", method, unless=NO_DATA, TimePeriod=time(span), Granularity="DAILY", **parameters
        )
        _listed(body, items)
        return body

    return asking.once(operation, ask, **asked(span), **said)


def _listed(body: bytes, items: str) -> list[Any]:
    """A total's days; none where the answer says that there is no data."""
    found = exact_json(body)
    if isinstance(found, dict) and str(found.get("__type", "")).endswith(NO_DATA):
        return []
    return listed(found, items)


def by_day(answer: Answer, items: str, figures: str) -> dict[str, Figures]:
    """A total's figures by the day."""
    found = _listed(answer.body, items)
    return {need(need(one, "TimePeriod"), "Start"): need(one, figures) for one in found}
