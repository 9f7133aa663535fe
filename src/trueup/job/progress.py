"""Who watches a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trueup.sources import Failure

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset


class Progress(Protocol):
    """Whoever watches the run: a terminal, a log, nobody."""

    def reading(self, kind: str, title: str) -> None: ...

    def read(self, kind: str, title: str, dataset: Dataset) -> None: ...

    def failed(self, failure: Failure) -> None: ...

    def step(self, text: str) -> None: ...


class Unwatched:
    """Progress that nobody watches."""

    def reading(self, kind: str, title: str) -> None:
        """A source is about to be read."""

    def read(self, kind: str, title: str, dataset: Dataset) -> None:
        """A source was read."""

    def failed(self, failure: Failure) -> None:
        """A source could not be read."""

    def step(self, text: str) -> None:
        """A long step begins."""
