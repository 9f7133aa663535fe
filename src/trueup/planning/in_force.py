"""What commitments that are in force when the plan begins serve already, hour by hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from typing import Any

from trueup.errors import UnitError
from trueup.model.dataset import Dataset
from trueup.planning.use import HOUR, Priced, Use
from trueup.reconcile.terms import BENEFIT, HOURLY, latest, per_interval, read_terms
from trueup.units import factor


@dataclass
class InForce:
    """A commitment: what it serves in an hour, in its unit, and what it served of a use.

    ``told`` is what a run found it to have served in an hour; in others it serves ``committed``.
    """

    commitment_id: str
    unit: str | None
    committed: Fraction
    ends: datetime | None = None
    told: dict[datetime, Fraction] = field(default_factory=dict)
    served: Fraction = Fraction(0)  # of what is planned for, together
    reason: str | None = None  # why nothing was subtracted


def of_contracts(commitments: Dataset, begins: datetime) -> dict[str, InForce]:
    """Benefits by their contracts; one that is over when the plan begins serves nothing."""
    terms, _repeated = latest([read_terms(row) for row in commitments.table])
    found = {}
    for one in terms:
        if one.layer != BENEFIT or not one.counts:
            continue
        figure, _reading = per_interval(one, None)
        held = InForce(one.commitment_id, one.unit, figure or Fraction(0), one.end)
        if not one.start <= begins < one.end:
            held.reason = "not in force when the plan begins"
        elif one.interval != HOURLY or figure is None:
            held.reason = "its contract states no figure for an hour"
        found[one.commitment_id] = held
    return found


def told_by_runs(
    utilization: Iterable[Mapping[str, Any]], known: Mapping[str, InForce]
) -> dict[str, InForce]:
    """The same with what runs found used, within what was committed, in each hour."""
    found = dict(known)
    for row in sorted(utilization, key=lambda row: row["interval_start"]):
        used, committed = row["used_quantity"], row["committed_quantity"]
        start = row["interval_start"].astimezone(UTC)
        if used is None or committed is None or row["interval_end"] - start != HOUR:
            continue
        name = row["commitment_id"]
        held = found.setdefault(name, InForce(name, row["unit"], Fraction(0)))
        if name not in known:
            held.committed = Fraction(committed)  # the last that is told
        held.told[start] = Fraction(min(used, committed))
    return found


def beyond(use: Use, in_force: Sequence[InForce]) -> Use:
    """The use that the commitments leave; each serves usage whose rate names it.

    Of several the one on which it saves most is served first, equals by what they used, planned for
    or not: plans of parts add up to that of the whole. ``in_force`` learns what each served of what
    is planned for, or why nothing.
    """
    mine = len(use.priced)
    priced = [*use.priced, *use.beside]
    for held in in_force:
        sizes = {at: size for at, one in enumerate(priced) if (size := _size(held, one))}
        if held.reason is None and not any(at < mine for at in sizes):
            held.reason = "no rate of the use names it as its commitment_id, in its unit"
        if held.reason is not None:
            continue
        saved = {at: priced[at].price / size for at, size in sizes.items()}
        ranks = [
            list(rank) for _, rank in groupby(sorted(saved, key=lambda at: -saved[at]), saved.get)
        ]
        amounts = {at: list(priced[at].amounts) for at in sizes}
        for hour in range(use.hours):
            left = held.told.get(use.start + hour * HOUR, held.committed)
            for rank in ranks:
                takes = {at: amounts[at][hour] * sizes[at] for at in rank}
                whole = sum(takes.values())
                share = min(left / whole, Fraction(1)) if whole else Fraction(0)
                for at, taken in takes.items():
                    amounts[at][hour] -= share * amounts[at][hour]
                    held.served += share * taken if at < mine else 0
                left -= share * whole
        for at, hourly in amounts.items():
            priced[at] = replace(priced[at], amounts=hourly)
    return replace(use, priced=tuple(priced[:mine]), beside=tuple(priced[mine:]))


def _size(held: InForce, one: Priced) -> Fraction:
    """How much of the commitment's unit a part of usage takes; nought where it is not for it."""
    rate = one.rate
    if rate.commitment_id != held.commitment_id or held.unit is None:
        return Fraction(0)
    if held.unit == rate.currency:
        return Fraction(rate.commitment_price or 0) / one.parts
    try:
        return 1 / (one.parts * factor(held.unit, rate.unit))
    except UnitError:
        return Fraction(0)
