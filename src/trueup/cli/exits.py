"""What an exception becomes at the command line: one line on stderr and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn, Self

import click

from trueup.errors import TrueupError
from trueup.redacted import redacted

# As docs/reference/commands.md has them; every command shows them under its help.
EPILOG = (
    "Exit codes: 0 the run completed, breaks or not; 1 it completed and found material breaks, "
    "where --fail-on-breaks or the configuration asks for that; 2 wrong use or configuration; "
    "3 partial: a source failed or breaks off, the rest is done and kept; 4 internal error. "
    "doctor: 1 something fails; verify, replay: 1 something differs; budget check: 1 queue or stop."
)

LOG = "trueup.log"  # in a context's meta: who is told of an error in place of the terminal


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends what runs inside as Ctrl-C does: told, tidied up, also as a container's first.

    Only the main thread of a process can say so; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # None: it was not Python's


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    from trueup.job.outcome import Terminated

    raise Terminated


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
        if isinstance(error, BrokenPipeError):
            from trueup.job.outcome import BROKEN_PIPE

            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush
            self.ctx.exit(BROKEN_PIPE)
        if isinstance(error, TrueupError):
            self._stop(error, f"Error: {error}")
        if isinstance(error, KeyboardInterrupt):
            self._stop(error, "Interrupted.")
        if isinstance(error, MemoryError):
            self._stop(error, "Error: out of memory; give the machine more of it.")
        self._report(error)

    def _stop(self, error: BaseException, text: str, trace: str = "") -> NoReturn:
        from trueup.job.outcome import code_of
        from trueup.model.display import legible_lines

        code = code_of(error)
        log = self.ctx.meta.get(LOG)
        if log is None:
            click.echo(legible_lines(f"{trace}{text}"), err=True)
        else:
            log.stopped(text, code, trace)
        self.ctx.exit(code)

    def _report(self, error: BaseException) -> NoReturn:
        from traceback import format_exception

        text = (
            f"Error: internal error in trueup ({type(error).__name__}): "
            "please report it with the lines above."
        )
        self._stop(error, text, redacted("".join(format_exception(error))))
