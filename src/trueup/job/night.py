"""One call of the nightly job: every run it is for, and what operators are told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self

from trueup.budgets.review import Told
from trueup.config import Configuration
from trueup.errors import ConfigurationError, TrueupError, UsageError
from trueup.job.alerts import alerts
from trueup.job.due import due
from trueup.job.exporters import handed_on
from trueup.job.metrics import Sample, samples_of
from trueup.job.outcome import DONE, WORSE, JobOutcome, broken_off
from trueup.job.progress import Progress
from trueup.job.run import run
from trueup.job.settings import Settings, clock_of, workspace_of
from trueup.period import Period

BILL_BEGINS = timedelta(days=3)  # so long after a period's start its bill need not be there yet
Tell = Callable[[str, Told], None]  # metrics or alert, what was done and what could not be


class Night:
    """Runs one period after the other, by one clock; ``exit_code`` is the worst of theirs."""

    def __init__(self, config: Configuration, settings: Settings, tell: Tell) -> None:
        self.config = config
        self.clock = clock_of(config, settings)
        self.settings = replace(settings, as_of=self.clock)
        self.ended: list[JobOutcome] = []  # without their results
        self._samples: list[Sample] = []
        self._tell = tell
        self._running: Period | None = None
        self._began: float | None = time.monotonic()  # None: no run is under way

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Metrics and alerts, however the night ended; of what is performed again, none."""
        if self.settings.known_at is not None:
            return
        if error is not None and self._began is not None:
            self._end(broken_off(error, self._running))
        for what, told in (
            ("metrics", handed_on(self.config, self._samples)),
            ("alert", alerts(self.config, self.ended)),
        ):
            if told is not None:
                self._tell(what, told)

    @property
    def exit_code(self) -> int:
        return max((one.exit_code for one in self.ended), key=WORSE.index, default=DONE)

    def periods(self) -> Sequence[Period | None]:
        """What is to be run, in order: what is due where that was asked for, else one period."""
        if not self.settings.due:
            return [self.settings.period or self.config.run.period]
        if self.config.run.period is not None:
            raise ConfigurationError(
                f"{self.config.file}: run.period: what is due has periods of its own: leave it out"
            )
        entries = workspace_of(self.config).journal.entries()
        return due(entries, self.config.run.every, self.clock)

    def run(self, period: Period | None, progress: Progress) -> JobOutcome:
        """The run of one period, with how long it took; raises what ``job.run`` raises.

        Where several are due, an error of one ends not the others, unless it is wrong use.
        """
        self._running, self._began = period, time.monotonic()
        try:
            outcome = run(self.config, replace(self.settings, period=period), progress)
        except TrueupError as error:
            if not self.settings.due or isinstance(error, UsageError):
                raise
            outcome = broken_off(error, period)
        new = period is not None and self.clock < period.start + BILL_BEGINS
        if outcome.nothing_yet and self.settings.due and new:
            outcome = replace(outcome, exit_code=DONE)
        outcome = self._end(outcome)
        progress.ended(outcome)
        return outcome

    def _end(self, outcome: JobOutcome) -> JobOutcome:
        began, self._began = self._began, None
        timed = replace(outcome, seconds=0 if began is None else time.monotonic() - began)
        self._samples += samples_of(timed, self.clock)
        self.ended.append(replace(timed, result=None))
        return timed
