"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.errors import IntegrityError, TrueupError
from trueup.redacted import redacted

if TYPE_CHECKING:
    from trueup.budgets.review import Told
    from trueup.job.reading import Reading
    from trueup.period import Period
    from trueup.report.result import Result
    from trueup.sources import Failure

DONE, MATERIAL_BREAKS, WRONG_USE, PARTIAL, INTERNAL = 0, 1, 2, 3, 4
# 128 + SIGINT, SIGPIPE (nobody reads the output any more) or SIGTERM, as shells have it
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143
# the worst last
WORSE = (DONE, MATERIAL_BREAKS, PARTIAL, WRONG_USE, INTERNAL, BROKEN_PIPE, INTERRUPTED, TERMINATED)


class Terminated(KeyboardInterrupt):
    """SIGTERM, as of a service that is stopped: the command ends as by Ctrl-C."""


@dataclass(frozen=True)
class JobOutcome:
    """What a run found, what it could not read, and where the results are."""

    result: Result | None  # None: no charges could be read, or the run broke off
    failures: tuple[Failure, ...]
    folder: Path | None
    written: tuple[Path, ...]
    material_breaks: int
    exit_code: int
    run_id: str | None = None  # in the workspace; None: nothing was kept
    told: Told | None = None  # of budgets; None: there are none
    period: Period | None = None  # as it was asked for
    reads: tuple[Reading, ...] = ()
    seconds: float = 0  # how long it took
    error: str | None = None  # why it broke off

    @property
    def nothing_yet(self) -> bool:
        """Whether there are no charges for no other reason than that no bill is there."""
        return (
            self.result is None
            and bool(self.failures)
            and all(one.nothing_yet for one in self.failures)
        )


def code_of(error: BaseException) -> int:
    """The exit code of what was raised."""
    if isinstance(error, KeyboardInterrupt):
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    on_purpose = isinstance(error, TrueupError) and not isinstance(error, IntegrityError)
    return WRONG_USE if on_purpose else INTERNAL


def broken_off(error: BaseException, period: Period | None) -> JobOutcome:
    """How a run ended that raised this."""
    text = str(error) if isinstance(error, TrueupError) else f"{type(error).__name__}: {error}"
    code = code_of(error)
    return JobOutcome(None, (), None, (), 0, code, period=period, error=redacted(text))
