"""The job's own notes: what it could not read and what it did not ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trueup.model.outcome import Outcome
from trueup.report.figures import SOURCE_FAILED
from trueup.sources import Failure

if TYPE_CHECKING:
    from trueup.fetch.providers import Fetched

Note = Mapping[str, str | None]


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


def annotated(outcome: Outcome, notes: Sequence[Note]) -> Outcome:
    """The outcome with the job's own notes before those of the core."""
    if not notes:
        return outcome
    from trueup.model.schema import NOTES
    from trueup.model.table import Table

    table = Table.from_rows(NOTES, [*notes, *outcome.tables["notes"].rows()])
    return replace(outcome, tables={**outcome.tables, "notes": table})
