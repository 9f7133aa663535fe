"""A meter that stopped reporting: for hours nothing of it came, and what was billed is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir

from trueup.reconcile.causes.scene import HOUR, Break, Cause, Scene, counted, grouped, hours, named
from trueup.reconcile.metering import COUNTED

SILENT_HOURS_MIN = 2
BREAKS_MIN = 2
REPORTED_MIN = Fraction(9, 10)  # of the hours outside the silence: a meter that seldom pauses
HOURS_KNOWN_MIN = 6  # in which it reported at all

Key = tuple[Any, ...]


def find(scene: Scene) -> list[Cause]:
    """Counted work only: of a machine, a meter that saw nothing is itself the finding."""
    missing = [row for row in scene.of_class("missing_in_usage") if row["meter"] in COUNTED]
    if not missing or scene.cells is None:
        return []
    known = _reported(missing, scene.cells, scene)
    silent: list[dict[str, Any]] = []
    for key, rows in grouped(missing, _meter_of).items():
        silent.extend(_silences(key, rows, known.get(key, []), scene))
    return list(_merged(silent))


def _meter_of(row: Break) -> Key:
    return (row["provider"], row["account_id"], row["meter"])


def _reported(missing: Sequence[Break], cells: ir.Table, scene: Scene) -> dict[Key, list[datetime]]:
    """The hours in which each meter reported anything, usage without an account for any."""
    meters = sorted({row["meter"] for row in missing})
    seen = cells.filter(cells.meter.isin(meters))
    found = scene.engine.collect(seen.select("provider", "account", "meter", "hour").distinct())
    spoken: dict[Key, set[datetime]] = {}
    for row in found.to_pylist():
        spoken.setdefault((row["provider"], row["account"], row["meter"]), set()).add(row["hour"])
    return {
        key: sorted(
            hour
            for (provider, account, meter), at in spoken.items()
            if meter == key[2] and provider in (None, key[0]) and account in (None, key[1])
            for hour in at
        )
        for key in {_meter_of(row) for row in missing}
    }


def _silences(
    key: Key, rows: Sequence[Break], known: Sequence[datetime], scene: Scene
) -> Iterator[dict[str, Any]]:
    reported = set(known)
    first = scene.window.start.replace(minute=0, second=0, microsecond=0)
    every = [first + number * HOUR for number in range((scene.window.end - first) // HOUR)]
    place = {hour: number for number, hour in enumerate(every)}
    for start, end in _runs([hour not in reported for hour in every]):
        outside = len(every) - (end - start)
        known_hours = len(reported)
        dense = known_hours >= HOURS_KNOWN_MIN and known_hours >= REPORTED_MIN * outside
        inside = [
            row for row in rows if all(start <= place.get(hour, -1) < end for hour in hours(row))
        ]
        if dense and end - start >= SILENT_HOURS_MIN and inside:
            until = every[end - 1] + HOUR
            yield {"key": key, "start": every[start], "end": until, "rows": inside}


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The half-open runs of places that are set."""
    start = None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield start, place
            start = None


def _merged(silent: Sequence[dict[str, Any]]) -> Iterator[Cause]:
    """One cause per provider, account and silence, over the meters that it silenced."""
    ordered = sorted(silent, key=lambda item: (str(item["key"][:2]), item["start"]))
    current: list[dict[str, Any]] = []
    for item in [*ordered, None]:
        joins = (
            item is not None
            and current
            and item["key"][:2] == current[0]["key"][:2]
            and item["start"] < max(each["end"] for each in current)
        )
        if current and not joins:
            breaks = [row for each in current for row in each["rows"]]
            if len(breaks) >= BREAKS_MIN:
                yield _cause(current, breaks)
            current = []
        if item is not None:
            current.append(item)


def _cause(silent: Sequence[dict[str, Any]], breaks: Sequence[Break]) -> Cause:
    provider, account, _meter = silent[0]["key"]
    start, end = min(item["start"] for item in silent), max(item["end"] for item in silent)
    meters = ", ".join(sorted({item["key"][2] for item in silent}))
    where = f"{named(provider)}{f', account {account},' if account else ''}"
    return Cause(
        "telemetry_missing",
        (provider, account, start.isoformat()),
        breaks,
        f"{counted(len(breaks))}: no usage row of {where} arrived for {meters} from "
        f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC "
        f"({counted((end - start) // HOUR, 'hour')}), and the bill goes on.",
        "look for the usage of these hours: a collector that stopped, or a file that was not given",
    )
