"""A mutant on trial: its file in a copy of the sources, its tests in a process of their own."""

from __future__ import annotations

import compileall
import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import pytest

from tests.mutants.mutant import ROOT, SOURCE, Mutant

AT_ONCE = 2
# Of the plugins that are installed only what the tests ask for: the others cost a second each time.
PLUGINS = ("--disable-plugin-autoload", "-p", "pytest_cov.plugin", "-p", "no:cacheprovider")
KILLED, TIMEOUT, SURVIVED, UNREACHED = "killed", "timeout", "survived", "unreached"

# Loaded once, in the process that those of the trials are forked from; it runs no test.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["__main__", "hypothesis", "ibis", "duckdb", "pyarrow.parquet"])


@contextmanager
def copies() -> Iterator[SimpleQueue[Path]]:
    """As many copies of the sources as there are trials at once."""
    free: SimpleQueue[Path] = SimpleQueue()
    with TemporaryDirectory(prefix="trueup-mutants-") as place:
        for number in range(AT_ONCE):
            folder = Path(place, str(number))
            shutil.copytree(SOURCE, folder / "trueup", ignore=shutil.ignore_patterns("__pycache__"))
            compileall.compile_dir(
                folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH
            )
            free.put(folder)
        yield free


def tried(mutant: Mutant, tests: Sequence[str], free: SimpleQueue[Path], seconds: float) -> str:
    """What became of the mutant: tests failed, took too long, all passed, or none reaches it."""
    if not tests:
        return UNREACHED
    folder = free.get()
    file = folder / "trueup" / mutant.file
    original = file.read_bytes()
    try:
        file.write_text(mutant.code, encoding="utf-8")
        process = _PROCESSES.Process(target=_judge, args=(folder, list(tests)))
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
            return TIMEOUT
        return SURVIVED if process.exitcode == pytest.ExitCode.OK else KILLED
    finally:
        file.write_bytes(original)
        free.put(folder)


def _judge(folder: Path, tests: list[str]) -> None:
    """Run the tests on the sources in ``folder``, up to the first failure; exit as pytest does."""
    os.chdir(ROOT)
    os.environ |= {
        "HYPOTHESIS_PROFILE": "mutants",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
    }
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(folder), str(ROOT)]
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.exit(pytest.main(["-q", "-x", *PLUGINS, *tests]))
