"""Who watches a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trueup.sources import Failure

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.job.outcome import JobOutcome
    from trueup.job.reading import Reading
    from trueup.period import Period


class Progress(Protocol):
    """Whoever watches the run: a terminal, a log, nobody."""

    def begun(self, run_id: str, period: Period | None, clock: datetime) -> None: ...

    def asking(self, provider: str, what: str) -> None: ...

    def reading(self, kind: str, title: str) -> None: ...

    def read(self, reading: Reading) -> None: ...

    def failed(self, failure: Failure) -> None: ...

    def step(self, text: str) -> None: ...

    def ended(self, outcome: JobOutcome) -> None: ...


class Unwatched:
    """Progress that nobody watches."""

    def begun(self, run_id: str, period: Period | None, clock: datetime) -> None:
        """The run has its name."""

    def asking(self, provider: str, what: str) -> None:
        """A provider is about to be asked for something."""

    def reading(self, kind: str, title: str) -> None:
        """A source is about to be read."""

    def read(self, reading: Reading) -> None:
        """A source was read."""

    def failed(self, failure: Failure) -> None:
        """A source could not be read."""

    def step(self, text: str) -> None:
        """A long step begins."""

    def ended(self, outcome: JobOutcome) -> None:
        """The run is over, however it ended."""
