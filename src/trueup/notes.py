"""The job's own notes: what it could not read and what it did not ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.model.outcome import Outcome
from trueup.report.figures import SOURCE_FAILED
from trueup.sources import Failure, Group, is_fetched

if TYPE_CHECKING:
    from trueup.fetch.providers import Fetched

Note = Mapping[str, str | None]
FALLEN_SHOWN = 3


def failed(failures: Sequence[Failure]) -> list[Note]:
    """A note for every source of which nothing could be read."""
    return [
        {
            "code": SOURCE_FAILED,
            "subject": failure.source,
            "text": f"PARTIAL RUN: this source of {failure.kind} could not be read, so every "
            f"figure is without it: {failure.reason}",
            "remedy": failure.remedy,
        }
        for failure in failures
        if not failure.partly
    ]


def not_asked(fetched: Sequence[Fetched]) -> list[Note]:
    """A note for every feed that lacks a setting."""
    return [
        {
            "code": "not_asked",
            "subject": one.provider,
            "text": f"not asked for: {lacking}",
            "remedy": "add it to the configuration, or leave it: files can be given instead",
        }
        for one in fetched
        for lacking in one.not_asked
    ]


Rows = Mapping[tuple[str, str], int]  # accepted rows of charges, by entry and source


def fewer_charges(last: str, this: str, before: Rows, now: Rows) -> list[Note]:
    """A note where files of charges have a tenth fewer rows than in the last run, or are gone.

    A file that was cut at the end of a row looks whole. Files that are delivered under new names
    each time are gone for no reason: what is gone is told where its entry has fewer rows, too. What
    is fetched has other names in each run.
    """
    was, has = _by_entry(before), _by_entry(now)
    fell = [
        f"{source} {now.get((entry, source), 0):,} (were {rows:,})"
        for (entry, source), rows in sorted(before.items(), key=lambda one: one[0][1])
        if now.get((entry, source), 0) * 10 < rows * 9
        and (
            (entry, source) in now
            or (not is_fetched(source) and has.get(entry, 0) * 10 < was[entry] * 9)
        )
    ]
    if not fell:
        return []
    more = [f"{len(fell) - FALLEN_SHOWN:,} more"] if len(fell) > FALLEN_SHOWN else []
    return [
        {
            "code": "fewer_charges",
            "subject": "charges",
            "text": f"fewer rows than in {last}: {', '.join([*fell[:FALLEN_SHOWN], *more])}",
            "remedy": "if a file was cut or lost on its way, bring it again and run once more; "
            f"`trueup diff {last} {this}` shows what is gone",
        }
    ]


def _by_entry(rows: Rows) -> dict[str, int]:
    found: dict[str, int] = {}
    for (entry, _source), count in rows.items():
        found[entry] = found.get(entry, 0) + count
    return found


def charge_rows(
    groups: Iterable[Group], totals: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, str], int]:
    """Accepted rows of charges from ``control_totals``, by the title of their group and source."""
    entries = {file.source: group.title for group in groups for file in group.files}
    found: dict[tuple[str, str], int] = {}
    for row in totals:
        if row["kind"] == "charges":
            key = (entries.get(row["source"], ""), row["source"])
            found[key] = found.get(key, 0) + row["accepted"]
    return found


def annotated(outcome: Outcome, notes: Sequence[Note]) -> Outcome:
    """The outcome with the job's own notes before those of the core."""
    if not notes:
        return outcome
    from trueup.model.schema import NOTES
    from trueup.model.table import Table

    table = Table.from_rows(NOTES, [*notes, *outcome.tables["notes"].rows()])
    return replace(outcome, tables={**outcome.tables, "notes": table})
