"""Shows a job's progress on stderr: a live line on a terminal, else one line per source."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from trueup.job.progress import Progress, Unwatched
from trueup.model.display import legible, legible_lines
from trueup.sources import Failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from trueup.job.reading import Reading


@contextmanager
def progress_for(quiet: bool, log: Progress | None = None) -> Iterator[Progress]:
    """The log where there is one, else what suits this process's stderr; nothing when quiet."""
    if log is not None:
        yield log
    elif quiet:
        yield Unwatched()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("starting") as status:
            yield Live(console, status)


def read_line(read: Reading) -> str:
    """``charges  bills/a.csv: 1,000 rows, 2 rejected``."""
    rows = f"{read.rows:,} {'row' if read.rows == 1 else 'rows'}"
    text = f"{read.kind:<11}  {legible(read.name)}: {rows}"
    return f"{text}, {read.rejected:,} rejected" if read.rejected else text


def failed_line(failure: Failure) -> str:
    """``usage        FAILED u.jsonl: the file is empty``."""
    return f"{failure.kind:<11}  FAILED {legible_lines(failure.text)}"


class Lines(Unwatched):
    """Plain lines for a log: one per source, whole when it is done."""

    def read(self, reading: Reading) -> None:
        click.echo(read_line(reading), err=True)

    def failed(self, failure: Failure) -> None:
        click.echo(failed_line(failure), err=True)


class Live(Unwatched):
    """A spinner with what is being done, and a line per source above it."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status

    def _show(self, text: str) -> None:
        from rich.text import Text

        self._status.update(Text(text))  # Text: names of files are never markup

    def _keep(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(text, style=style))

    def asking(self, provider: str, what: str) -> None:
        self._show(f"asking {provider}: {what}")

    def reading(self, kind: str, title: str) -> None:
        self._show(f"reading {kind}: {legible(title)}")

    def read(self, reading: Reading) -> None:
        self._keep(read_line(reading))

    def failed(self, failure: Failure) -> None:
        self._keep(failed_line(failure), style="bold red")

    def step(self, text: str) -> None:
        self._show(text)
