"""One session step by step: what it cost, rolled up from meters to models, tools and agents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trueup.money import EXACT

Kept = tuple[str, str | None]  # basis, currency: what is never added to something else
ZERO = Decimal(0)


@dataclass
class Step:
    """A node: ``rows`` are its own rows of ``session_costs``, those below are its children's."""

    level: str  # session | agent | tool | model
    name: str | None  # None: telemetry names none
    children: list[Step] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def every(self) -> Iterator[Mapping[str, Any]]:
        """Its rows and all below, each once."""
        yield from self.rows
        for child in self.children:
            yield from child.every()

    @property
    def costs(self) -> dict[Kept, Decimal]:
        """The exact cost by basis and currency, of rows whose cost is known."""
        return _sums(self.every(), "cost")

    @property
    def committed(self) -> dict[Kept, Decimal]:
        """What commitments paid of ``costs``; a basis of which that is not known has no entry."""
        return _sums(self.every(), "committed_cost")


def session_tree(session: str, rows: Iterable[Mapping[str, Any]]) -> Step:
    """The rows of ``session_costs`` of a session as a tree: agents, tools, models, then meters.

    An agent stands below the agent that called it, where telemetry tells that; agents that call one
    another in a ring stand side by side. What cost most stands first.
    """
    root = Step("session", session)
    agents: dict[str | None, Step] = {}
    callers: dict[str | None, str] = {}
    for row in rows:
        name = row["agent"]
        agent = agents.setdefault(name, Step("agent", name))
        if row["called_by"]:
            callers[name] = row["called_by"]
        tool = _child(agent, "tool", row["tool"])
        _child(tool, "model", row["model"]).rows.append(row)
    for name, agent in agents.items():
        caller = callers.get(name)
        above = agents.get(caller) if caller and _ends(name, callers) else None
        (above or root).children.append(agent)
    _rank(root)
    return root


def _ends(name: str | None, callers: Mapping[str | None, str]) -> bool:
    """Whether the callers of an agent end somewhere."""
    seen, at = {name}, callers.get(name)
    while at is not None and at not in seen:
        seen.add(at)
        at = callers.get(at)
    return at is None


def _child(parent: Step, level: str, name: str | None) -> Step:
    for child in parent.children:
        if (child.level, child.name) == (level, name):
            return child
    parent.children.append(Step(level, name))
    return parent.children[-1]


def _rank(step: Step) -> None:
    for child in step.children:
        _rank(child)
    step.children.sort(
        key=lambda child: (-max(child.costs.values(), default=ZERO), child.name or "")
    )
    step.rows.sort(key=lambda row: (-(row["cost"] or ZERO), row["meter"], row["basis"]))


def _sums(rows: Iterable[Mapping[str, Any]], figure: str) -> dict[Kept, Decimal]:
    sums: dict[Kept, Decimal] = {}
    for row in rows:
        if row[figure] is not None:
            kept = (row["basis"], row["currency"])
            sums[kept] = EXACT.add(sums.get(kept, ZERO), row[figure])
    return dict(sorted(sums.items(), key=lambda each: (each[0][1] or "", each[0][0])))


def top_sessions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sessions by currency, the costliest first, from their sums by basis.

    ``rows`` have session, basis, currency, cost and committed_cost. A row of the answer has the
    cost of each basis, ``cost`` of all three together, and ``committed_cost`` of what is known.
    """
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    for row in rows:
        if row["currency"] is None or row["cost"] is None:
            continue
        empty = {
            "session": row["session"],
            "currency": row["currency"],
            **dict.fromkeys(("billed", "accrued", "rated", "cost", "committed_cost"), ZERO),
        }
        one = found.setdefault((row["session"], row["currency"]), empty)
        for name in (row["basis"], "cost"):
            one[name] = EXACT.add(one[name], row["cost"])
        one["committed_cost"] = EXACT.add(one["committed_cost"], row["committed_cost"] or ZERO)
    return sorted(
        found.values(), key=lambda one: (one["currency"], -one["cost"], one["session"] or "")
    )
