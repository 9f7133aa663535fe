"""One thing under two names: what is missing on one side is left over on the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from trueup.reconcile.causes.scene import (
    Break,
    Cause,
    Scene,
    counted,
    grouped,
    hours,
    in_base,
    named,
    shown,
)

FIELDS = {"model": "model", "resource_id": "resource", "account_id": "account"}
MATCHED = Fraction(4, 5)  # of the breaks under the rarer name that must have their partner
SURE = 1000  # a quantity that is no chance where two sides have it to the last digit
DAY = timedelta(days=1)
_DIGITS = 6

Name = tuple[str | None, ...]  # FIELDS
Place = tuple[str | None, str, str | None, int, int]  # provider, meter, tier, start, length


@dataclass(frozen=True)
class Pair:
    """A break of either side, of one time and one quantity."""

    billed: Break
    metered: Sequence[Break]
    quantity: Fraction


def find(scene: Scene) -> list[Cause]:
    """Missing in usage under one name, missing in billing under another: the same quantities."""
    theirs = scene.of_class("missing_in_usage")
    by_place = _by_place(scene.of_class("missing_in_billing"))
    sizes = Counter(_whole_name(row) for row in theirs)
    found: dict[tuple[Any, ...], list[Pair]] = {}
    for row in theirs:
        quantity = in_base(row, "billed")
        for ours, metered in by_place.get(_place(row, row), {}).items():
            same = _rounded(sum(in_base(each, "expected") for each in metered))
            if same == _rounded(quantity) and _field(_name(row), ours) is not None:
                key = (*_whole_name(row), ours)
                found.setdefault(key, []).append(Pair(row, metered, quantity))
    strong = {
        key: pairs
        for key, pairs in found.items()
        if len(pairs) >= MATCHED * sizes[key[:-1]] and _strong(pairs)
    }
    return list(_each_once(strong))


def _name(row: Break) -> Name:
    return tuple(row[field] for field in FIELDS)


def _whole_name(row: Break) -> tuple[Any, ...]:
    return (row["provider"], row["meter"], row["tier"], _name(row))


def _field(theirs: Name, ours: Name) -> str | None:
    """The one field in which two names differ; None where more do, or one is not known."""
    pairs = zip(FIELDS, theirs, ours, strict=True)
    other = [field for field, one, two in pairs if one != two]
    if len(other) != 1:
        return None
    place = list(FIELDS).index(other[0])
    return other[0] if theirs[place] is not None and ours[place] is not None else None


def _place(row: Break, when: Break) -> Place:
    start: datetime = when["period_start"]
    length = len(hours(when))
    return (row["provider"], row["meter"], row["tier"], int(start.timestamp()), length)


def _by_place(rows: Sequence[Break]) -> Mapping[Place, Mapping[Name, list[Break]]]:
    """Usage without a charge, by the hour and by the day, under each name."""
    found: dict[Place, dict[Name, list[Break]]] = {}
    for row in rows:
        start: datetime = row["period_start"]
        day = start.replace(hour=0)
        for when in ({**row}, {**row, "period_start": day, "period_end": day + DAY}):
            found.setdefault(_place(row, when), {}).setdefault(_name(row), []).append(row)
    return found


def _rounded(quantity: Fraction | int) -> int:
    return round(Fraction(quantity) * 10**_DIGITS)


def _strong(pairs: Sequence[Pair]) -> bool:
    """Several different quantities, or one of many digits."""
    if len({pair.quantity for pair in pairs}) > 1:
        return True
    quantity = pairs[0].quantity
    return len(pairs) == 1 and quantity >= SURE and quantity % 100 != 0


def _each_once(found: Mapping[tuple[Any, ...], list[Pair]]) -> Iterator[Cause]:
    """One cause for each pair of names, over all their meters; a break is in one of them."""
    taken: set[str] = set()
    most = sorted(found.items(), key=lambda item: (-len(item[1]), str(item[0])))
    chosen: list[dict[str, Any]] = []
    for (provider, _meter, _tier, theirs, ours), pairs in most:
        ids = {row["id"] for pair in pairs for row in (pair.billed, *pair.metered)}
        if not ids & taken:
            taken |= ids
            field = _field(theirs, ours)
            place = list(FIELDS).index(str(field))
            names = (provider, field, theirs[place], ours[place])
            chosen.append({"names": names, "pairs": pairs})
    for names, several in grouped(chosen, lambda item: item["names"]).items():
        yield _cause(names, [pair for item in several for pair in item["pairs"]])


def _cause(names: tuple[Any, ...], pairs: Sequence[Pair]) -> Cause:
    provider, field, theirs, ours = names
    word = FIELDS[field]
    breaks = [row for pair in pairs for row in (pair.billed, *pair.metered)]
    example = pairs[0]
    remedy = {
        "model": f'add "{ours}" = "{theirs}" to [rules.model_aliases] if they are one',
        "resource_id": "give the meter the resource's id or name as the bill has it",
        "account_id": "give that usage source the account as the bill has it",
    }[field]
    return Cause(
        f"{word}_alias",
        names,
        breaks,
        f"{counted(len(breaks))}: what {named(provider)} bills under {word} {theirs} is what the "
        f"telemetry counts under {ours}. In {counted(len(pairs), 'case')} the quantities are equal "
        f"to the last digit, as {shown(example.quantity)} of {example.billed['meter']}.",
        remedy,
    )
