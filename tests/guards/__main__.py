"""Take every guard away once, as ``python -m tests.guards [NAME ...]``: each must be missed.

Ends with 1 where tests pass without a guard, or do not pass with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.guards.guard import ROOT, SOURCE, Guard, guards_of, names

AT_ONCE = 2


def tried(guard: Guard, folders: SimpleQueue[Path]) -> str:
    """What became of the tests without the guard, in a copy of the sources that is free."""
    folder = folders.get()
    mutant = folder / "trueup" / guard.file
    with_guard = mutant.read_bytes()
    try:
        mutant.write_text(guard.taken_away(), encoding="utf-8")
        return outcome([*guard.tests, "-k", guard.select], folder)
    finally:
        mutant.write_bytes(with_guard)
        folders.put(folder)


def outcome(arguments: list[str], folder: Path) -> str:
    """What pytest says of some tests, run on the sources in ``folder``."""
    run = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        return "passed"
    missed = run.returncode == 1 and " failed" in run.stdout
    return "failed" if missed else f"exit code {run.returncode}: {run.stdout[-300:]}"


def say(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(asked: list[str]) -> int:
    """Try the guards of every name asked for, or of all; say what became of each."""
    wrong = 0
    folders: SimpleQueue[Path] = SimpleQueue()
    with TemporaryDirectory(prefix="trueup-guards-") as place, ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(AT_ONCE):
            folder = Path(place, str(number))
            shutil.copytree(SOURCE, folder / "trueup", ignore=shutil.ignore_patterns("__pycache__"))
            folders.put(folder)
        for name in asked or names():
            guards = guards_of(name)
            with_all = outcome(sorted({path for one in guards for path in one.tests}), folder)
            say(f"{name}: with all {len(guards)} guards the tests {with_all}")
            wrong += with_all != "passed"
            outcomes = pool.map(lambda guard: tried(guard, folders), guards)
            for guard, said in zip(guards, outcomes, strict=True):
                wrong += said != "failed"
                say(f"  {said:8} {guard.fault}: without {guard.file}: {guard.code.split()[:9]}")
    say(f"{wrong} wrong" if wrong else "every guard is missed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
