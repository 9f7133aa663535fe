"""Every break leads to the rows of both sides, by file and row; expected rows by reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

import trueup
from tests.reconcile.test_commitments import DAY, at
from tests.reconcile.test_commitments import reconciled as with_contract
from tests.reconcile.test_usage import TWO_CURRENCIES, gpu, metered, reconciled
from tests.test_worked_hour import CONTRACT, PLAN, charge
from trueup.engine.engine import open_engine
from trueup.errors import IntegrityError
from trueup.reconcile.breaks import all_breaks

NEXT = ("2026-10-03T15:00:00Z", "2026-10-03T16:00:00Z")
Rows = list[tuple[str, int, int]]


def behind(result: trueup.Result) -> dict[str, Rows]:
    """Class of the break -> (side, source, row); its counts are those of the break."""
    found: dict[str, Rows] = {}
    for each in result.breaks.rows():
        rows = [row for row in result.break_rows.rows() if row["break_id"] == each["id"]]
        listed = [(row["side"], row["source_id"], row["source_row"]) for row in rows]
        sides = [side for side, _source, _row in listed]
        assert sides.count("billed") == each["rows_billed"]
        assert sides.count("metered") == each["rows_metered"]
        found[f"{each['class']} {each['currency']}"] = listed
    return found


def test_a_quantity_break_has_the_rows_of_its_group_only(tmp_path: Path) -> None:
    """r1 is billed 2 + 1 h and metered 1 + 1 h; r2 agrees. Rows 1, 3 of the bill, 2, 3 of it."""
    bill = [gpu("2", "20.00"), gpu("1", "9.00", ResourceId="r2"), gpu("1", "10.00")]
    meters = [metered("1") | {"resource": "r2"}, metered("1"), metered("1")]
    assert behind(reconciled(tmp_path, bill, meters)) == {
        "quantity USD": [("billed", 1, 1), ("billed", 1, 3), ("metered", 0, 2), ("metered", 0, 3)]
    }


def test_both_currencies_of_a_group_have_all_its_rows(tmp_path: Path) -> None:
    """The quantities of a group are those of both its charges, so each break has both."""
    rules = {"tolerance": [{"absolute": "0.10"}]}
    rows = [("billed", 1, 1), ("billed", 1, 2), ("metered", 0, 1)]
    result = reconciled(tmp_path, TWO_CURRENCIES, [metered("9.95")], rules=rules)
    assert behind(result) == {"quantity USD": rows, "quantity EUR": rows}


def test_each_side_alone_has_its_own_rows(tmp_path: Path) -> None:
    """r1's second charge meets no usage though its meter reports; r3 is metered and not billed."""
    bill = [
        gpu("1", "10.00"),
        gpu("1", "10.00", ChargePeriodStart=NEXT[0], ChargePeriodEnd=NEXT[1]),
        gpu("1", "9.00", ResourceId="r2", ChargePeriodStart=NEXT[0], ChargePeriodEnd=NEXT[1]),
    ]
    meters = [metered("1"), metered("1", *NEXT) | {"resource": "r2"}]
    meters += [metered("1") | {"resource": "r3"}, metered("2") | {"resource": "r3"}]
    assert behind(reconciled(tmp_path, bill, meters)) == {
        "missing_in_usage USD": [("billed", 1, 2)],
        "missing_in_billing None": [("metered", 0, 3), ("metered", 0, 4)],
    }


def test_a_usage_row_stands_behind_the_break_of_each_of_its_hours(tmp_path: Path) -> None:
    """Metered from 14:00 to 16:00 at 1 h an hour, billed 2 h and 3 h: one row behind both."""
    late = {"ChargePeriodStart": NEXT[0], "ChargePeriodEnd": NEXT[1]}
    bill = [gpu("2", "20.00"), gpu("3", "30.00", **late)]
    result = reconciled(tmp_path, bill, [metered("2", "2026-10-03T14:00:00Z", NEXT[1])])
    assert [row["rows_metered"] for row in result.breaks.rows()] == [1, 1]
    metered_rows = [row for row in result.break_rows.rows() if row["side"] == "metered"]
    assert [row["source_row"] for row in metered_rows] == [1, 1]
    assert len({row["break_id"] for row in metered_rows}) == 2


