"""All causes of a run: each search sees what the ones before it have left, and money ranks them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.reconcile.causes import cached, expiry, names, restated, shift, silence, tags, units
from trueup.reconcile.causes.scene import BREAKS_MAX, Cause, Scene, Search, counted
from trueup.reconcile.control import exact_sum

# The most specific first: a break has one cause.
SEARCHES: tuple[Search, ...] = (
    restated.find,
    units.find,
    cached.find,
    names.find,
    shift.find,
    silence.find,
    expiry.find,
    tags.find,
)


@dataclass(frozen=True)
class Explained:
    """The rows of ``causes``, and break id -> cause_id."""

    rows: list[dict[str, Any]]
    of_break: dict[str, str]

    def within(self, breaks: pa.Table) -> pa.Table:
        """The breaks with their ``cause_id``."""
        ids = pa.array(list(self.of_break), pa.string())
        causes = pa.array(list(self.of_break.values()), pa.string())
        found = causes.take(pc.index_in(breaks.column("id").combine_chunks(), ids))
        place = breaks.schema.get_field_index("cause_id")
        return breaks.set_column(place, breaks.schema.field(place), found)


def explain(scene: Scene) -> Explained:
    """Every cause with evidence enough; see the modules for what that is."""
    of_break: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for search in SEARCHES:
        left = [row for row in scene.breaks if row["id"] not in of_break]
        for cause in search(replace(scene, breaks=left)):
            of_break |= {row["id"]: cause.id for row in cause.breaks}
            rows.extend(_rows(cause))
    order = sorted(
        rows, key=lambda row: (row["currency"] or "~", -(row["amount"] or 0), row["cause_id"])
    )
    return Explained(order, of_break)


def _rows(cause: Cause) -> Iterator[dict[str, Any]]:
    """One row per currency; breaks whose amount is not known have none."""
    amounts: dict[str | None, list[Decimal]] = {code: [] for code in cause.moved}
    breaks: dict[str | None, int] = {}
    for row in cause.breaks:
        currency = None if row["amount"] is None else row["currency"]
        breaks[currency] = breaks.get(currency, 0) + 1
        amounts.setdefault(currency, []).extend([] if row["amount"] is None else [row["amount"]])
    for currency, found in amounts.items():
        moved = cause.moved.get(currency) if currency else None
        every = [moved] if moved is not None and not found else found
        yield {
            "cause_id": cause.id,
            "cause": cause.name,
            "breaks": breaks.get(currency, 0),
            "amount": _sum([abs(amount) for amount in every]),
            "net_amount": _sum(every),
            "currency": currency,
            "explanation": cause.explanation,
            "remedy": cause.remedy,
        }


def _sum(amounts: Sequence[Decimal]) -> Decimal | None:
    return exact_sum(amounts) if amounts else None


def bounded(breaks: int) -> list[dict[str, Any]]:
    """The note that says so where only the largest breaks were looked at."""
    if breaks <= BREAKS_MAX:
        return []
    return [
        {
            "code": "causes_bounded",
            "subject": "causes",
            "text": f"causes were looked for among the {BREAKS_MAX:,} largest of {counted(breaks)}",
            "remedy": "mend what the first causes name, and run again",
        }
    ]
