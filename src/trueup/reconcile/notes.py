"""What a reader of the figures has to know of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueup.focus.whole import EMPTY, UNENDED
from trueup.reconcile.copies import like_files
from trueup.reconcile.worked import Worked

# What the note of a source says -> what to do about it.
TO_DO = {
    EMPTY: "check that its exporter ran over the period and that this is its file; give no file "
    "where nothing was used",
    UNENDED: "compare its size or SHA-256 with what its sender states (a manifest, a listing)",
}


def notes_of(work: Worked) -> list[dict[str, Any]]:
    """The notes of every leg, and of what went in."""
    notes = [*_not_whole(work), *work.commitments.notes, *(work.usage.notes if work.usage else [])]
    notes.extend(note for leg in work.further for note in leg.notes)
    if not work.engine.count(work.leg_run.rows):
        notes.insert(
            0,
            {
                "code": "no_charges_in_period",
                "subject": "charges",
                "text": "no charge of these files falls in the period: nothing was compared",
                "remedy": "check --period, or add the bill of that period",
            },
        )
    if work.usage is None:
        notes.append(
            {
                "code": "usage_leg_not_run",
                "subject": "usage",
                "text": "no telemetry was given: billed quantities were not compared with meters",
                "remedy": "give usage, for example --usage spans.jsonl",
            }
        )
    names = {row["source_id"]: row["source"] for row in work.datasets[0].sources.rows()}
    notes.extend(
        {
            "code": "same_bill_twice",
            "subject": names[numbers[0]],
            "text": f"as many charges of the same cost and time are in "
            f"{', '.join(names[number] for number in numbers[1:4])}: all of them count",
            "remedy": "leave all but one out if they are the same bill in several forms",
        }
        for numbers in like_files(work.bill, work.engine)
    )
    notes.extend(
        {
            "code": "source",
            "subject": source["source"],
            "text": source["note"],
            "remedy": "; ".join(todo for said, todo in TO_DO.items() if said in source["note"])
            or None,
        }
        for dataset in work.datasets
        for source in dataset.sources.rows()
        if source["note"]
    )
    return notes


def _not_whole(work: Worked) -> list[dict[str, Any]]:
    """Files of which more is missing than single rows."""
    return [
        {
            "code": "source_not_whole",
            "subject": name,
            "text": f"PARTIAL RUN: no figure has what is missing of it: {why}",
            "remedy": "deliver the whole file, or correct how it is read, then run again",
        }
        for dataset in work.datasets
        for name, why in sorted(dataset.broken.items())
    ]


def repeated_notes(ids: Sequence[str]) -> list[dict[str, Any]]:
    """Contracts that were stated several times."""
    return [
        {
            "code": "contract_repeated",
            "subject": name,
            "text": "the contracts state it several times; the row updated last counts",
            "remedy": "nothing to do if these are exports of several dates",
        }
        for name in ids
    ]
