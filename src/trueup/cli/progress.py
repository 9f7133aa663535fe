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

    from trueup.model.dataset import Dataset


@contextmanager
def progress_for(quiet: bool) -> Iterator[Progress]:
    """The progress that suits this process's stderr; nothing when quiet."""
    if quiet:
        yield Unwatched()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("starting") as status:
            yield Live(console, status)


def read_line(kind: str, title: str, dataset: Dataset) -> str:
    """``charges  bills/a.csv: 1,000 rows, 2 rejected``."""
    rejected = len(dataset.rejects)
    rows = sum(row["rows_in"] or 0 for row in dataset.sources.rows())
    text = f"{kind:<11}  {legible(title)}: {rows:,} {'row' if rows == 1 else 'rows'}"
    return f"{text}, {rejected:,} rejected" if rejected else text


def failed_line(failure: Failure) -> str:
    """``usage        FAILED u.jsonl: the file is empty``."""
    return f"{failure.kind:<11}  FAILED {legible_lines(failure.text)}"


class Lines(Unwatched):
    """Plain lines for a log: one per source, whole when it is done."""

    def read(self, kind: str, title: str, dataset: Dataset) -> None:
        click.echo(read_line(kind, title, dataset), err=True)

    def failed(self, failure: Failure) -> None:
        click.echo(failed_line(failure), err=True)


class Live:
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

    def reading(self, kind: str, title: str) -> None:
        self._show(f"reading {kind}: {legible(title)}")

    def read(self, kind: str, title: str, dataset: Dataset) -> None:
        self._keep(read_line(kind, title, dataset))

    def failed(self, failure: Failure) -> None:
        self._keep(failed_line(failure), style="bold red")

    def step(self, text: str) -> None:
        self._show(text)
