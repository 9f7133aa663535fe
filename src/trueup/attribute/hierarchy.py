"""Who belongs to whom: teams to cost centres, cost centres to business units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trueup.attribute.cost_line import CostLine, Payer

LEVELS = ("business_unit", "cost_centre", "team")
APART = ("(no business unit)", "(no cost centre)", "(nobody)")  # how pages name what has none
NOBODY, NO_TEAM = APART[-1], "(no team)"

Place = tuple[str | None, ...]  # names from the top down, as long as the level is deep
Path = tuple[str, ...]  # the same, as it is shown


@dataclass(frozen=True)
class Hierarchy:
    """``cost_centres`` of teams that do not name theirs, ``business_units`` of cost centres.

    A payer's own cost centre and business unit stand before the tables'. A team alone that no table
    names belongs where its other costs do (``homes``), if that is one cost centre.
    """

    cost_centres: Mapping[str, str] = field(default_factory=dict)
    business_units: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, Payer] = field(default_factory=dict)

    def knowing(self, lines: Iterable[CostLine]) -> Hierarchy:
        """The same with the homes that these lines tell."""
        told: dict[str, set[Payer]] = {}
        for payer in {line.payer for line in lines}:
            if payer.team and (payer.cost_centre or payer.business_unit):
                told.setdefault(payer.team, set()).add(self.payer(payer))
        homes = {team: _home(team, payers) for team, payers in told.items()}
        return Hierarchy(self.cost_centres, self.business_units, homes)

    def payer(self, payer: Payer) -> Payer:
        """With the cost centre and business unit that it does not name, where they are known."""
        team, centre, unit = (name or None for name in payer)
        if team and not centre:
            centre = self.cost_centres.get(team)
            if not centre and not unit and team in self.homes:
                return self.homes[team]
        if centre and not unit:
            unit = self.business_units.get(centre)
        return Payer(team, centre, unit)

    def placed(self, lines: Iterable[CostLine]) -> list[CostLine]:
        """The lines with their payers' full names."""
        return [line.charged(self.payer(line.payer), line.cost) for line in lines]


def _home(team: str, payers: Iterable[Payer]) -> Payer:
    """Where all of these are; of two cost centres none, of one's two business units none."""
    centres = {payer.cost_centre for payer in payers if payer.cost_centre}
    if len(centres) > 1:
        return Payer(team)
    centre = next(iter(centres), None)
    units = {payer.business_unit for payer in payers if payer.cost_centre == centre}
    return Payer(team, centre, units.pop() if len(units) == 1 else None)


def place_of(payer: Payer) -> Place:
    """Where it stands: a name, or null, for each of LEVELS."""
    return tuple(getattr(payer, level) for level in LEVELS)


def above(place: Place) -> Sequence[Place]:
    """The place itself and all that it stands under, the whole company (no name) first."""
    return [place[:depth] for depth in range(len(place) + 1)]


def shown(place: Place) -> Path:
    """The place as pages name it: what has no name in brackets, a name like that in quotes."""
    return tuple(_shown(place, depth) for depth in range(len(place)))


def _shown(place: Place, depth: int) -> str:
    name = place[depth]
    if name is None:
        return NO_TEAM if depth == len(LEVELS) - 1 and any(place) else APART[depth]
    return f"'{name}'" if name.strip("'") in (*APART, NO_TEAM) else name
