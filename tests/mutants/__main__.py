"""Try mutants, as ``python -m tests.mutants MODULE ... [--sample N --seed S]``.

A module is ``money``, ``attribute`` or ``reconcile/ledger``. Ends with 1 where one survives that
``equivalent.toml`` does not explain.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.mutant import SOURCE, Mutant, equivalents, mutants_of, sampled, unchanged
from tests.mutants.reach import Reach, measured, reach
from tests.mutants.trial import AT_ONCE, KILLED, SURVIVED, TIMEOUT, copies, tried


def files_of(module: str) -> Iterator[str]:
    """The files below ``src/trueup`` that a module names."""
    path = SOURCE / module
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    for file in found:
        yield file.relative_to(SOURCE).as_posix()


def say(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tally(file: str, reached: Reach, asked: argparse.Namespace) -> Counter[str]:
    """Try the mutants of a file and say which of them live without an explanation."""
    made = mutants_of(file)
    drawn = sampled(made, asked.sample, asked.seed)
    known = equivalents()
    doubted = [one for one in drawn if not any(each.is_(one) for each in known)]
    counts = Counter(made=len(made), tried=len(drawn), equivalent=len(drawn) - len(doubted))
    with copies() as free, ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda one: tried(one, reached.tests(one), free, asked.seconds), doubted)
        for mutant, outcome in zip(doubted, said, strict=True):
            counts[outcome] += 1
            if outcome != KILLED:
                say(f"  {outcome} {mutant}")
    return counts


def control_of(files: Sequence[str], reached: Reach) -> Mutant:
    """The first file that a test reaches, as it is: an empty one has nothing to reach."""
    controls = [unchanged(file) for file in files]
    return next((one for one in controls if reached.tests(one)), controls[0])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("module", nargs="*", default=["money", "units", "period"])
    parser.add_argument("--sample", type=int, help="so many of each file, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=300, help="for the tests of one mutant")
    parser.add_argument("--reach", type=Path, help="coverage with contexts: read, or made here")
    return parser.parse_args()


def main(asked: argparse.Namespace) -> int:
    """Try the mutants of every module, file by file."""
    counts: Counter[str] = Counter()
    with TemporaryDirectory(prefix="trueup-reach-") as place:
        data = asked.reach or Path(place, "coverage")
        if not data.exists():
            measured({module.partition("/")[0] for module in asked.module}, data)
        reached = reach(data)
    files = [file for module in asked.module for file in files_of(module)]
    control = control_of(files, reached)
    with copies() as free:
        if tried(control, reached.tests(control), free, seconds=3600) != SURVIVED:
            say(f"{control.file}: its tests do not pass on a copy of the sources as they are")
            return 2
    for file in files:
        of_file = tally(file, reached, asked)
        say(f"{file}: {', '.join(f'{number} {what}' for what, number in of_file.items())}")
        counts += of_file
    say(f"all: {', '.join(f'{number} {what}' for what, number in counts.items())}")
    return 0 if counts["tried"] == counts[KILLED] + counts[TIMEOUT] + counts["equivalent"] else 1


if __name__ == "__main__":
    sys.exit(main(arguments()))
