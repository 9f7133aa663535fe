"""Seeded chance that gives the same draws on every Python."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws from ``Random.random`` alone: its sequence for a seed is promised never to change."""

    def __init__(self, seed: int, subject: str) -> None:
        self._random = Random(f"{seed}/{subject}")

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.between(0, len(choices) - 1)]

    def percent(self, chance: int) -> bool:
        """True in ``chance`` of 100 cases."""
        return self.between(1, 100) <= chance

    def identifier(self, length: int = 12) -> str:
        return "".join(self.one_of("0123456789abcdef") for _ in range(length))
