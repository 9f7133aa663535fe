"""What a closed month posts into the open one: once, and taken back where it went back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.focus.bill import row, write
from trueup.controls.closing import Closing
from trueup.controls.true_up import scanned, true_ups
from trueup.engine.engine import open_engine
from trueup.focus.charges import read_charges
from trueup.model.leg_schema import TRUE_UPS
from trueup.model.table import Table
from trueup.period import parse_period
from trueup.reconcile.restatement import KEY

OCTOBER = Closing(parse_period("2026-10"), "closed")


def item(resource: str, before: str, after: str, kind: str = "changed") -> dict[str, Any]:
    was, now = Decimal(before), Decimal(after)
    figures = {
        f"{name}_{side}": value
        for name in ("effective", "billed")
        for side, value in (("before", was), ("after", now), ("delta", now - was))
    }
    keys = dict.fromkeys(KEY) | {
        "resource_id": resource,
        "currency": "USD",
        "period_start": datetime(2026, 10, 3, 14, tzinfo=UTC),
        "period_end": datetime(2026, 10, 3, 15, tzinfo=UTC),
    }
    none = dict.fromkeys(("unit", "quantity_before", "quantity_after", "quantity_delta"))
    return {**keys, **figures, **none, "kind": kind, "rows_before": 1, "rows_after": 1}


def posted(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return Table.from_rows(TRUE_UPS, [{"closed_period": "2026-10", **row} for row in rows]).rows()


def deltas(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {row["resource_id"]: row["effective_delta"] for row in rows}


def test_all_that_was_not_posted_yet_is_posted() -> None:
    """Nothing posted before: every restated item posts its whole delta, under its closed period."""
    found = [item("vm-1", "10.00", "8.50"), item("vm-2", "0", "1.25", "added")]
    rows = true_ups(found, [], OCTOBER)
    assert deltas(rows) == {"vm-1": Decimal("-1.50"), "vm-2": Decimal("1.25")}
    assert {row["closed_period"] for row in rows} == {"2026-10"}
    assert set(rows[0]) == set(TRUE_UPS.names)


def test_what_a_month_closed_since_has_posted_is_not_posted_again() -> None:
    """November posted -1.50 of vm-1; by December it is 7.00: -3.00 in all, -1.50 left to post."""
    rows = true_ups([item("vm-1", "10.00", "7.00")], posted(item("vm-1", "10.00", "8.50")), OCTOBER)
    assert deltas(rows) == {"vm-1": Decimal("-1.50")}
    assert (rows[0]["effective_before"], rows[0]["effective_after"]) == (
        Decimal("8.50"),
        Decimal("7.00"),
    )
    same = true_ups([item("vm-1", "10.00", "8.50")], posted(item("vm-1", "10.00", "8.50")), OCTOBER)
    assert same == []


def test_what_went_back_posts_the_opposite() -> None:
    """vm-1 is 10.00 again after November posted -1.50: December posts +1.50, from 8.50 to 10.00."""
    (row,) = true_ups([], posted(item("vm-1", "10.00", "8.50")), OCTOBER)
    assert (row["effective_before"], row["effective_after"], row["effective_delta"]) == (
        Decimal("8.50"),
        Decimal("10.00"),
        Decimal("1.50"),
    )


def test_postings_of_several_months_add_up() -> None:
    """-1.50 and -0.50 posted, now 7.00 from 10.00: -3.00 - (-2.00) = -1.00 left."""
    rows = true_ups(
        [item("vm-1", "10.00", "7.00")],
        posted(item("vm-1", "10.00", "8.50"), item("vm-1", "8.50", "8.00")),
        OCTOBER,
    )
    assert deltas(rows) == {"vm-1": Decimal("-1.00")}


def test_true_ups_of_another_closed_month_are_left_alone() -> None:
    """What September posted has nothing to do with October's items."""
    other = [{**row, "closed_period": "2026-09"} for row in posted(item("vm-1", "10.00", "8.50"))]
    rows = true_ups([item("vm-1", "10.00", "8.50")], other, OCTOBER)
    assert deltas(rows) == {"vm-1": Decimal("-1.50")}


def test_charges_are_scanned_from_files_memory_or_nothing(tmp_path: Path) -> None:
    """The same one row from the files of a bill and from its table; of no charges, no row."""
    charges = read_charges(write(tmp_path / "bill.csv", row()))
    assert charges.table.files
    held = replace(charges, table=Table(charges.table.schema, arrow=charges.table.to_arrow()))
    assert not held.table.files
    with open_engine("duckdb") as engine:
        counts = [engine.collect(scanned(one, engine)).num_rows for one in (charges, held, None)]
    assert counts == [1, 1, 0]
