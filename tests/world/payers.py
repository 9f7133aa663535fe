"""Whom the company charges: its own map of names, as a person would state it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tests.world.ledger import Party

UNIT_OF_AGENT = {"route-planner": "operations"}  # before that of its cost centre
RENAMED = {"platform": "tools"}  # teams
COST_CENTRES = {"finance": "CC-900"}  # of teams whose cost centre nothing else tells
BUSINESS_UNITS = {"CC-520": "customers", "CC-700": "engineering", "CC-900": "corporate"}
APART = ("(no business unit)", "(no cost centre)", "(nobody)")  # as statements name what has none
NO_TEAM = "(no team)"

Place = tuple[str, ...]  # business unit, cost centre and team, as statements name them


class Payer(NamedTuple):
    """Who is charged; without any name nobody is."""

    team: str | None = None
    cost_centre: str | None = None
    business_unit: str | None = None

    @property
    def place(self) -> Place:
        team, centre, unit = self
        names = unit, centre, team or (NO_TEAM if centre or unit else None)
        return tuple(name or other for name, other in zip(names, APART, strict=True))


def of_party(party: Party) -> Payer:
    """Whom its use falls to."""
    centre, unit = party.cost_centre, UNIT_OF_AGENT.get(party.agent or "")
    team = RENAMED.get(party.team or "", party.team)
    return Payer(team, centre, unit or BUSINESS_UNITS.get(centre or ""))


def of_team(team: str, known: Iterable[Payer]) -> Payer:
    """A team by its name alone: where a table says, else where all its other costs are."""
    homes = {payer for payer in known if payer.team == team}
    if team in COST_CENTRES:
        centre = COST_CENTRES[team]
        homes = {Payer(team, centre, BUSINESS_UNITS.get(centre))}
    centres, units = ({getattr(payer, name) for payer in homes} for name in Payer._fields[1:])
    if len(centres) != 1:
        return Payer(team)
    return Payer(team, centres.pop(), units.pop() if len(units) == 1 else None)
