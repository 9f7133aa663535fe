"""Which tests reach which line: measured once by coverage's contexts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

from tests.mutants.mutant import ROOT, SOURCE, Mutant

# A module or folder of the source -> the tests that prove it.
PROOFS = {
    "money": "tests/test_money.py",
    "units": "tests/test_units.py",
    "period": "tests/test_period.py",
    "attribute": "tests/attribute",
    "reconcile": "tests/reconcile",
}


@dataclass(frozen=True)
class Reach:
    """For each file, the tests that reach each line of it, and how many lines a test reaches."""

    lines: Mapping[str, Mapping[int, set[str]]]
    breadth: Counter[str]

    def tests(self, mutant: Mutant) -> list[str]:
        """Who can miss the line, the narrowest first; of a line run at import, who reaches the file."""
        by_line = self.lines.get(mutant.file, {})
        reached = by_line.get(mutant.line) or set().union(*by_line.values())
        return sorted(reached, key=lambda test: (self.breadth[test], test))


def measured(proved: Collection[str], data: Path, *options: str) -> None:
    """Run the tests of modules once, which must pass, and write to ``data`` what each reaches.

    Of the sources in the tree, as they are what is changed: trueup may be installed elsewhere, too.
    """
    tests = [PROOFS[name] for name in proved]
    lines = [f"--cov=trueup.{name}" for name in proved]  # no branches: they take twice as long
    path = os.pathsep.join(filter(None, (str(SOURCE.parent), os.environ.get("PYTHONPATH"))))
    contexts = [f"--cov-config={os.devnull}", "--cov-context=test", "--cov-report="]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *tests,
            *lines,
            *contexts,
            *options,
        ],
        cwd=ROOT,
        env=os.environ | {"COVERAGE_FILE": str(data), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=True,
    )


def reach(data: Path) -> Reach:
    """What a measurement says."""
    coverage = CoverageData(str(data))
    coverage.read()
    lines = {
        Path(file).relative_to(SOURCE).as_posix(): {
            line: {_test(context) for context in contexts if context}
            for line, contexts in coverage.contexts_by_lineno(file).items()
        }
        for file in coverage.measured_files()
    }
    breadth = Counter(
        test for by_line in lines.values() for tests in by_line.values() for test in tests
    )
    return Reach(lines, breadth)


def _test(context: str) -> str:
    """``tests/a.py::test_b[c]|run`` without its parameters, which a mutant may change."""
    return context.partition("|")[0].partition("[")[0]
