"""What an exception becomes at the command line: one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import NoReturn, Self

import click

from trueup.errors import IntegrityError, TrueupError

# As docs/reference/commands.md has them; every command shows them under its help.
EPILOG = (
    "Exit codes: 0 the run completed, breaks or not; 1 it completed and found material breaks, "
    "where --fail-on-breaks or the configuration asks for that; 2 wrong use or configuration; "
    "3 partial: a source failed or breaks off, the rest is done and kept; 4 internal error. "
    "doctor: 1 something fails; verify, replay: 1 something differs; budget check: 1 queue or stop."
)

WRONG_USE = 2
INTERNAL = 4
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE: the reader of our output went away


class ExitCodes:
    """A context in which every exception ends the command with its exit code.

    What trueup raises on purpose is one line; what it did not expect comes with its traceback
    and a request to report it. click's own exceptions pass: click shows them, with exit code 2.
    """

    def __init__(self, ctx: click.Context) -> None:
        self.ctx = ctx

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        passing = (click.ClickException, click.exceptions.Exit, click.Abort, SystemExit)
        if error is None or isinstance(error, passing):
            return
        if isinstance(error, TrueupError):
            self._stop(error)
        if isinstance(error, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            self.ctx.exit(INTERRUPTED)
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush
            self.ctx.exit(BROKEN_PIPE)
        if isinstance(error, MemoryError):
            click.echo("Error: out of memory; give the machine more of it.", err=True)
            self.ctx.exit(INTERNAL)
        self._report(error)

    def _stop(self, error: TrueupError) -> NoReturn:
        from trueup.model.display import legible_lines

        click.echo(legible_lines(f"Error: {error}"), err=True)
        self.ctx.exit(INTERNAL if isinstance(error, IntegrityError) else WRONG_USE)

    def _report(self, error: BaseException) -> NoReturn:
        from traceback import format_exception

        click.echo("".join(format_exception(error)), err=True, nl=False)
        click.echo(
            f"Error: internal error in trueup ({type(error).__name__}): "
            "please report it with the lines above.",
            err=True,
        )
        self.ctx.exit(INTERNAL)
