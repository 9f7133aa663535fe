"""Spend over time and activity, on the worked hour (see tests/test_worked_hour.py)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pytest

import trueup
from tests import test_worked_hour as hour
from tests.test_worked_hour import ALLOCATED, BUSY, CHARGES, EARLY, PLAN, charge, reconciled
from trueup.errors import IntegrityError

D = Decimal
ON_DEMAND = {  # a third instance-hour of e1, beyond the plan
    **charge("e1", "4.00", "1"),
    **dict.fromkeys(
        (
            "CommitmentDiscountCategory",
            "CommitmentDiscountId",
            "CommitmentDiscountStatus",
            "CommitmentDiscountType",
            "CommitmentDiscountQuantity",
            "CommitmentDiscountUnit",
        ),
        "",
    ),
}


def told(result: trueup.Result, *names: str) -> list[tuple[Any, ...]]:
    rows = result.spend.rows()
    assert all(row["start"] == result.start and row["end"] == result.end for row in rows)
    return sorted(
        (tuple(row[name] for name in names) for row in rows),
        key=lambda row: tuple(str(each) for each in row),
    )


def test_spend_has_every_cost_of_the_bill_once_and_what_is_accrued_beside_it(
    tmp_path: Path,
) -> None:
    """6.20 used + 2.30 nobody saw + 1.50 unused = 10.00 billed; e3's 2.00 is accrued."""
    result = reconciled(tmp_path, ALLOCATED + BUSY, as_of=EARLY)
    names = ("state", "meter", "reason", "commitment_id", "cost", "committed_cost")
    assert told(result, *names) == [
        ("accrued", "gpu", "no_rule", PLAN, D("2.00"), None),
        ("billed", None, "unused", PLAN, D("1.50"), D("1.50")),
        ("billed", "gpu", None, None, D("6.20"), D("6.20")),
        ("billed", "gpu", "missing_in_usage", None, D("2.30"), D("2.30")),
    ]


def test_what_is_accrued_falls_to_who_was_busy_and_the_rest_is_idle(tmp_path: Path) -> None:
    """A quarter of e3's hour busy: 2.00 x 900 / 3,600 = 0.50 to the team, 1.50 idle."""
    rows = [*ALLOCATED, *BUSY, ("e3", "busy", "900", "s3")]
    # The file's only name serves as both session and team.
    result = reconciled(tmp_path, rows, as_of=EARLY, team="session")
    accrued = [row for row in told(result, "state", "team", "reason", "cost") if row[0] != "billed"]
    assert accrued == [
        ("accrued", None, "idle", D("1.50")),
        ("accrued", "s3", None, D("0.50")),
    ]


def test_what_is_accrued_draws_on_its_commitment_at_the_rate(tmp_path: Path) -> None:
    """An hour of e3 at 3.00 by the plan: a quarter of it, 0.75, to who was busy, 2.25 idle."""
    rows = [*ALLOCATED, *BUSY, ("e3", "busy", "900", "s3")]
    result = reconciled(tmp_path, rows, as_of=EARLY, team="session")
    assert told(result, "state", "team", "drawn")[:2] == [
        ("accrued", None, D("2.25")),
        ("accrued", "s3", D("0.75")),
    ]
    assert {row["drawn"] for row in result.spend.rows() if row["state"] == "billed"} == {None}


