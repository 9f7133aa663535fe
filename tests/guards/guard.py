"""A guard: the code that stands against a fault, and the tests that fail without it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SOURCE = ROOT / "src" / "trueup"
FAULTS = (
    "throttling",
    "throttling without Retry-After",
    "5xx",
    "connection reset",
    "truncated body",
    "200 with HTML",
    "bad JSON",
    "expired credentials",
    "missing credentials",
    "missing permission",
    "paging token that repeats",
    "page that comes twice",
    "page that never comes",
    "data that changes between pages",
    "clock skew",
    "answer of 200 MB",
)


@dataclass(frozen=True)
class Guard:
    """One piece of code below ``src/trueup``, what stands there without it, and who notices."""

    fault: str  # one of FAULTS
    file: str
    code: str
    without: str
    tests: Sequence[str]  # paths from the repository's root
    select: str  # pytest's -k

    def taken_away(self) -> str:
        """The file's text without the guard; ValueError unless its code stands there once."""
        text = (SOURCE / self.file).read_text(encoding="utf-8")
        if text.count(self.code) != 1:
            raise ValueError(
                f"{self.file}: stands there {text.count(self.code)} times: {self.code}"
            )
        return text.replace(self.code, self.without)


def guards_of(name: str) -> list[Guard]:
    """Every guard that ``<name>.toml`` lists."""
    listed = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return [Guard(**entry) for entry in listed["guard"]]


def names() -> list[str]:
    """Whose guards are listed."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
