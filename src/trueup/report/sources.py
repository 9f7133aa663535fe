"""Sources as they were configured: the files of a folder in one format are one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trueup.report.figures import Row, Sum

if TYPE_CHECKING:
    from trueup.report.result import Result

FILES_MAX = 3  # so many files of a folder still stand on their own


@dataclass
class SourceGroup:
    """Rows and sums of a file, or of the many files of a folder, in one currency."""

    title: str
    kind: str | None
    currency: str | None
    rows_in: int = 0
    accepted: int = 0
    rejected: int = 0
    billed: Sum = field(default_factory=Sum)
    effective: Sum = field(default_factory=Sum)

    def add(self, row: Row) -> None:
        self.rows_in += row["rows_in"] or 0
        self.accepted += row["accepted"] or 0
        self.rejected += row["rejected"] or 0
        self.billed.add(row["billed_cost"])
        self.effective.add(row["effective_cost"])


def source_groups(result: Result) -> list[SourceGroup]:
    """The control totals per group of files and currency, in the order of the sources."""
    titles = _titles(result)
    found: dict[tuple[str, str | None, str | None], SourceGroup] = {}
    for row in result.control_totals:
        title = titles.get(row["source"] or "", row["source"] or "")
        key = (title, row["kind"], row["currency"])
        found.setdefault(key, SourceGroup(*key)).add(row)
    return list(found.values())


def _titles(result: Result) -> dict[str, str]:
    """Source -> what it is shown as: itself, or its folder and how many files are read there."""
    groups = {
        row["source"] or "": (row["kind"], row["format"], (row["source"] or "").rpartition("/")[0])
        for row in result.sources
    }
    sizes = Counter(groups.values())
    return {
        source: f"{group[2]}/ ({group[1]}, {sizes[group]} files)"
        if sizes[group] > FILES_MAX
        else source
        for source, group in groups.items()
    }
