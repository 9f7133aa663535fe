"""Executes the examples of the documentation, page by page, each page in an empty folder.

Python blocks share their names within a page. In `console` blocks each line that begins with `$`
is run; what stands below it is what it must print, where `...` stands for anything.
"""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
import tests.offline.sitecustomize  # noqa: F401  from here on nothing reaches the network
from sybil import Document, Example, Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

SECONDS_MAX = 120


def run_console(example: Example) -> str | None:
    """Run the commands of a block; say what differs from the output that is shown."""
    text = textwrap.dedent(example.parsed).replace("\\\n", "")  # a command may go on
    for part in text.split("$ ")[1:]:
        command, _, expected = part.partition("\n")
        done = subprocess.run(  # noqa: S602  these are the documentation's own commands
            command,
            shell=True,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        if done.returncode not in (0, 1):
            return f"$ {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
        flags = ELLIPSIS | NORMALIZE_WHITESPACE
        printed = done.stdout
        if expected.strip() and not OutputChecker().check_output(expected, printed, flags):
            return f"$ {command}\nexpected:\n{expected}\nprinted:\n{printed}"
    return None


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Each page starts in an empty folder; what it writes, its later examples read."""
    folder = tmp_path_factory.mktemp("page")
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


class Page(Document):
    """A page of Markdown."""


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE),
        CodeBlockParser("console", run_console),
        SkipParser(),
    ],
    patterns=["*.md"],
    document_types={".md": Page},
    fixtures=["empty_folder"],
).pytest()
