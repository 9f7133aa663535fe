"""A clock that is off by whole hours: what is billed in one hour is metered in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.instants import instant
from trueup.reconcile.causes.scene import (
    HOUR,
    Break,
    Cause,
    Scene,
    counted,
    equal,
    grouped,
    in_base,
    named,
    subject,
)
from trueup.reconcile.groups import MATCHED
from trueup.reconcile.text import key_with_nulls, text_of

SHIFTS = (*range(-14, 0), *range(1, 15))  # every zone is within 14 hours of UTC
PAIRS_MIN = 3  # hours of different quantities, where quantities are all there is
TIMING_MIN = 2
SHARE = Fraction(4, 5)  # of a subject's breaks that the shift explains
AGREED_MAX = Fraction(1, 5)  # hours that agree unshifted, of those that it explains

Subject = tuple[str | None, ...]
_SPANS = pa.schema(
    [
        pa.field("span_key", pa.string()),
        pa.field("span_start", pa.timestamp("us", tz="UTC")),
        pa.field("span_end", pa.timestamp("us", tz="UTC")),
    ]
)


def find(scene: Scene) -> list[Cause]:
    """Every subject whose hours agree once moved, and hardly any as they stand."""
    if scene.groups is None:
        return []
    classes = ("timing", "quantity", "missing_in_usage", "missing_in_billing")
    explained: dict[Subject, tuple[int, list[Break]]] = {}
    for key, rows in grouped(scene.of_class(*classes), subject).items():
        best = max((_by_shift(rows, shift) for shift in SHIFTS), key=lambda item: len(item[1]))
        if best[1] and len(best[1]) >= SHARE * len(rows):
            explained[key] = best
    agreed = _agreed(explained, scene.groups, scene) if explained else {}
    kept = [
        {"provider": key[0], "shift": shift, "rows": rows, "subject": key}
        for key, (shift, rows) in explained.items()
        if agreed.get(key, 0) <= AGREED_MAX * len(rows)
    ]
    groups = grouped(kept, lambda item: (item["provider"], item["shift"]))
    return [_cause(provider, shift, same) for (provider, shift), same in groups.items()]


def _by_shift(rows: Sequence[Break], shift: int) -> tuple[int, list[Break]]:
    """The breaks that a clock ``shift`` hours fast in the telemetry explains; none if few."""
    late = [row for row in rows if row["shift_seconds"] == shift * 3600]
    billed = {row["period_start"]: row for row in rows if _counts(row, "billed")}
    metered = {row["period_start"]: row for row in rows if _counts(row, "expected")}
    ids: dict[str, Break] = {}
    quantities = set()
    for start, row in billed.items():
        other = metered.get(start + shift * HOUR)
        if other is not None and equal(in_base(row, "billed"), in_base(other, "expected")):
            quantities.add(in_base(row, "billed"))
            ids |= {row["id"]: row, other["id"]: other}
    found = late if len(late) >= TIMING_MIN else []
    return shift, [*found, *(ids.values() if len(quantities) >= PAIRS_MIN else ())]


def _counts(row: Break, side: str) -> bool:
    return bool(row[side]) and row["class"] != "timing" and row["period_end"] == _after(row)


def _after(row: Break) -> datetime:
    start: datetime = row["period_start"]
    return start + HOUR


def _agreed(
    explained: Mapping[Subject, tuple[int, list[Break]]], groups: ir.Table, scene: Scene
) -> dict[Subject, int]:
    """How many hours of each subject agree as they stand, among those of its breaks."""
    subjects = {text_of(key): key for key in explained}
    spans = [
        {
            "span_key": text,
            "span_start": min(row["period_start"] for row in explained[key][1]),
            "span_end": max(row["period_end"] for row in explained[key][1]),
        }
        for text, key in subjects.items()
    ]
    asked = scene.engine.load(pa.Table.from_pylist(spans, schema=_SPANS))
    agreed = groups.filter(groups.verdict == MATCHED)
    held = ibis.ifelse(agreed.held, agreed.resource, ibis.null(str))
    parts = (agreed.provider, agreed.account, held, agreed.model, agreed.meter, agreed.tier)
    keyed = agreed.mutate(span_key=key_with_nulls(*parts)).join(asked, "span_key")
    inside = keyed.filter(
        (keyed.bucket >= instant(keyed.span_start)) & (keyed.bucket < instant(keyed.span_end))
    )
    sums = inside.group_by("span_key").aggregate(groups=_.group.nunique())
    found = scene.engine.collect(sums).to_pylist()
    return {subjects[row["span_key"]]: row["groups"] for row in found}


def _cause(provider: str | None, shift: int, same: Sequence[Mapping[str, Any]]) -> Cause:
    breaks = [row for item in same for row in item["rows"]]
    way = "later" if shift > 0 else "earlier"
    meters = sorted({item["subject"][4] or "" for item in same})
    return Cause(
        "clock_shift",
        (provider, str(shift)),
        breaks,
        f"{counted(len(breaks))} of {named(provider)} ({', '.join(meters)}): what is billed in an "
        f"hour is metered {counted(abs(shift), 'hour')} {way}, by the same quantity each time.",
        "check the clock and the time zone of that usage source: times without a zone are read as "
        "UTC",
    )
