"""One call of the nightly job: every run it is for, and what operators are told of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from trueup.budgets.review import Told
from trueup.config import Configuration
from trueup.job.alerts import alerts
from trueup.job.exporters import handed_on
from trueup.job.metrics import Sample, samples_of
from trueup.job.outcome import DONE, WORSE, JobOutcome, broken_off
from trueup.job.progress import Progress
from trueup.job.run import run
from trueup.job.settings import Settings, clock_of
from trueup.period import Period

Tell = Callable[[str, Told], None]  # metrics or alert, what was done and what could not be


class Night:
    """Runs one period after the other, by one clock; ``exit_code`` is the worst of theirs."""

    def __init__(self, config: Configuration, settings: Settings, tell: Tell) -> None:
        self.config = config
        self.settings = replace(settings, as_of=clock_of(config, settings))
        self.ended: list[JobOutcome] = []  # without their results
        self.samples: list[Sample] = []
        self._tell = tell

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
        for what, told in (
            ("metrics", handed_on(self.config, self.samples)),
            ("alert", alerts(self.config, self.ended)),
        ):
            if told is not None:
                self._tell(what, told)

    @property
    def exit_code(self) -> int:
        return max((one.exit_code for one in self.ended), key=WORSE.index, default=DONE)

    def run(self, period: Period | None, progress: Progress) -> JobOutcome:
        """The run of one period, with how long it took; raises what ``job.run`` raises."""
        began = time.monotonic()
        try:
            outcome = run(self.config, replace(self.settings, period=period), progress)
        except BaseException as error:
            named = period or self.config.run.period
            self._end(broken_off(error, named), began, progress)
            raise
        return self._end(outcome, began, progress)

    def _end(self, outcome: JobOutcome, began: float, progress: Progress) -> JobOutcome:
        timed = replace(outcome, seconds=time.monotonic() - began)
        progress.ended(timed)
        self.samples += samples_of(timed, clock_of(self.config, self.settings))
        self.ended.append(replace(timed, result=None))
        return timed
