"""What commitments cost, as a workspace's runs know it: billed or accrued, never both."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.budgets.spent import NOW, Row, at, empty, ran, spend
from tests.budgets.test_budget import terms
from trueup.budgets.budget import Gate
from trueup.budgets.review import review
from trueup.budgets.snapshot import Budget

D = Decimal
NOVEMBER = ("2026-11-01", "2026-12-01")


def hour(number: int, used: str, unused: str) -> Row:
    """An hour of plan-1 as it is billed, on the 3rd."""
    return {
        "commitment_id": "plan-1",
        "interval_start": at(f"2026-11-03T{number}:00"),
        "interval_end": at(f"2026-11-03T{number + 1}:00"),
        "unit": "USD",
        "currency": "USD",
        "committed_cost": D(used) + D(unused),
        "used_quantity": D(used),
        "used_cost": D(used),
        "unused_cost": D(unused),
    }


def accrued(number: int, cost: str, drawn: str | None, name: str = "plan-1", **more: Any) -> Row:
    """An hour of the 3rd that is metered and not billed: on demand, and by the commitment."""
    row = spend(f"2026-11-03T{number}:00", cost, state="accrued", commitment_id=name)
    return {**row, "drawn": None if drawn is None else D(drawn), **more}


def budget(
    folder: Path, rows: Sequence[Row], name: str = "plan-1", currency: str = "USD", **more: Any
) -> Budget:
    """The budget of a commitment after one run."""
    workspace = empty(folder)
    ran(workspace, NOVEMBER, "2026-11-10", rows, **more)
    given = terms(scope={"commitment": name}, amount="1000", currency=currency)
    found = review(workspace, [given], Gate(), NOW)
    assert found is not None
    return found.snapshot.budgets[0]


def test_a_billed_hour_is_not_accrued_as_well(tmp_path: Path) -> None:
    """14:00 is billed, 7.70 all told, so its 18.00 on demand are none; 15:00 draws 3.00 of 6.00."""
    rows = [accrued(14, "18.00", "9.00"), accrued(15, "6.00", "3.00")]
    found = budget(tmp_path, rows, utilization=[hour(14, "6.20", "1.50")])
    assert (found.actual, found.accrued) == (D("7.70"), D("10.70"))


def test_an_hour_costs_at_most_what_is_committed(tmp_path: Path) -> None:
    """Two teams draw 5.00 and 4.00 in an hour of 7.70; a price less is named, not counted."""
    rows = [
        accrued(15, "10.00", "5.00", team="search"),
        accrued(15, "8.00", "4.00", team="ads"),
        accrued(16, "8.00", "1.00"),
        accrued(16, "8.00", None),
    ]
    found = budget(tmp_path, rows, utilization=[hour(14, "6.20", "1.50")])
    assert found.accrued == D("16.40")  # 7.70 + 7.70 + 1.00
    assert found.notes[0].startswith("of 1 rows no cost is known")


def test_a_plan_that_was_never_billed_costs_what_its_rates_draw(tmp_path: Path) -> None:
    """No interval says what is committed: 3.00 and 4.00 at the plan's rates."""
    found = budget(tmp_path, [accrued(15, "6.00", "3.00"), accrued(16, "8.00", "4.00")])
    assert (found.actual, found.accrued) == (D(0), D("7.00"))


@pytest.mark.parametrize("of_a_lot", [True, False])
def test_what_has_no_ledger_counts_by_the_day(tmp_path: Path, of_a_lot: bool) -> None:
    """An agreement, or a lot without a row of the ledger: 40.00 and 60.00 drawn on two days."""
    days = [
        {"commitment_id": "agreed", "day": at(f"2026-11-0{day}"), "unit": "USD", **drawn}
        for day, drawn in (
            (2, {"used_quantity": D("40.00")}),
            (3, {"used_quantity": D("60.00")}),
            (4, {"used_quantity": D(0)}),
        )
    ]
    lots = [{"lot_id": "agreed", "commitment_id": "agreed", "unit": "USD"}] if of_a_lot else []
    found = budget(tmp_path, [], "agreed", burn_down=days, credits=lots)
    assert (found.actual, found.accrued) == (D(100), D(100))


def test_what_is_known_to_have_drawn_nothing_is_at_nought(tmp_path: Path) -> None:
    """A lot that rests is no unknown one; of another of which nothing is known, nothing is said."""
    rows = [{"commitment_id": "lot-1", "unit": "USD", "drawn": D(0)}, {"commitment_id": "lot-2"}]
    found = budget(tmp_path / "1", [], "lot-1", commitments=rows)
    assert (found.actual, found.accrued) == (D(0), D(0))
    assert budget(tmp_path / "2", [], "lot-2", commitments=rows).actual is None


def test_credits_accrue_by_their_price(tmp_path: Path) -> None:
    """Of lot-1 10 credits are drawn at 14:00; 12.00 USD at 15:00 are 4 credits of 3.00."""
    lot = {"lot_id": "lot-1", "commitment_id": "lot-1", "unit": "credits"}
    moved = {**lot, "at": at("2026-11-03T14:20"), "kind": "drawdown", "quantity": D(-10)}
    found = budget(
        tmp_path,
        [accrued(14, "50.00", "50.00", "lot-1"), accrued(15, "15.00", "12.00", "lot-1")],
        "lot-1",
        "credits",
        movements=[moved],
        credits=[{**lot, "cost_per_credit": D("3.00"), "currency": "USD"}],
    )
    assert (found.actual, found.accrued) == (D(10), D(14))
