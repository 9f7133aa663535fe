"""Records the twin: ``python -m tests.twin --seed 7 --days 31 --out cassettes --case nightly``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from tests.twin.recordings import PROVIDERS, record_all
from tests.world import world


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.twin", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=datetime.fromisoformat, default="2026-10-01")
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--case", default="nightly")
    parser.add_argument("--provider", action="append", choices=PROVIDERS)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    made = world.make(given.seed, given.start.replace(tzinfo=UTC), given.days)
    record_all(made, given.out, given.case, given.provider or PROVIDERS)


if __name__ == "__main__":
    main()
