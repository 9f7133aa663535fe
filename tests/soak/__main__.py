"""Lives the year twice, side by side, and compares: ``python -m tests.soak --nights 365 --seed 4``.

Ends with 1 where a figure differs, a night says other than it should, or something grows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp

from tests.soak.comparison import compared, lines
from tests.soak.faults import Night, drawn
from tests.soak.story import Plan, Story, lived
from tests.twin.recordings import PROVIDERS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--percent", type=int, default=40, help="of the nights have faults")
    parser.add_argument("--provider", action="append", choices=PROVIDERS)
    parser.add_argument("--folder", type=Path, help="where the lives are kept [default: a new one]")
    parser.add_argument("--out", type=Path, help="a file for what is printed at the end")
    given = parser.parse_args()
    folder = given.folder or Path(mkdtemp(prefix="soak-"))
    say(f"in {folder}")
    providers = tuple(given.provider or PROVIDERS)
    nights = {
        "undisturbed": [Night() for _ in range(given.nights)],
        "disturbed": drawn(given.seed, given.nights, providers, given.percent),
    }
    plans = [Plan(folder / name, given.seed, providers, some) for name, some in nights.items()]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        undisturbed, disturbed = pool.map(lived, plans)
    found = compared(*(plan.folder / "out" for plan in plans))
    wrong = [f"wrong: {one}" for one in (*undisturbed.wrong, *disturbed.wrong)]
    told = [
        f"{given.nights} nights, seed {given.seed}, {', '.join(providers)}",
        *table(undisturbed, disturbed),
        f"figures compared: {found.figures:,}; that differ: {len(found.differing):,}",
        *lines(found.differing),
        *wrong,
    ]
    say("\n".join(told))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text("\n".join(told) + "\n", encoding="utf-8")
    return 1 if wrong or found.differing else 0


def table(undisturbed: Story, disturbed: Story) -> Iterator[str]:
    """Both lives side by side, and what was drawn."""
    yield f"{'':32}undisturbed   disturbed"
    for name, one in undisturbed.rows.items():
        yield f"{name:32}{one:>11}{disturbed.rows[name]:>12}"
    yield "faults that met a run:"
    for kind, count in disturbed.faults.most_common():
        yield f"  {kind:40}{count:>4}"


def say(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
