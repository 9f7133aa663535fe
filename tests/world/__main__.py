"""Writes a world: ``python -m tests.world --seed 7 --start 2026-10-01 --days 31 --out DIR``.

The bundled example is written with ``--replay "../../cassettes/*/nightly"``: its bills and published
contracts are in the recordings. With ``--faults`` the world has faults of every class in it: wrong
prices, lots, invoices and exchange rates, and a bill that is restated.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from tests.world import company, faults, world


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.world",
        description=f"Write a period of {company.NAME}: bills, contracts, telemetry, answers.",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=datetime.fromisoformat, default="2026-10-01")
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--replay", help="where the providers' answers are recorded: no bills")
    parser.add_argument("--faults", action="store_true", help="with faults of further classes")
    given = parser.parse_args()
    start = given.start.replace(tzinfo=UTC)
    if given.faults:
        faults.write(faults.make(given.seed, start, given.days), given.out)
        return
    made = world.make(given.seed, start, given.days)
    world.write(made, given.out, given.replay)


if __name__ == "__main__":
    main()
