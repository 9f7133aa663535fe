"""Series: the bill where it has arrived, accrual elsewhere, never both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.burn.burn import TABLES, Burn
from trueup.burn.series import Burned, Subject, settled
from trueup.errors import IntegrityError
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table

D = Decimal
PLAN = "plan-1"


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=UTC)


def tables(**rows: Sequence[Mapping[str, Any]]) -> dict[str, pa.Table]:
    return {
        name: Table.from_rows(RESULT_TABLES[name], rows.get(name, ())).to_arrow() for name in TABLES
    }


def interval(day: int, hour: int, used: str, unused: str = "0", **more: Any) -> dict[str, Any]:
    """An hour of a plan as the bill states it."""
    return {
        "commitment_id": PLAN,
        "provider": "nimbus",
        "interval_start": at(day, hour),
        "interval_end": at(day, hour + 1) if hour < 23 else at(day + 1),
        "unit": "USD",
        "currency": "USD",
        "committed_quantity": D(used) + D(unused),
        "used_quantity": D(used),
        "unused_quantity": D(unused),
        "used_cost": D(used),
        "unused_cost": D(unused),
        **more,
    }


def spent(day: int, hour: int, cost: str | None, **more: Any) -> dict[str, Any]:
    """What an hour cost a team."""
    return {
        "start": at(day, hour),
        "end": at(day, hour + 1) if hour < 23 else at(day + 1),
        "state": "billed",
        "provider": "nimbus",
        "currency": "USD",
        "cost": None if cost is None else D(cost),
        **more,
    }


def told(table: Table, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in table.rows()]


def test_the_bill_replaces_what_was_accrued_of_its_hour() -> None:
    """Hour 0 is billed 8.50, so its accrued 3.00 goes; hour 1 is not, so 4.00 + 1.00 stay."""
    accrued = [("0", "3.00"), ("1", "4.00"), ("1", "1.00")]
    burn = Burn(
        tables(
            utilization=[interval(3, 0, "8.50", "1.50")],
            spend=[
                spent(3, int(hour), "9.00", state="accrued", commitment_id=PLAN, drawn=D(drawn))
                for hour, drawn in accrued
            ],
        ),
        at(3),
        at(4),
        at(3, 2),
    )
    rows = [
        row
        for row in burn.over("hour")
        if (row["by"], row["measure"]) == ("commitment", "quantity")
    ]
    assert [(row["start"].hour, row["state"], row["amount"]) for row in rows] == [
        (0, "billed", D("8.50")),
        (1, "accrued", D("5.00")),
    ]


def test_an_hour_that_is_both_is_refused() -> None:
    """A bill of a day and an hour within it, forced into one series, is a defect."""
    subject = Subject("commitment", PLAN, "nimbus", "", "", "quantity", "USD")
    billed = [Burned(subject, at(3), at(4), "billed", None)]
    inside = Burned(subject, at(3, 5), at(3, 6), "accrued", None)
    assert settled(billed, [inside]) == billed
    after = Burned(subject, at(4), at(4, 1), "accrued", None)
    assert settled(billed, [after]) == [*billed, after]
    before = Burned(subject, at(2, 23), at(3), "accrued", None)
    assert settled(billed, [before]) == [*billed, before]


def test_a_lot_burns_what_its_ledger_draws_and_is_worth_what_a_credit_costs() -> None:
    """12 drawn, 2 returned, 1 beyond it: 11 credits, at 3.00 each 33.00; grants are no burn."""
    lot = {"lot_id": "lot-1", "commitment_id": "lot-1", "provider": "nimbus", "unit": "Credits"}
    moves = [("grant", "100"), ("drawdown", "-12"), ("refund", "2"), ("overage", "1")]
    burn = Burn(
        tables(
            movements=[
                {**lot, "at": at(3, 5).replace(minute=7), "kind": kind, "quantity": D(quantity)}
                for kind, quantity in moves
            ],
            credits=[{**lot, "cost_per_credit": D("3.00"), "currency": "USD"}],
        ),
        at(3),
        at(4),
        at(4),
    )
    assert told(burn.over("hour"), "unit", "start", "amount") == [
        ("USD", at(3, 5), D("33.00")),
        ("Credits", at(3, 5), D("11")),
    ]


def test_teams_have_what_is_billed_and_accrued_apart_and_nobody_by_reason() -> None:
    """By the day: 1.00 + 2.00 billed, 4.00 accrued and one hour without a price; 0.50 idle."""
    burn = Burn(
        tables(
            spend=[
                spent(3, 0, "1.00", team="search"),
                spent(3, 1, "2.00", team="search", model="large"),
                spent(3, 2, "4.00", team="search", state="accrued"),
                spent(3, 3, None, team="search", state="accrued"),
                spent(3, 1, "0.50", reason="idle"),
                spent(3, 1, "0.25", agent="unnamed"),
                spent(3, 1, "7.00", team="search", currency="EUR"),
            ]
        ),
        at(3),
        at(4),
        at(4),
    )
    assert told(burn.over("day"), "team", "reason", "unit", "state", "amount", "unknown") == [
        (None, "idle", "USD", "billed", D("0.50"), 0),
        (None, "no_team", "USD", "billed", D("0.25"), 0),
        ("search", None, "EUR", "billed", D("7.00"), 0),
        ("search", None, "USD", "accrued", D("4.00"), 1),
        ("search", None, "USD", "billed", D("3.00"), 0),
    ]


@pytest.mark.parametrize(
    ("prices", "number", "unknown"),
    [
        (["3.00"], D("1.50"), 0),  # 4.50 / 3.00
        (["3.00", "3.00"], D("1.50"), 0),
        ([None], None, 1),
        (["3.00", "5.00"], None, 1),  # of which lot is not known
        (["0"], None, 1),
    ],
)
def test_what_is_accrued_of_credits_is_known_by_their_price(
    prices: Sequence[str | None], number: Decimal | None, unknown: int
) -> None:
    """4.50 USD drawn are credits where one costs the same in all lots; else they are not known."""
    lot = {"lot_id": "lot-0", "commitment_id": "lot-1", "provider": "nimbus", "unit": "Credits"}
    burn = Burn(
        tables(
            movements=[{**lot, "at": at(3, 5), "kind": "drawdown", "quantity": D(-2)}],
            credits=[
                {
                    **lot,
                    "lot_id": f"lot-{place}",
                    "cost_per_credit": None if price is None else D(price),
                    "currency": "USD",
                }
                for place, price in enumerate(prices)
            ],
            spend=[spent(3, 6, "5.00", state="accrued", commitment_id="lot-1", drawn=D("4.50"))],
        ),
        at(3),
        at(4),
        at(4),
    )
    found = {
        row["unit"]: (row["amount"], row["unknown"])
        for row in burn.over("hour")
        if row["state"] == "accrued" and row["commitment_id"]
    }
    assert found["Credits"] == (number, unknown)
    if None not in prices:
        assert found["USD"] == (D("4.50"), 0)


def test_a_lot_that_was_never_billed_accrues_in_its_own_unit() -> None:
    """No ledger: 9.00 USD at the rate are 3 credits of 3.00, and 9.00 USD."""
    burn = Burn(
        tables(
            commitments=[{"commitment_id": "lot-1", "unit": "Credits", "currency": "USD"}],
            credits=[
                {
                    "lot_id": "lot-1",
                    "commitment_id": "lot-1",
                    "unit": "Credits",
                    "cost_per_credit": D("3.00"),
                    "currency": "USD",
                }
            ],
            spend=[spent(3, 6, "9.50", state="accrued", commitment_id="lot-1", drawn=D("9.00"))],
        ),
        at(3),
        at(4),
        at(3, 7),
    )
    rows = [row for row in burn.over("hour") if row["commitment_id"]]
    assert [(row["measure"], row["unit"], row["amount"]) for row in rows] == [
        ("cost", "USD", D("9.00")),
        ("quantity", "Credits", D("3.00")),
    ]


def test_weeks_begin_on_monday() -> None:
    """4 October 2026 is a Sunday, so it and the 5th lie in two weeks."""
    burn = Burn(
        tables(spend=[spent(4, 23, "1.00", team="search"), spent(5, 0, "2.00", team="search")]),
        at(1),
        at(8),
        at(8),
    )
    assert told(burn.over("week"), "start", "end", "amount") == [
        (at(28).replace(month=9), at(5), D("1.00")),
        (at(5), at(12), D("2.00")),
    ]


def test_teams_that_do_not_add_up_to_spend_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that lost a row is no result."""
    from trueup.burn import series

    whole = series._summed
    monkeypatch.setattr(series, "_summed", lambda *given: whole(*given)[1:])
    with pytest.raises(IntegrityError, match="teams burned"):
        Burn(tables(spend=[spent(3, 0, "1.00", team="search")]), at(3), at(4), at(4))
