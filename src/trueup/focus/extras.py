"""Names for the columns FOCUS does not know: kept, never clashing, the same in every file."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.focus.columns import DATASETS
from trueup.focus.recognition import Recognition


class ExtraNames:
    """Output names of further columns over all files of a dataset.

    ``x_...`` columns keep their name, others become ``x_<name>``. A clash with a column of the
    dataset, or a header that repeats a name, gets the suffix ``_2``, ``_3`` ... Names that differ
    only in case count as the same: not every engine tells them apart.
    """

    def __init__(self, taken: Sequence[str], kept: Sequence[str] = ()) -> None:
        self._kept = kept  # FOCUS columns of older versions that the dataset has a place for
        self._taken = {name.casefold() for name in taken}
        self._assigned: dict[tuple[str, int], str] = {}

    @property
    def all(self) -> list[str]:
        """Every name assigned so far, in order of first appearance."""
        return list(self._assigned.values())

    def of_file(self, header: Sequence[str], recognition: Recognition) -> dict[str, int]:
        """Output name -> index in the file, for the file's further columns.

        Columns that a later version of FOCUS dropped are further columns too, except those kept.
        """
        indexes = list(recognition.others)
        for column in DATASETS[recognition.dataset]:
            dropped = column.removed is not None and column.name not in self._kept
            if dropped and column.name in recognition.positions:
                indexes.append(recognition.positions[column.name])
        seen: dict[str, int] = {}
        extras = {}
        for index in sorted(indexes):
            base = self._base(header[index], index)
            seen[base.casefold()] = seen.get(base.casefold(), 0) + 1
            extras[self._name(base, seen[base.casefold()])] = index
        return extras

    def _base(self, name: str, index: int) -> str:
        if not name:
            return f"x_column_{index + 1}"
        return name if name.startswith("x_") else f"x_{name}"

    def _name(self, base: str, occurrence: int) -> str:
        key = (base.casefold(), occurrence)
        if key not in self._assigned:
            name, suffix = base, 1
            while name.casefold() in self._taken:
                suffix += 1
                name = f"{base}_{suffix}"
            self._taken.add(name.casefold())
            self._assigned[key] = name
        return self._assigned[key]
