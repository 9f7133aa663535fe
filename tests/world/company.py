"""Brackenmoor Freight Intelligence: its teams, agents and tools, none of which exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tests.world.dice import Dice
from tests.world.ledger import HOUR, NOBODY, Party

NAME = "Brackenmoor Freight Intelligence"


@dataclass(frozen=True)
class Agent:
    name: str
    team: str
    cost_centre: str
    tools: tuple[str | None, ...]


AGENTS = (
    Agent("route-planner", "routing", "CC-410", (None, "map_lookup", "toll_table")),
    Agent("claims-triage", "claims", "CC-520", (None, "document_search")),
    Agent("tide-forecaster", "forecasting", "CC-630", (None, "weather_feed")),
    Agent("code-steward", "platform", "CC-700", (None, "repository_search")),
    Agent("yard-watch", "routing", "CC-415", (None,)),
)


@dataclass(frozen=True)
class Session:
    """An agent at work for some consecutive hours."""

    name: str
    agent: Agent
    start: datetime
    hours: int

    def works_at(self, hour: datetime) -> bool:
        return self.start <= hour < self.start + self.hours * HOUR

    def party(self, tool: str | None = None) -> Party:
        agent = self.agent
        return Party(self.name, agent.name, tool, agent.team, agent.cost_centre)


def sessions(dice: Dice, prefix: str, start: datetime, days: int, per_day: int) -> list[Session]:
    """Sessions of mixed agents, spread over the days, ending within them."""
    found = []
    for day in range(days):
        for number in range(per_day):
            hour = dice.between(0, 21)
            length = dice.between(1, min(6, 24 - hour))
            name = f"{prefix}-{day + 1:02d}{chr(97 + number)}-{dice.identifier(4)}"
            begin = start + (24 * day + hour) * HOUR
            found.append(Session(name, dice.one_of(AGENTS), begin, length))
    return found


def at_work(known: list[Session], hour: datetime) -> list[Session]:
    return [session for session in known if session.works_at(hour)]


__all__ = ["AGENTS", "NAME", "NOBODY", "Agent", "Session", "at_work", "sessions"]