def test_small_differences_lead_to_all_that_they_are_made_of(tmp_path: Path) -> None:
    """0.8 % each, within 1 %, but 1.6 of 200 h is above 0.5 % of the period: all four rows."""
    late = {"ChargePeriodStart": NEXT[0], "ChargePeriodEnd": NEXT[1]}
    bill = [gpu("100", "80.00"), gpu("100", "80.00", **late)]
    meters = [metered("99.2"), metered("99.2", *NEXT)]
    assert behind(reconciled(tmp_path, bill, meters)) == {
        "quantity USD": [("billed", 1, 1), ("billed", 1, 2), ("metered", 0, 1), ("metered", 0, 2)]
    }


def test_a_gap_has_the_rows_of_its_intervals_and_the_contract(tmp_path: Path) -> None:
    """8.50 of 10.00 in two hours that adjoin is one break of rows 1 and 2; the third hour holds."""
    rows = [at(charge("e1", "8.50", "2"), DAY[hour]) for hour in range(3)]
    rows.append(at(charge(PLAN, "1.50", None), DAY[2]))
    result = with_contract(tmp_path, rows)
    assert behind(result) == {
        "commitment USD": [("billed", 1, 1), ("billed", 1, 2), ("contract", 1, 1)]
    }


def test_a_commitment_on_no_bill_leads_to_its_contract(tmp_path: Path) -> None:
    """Nothing is billed for the plan: the second contract of the file is all there is."""
    other = CONTRACT.replace(PLAN, f"{PLAN}-2")
    rows = [charge("e1", "8.50", "2"), charge(PLAN, "1.50", None)]
    found = behind(with_contract(tmp_path, rows, CONTRACT + other))
    assert found == {"missing_in_billing USD": [("contract", 1, 2)]}


def test_agreement_has_no_rows(tmp_path: Path) -> None:
    """Without a break the table is empty."""
    assert reconciled(tmp_path, [gpu("1", "5.00")], [metered("1")]).break_rows.rows() == []


LISTED = {"class": "invoice", "leg": "invoice", "subject": "INV-1", "currency": "USD"}


def run_all(listed: Sequence[dict[str, Any]], rows: Sequence[pa.Table] = ()) -> list[Any]:
    with open_engine("duckdb") as duckdb:
        found = all_breaks(listed, [duckdb.load(table) for table in rows], None, duckdb)
        order = [ibis.desc("side"), "source_row"]
        return [
            duckdb.collect(found.rows.order_by(order)).to_pylist(),
            duckdb.collect(found.breaks),
        ]


def test_any_leg_lists_rows_one_by_one_or_by_a_key() -> None:
    """An invoice's line listed with the break, and two charges by its key."""
    charges = {"rows_key": ["i", "i", "other"], "side": ["billed"] * 3, "source_id": [4, 4, 4]}
    table = pa.table(charges | {"source_row": [7, 8, 9]})
    rows, breaks = run_all([LISTED | {"rows": [("invoice", 0, 2)], "rows_key": "i"}], [table])
    assert [(row["side"], row["source_row"]) for row in rows] == [
        ("invoice", 2),
        ("billed", 7),
        ("billed", 8),
    ]
    assert breaks.column("rows_billed").to_pylist() == [2]


def test_a_count_that_its_rows_do_not_bear_out_stops_the_run() -> None:
    """A break of two charges that lists one is a defect, and names itself."""
    with pytest.raises(IntegrityError, match="counts 2 billed and 0 metered rows, but 1 and 0"):
        run_all([LISTED | {"rows_billed": 2, "rows_metered": 0, "rows": [("billed", 0, 1)]}])


def test_a_break_that_tells_no_rows_keeps_its_counts() -> None:
    """Nothing can be held against it."""
    rows, breaks = run_all([LISTED | {"rows_billed": 2}])
    assert (rows, breaks.column("rows_billed").to_pylist()) == ([], [2])
