"""What one reconciliation works on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trueup.model.dataset import Dataset
from trueup.model.table import Table


@dataclass(frozen=True)
class Unread:
    """A source of charges that could not be read; of any provider where that is not known."""

    provider: str | None
    source: str


@dataclass(frozen=True)
class Inputs:
    """The datasets of a run, and what providers' own APIs say.

    ``asserted`` has the tables ``provider_utilization``, ``provider_balances`` and
    ``provider_rates`` under their schemas; what was not asked for is not there. ``stated`` are the
    files of these tables as rows of ``SOURCES``, by the ``source_id`` that their rows have.
    """

    charges: Dataset
    commitments: Dataset | None = None
    usage: Dataset | None = None
    invoices: Dataset | None = None
    asserted: Mapping[str, Table] = field(default_factory=dict)
    stated: Sequence[Mapping[str, Any]] = ()
    unread: Sequence[Unread] = ()

    @property
    def datasets(self) -> Iterator[Dataset]:
        """Those that were given: charges first, usage last."""
        for each in (self.charges, self.commitments, self.invoices, self.usage):
            if each is not None:
                yield each
