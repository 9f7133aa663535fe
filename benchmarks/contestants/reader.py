"""trueup reads one file into the common model: the word says whether as charges or usage."""

from __future__ import annotations

import trueup
from benchmarks.contestants.arguments import Arguments, arguments


def run(told: Arguments) -> None:
    """Read the file; rejects would mean that less was done."""
    kind, name = told.words
    read = trueup.read_charges if kind == "charges" else trueup.read_usage
    found = read(told.month / name)
    if len(found.rejects):
        raise ValueError(f"{name}: {found.rejects.rows()[0]}")


if __name__ == "__main__":
    run(arguments())
