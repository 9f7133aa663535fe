"""A run's log for machines: one JSON object a line, on stderr, without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from trueup.redacted import redacted_values

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.budgets.review import Told
    from trueup.job.outcome import JobOutcome
    from trueup.job.reading import Reading
    from trueup.period import Period
    from trueup.sources import Failure

FIRST = ("time", "level", "event")


class JsonLog:
    """A ``Progress`` that writes events with their fields; what is no error is left out if quiet.

    A log line says which source, how many rows, how long: no setting, no amount, no content.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        least = logging.WARNING if quiet else logging.INFO
        self._log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.WriteLogger(stream or sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                _harmless,
                structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(least),
        )
        self._run = self._log

    def begun(self, run_id: str, period: Period | None, clock: datetime) -> None:
        ends = {} if period is None else {"start": period.start, "end": period.end}
        self._run = self._log.bind(run_id=run_id)
        self._run.info("run_begun", **ends, as_of=clock)

    def asking(self, provider: str, what: str) -> None:
        self._run.info("provider_asked", provider=provider, what=what)

    def reading(self, kind: str, title: str) -> None:
        self._run.info("source_begun", kind=kind, source=title)

    def read(self, reading: Reading) -> None:
        self._run.info(
            "source_read",
            kind=reading.kind,
            source=reading.title,
            files=reading.files,
            rows=reading.rows,
            rejected=reading.rejected,
            newest=reading.newest,
        )

    def failed(self, failure: Failure) -> None:
        self._run.error(
            "source_failed",
            kind=failure.kind,
            source=failure.source,
            reason=failure.reason,
            remedy=failure.remedy,
        )

    def step(self, text: str) -> None:
        self._run.info("step", text=text)

    def ended(self, outcome: JobOutcome) -> None:
        fields = {
            "exit_code": outcome.exit_code,
            "seconds": round(outcome.seconds, 3),
            "failures": len(outcome.failures),
            "material_breaks": outcome.material_breaks,
            "out": outcome.folder,
        }
        if outcome.error is None:
            level = logging.WARNING if outcome.exit_code else logging.INFO
            self._run.log(level, "run_ended", **fields)
        else:
            self._run.error("run_broke_off", **fields, error=outcome.error)
        self._run = self._log

    def told(self, what: str, told: Told) -> None:
        """What was sent or written at the end, and what could not be."""
        for text in told.delivered:
            self._log.info(f"{what}_told", text=text)
        for text in told.failed:
            self._log.error(f"{what}_failed", text=text)

    def stopped(self, text: str, exit_code: int, trace: str = "") -> None:
        """The command ends with an error."""
        more = {"trace": trace} if trace else {}
        self._log.error("stopped", error=text.removeprefix("Error: "), exit_code=exit_code, **more)


def _harmless(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Secrets hidden, what everything has first, instants and paths as text."""
    shown = {**{name: event[name] for name in FIRST}, **event}
    return {name: redacted_values(_plain(value)) for name, value in shown.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
