"""Commitments and lots as a person asks about them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.report.sample import make_outcome
from tests.report.sample_commitments import DAY, START
from trueup.report import holdings
from trueup.report.actions import of_credits, of_off_bill
from trueup.report.result import Result


def commitment(identifier: str, **changed: Any) -> dict[str, Any]:
    return {
        "commitment_id": identifier,
        "provider": "example",
        "layer": "benefit",
        "category": "Spend",
        "unit": "USD",
        "currency": "USD",
        **changed,
    }


def lot(identifier: str, **changed: Any) -> dict[str, Any]:
    return {
        "lot_id": identifier,
        "commitment_id": identifier,
        "provider": "example",
        "unit": "Credits",
        "currency": "USD",
        "expires_at": datetime(2026, 10, 21, tzinfo=UTC),
        **changed,
    }


def test_a_contract_on_no_bill_is_a_line_of_its_own() -> None:
    """930 USD wholly uncovered, 8 USD in part; hours that are no money keep their unit."""
    rows = [
        commitment("a:b/part", not_covered_quantity=Decimal(8), status="partial"),
        commitment("a:b/whole", not_covered_quantity=Decimal(930), status="not_covered"),
        commitment("hours", not_covered_quantity=Decimal(5), unit="Hours", category="Usage"),
        commitment("fund", not_covered_quantity=Decimal(1), layer="funding"),
        commitment("full", not_covered_quantity=Decimal(0)),
    ]
    result = Result(make_outcome(commitments=rows, breaks=[]))
    assert [(action.amount, action.about) for action in of_off_bill(result)] == [
        ("USD 930.00", "whole (example), the whole period"),
        ("USD 8.00", "part (example), part of the period"),
        ("5 Hours", "hours (example), part of the period"),
    ]
    assert "Not on any bill" in result.summary()
    assert "Add the bill of the account that bought it" in result.summary()


def test_credits_that_expire_cost_money() -> None:
    """40 credits at 5.40 are 216.00; 12 left at 3.00 are 36.00; money is itself."""
    rows = [
        lot("x/burst", expired=Decimal(40), remaining=Decimal(0), cost_per_credit=Decimal("5.40")),
        lot(
            "soon",
            remaining=Decimal(12),
            cost_per_credit=Decimal(3),
            expires_at=datetime(2026, 12, 1, tzinfo=UTC),
        ),
        lot("cash", unit="USD", expired=Decimal("7.5")),
        lot("later", remaining=Decimal(1), expires_at=datetime(2027, 12, 1, tzinfo=UTC)),
        lot("unpriced", expired=Decimal(2)),
    ]
    found = of_credits(Result(make_outcome(credits=rows)))
    assert [(action.amount, action.what, action.about) for action in found] == [
        ("USD 7.50", "expired", "cash (example), 2026-10-21"),
        ("2 Credits", "expired", "unpriced (example), 2026-10-21"),
        ("USD 216.00", "expired", "40 Credits of burst (example), 2026-10-21"),
        ("USD 36.00", "expires", "12 Credits of soon (example), 2026-12-01"),
    ]


def test_names_are_told_apart() -> None:
    """The contract's name, else the identifier's last part; two of one name keep theirs."""
    rows = [
        commitment("a:1", name="Plan", unused_cost=Decimal(3)),
        commitment("b/2", name="Plan", unused_cost=Decimal(2)),
        commitment("c:d/3", unused_cost=Decimal(1)),
        commitment("e", unused_cost=Decimal(0)),
    ]
    found = holdings.unused(Result(make_outcome(commitments=rows, utilization=[])))
    assert [item.name for item in found] == [
        *("Plan (a:1) (example)", "Plan (b/2) (example)", "3 (example)"),
    ]


def test_the_worst_day_is_the_earliest_with_most_unused() -> None:
    """Days of 1.00, 4.00 and 4.00: the second; an interval of two days has no day."""
    intervals = [
        {
            "commitment_id": "c",
            "currency": "USD",
            "interval_start": START + day * DAY,
            "interval_end": START + (day + length) * DAY,
            "unused_cost": Decimal(cost),
        }
        for day, length, cost in ((0, 1, 1), (1, 1, 4), (2, 1, 4), (3, 2, 9))
    ]
    rows = [commitment("c", unused_cost=Decimal(18))]
    found = holdings.unused(Result(make_outcome(commitments=rows, utilization=intervals)))
    assert [(item.worst_day, item.worst) for item in found] == [(START + DAY, Decimal(4))]


def test_balances_are_those_that_pay(result: Result) -> None:
    """The sample's two funding commitments, not its agreement."""
    assert [row["title"] for row in holdings.balances(result)] == [
        *("tpu-v6e-sales-contract (gcp)", "universal-credits-2026 (oci)"),
    ]
