"""What drives cost, and what changed against a time before: by quantity and by price, exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from trueup.attribute.cost_line import total
from trueup.money import EXACT
from trueup.period import Period

if TYPE_CHECKING:
    import pyarrow as pa

By = Literal["team", "agent", "tool", "model"]
Basis = Literal["bill", "rated"]
PRODUCT = ("provider", "model", "meter")
SERVICE = (*PRODUCT, "tool", "currency")  # of outside services the tool tells what was bought
SCALE = 18
ZERO = Decimal(0)
EFFECTS = ("quantity", "price", "new", "gone", "other")

Who = tuple[str, str | None, str | None]  # currency, name, and why it has none
Thing = tuple[Who, tuple[str | None, ...]]  # PRODUCT or SERVICE


@dataclass(frozen=True)
class Driver:
    """What one team, agent, tool or model cost in two windows of the same length.

    ``effects`` says why it changed; they add up to ``change`` to the last digit. ``quantity``: more
    or less was used, at the price of before; ``price``: what is used now costs more or less each;
    ``new`` and ``gone``: models and meters that only one of the windows has; ``other``: what has no
    quantity (charges that no meter was compared with, idle and unused capacity).

    ``basis`` keeps apart what the bill holds or will hold, ``bill``, and what is ``rated`` beside
    it: the same name may have both, and no figure has them together.
    """

    currency: str
    name: str | None  # None: nobody's
    reason: str | None  # why, where it is known: idle, unused, no_rule ...
    before: Decimal
    now: Decimal
    accrued: Decimal  # of ``now``: metered, its charge still to come
    effects: Mapping[str, Decimal]
    basis: Basis

    @property
    def change(self) -> Decimal:
        return EXACT.subtract(self.now, self.before)

    @property
    def state(self) -> str:
        """``new`` or ``gone`` where only one window knows it, else empty."""
        if not self.before and self.now:
            return "new"
        return "gone" if self.before and not self.now else ""


@dataclass
class Figures:
    """Of one window: exact costs, quantities, and costs accrued."""

    costs: dict[Thing, Decimal] = field(default_factory=dict)
    accrued: dict[Who, Decimal] = field(default_factory=dict)
    quantities: dict[tuple[str | None, ...], list[Decimal]] = field(default_factory=dict)


def drivers(
    spend: pa.Table, activity: pa.Table, by: By, now: Period, before: Period
) -> list[Driver]:
    """Every driver by currency, the costliest of now first, from ``spend`` and ``activity``.

    A row counts in a window that holds all of it. What is nobody's stands apart by its reason.
    """
    was, is_now = (_figures(spend, activity, by, PRODUCT, window) for window in (before, now))
    return _drivers(was, is_now, "bill")


def rated_drivers(rated: pa.Table, by: By, now: Period, before: Period) -> list[Driver]:
    """The same of what is rated beside the bill, from the table ``rated``."""
    import pyarrow as pa

    rows = rated.append_column("state", pa.nulls(len(rated), pa.string()))
    rows = rows.append_column("reason", rows["state"])
    rows = rows.append_column("capacity", pa.array(["busy"] * len(rows), pa.string()))
    was, is_now = (_figures(rows, rows, by, SERVICE, window) for window in (before, now))
    return _drivers(was, is_now, "rated")


def costliest(found: Iterable[Driver]) -> list[Driver]:
    """By currency, the costliest of now first."""
    return sorted(
        found,
        key=lambda each: (
            *(each.currency, -each.now, -each.before),
            *(each.name or "", each.reason or "", each.basis),
        ),
    )


def _drivers(before: Figures, now: Figures, basis: Basis) -> list[Driver]:
    of_whom: dict[Who, list[Thing]] = {}
    for thing in before.costs.keys() | now.costs.keys():
        of_whom.setdefault(thing[0], []).append(thing)
    return costliest(_driver(who, things, before, now, basis) for who, things in of_whom.items())


def cut_rows(spend: pa.Table, windows: Iterable[Period]) -> dict[str, Decimal]:
    """The cost by currency of rows that an edge of a window cuts: billed by the month, say."""
    import pyarrow.compute as pc

    from trueup.model.sums import sums_by

    start, end = spend.column("start"), spend.column("end")
    touching, inside = None, None
    for window in windows:
        touches = pc.and_(pc.less(start, window.end), pc.greater(end, window.start))
        holds = _inside(spend, window)
        touching = touches if touching is None else pc.or_(touching, touches)
        inside = holds if inside is None else pc.or_(inside, holds)
    rows = spend.filter(pc.and_(touching, pc.invert(inside)))
    sums = sums_by(rows, ["currency"], ["cost"]).to_pylist()
    return {row["currency"]: row["cost"] for row in sums if row["cost"]}


def _inside(table: pa.Table, window: Period) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.and_(
        pc.greater_equal(table.column("start"), window.start),
        pc.less_equal(table.column("end"), window.end),
    )


def _figures(
    spend: pa.Table, activity: pa.Table, by: By, product: Sequence[str], window: Period
) -> Figures:
    from trueup.model.sums import sums_by

    found = Figures()
    keys = dict.fromkeys(("state", "currency", "reason", by, *product))
    for row in sums_by(spend.filter(_inside(spend, window)), list(keys), ["cost"]).to_pylist():
        cost = row["cost"]
        if cost is None or row["currency"] is None:
            continue
        who = (row["currency"], row[by], None if row[by] else row["reason"])
        thing = (who, tuple(row[each] for each in product))
        found.costs[thing] = EXACT.add(found.costs.get(thing, ZERO), cost)
        if row["state"] == "accrued":
            found.accrued[who] = EXACT.add(found.accrued.get(who, ZERO), cost)
    keys = dict.fromkeys((by, *product, "unit", "capacity"))
    seen = activity.filter(_inside(activity, window))
    for row in sums_by(seen, list(keys), ["quantity"]).to_pylist():
        if row["capacity"] == "busy":  # what was held is no measure of what somebody used
            of_whom = (row[by], *(row[each] for each in product))
            found.quantities.setdefault(of_whom, []).append(row["quantity"])
    return found


def _driver(
    who: Who, things: Iterable[Thing], before: Figures, now: Figures, basis: Basis
) -> Driver:
    effects = dict.fromkeys(EFFECTS, ZERO)
    for thing in things:
        for effect, amount in _effects(thing, before, now).items():
            effects[effect] = EXACT.add(effects[effect], amount)
    was, is_now = (
        total(each.costs[thing] for thing in things if thing in each.costs)
        for each in (before, now)
    )
    return Driver(*who, was, is_now, now.accrued.get(who, ZERO), effects, basis)


def _effects(thing: Thing, before: Figures, now: Figures) -> dict[str, Decimal]:
    """Why the cost of a thing changed; the effects add up to the change."""
    was, is_now = before.costs.get(thing), now.costs.get(thing)
    change = EXACT.subtract(is_now or ZERO, was or ZERO)
    if was is None:
        return {"new": change}
    if is_now is None:
        return {"gone": change}
    first, then = _quantity(thing, before), _quantity(thing, now)
    if not first or not then:
        return {"other": change}
    quantity = _rounded(Fraction(was) * (Fraction(then) / Fraction(first) - 1))
    return {"quantity": quantity, "price": EXACT.subtract(change, quantity)}


def _quantity(thing: Thing, figures: Figures) -> Decimal | None:
    """What was used of it; None where nobody did or says, or in several units."""
    (_, name, _), product = thing
    found = [] if name is None else figures.quantities.get((name, *product), [])
    return found[0] if len(found) == 1 else None


def _rounded(value: Fraction) -> Decimal:
    """The nearest amount of 18 decimals, half to even."""
    return Decimal(round(value * 10**SCALE)).scaleb(-SCALE, EXACT)
