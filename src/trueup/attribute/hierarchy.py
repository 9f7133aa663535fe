"""Who belongs to whom: teams to cost centres, cost centres to business units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trueup.attribute.cost_line import CostLine

LEVELS = ("business_unit", "cost_centre", "team")
APART = ("(no business unit)", "(no cost centre)", "(nobody)")  # of each level
NOBODY = APART[-1]

Path = tuple[str, ...]  # names from the top down; as long as the level is deep


@dataclass(frozen=True)
class Hierarchy:
    """``cost_centres`` of teams that do not name theirs, ``business_units`` of cost centres.

    A line's own cost centre and business unit stand before the tables'. What no table names keeps
    its place under ``APART``, so that no cost falls out of a level.
    """

    cost_centres: Mapping[str, str] = field(default_factory=dict)
    business_units: Mapping[str, str] = field(default_factory=dict)

    def path(self, line: CostLine) -> Path:
        """Where the line stands: a name for each of LEVELS."""
        centre = line.cost_centre or self.cost_centres.get(line.team or "")
        unit = line.business_unit or self.business_units.get(centre or "")
        names = (unit, centre, line.team)
        return tuple(name or apart for name, apart in zip(names, APART, strict=True))


def above(path: Path) -> Sequence[Path]:
    """The path itself and all that it stands under, the whole company (no name) first."""
    return [path[:depth] for depth in range(len(path) + 1)]
