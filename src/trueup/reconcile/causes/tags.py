"""A tag that was renamed: from one day on usage names no team, and another tag has the teams."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir
from ibis import _

from trueup.engine.instants import instant, moment
from trueup.engine.integers import tally, total
from trueup.money import EXACT
from trueup.reconcile.causes.scene import Cause, Scene, counted, named, shown

ROWS_MIN = 20  # on either side of the change
NEARLY_ALL = Fraction(19, 20)
TEXTS_MAX = 1_000  # distinct tags looked at, on either side
WHO = {"team": "team", "cost_centre": "cost centre"}


def find(scene: Scene) -> list[Cause]:
    """Nearly every row names a team before some day, and nearly none from it on."""
    if scene.usage is None:
        return []
    found = []
    for column in WHO:
        for provider, day in _changes(column, scene.usage, scene):
            cause = _renamed(column, provider, day, scene.usage, scene)
            if cause is not None:
                found.append(cause)
    return found


def _changes(column: str, usage: ir.Table, scene: Scene) -> Iterator[tuple[str | None, datetime]]:
    """Provider and first day of each change."""
    by_day = usage.group_by("provider", day=instant(usage.window_start).truncate("D")).aggregate(
        rows=_.count(), named=tally(usage[column].notnull().cast("int64"))
    )
    days: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in scene.engine.collect(by_day.order_by("provider", "day")).to_pylist():
        days.setdefault(row["provider"], []).append(row)
    for provider, rows in days.items():
        for place in range(1, len(rows)):
            if _is_change(rows[:place], rows[place:]):
                yield provider, rows[place]["day"]
                break


def _is_change(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> bool:
    rows = [sum(row["rows"] for row in part) for part in (before, after)]
    return (
        min(rows) >= ROWS_MIN
        and all(row["named"] >= NEARLY_ALL * row["rows"] for row in before)
        and all(row["named"] <= (1 - NEARLY_ALL) * row["rows"] for row in after)
    )


def _renamed(
    column: str, provider: str | None, day: datetime, rows: ir.Table, scene: Scene
) -> Cause | None:
    own = rows.filter(rows.provider.isnull() if provider is None else rows.provider == provider)
    earlier, later = (
        instant(own.window_start) < moment(day),
        instant(own.window_start) >= moment(day),
    )
    names = _texts(own.filter(earlier), column, scene)
    old = {key for text in _texts(own.filter(earlier), "tags", scene) for key, _ in _tags(text)}
    new: dict[str, set[str]] = {}
    for text in _texts(own.filter(later), "tags", scene):
        for key, value in _tags(text):
            new.setdefault(key, set()).add(value)
    heirs = [key for key, values in new.items() if key not in old and values <= set(names)]
    if not heirs:
        return None
    heir, moved = min(heirs), _moved(column, provider, day, scene)
    said = ", ".join(f"{shown(cost)} {code}" for code, cost in moved.items()) or "no cost"
    return Cause(
        "tag_renamed",
        (provider, column, heir),
        [],
        f"{named(provider)}: from {day:%Y-%m-%d} on usage names no {WHO[column]}, and its tag "
        f"{heir!r} holds {counted(len(new[heir]), 'name')} that stood there before. Since then "
        f"{said} is allocated to none.",
        f"map the tag in that usage source: columns = {{ {column} = {heir!r} }}",
        moved,
    )


def _texts(rows: ir.Table, column: str, scene: Scene) -> list[str]:
    named_rows = rows.filter(rows[column].notnull()).select(text=rows[column])
    some = named_rows.group_by("text").aggregate()  # what is distinct and sorted, Spark repeats
    found = scene.engine.collect(some.order_by("text").limit(TEXTS_MAX))
    return list(found.column("text").to_pylist())


def _tags(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return
    if isinstance(found, dict):
        yield from ((key, value) for key, value in found.items() if isinstance(value, str))


def _moved(column: str, provider: str | None, day: datetime, scene: Scene) -> dict[str, Decimal]:
    """Cost since that day of parties that name none, per currency."""
    if scene.allocated is None or scene.groups is None:
        return {}
    since = scene.groups.filter(scene.groups.bucket >= moment(day)).select("group")
    rows = scene.allocated.semi_join(since, "group")
    own = rows.filter(rows.provider.isnull() if provider is None else rows.provider == provider)
    lost = own.filter(own[column].isnull()).group_by("currency").aggregate(cost=total(_.cost))
    found = scene.engine.collect(lost.order_by("currency")).to_pylist()
    return {row["currency"]: row["cost"].scaleb(-scene.scale, EXACT) for row in found}
