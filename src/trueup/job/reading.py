"""What was read of one source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset

ENDS = {"charges": "ChargePeriodEnd", "usage": "window_end"}


@dataclass(frozen=True)
class Reading:
    """The files of one entry or provider: rows in, rows rejected, and how far they reach."""

    kind: str
    title: str
    files: int
    rows: int
    rejected: int
    newest: datetime | None = None  # the latest end of an accepted row; None: rows have none

    @classmethod
    def of(cls, title: str, dataset: Dataset) -> Reading:
        """As the dataset tells of itself."""
        rows = sum(row["rows_in"] or 0 for row in dataset.sources.rows())
        files, rejected = len(dataset.sources), len(dataset.rejects)
        return cls(dataset.kind, title, files, rows, rejected, _newest(dataset))

    @property
    def name(self) -> str:
        """The title, with the number of its files where there are several."""
        return self.title if self.files == 1 else f"{self.title} ({self.files} files)"


def _newest(dataset: Dataset) -> datetime | None:
    import pyarrow.compute as pc

    column = ENDS.get(dataset.kind)
    if column not in dataset.table.columns:
        return None
    batches = dataset.table.select([column]).reader()
    ends = [pc.max(batch.column(0)).as_py() for batch in batches]
    found: datetime | None = max((end for end in ends if end is not None), default=None)
    return found