def test_what_commitments_paid_for_is_shared_as_the_cost_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6.20 covered + 4.00 on demand: of 10.20, three quarters are 7.65, of which 4.65 covered."""
    monkeypatch.setattr(hour, "CHARGES", [*CHARGES, ON_DEMAND])
    seen = [("e1", "allocated", "10800", ""), *ALLOCATED[1:]]
    busy = [("e1", "busy", "8100", "s1"), ("e1", "busy", "2700", "s2")]
    result = reconciled(tmp_path, [*seen, *busy], team="session")
    names = ("team", "reason", "cost", "committed_cost")
    of_e1 = [row for row in told(result, *names) if row[0] is not None]
    assert of_e1 == [("s1", None, D("7.65"), D("4.65")), ("s2", None, D("2.55"), D("1.55"))]
    by_session = {row["session"]: row["committed_cost"] for row in result.allocations.rows()}
    assert by_session == {"s1": D("4.65"), "s2": D("1.55")}


def test_activity_is_what_meters_saw_with_sessions_counted(tmp_path: Path) -> None:
    """7,200 s busy in two sessions on e1; 7,200 + 0 + 3,600 = 10,800 s held, by nobody."""
    result = reconciled(tmp_path, ALLOCATED + BUSY)
    names = ("capacity", "quantity", "unit", "rows", "sessions")
    assert [tuple(row[name] for name in names) for row in result.activity.rows()] == [
        ("allocated", D(10800), "GPU-Seconds", 3, 0),
        ("busy", D(7200), "GPU-Seconds", 2, 2),
    ]


def test_without_usage_spend_is_the_bill_by_reason(tmp_path: Path) -> None:
    """Charges alone: 8.50 that no meter was compared with, 1.50 unused; no activity."""
    reconciled(tmp_path, [])
    result = trueup.reconcile(
        trueup.read_charges(tmp_path / "bill.csv"), period="2026-10-03T14", as_of=hour.LATE
    )
    assert told(result, "state", "reason", "cost") == [
        ("billed", "no_rule", D("8.50")),
        ("billed", "unused", D("1.50")),
    ]
    assert result.activity.rows() == []


def test_a_charge_that_began_before_the_period_counts_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fee of 30 days, 720.00, of which 15 are in October: 360.00, and no row outside October."""
    times = {
        "ChargePeriodStart": "2026-09-16T00:00:00Z",
        "ChargePeriodEnd": "2026-10-16T00:00:00Z",
        "ChargeCategory": "Purchase",
        "CommitmentDiscountStatus": "",
    }
    day = {"ChargePeriodStart": "2026-09-30T07:00:00Z", "ChargePeriodEnd": "2026-10-01T07:00:00Z"}
    rows = [{**charge("fee", "720.00", None), **times}, {**charge("e9", "24.00", None), **day}]
    monkeypatch.setattr(hour, "CHARGES", rows)
    reconciled(tmp_path, [])
    result = trueup.reconcile(
        trueup.read_charges(tmp_path / "bill.csv"), period="2026-10", as_of=hour.LATE
    )
    found = {row["cost"]: (row["start"], row["end"]) for row in result.spend.rows()}
    first, second = date(2026, 10, 1), date(2026, 10, 2)
    assert {cost: (start.date(), end.date()) for cost, (start, end) in found.items()} == {
        D("360.00"): (first, date(2026, 11, 1)),
        D("7.00"): (first, second),  # 24.00 x 7 / 24
    }


def test_spend_under_another_reason_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2.30 that nobody saw, told as idle: the sum holds, and the reasons do not."""
    from trueup.reconcile import spend

    given = spend._attributed

    def wrong(used: Any) -> Any:
        rows = given(used)
        return rows.mutate(reason=rows.reason.substitute({"missing_in_usage": "idle"}))

    monkeypatch.setattr(spend, "_attributed", wrong)
    with pytest.raises(IntegrityError, match=r"of idle in USD adds up to 2.3, its reason to 0;"):
        reconciled(tmp_path, ALLOCATED + BUSY)


@pytest.mark.parametrize("name", ["cost", "basis"])
def test_sessions_that_do_not_add_up_to_what_is_allocated_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of 6.20 each row twice is 12.40, under another basis nothing."""
    from trueup.reconcile import session_costs

    table_of = session_costs.table_of

    def wrong(*given: Any) -> Any:
        rows = table_of(*given)
        return rows.mutate(basis=ibis.literal("rated")) if name == "basis" else rows.union(rows)

    monkeypatch.setattr(session_costs, "table_of", wrong)
    found = {"cost": "12.4", "basis": "0"}[name]
    with pytest.raises(IntegrityError, match=rf"billed in USD adds up to {found}, .* to 6.2;"):
        reconciled(tmp_path, ALLOCATED + BUSY)
