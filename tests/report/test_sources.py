"""Files grouped as they were configured."""

from __future__ import annotations

from decimal import Decimal

from tests.report.sample import make_outcome
from trueup.report.result import Result
from trueup.report.sources import source_groups


def test_many_files_of_a_folder_are_one_source() -> None:
    """Four files of a folder and format are one line per currency; three stand on their own."""
    names = [f"bills/a/{n}.csv" for n in range(4)] + [f"bills/b/{n}.csv" for n in range(3)]
    sources = [{"source": name, "kind": "charges", "format": "focus-1.2"} for name in names]
    totals = [
        {
            "source": name,
            "kind": "charges",
            "rows_in": 10,
            "accepted": 9,
            "rejected": 1,
            "currency": "USD",
            "billed_cost": Decimal(2),
            "effective_cost": Decimal(3),
        }
        for name in names
    ]
    totals.append({**totals[0], "currency": "EUR"})
    found = source_groups(Result(make_outcome(sources=sources, control_totals=totals)))
    shown = [
        (group.title, group.currency, group.rows_in, f"{group.billed.known:.0f}") for group in found
    ]
    assert shown == [
        ("bills/a/ (focus-1.2, 4 files)", "EUR", 10, "2"),
        ("bills/a/ (focus-1.2, 4 files)", "USD", 40, "8"),
        *((f"bills/b/{n}.csv", "USD", 10, "2") for n in range(3)),
    ]
