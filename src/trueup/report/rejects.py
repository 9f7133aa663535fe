"""Rows that are not in the figures: those that could not be read, and repeats of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.model.schema import REPEATS
from trueup.report.figures import columns_of

if TYPE_CHECKING:
    from trueup.report.result import Result

REPEAT = REPEATS + "another row"  # whichever row it is that they stand for
ROWS_NAMED = 5


@dataclass(frozen=True)
class RejectSummary:
    """The rejects of one source, column and reason."""

    source: str
    column: str | None
    reason: str
    rows: int
    first_rows: tuple[int, ...]
    example: str | None

    @property
    def repeats(self) -> bool:
        """Say whether these rows were read elsewhere, and are counted there."""
        return self.reason == REPEAT


@dataclass(frozen=True)
class Unread:
    """Rows that could not be read for one reason, and where the first of them stands."""

    reason: str
    rows: int
    sources: int
    first: RejectSummary


def rejects_summary(result: Result) -> list[RejectSummary]:
    """Rejects per source, column and reason, most frequent first, with the first row numbers."""
    counts: dict[tuple[str, str | None, str], int] = {}
    first: dict[tuple[str, str | None, str], list[int]] = {}
    example: dict[tuple[str, str | None, str], str | None] = {}
    for row in columns_of(result.rejects, ["source", "row_number", "column", "reason", "value"]):
        reason = row["reason"] or ""
        if reason.startswith(REPEATS):
            reason = REPEAT
        key = (row["source"] or "", row["column"], reason)
        counts[key] = counts.get(key, 0) + 1
        example.setdefault(key, row["value"])
        rows = first.setdefault(key, [])
        if row["row_number"] is not None and len(rows) < ROWS_NAMED:
            rows.append(row["row_number"])
    return [
        RejectSummary(*key, counts[key], tuple(first[key]), example[key])
        for key in sorted(counts, key=lambda key: (-counts[key], key[0], key[1] or "", key[2]))
    ]


def repeats(found: list[RejectSummary]) -> int:
    """How many rows repeat rows that are counted already."""
    return sum(item.rows for item in found if item.repeats)


def unread(found: list[RejectSummary]) -> list[Unread]:
    """What could not be read, by reason, most frequent first."""
    by_reason: dict[str, list[RejectSummary]] = {}
    for item in found:
        if not item.repeats:
            by_reason.setdefault(item.reason, []).append(item)
    groups = [
        Unread(
            reason,
            sum(item.rows for item in items),
            len({item.source for item in items}),
            items[0],
        )
        for reason, items in by_reason.items()
    ]
    return sorted(groups, key=lambda group: (-group.rows, group.reason))
