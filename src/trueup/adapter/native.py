"""A bulk export in a provider's own columns, and the query that reads it as FOCUS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class NativeExport:
    """One export format: the columns that identify it, and one FOCUS row for each of its records.

    ``sql`` is a SELECT from the view ``export``, which has the file's columns under their own
    names, as text, null where the file says nothing, and ``record``, the record's number. It must
    select ``record`` first, then FOCUS 1.4 columns and ``x_`` columns, for every record exactly
    once. ``optional`` columns are null where a file lacks them; no name's case matters. The
    macros of ``trueup.focus.repair`` are there (``exact_decimal``: text to DECIMAL(38, 18), null
    if it is none).

    A query of the form that ``trueup.focus.lineage`` follows runs faster: output columns that are
    numbers apart from others, each over the columns it names. To the former, columns that the file
    has as floats or decimals are DECIMAL(38, 18), which ``exact_decimal`` leaves as they are. Where
    that does not go, as in a comparison with text, all columns are text.
    """

    name: str  # shown as the source's format
    identified_by: frozenset[str]
    sql: str
    optional: frozenset[str] = frozenset()

    def recognises(self, header: Sequence[str]) -> bool:
        """Say whether a file with this header is such an export."""
        return not lacking(self.identified_by, header)


def lacking(columns: Iterable[str], header: Iterable[str]) -> list[str]:
    """The columns that a header does not have, in whatever case it writes them."""
    there = {name.casefold() for name in header}
    return sorted(name for name in columns if name.casefold() not in there)
