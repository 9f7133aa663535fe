"""What changed between two runs, and why: sources, rules, charges, breaks, figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trueup.money import EXACT

Row = Mapping[str, Any]
_ZERO = Decimal(0)

# table of a result -> its figures that add up per currency
FIGURES = {
    "control_totals": ("billed_cost", "effective_cost"),
    "identity": ("billed", "allocated", "unused", "unattributed"),
    "commitments": ("committed_cost", "used_cost", "unused_cost"),
}


@dataclass(frozen=True)
class Change:
    """One thing that is not the same in both runs; None on a side where it is not there."""

    what: str  # added | removed | changed
    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class FigureChange:
    """A figure in one currency; the difference is exact."""

    table: str
    figure: str
    currency: str
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        return EXACT.subtract(self.after, self.before)


@dataclass(frozen=True)
class BreakChange:
    """A break that is new, gone or of another amount."""

    what: str  # new | cleared | changed
    id: str
    row: Row
    before: Decimal | None
    after: Decimal | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every name whose value is another, by name."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if name not in before:
            found.append(Change("added", name, None, other))
        elif name not in after:
            found.append(Change("removed", name, one, None))
        elif one != other:
            found.append(Change("changed", name, one, other))
    return found


def source_changes(before: Sequence[Row], after: Sequence[Row]) -> list[Change]:
    """Files added, removed and changed: by kind and source as given, by their SHA-256."""
    return changes(_sources(before), _sources(after))


def _sources(inputs: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in inputs:
        found.setdefault(f"{one['kind']} {one['source']}", []).append(one["sha256"])
    return {name: sorted(digests) for name, digests in found.items()}


def break_changes(before: Iterable[Row], after: Iterable[Row]) -> list[BreakChange]:
    """Breaks that are new, cleared or changed in amount, largest move first."""
    was = {row["id"]: row for row in before}
    now = {row["id"]: row for row in after}
    found = [
        *(
            BreakChange("new", name, now[name], None, now[name]["amount"])
            for name in now.keys() - was.keys()
        ),
        *(
            BreakChange("cleared", name, was[name], was[name]["amount"], None)
            for name in was.keys() - now.keys()
        ),
        *(
            BreakChange("changed", name, now[name], was[name]["amount"], now[name]["amount"])
            for name in was.keys() & now.keys()
            if was[name]["amount"] != now[name]["amount"]
        ),
    ]
    return sorted(found, key=lambda one: (one.row["currency"] or "", -_moved(one), one.id))


def _moved(change: BreakChange) -> Decimal:
    return abs(EXACT.subtract(change.after or _ZERO, change.before or _ZERO))


def figure_changes(
    before: Callable[[str], Iterable[Row]], after: Callable[[str], Iterable[Row]]
) -> list[FigureChange]:
    """Every figure per currency that is another, summed over what is known."""
    found = []
    for table, names in FIGURES.items():
        was, now = _sums(before(table), names), _sums(after(table), names)
        for currency in sorted(was.keys() | now.keys()):
            for name in names:
                one = was.get(currency, {}).get(name, _ZERO)
                other = now.get(currency, {}).get(name, _ZERO)
                if one != other:
                    found.append(FigureChange(table, name, currency, one, other))
    return found


def _sums(rows: Iterable[Row], names: Sequence[str]) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        if row["currency"] is None:
            continue
        sums = found.setdefault(row["currency"], dict.fromkeys(names, _ZERO))
        for name in names:
            sums[name] = EXACT.add(sums[name], row[name] or _ZERO)
    return found
