"""The goals, from ``goals.toml``, and what was measured of each."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("goals.toml")


@dataclass(frozen=True)
class Goal:
    """What is to hold: at most or at least so much of a unit (``x``, ``MB`` ...).

    With neither it is no goal: the figure is reported.
    """

    name: str
    what: str
    against: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    known_gap: str | None = None  # why it is not met now
    full_only: bool = (
        False  # a small size says nothing: there the start of the programs weighs most
    )

    @property
    def is_set(self) -> bool:
        return self.at_most is not None or self.at_least is not None

    @property
    def limit(self) -> float:
        return self.at_most if self.at_most is not None else self.at_least or 0.0

    def off(self, value: float) -> float:
        """How many times the goal: 1 is just met, more is not met."""
        return value / self.limit if self.at_most is not None else self.limit / value


@dataclass(frozen=True)
class Figure:
    """A measured value of a goal, its spread, and the facts behind it in words."""

    goal: str
    value: float
    least: float
    most: float
    facts: Sequence[str] = field(default_factory=tuple)
    run: str = ""  # rows a side, rounds, and how busy the machine was before
    machine: str = ""  # figures of two machines never stand in one table


def goals() -> dict[str, Goal]:
    """Every goal by its name, in the order of the file."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["goal"]
    return {row["name"]: Goal(**row) for row in rows}
