"""What a measurement is given: where to work, how many rows, how many rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import data


@dataclass(frozen=True)
class Bench:
    """One call of the benchmarks."""

    folder: Path
    rows: int
    rounds: int
    sizes: tuple[int, ...]  # of the growth
    parts: tuple[int, ...] = (1, 2, 4, 8)  # in which a month is divided
    warm: bool = True  # a round beforehand, which does not count
    answer_seconds: float = 0.25  # how long a provider takes to answer once
    seed: int = 7

    def month(self, rows: int | None = None) -> Path:
        """The folder of a month of so many rows a side."""
        return data.make(self.folder, rows or self.rows, self.seed)

    def place(self, name: str) -> Path:
        """A folder for what a contestant writes."""
        place = self.folder / "out" / name
        place.mkdir(parents=True, exist_ok=True)
        return place
