"""Fields of raw answers: what is absent or of another type makes a broken answer, not a crash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

from trueup.adapter.feed import Answer, Asking, BrokenAnswer

Item = dict[str, Any]
DAY = timedelta(days=1)
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


def items(answers: Iterable[Answer], operation: str) -> Iterator[Item]:
    """The members of a list, over all its pages, in order."""
    for answer in answers:
        if answer.operation == operation:
            yield from members(answer)


def members(answer: Answer) -> list[Item]:
    """The members on one page of a list: objects, as the client has seen."""
    found: list[Item] = answer.json()["value"]
    return found


def object_of(answer: Answer) -> Item:
    """The one object of an answer."""
    found = answer.json()
    if not isinstance(found, dict):
        raise BrokenAnswer(f"{answer.operation}: not an object")
    return found


def text(item: Item, *path: str) -> str:
    """A text that must be there."""
    found = optional(item, *path)
    if found is None:
        raise BrokenAnswer(f"{'.'.join(path)} is missing")
    return found


def optional(item: Item, *path: str) -> str | None:
    """A text, or None where it, or what it stands in, is absent or null."""
    found = _at(item, path)
    if found is None or isinstance(found, str):
        return found
    raise BrokenAnswer(f"{'.'.join(path)} is {found!r}: not text")


def instant(item: Item, *path: str) -> str | None:
    """An instant, without the hundreds of nanoseconds that these services write."""
    found = optional(item, *path)
    return found and re.sub(r"\.(\d+)", lambda part: _cut(part[1]), found)


def _cut(digits: str) -> str:
    kept = digits[:6].rstrip("0")
    return f".{kept}" if kept else ""


def needed_instant(item: Item, *path: str) -> str:
    """An instant that must be there."""
    found = instant(item, *path)
    if found is None:
        raise BrokenAnswer(f"{'.'.join(path)} is missing")
    return found


def amount(item: Item, *path: str) -> str | None:
    """A number with all the digits it is written with; None where it is absent."""
    found = _at(item, path)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise BrokenAnswer(f"{'.'.join(path)} is {found!r}: not a number")
    return format(found, "f") if isinstance(found, Decimal) else str(found)


def needed_amount(item: Item, *path: str) -> str:
    """A number that must be there."""
    found = amount(item, *path)
    if found is None:
        raise BrokenAnswer(f"{'.'.join(path)} is missing")
    return found


def _at(item: Item, path: Iterable[str]) -> Any:
    found: Any = item
    for name in path:
        if found is None:
            return None
        if not isinstance(found, dict):
            raise BrokenAnswer(f"{name} stands in {found!r}, which is no object")
        found = found.get(name)
    return found


def day_of(instant: str) -> date:
    """The day that an instant names; its time and zone are where the service wrote it."""
    try:
        return date.fromisoformat(instant[:10])
    except ValueError as error:
        raise BrokenAnswer(f"{instant!r} begins with no day") from error


def midnight(day: date) -> str:
    """The instant at which a day begins."""
    return f"{day.isoformat()}T00:00:00Z"


def days(asking: Asking) -> tuple[date, date]:
    """The first day of the period and the last one that lies in it, and is past, to its end."""
    return asking.period.start.date(), min(asking.period.end, asking.at).date() - DAY


def months(asking: Asking) -> Iterator[tuple[date, date]]:
    """The months that the period touches and that have begun: first day and the next one's."""
    day = asking.period.start.date().replace(day=1)
    last = min(asking.period.end - timedelta(microseconds=1), asking.at).date()
    while day <= last:
        following = (day + 32 * DAY).replace(day=1)
        yield day, following
        day = following


def last_segment(path: str) -> str:
    """The name at the end of a resource's id."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def resource(identifier: str, provider: str, *kinds: str) -> tuple[str, ...]:
    """The names of a nested resource below its provider, whatever the case of the words between.

    The services write ``microsoft.capacity`` where bills write ``Microsoft.Capacity``.
    """
    between = "".join(rf"/{re.escape(kind)}/([^/]+)" for kind in kinds)
    found = re.fullmatch(rf"/?providers/{re.escape(provider)}{between}", identifier, re.IGNORECASE)
    if found is None:
        raise BrokenAnswer(f"{identifier!r} is no id of {provider}/{'/'.join(kinds)}")
    return found.groups()


def minus(one: str, other: str) -> str:
    """The exact difference of two amounts."""
    return format(EXACT.subtract(Decimal(one), Decimal(other)), "f")


def times(*amounts: str | int) -> str:
    """The exact product of amounts."""
    found = Decimal(1)
    for one in amounts:
        found = EXACT.multiply(found, Decimal(one))
    return format(found, "f")


def plus(amounts: Iterable[str]) -> Decimal:
    """The exact sum of amounts."""
    found = Decimal(0)
    for one in amounts:
        found = EXACT.add(found, Decimal(one))
    return found
