"""What every contestant is told: where the month is, and where its tables go."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Arguments:
    """The two folders, and words that choose a variant."""

    month: Path
    out: Path
    words: tuple[str, ...]

    @property
    def charges(self) -> Path:
        return self.month / "charges.parquet"

    @property
    def usage(self) -> Path:
        return self.month / "usage.parquet"

    @property
    def contracts(self) -> Path:
        return self.month / "contracts.parquet"


def arguments() -> Arguments:
    """The program's own arguments; the folder for tables is there afterwards."""
    month, out, *words = sys.argv[1:]
    Path(out).mkdir(parents=True, exist_ok=True)
    return Arguments(Path(month), Path(out), tuple(words))
