"""The balance leg: every movement of a lot, its roll-forward, and the provider's own balance."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.reconcile.prepaid import (
    VENDOR,
    at,
    balance,
    cost,
    moved,
    of_leg,
    reconciled,
    rolled,
)
from tests.reconcile.test_pools import drawn
from tests.reconcile.test_pools import lot as a_lot
from tests.reconcile.test_pools import pool as pool_of
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table
from trueup.period import Period
from trueup.reconcile.balance_leg import _movement_rows, _statements
from trueup.reconcile.draws import Draws
from trueup.reconcile.leg import Findings, LegRun

D = Decimal
LOT = """
[[commitment]]
id = "lot"
provider = "Nimbus"
layer = "funding"
cost = "100.00"
currency = "USD"
start = 2026-10-01
end = 2027-01-01
"""
POOL = """
[[commitment]]
id = "pool"
provider = "Nimbus"
currency = "USD"
start = 2026-10-01
end = 2027-01-01
{more}
lots = [
  {{ id = "soon", granted = "40.00", start = 2026-10-01, end = {early_end}{early} }},
  {{ id = "later", granted = "60.00", start = {late_start}, end = 2027-01-01{late} }},
]
"""


def pool(**given: str) -> str:
    usual = {"early_end": "2026-11-15", "late_start": "2026-10-01", "early": "", "late": ""}
    return POOL.format(**(usual | {"more": ""} | given))


def figures(row: dict[str, Any]) -> list[Decimal]:
    names = ("opening", "granted", "drawn", "refunded", "adjusted", "expired", "closing", "overage")
    return [row[name] for name in names]


def test_a_roll_forward_leads_from_grant_to_closing(tmp_path: Path) -> None:
    """0 + 100 granted - 30 drawn + 5 refunded - 0 expired = 75; the days do the same in steps."""
    charges = [
        cost("30.00", at(3, 14), {"lot": "30.00"}),
        cost("-5.00", at(9, 8), {"lot": "-5.00"}),
    ]
    result = reconciled(tmp_path, charges, LOT)
    assert figures(rolled(result, "lot")) == [0, 100, 30, 5, 0, 0, 75, 0]
    assert moved(result, "lot") == [
        (at(1), "grant", 100),
        (at(3, 14), "drawdown", -30),
        (at(9, 8), "refund", 5),
    ]
    days = [row for row in result.roll_forward.rows() if row["span"] == "day"]
    assert len(days) == 31
    assert [days[number]["closing"] for number in (1, 2, 7, 8, 30)] == [100, 70, 70, 75, 75]
    assert of_leg(result) == []


def test_draws_beyond_a_lot_are_overage_and_never_a_negative_balance(tmp_path: Path) -> None:
    """130 drawn from 100: the last 30 are overage; 10 refunded take back overage first."""
    charges = [
        cost("70.00", at(2), {"lot": "70.00"}),
        cost("60.00", at(3), {"lot": "60.00"}),
        cost("-10.00", at(4), {"lot": "-10.00"}),
    ]
    result = reconciled(tmp_path, charges, LOT)
    # 100 - 70 - 30 = 0 left, 60 - 30 = 30 over; 30 - 10 = 20 over, still 0 left
    assert figures(rolled(result, "lot")) == [0, 100, 100, 0, 0, 0, 0, 20]
    assert moved(result, "lot")[1:] == [
        (at(2), "drawdown", -70),
        (at(3), "drawdown", -30),
        (at(3), "overage", 30),
        (at(4), "overage", -10),
    ]


def test_a_refund_beyond_the_overage_goes_back_to_the_lot(tmp_path: Path) -> None:
    """110 drawn from 100, 30 refunded: 10 of it overage, 20 are in the lot again."""
    charges = [cost("110.00", at(2), {"lot": "110.00"}), cost("-30.00", at(4), {"lot": "-30.00"})]
    result = reconciled(tmp_path, charges, LOT)
    assert figures(rolled(result, "lot")) == [0, 100, 100, 20, 0, 0, 20, 0]


def test_a_lot_that_ends_within_the_period_is_lost_then(tmp_path: Path) -> None:
    """100 - 30 = 70 are lost at midnight of the 20th, in the day that ends then: the 19th's."""
    lot = LOT.replace("2027-01-01", "2026-10-20")
    result = reconciled(tmp_path, [cost("30.00", at(3), {"lot": "30.00"})], lot)
    assert figures(rolled(result, "lot")) == [0, 100, 30, 0, 0, 70, 0, 0]
    assert moved(result, "lot")[-1] == (at(20), "expiry", -70)
    days = {row["start"]: row for row in result.roll_forward.rows() if row["span"] == "day"}
    assert [days[at(19)]["expired"], days[at(20)]["opening"]] == [70, 0]


def test_a_loss_at_midnight_is_of_the_day_that_ends(tmp_path: Path) -> None:
    """The 70 left are lost in a run over the 19th; in one over the 20th nothing is there to lose."""
    lot = LOT.replace("2027-01-01", "2026-10-20")
    charges = [cost("0.00", at(1)), cost("30.00", at(3), {"lot": "30.00"})]
    before = reconciled(tmp_path, charges, lot, period="2026-10-19")
    assert figures(rolled(before, "lot")) == [70, 0, 0, 0, 0, 70, 0, 0]
    assert moved(before, "lot") == [(at(20), "expiry", -70)]
    after = reconciled(tmp_path, charges, lot, period="2026-10-20")
    assert moved(after, "lot") == []


def test_a_lot_expires_at_midnight_of_its_contracts_zone(tmp_path: Path) -> None:
    """Midnight of the 20th in Los Angeles is 07:00 UTC in October: 06:00 is served, 07:00 is not."""
    lot = LOT.replace("2027-01-01", "2026-10-20") + 'zone = "America/Los_Angeles"\n'
    charges = [
        cost("30.00", at(20, 6), {"lot": "30.00"}),
        cost("8.00", at(20, 7), {"lot": "8.00"}),
    ]
    result = reconciled(tmp_path, charges, lot)
    assert figures(rolled(result, "lot")) == [0, 100, 30, 0, 0, 70, 0, 8]
    assert moved(result, "lot")[0][0] == datetime(2026, 10, 1, 7, tzinfo=UTC)
    assert (at(20, 7), "expiry", -70) in moved(result, "lot")


def test_what_is_refunded_to_an_expired_lot_is_lost(tmp_path: Path) -> None:
    """30 drawn, 70 lost on the 20th; 12 come back on the 25th and are lost with them: 82."""
    lot = LOT.replace("2027-01-01", "2026-10-20")
    charges = [cost("30.00", at(3), {"lot": "30.00"}), cost("-12.00", at(25), {"lot": "-12.00"})]
    result = reconciled(tmp_path, charges, lot)
    assert figures(rolled(result, "lot")) == [0, 100, 30, 12, 0, 82, 0, 0]
    [row] = [row for row in result.credits.rows() if row["lot_id"] == "lot"]
    # granted 100 = drawn 18 (30 - 12) + expired 82 + remaining 0
    assert [row["drawn"], row["expired"], row["remaining"]] == [18, 82, 0]


def test_a_lot_granted_within_the_period_opens_with_nothing(tmp_path: Path) -> None:
    """Granted on the 10th; what was drawn on the 5th, before, is beyond it."""
    lot = LOT.replace("start = 2026-10-01", "start = 2026-10-10")
    charges = [cost("4.00", at(5), {"lot": "4.00"}), cost("30.00", at(12), {"lot": "30.00"})]
    result = reconciled(tmp_path, charges, lot)
    assert figures(rolled(result, "lot")) == [0, 100, 30, 0, 0, 0, 70, 4]


def test_a_document_adjusts_a_lot_and_so_does_the_bill(tmp_path: Path) -> None:
    """100 - 20 by the document - 30 drawn - 3 by an Adjustment charge = 47."""
    lot = LOT + 'adjustments = [{ at = 2026-10-04, quantity = "-20.00" }]\n'
    charges = [
        cost("30.00", at(3), {"lot": "30.00"}),
        cost("3.00", at(5), {"lot": "3.00"}, ChargeCategory="Adjustment"),
    ]
    result = reconciled(tmp_path, charges, lot)
    assert figures(rolled(result, "lot")) == [0, 100, 30, 0, -23, 0, 47, 0]


def test_lots_are_drawn_by_priority_then_expiry(tmp_path: Path) -> None:
    """50 on the pool: the lot that expires first gives its 40, the other 10."""
    result = reconciled(tmp_path, [cost("50.00", at(3), {"pool": "50.00"})], pool())
    assert [rolled(result, lot)["drawn"] for lot in ("soon", "later")] == [40, 10]


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        ({"early": ", priority = 2", "late": ", priority = 1"}, [0, 50]),
        ({"more": 'draw_order = ["-expiry"]'}, [0, 50]),
        # both expire at once and have one priority: the lot's id decides, later before soon
        ({"early_end": "2027-01-01"}, [0, 50]),
    ],
)
def test_the_contract_may_order_the_draws(
    tmp_path: Path, given: dict[str, str], drawn: list[int]
) -> None:
    """50 on the pool of 40 and 60, by a priority, by the contract's own order, by name."""
    result = reconciled(tmp_path, [cost("50.00", at(3), {"pool": "50.00"})], pool(**given))
    assert [rolled(result, lot)["drawn"] for lot in ("soon", "later")] == drawn


def test_a_charge_that_names_a_lot_draws_on_that_lot(tmp_path: Path) -> None:
    """25 on the late lot by name; 50 on the pool: 40 early, 10 late. Late 60 - 25 - 10 = 25."""
    charges = [
        cost("25.00", at(2), {"later": "25.00"}),
        cost("50.00", at(3), {"pool": "50.00"}),
    ]
    result = reconciled(tmp_path, charges, pool())
    assert [rolled(result, lot)["closing"] for lot in ("soon", "later")] == [0, 25]


def test_a_rule_draws_on_the_pool_but_not_what_names_its_lot(tmp_path: Path) -> None:
    """applies_to: 30 of plain charges go by the order, 7 that name the late lot stay there."""
    rule = 'applies_to = { ServiceName = "^tokens$" }'
    charges = [cost("30.00", at(2)), cost("7.00", at(2), {"later": "7.00"})]
    result = reconciled(tmp_path, charges, pool(more=rule))
    assert [rolled(result, lot)["drawn"] for lot in ("soon", "later")] == [30, 7]


def test_tables_of_one_contract_and_rule_are_one_pool(tmp_path: Path) -> None:
    """Two tables of contract c with the same rule: 50 drawn once, 40 from the first to expire."""
    table = """
[[commitment]]
id = "{id}"
contract = "c"
provider = "Nimbus"
layer = "funding"
cost = "{cost}"
currency = "USD"
start = 2026-10-01
end = {end}
applies_to = {{ ServiceName = "^tokens$" }}
"""
    contract = table.format(id="a", cost="40.00", end="2026-12-01") + table.format(
        id="b", cost="60.00", end="2027-01-01"
    )
    result = reconciled(tmp_path, [cost("50.00", at(3))], contract)
    assert [rolled(result, lot)["drawn"] for lot in ("a", "b")] == [40, 10]


def test_a_refund_of_the_pool_goes_back_the_way_it_came(tmp_path: Path) -> None:
    """50 drawn as 40 + 10, then 15 refunded: the last 10 first, then 5 of the first lot."""
    charges = [cost("50.00", at(3), {"pool": "50.00"}), cost("-15.00", at(6), {"pool": "-15.00"})]
    result = reconciled(tmp_path, charges, pool())
    assert [rolled(result, lot)["refunded"] for lot in ("soon", "later")] == [5, 10]
    assert [rolled(result, lot)["closing"] for lot in ("soon", "later")] == [5, 60]


def test_nothing_rolls_over_unless_the_contract_says_so(tmp_path: Path) -> None:
    """40 - 30 = 10 are left on the 15th: lost, or with a tenth rolled over 9 lost and 1 kept."""
    charges = [cost("30.00", at(3), {"soon": "30.00"})]
    plain = reconciled(tmp_path, charges, pool(early_end="2026-10-15"))
    assert figures(rolled(plain, "soon"))[4:7] == [0, 10, 0]
    assert rolled(plain, "later")["closing"] == 60
    kept = reconciled(tmp_path, charges, pool(early_end="2026-10-15", early=', rollover = "0.1"'))
    assert figures(rolled(kept, "soon"))[4:7] == [-1, 9, 0]
    assert figures(rolled(kept, "later"))[4:7] == [1, 0, 61]


def test_a_pool_with_an_unstated_lot_is_not_guessed(tmp_path: Path) -> None:
    """One lot is older than the bill: who gave what is not known, for neither of the two."""
    contract = pool().replace(
        "start = 2026-10-01, end = 2026-11-15", "start = 2026-09-01, end = 2026-11-15"
    )
    contract = contract.replace("start = 2026-10-01\nend", "start = 2026-09-01\nend")
    result = reconciled(tmp_path, [cost("50.00", at(3), {"pool": "50.00"})], contract)
    for lot in ("soon", "later"):
        row = rolled(result, lot)
        assert figures(row) == [None] * 8
        assert row["reason"] == "its balance before the period is not known"


def test_promotional_credits_are_no_used_commitment(tmp_path: Path) -> None:
    """A Credit of -12.00 draws 12 from the promotional lot; it was never committed to."""
    lot = LOT + 'type = "Promotional credits"\napplies_to = { ChargeCategory = "^credit$" }\n'
    charges = [cost("50.00", at(3)), cost("-12.00", at(3), ChargeCategory="Credit")]
    result = reconciled(tmp_path, charges, lot)
    assert rolled(result, "lot")["closing"] == 88
    [row] = result.commitments.rows()
    assert [row["used_quantity"], row["used_cost"], row["committed_cost"]] == [None] * 3
    assert [row["drawn"], row["remaining"]] == [12, 88]


# --- against the provider's own balance ---------------------------------------------------------

DRAWN = [cost("30.00", at(3), {"lot": "30.00"}), cost("20.00", at(9), {"lot": "20.00"})]
END = at(1, month=11)


def only(result: Any) -> tuple[Any, ...]:
    [row] = of_leg(result)
    assert (row["class"], row["subject"], row["unit"]) == ("balance", row["commitment_id"], "USD")
    assert (row["period_start"], row["period_end"]) == (at(1), END)
    return (row["rule"], row["billed"], row["expected"], row["amount"])


def test_a_balance_that_agrees_is_no_break(tmp_path: Path) -> None:
    """100 - 30 - 20 = 50 at the end, 70 on the 5th: the roll-forward shows both beside ours."""
    said = [balance("lot", at(5), "70.00"), balance("lot", END, "50.00")]
    result = reconciled(tmp_path, DRAWN, LOT, balances=said)
    assert of_leg(result) == []
    row = rolled(result, "lot")
    assert [row["provider_closing"], row["difference"]] == [50, 0]
    days = {row["end"]: row for row in result.roll_forward.rows() if row["span"] == "day"}
    assert days[at(5)]["provider_closing"] == 70


def test_a_drawing_counted_twice(tmp_path: Path) -> None:
    """The provider leaves 30 where 50 should be: the 20 of the 9th twice. 70 taken, 50 expected."""
    said = [balance("lot", END, "30.00")]
    found = only(reconciled(tmp_path, DRAWN, LOT, balances=said))
    assert found == ("double_drawdown", 70, 50, 20)


def test_a_difference_that_nothing_explains(tmp_path: Path) -> None:
    """The provider leaves 43.17: 6.83 too much, and no drawing is of that size."""
    said = [balance("lot", END, "43.17")]
    found = only(reconciled(tmp_path, DRAWN, LOT, balances=said))
    assert found == ("balance", D("56.83"), 50, D("6.83"))


def test_the_provider_took_too_little(tmp_path: Path) -> None:
    """The provider leaves 55: it took 45 where 50 was drawn, -5."""
    said = [balance("lot", END, "55.00")]
    assert only(reconciled(tmp_path, DRAWN, LOT, balances=said)) == ("balance", 45, 50, -5)


def test_a_lot_that_the_provider_does_not_have(tmp_path: Path) -> None:
    """Another lot is told of, ours is not: what it should still hold, 100 - 50, is missing."""
    said = [balance("other", END, "5.00")]
    found = only(reconciled(tmp_path, DRAWN, LOT, balances=said))
    assert found == ("missing_credit", 100, 50, 50)


def test_a_smaller_grant(tmp_path: Path) -> None:
    """Granted 90 instead of 100, drawn alike: 90 - 50 = 40 left, 10 missing."""
    said = [balance("lot", END, "40.00", granted="90.00")]
    found = only(reconciled(tmp_path, DRAWN, LOT, balances=said))
    assert found == ("missing_credit", 60, 50, 10)


def test_a_smaller_grant_and_a_double_drawing_are_two_breaks(tmp_path: Path) -> None:
    """20 left: 10 of the grant are missing, 20 are drawn twice."""
    said = [balance("lot", END, "20.00", granted="90.00")]
    rows = of_leg(reconciled(tmp_path, DRAWN, LOT, balances=said))
    assert {row["rule"]: row["amount"] for row in rows} == {
        "missing_credit": 10,
        "double_drawdown": 20,
    }


def test_credits_that_expired_too_early(tmp_path: Path) -> None:
    """The provider lets 50 expire in October; the contract's lot lives until January."""
    said = [balance("lot", END, "0.00", expired="50.00", drawn="50.00")]
    found = only(reconciled(tmp_path, DRAWN, LOT, balances=said))
    assert found == ("early_expiry", 100, 50, 50)


def test_an_early_end_with_nothing_left_is_an_early_expiry(tmp_path: Path) -> None:
    """The provider names no loss, but an end on the 31st and nothing left."""
    said = [balance("lot", END, "0.00", expires_at=at(31))]
    assert only(reconciled(tmp_path, DRAWN, LOT, balances=said))[0] == "early_expiry"


def test_another_lot_than_the_order_says(tmp_path: Path) -> None:
    """50 by order: 40 early, 10 late. The provider: none early, 50 late. -40 and +40, net 0."""
    charges = [cost("50.00", at(3), {"pool": "50.00"})]
    said = [balance("soon", END, "40.00"), balance("later", END, "10.00")]
    rows = of_leg(reconciled(tmp_path, charges, pool(), balances=said))
    assert {(row["subject"], row["rule"], row["amount"]) for row in rows} == {
        ("soon", "draw_order", D(-40)),
        ("later", "draw_order", D(40)),
    }


def test_a_lot_missing_from_a_pool_is_drawn_from_the_other(tmp_path: Path) -> None:
    """30 drawn. Ours: early 40 - 30 = 10. The provider has no early lot and drew on the late one.

    10 of early are missing, 30 of late drawn instead of early's: 40, the whole missing grant.
    """
    charges = [cost("30.00", at(3), {"pool": "30.00"})]
    said = [balance("later", END, "30.00", granted="60.00")]
    rows = of_leg(reconciled(tmp_path, charges, pool(), balances=said))
    assert {(row["subject"], row["rule"], row["amount"]) for row in rows} == {
        ("soon", "missing_credit", D(10)),
        ("later", "draw_order", D(30)),
    }


def test_money_of_credits_is_by_their_price(tmp_path: Path) -> None:
    """100 credits at 0.25 each; 3 too many are taken: 0.75."""
    lot = """
[[commitment]]
id = "lot"
provider = "Nimbus"
total = "100"
credit_unit = "Credits"
compute_unit = "Hours"
compute_units_per_credit = "1"
cost_per_credit = "0.25"
currency = "USD"
start = 2026-10-01
end = 2027-01-01
applies_to = { ServiceName = "^tokens$" }
"""
    charges = [cost("1.00", at(3)), cost("1.00", at(4))]  # one hour each: 2 credits
    said = [balance("lot", END, "95", unit="Credits")]
    [row] = of_leg(reconciled(tmp_path, charges, lot, balances=said))
    assert [row["rule"], row["billed"], row["expected"], row["unit"]] == [
        "balance",
        5,
        2,
        "Credits",
    ]
    assert [row["amount"], row["currency"]] == [D("0.75"), "USD"]


def test_draws_that_may_still_arrive_are_no_break(tmp_path: Path) -> None:
    """Asked at noon of the 10th; the provider took 13 more, whose charges have a day to come."""
    said = [balance("lot", at(10, 12), "37.00")]
    when = at(10, 13)
    result = reconciled(tmp_path, DRAWN, LOT, balances=said, as_of=when)
    assert of_leg(result) == []
    [note] = [row for row in result.notes.rows() if row["code"] == "balance_provisional"]
    assert note["subject"] == "lot"
    # a day and a minute later nothing is awaited any more
    later = reconciled(tmp_path, DRAWN, LOT, balances=said, as_of=at(11, 13))
    assert only(later)[0] == "balance"


def test_a_newer_statement_than_the_bill_is_not_compared(tmp_path: Path) -> None:
    """The bill ends with October; a statement of the 20th of November took 20 more."""
    said = [balance("lot", at(20, month=11), "30.00")]
    result = reconciled(tmp_path, DRAWN, LOT, balances=said)
    assert of_leg(result) == []
    assert [row["code"] for row in result.notes.rows()].count("balance_provisional") == 1


def test_an_older_statement_than_the_ledger_is_not_compared(tmp_path: Path) -> None:
    """The balance is stated on the 1st of October; what the provider said in August is past."""
    lot = LOT.replace("start = 2026-10-01", "start = 2026-01-01")
    lot += 'opening_quantity = "80.00"\nopening_at = 2026-10-01\n'
    said = [balance("lot", at(1, month=8), "1.00")]
    result = reconciled(tmp_path, DRAWN, lot, balances=said)
    assert of_leg(result) == []
    assert rolled(result, "lot")["closing"] == 30  # 80 - 50


# --- within the bill ----------------------------------------------------------------------------


def test_draws_beyond_a_charges_cost_are_a_double_drawdown(tmp_path: Path) -> None:
    """A charge of 30 draws 60: 30 too much, without any word of the provider's balance."""
    charges = [cost("30.00", at(3), {"lot": "60.00"}), cost("9.00", at(4), {"lot": "9.00"})]
    found = only(reconciled(tmp_path, charges, LOT))
    assert found == ("double_drawdown", 60, 30, 30)


def test_a_rounded_draw_is_no_double_drawdown(tmp_path: Path) -> None:
    """1.234 drawn as 1.24 is more by 0.006, which is not rounded; as 1.239 it is."""
    wrong = reconciled(tmp_path, [cost("1.234", at(3), {"lot": "1.24"})], LOT)
    assert only(wrong)[0] == "double_drawdown"
    assert of_leg(reconciled(tmp_path, [cost("1.234", at(3), {"lot": "1.239"})], LOT)) == []


def test_a_double_drawdown_shows_on_the_bill_and_in_the_balance_once(tmp_path: Path) -> None:
    """30 drawn as 60 and the provider's balance agrees, 40 left: one break of 30."""
    charges = [cost("30.00", at(3), {"lot": "60.00"})]
    said = [balance("lot", END, "40.00")]
    assert only(reconciled(tmp_path, charges, LOT, balances=said))[3] == 30


def test_draws_booked_twice(tmp_path: Path) -> None:
    """The same charge three times: 3 x 10 drawn, 20 of it again."""
    charges = [cost("10.00", at(3), {"lot": "10.00"}) for _ in range(3)]
    found = only(reconciled(tmp_path, charges, LOT))
    assert found == ("double_drawdown", 30, 10, 20)


def test_draws_after_the_end_of_a_lot(tmp_path: Path) -> None:
    """The lot ends on the 20th; 8 drawn on it by name on the 25th were not there to be drawn."""
    lot = LOT.replace("2027-01-01", "2026-10-20")
    charges = [cost("30.00", at(3), {"lot": "30.00"}), cost("8.00", at(25), {"lot": "8.00"})]
    assert only(reconciled(tmp_path, charges, lot)) == ("balance", 8, 0, 8)


@pytest.mark.parametrize(("rate", "expected"), [("1.00", []), ("0.80", ["24", "6"])])
def test_overage_is_held_against_the_contracts_rate(
    tmp_path: Path, rate: str, expected: list[str]
) -> None:
    """130 billed, 100 of it from the lot: 30 beyond, billed 30; at 0.80 it should be 24, 6 less."""
    lot = LOT + f'overage_rate = "{rate}"\napplies_to = {{ ServiceName = "^tokens$" }}\n'
    result = reconciled(tmp_path, [cost("70.00", at(2)), cost("60.00", at(3))], lot)
    rows = of_leg(result)
    assert [
        str(row[name].normalize()) for row in rows for name in ("expected", "amount")
    ] == expected
    assert all(row["rule"] == "overage_rate" for row in rows)


def test_without_lots_there_is_nothing(tmp_path: Path) -> None:
    """An agreement only counts: no ledger, no note."""
    contract = LOT.replace("funding", "agreement")
    said = [{**balance("lot", END, "1.00"), "provider": VENDOR}]
    result = reconciled(tmp_path, DRAWN, contract, balances=said)
    assert result.movements.rows() == result.roll_forward.rows() == []
    assert of_leg(result) == []


def test_a_row_of_the_unused_rest_draws_nothing(tmp_path: Path) -> None:
    """30 drawn of 100; a row says that 70 were not used, and names the lot: 70 remain."""
    rest = {
        "CommitmentDiscountId": "lot",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountStatus": "Unused",
        "CommitmentDiscountQuantity": "70.00",
        "CommitmentDiscountUnit": "USD",
        "EffectiveCost": "70.00",
    }
    charges = [
        cost("0.00", at(2), {"lot": "30.00"}, EffectiveCost="30.00"),
        cost("0.00", at(31), {"lot": "70.00"}, **rest),
    ]
    row = rolled(reconciled(tmp_path, charges, LOT), "lot")
    assert [row["granted"], row["drawn"], row["closing"]] == [100, 30, 70]


def test_draws_on_a_lot_without_a_balance_are_those_of_the_period() -> None:
    """5 drawn on the 3rd and 2 in November; of the 4th, 1 and its refund come to nothing."""
    draws = drawn((at(3), 5), (at(2, month=11), 2))
    draws.add(at(4), Fraction(0), "adjustment")
    pool = pool_of([a_lot("a", figure=D(10))], draws)
    october = Period(at(1), at(1, month=11))
    rows = list(_movement_rows(pool, pool.lots[0], october))
    assert [(row["at"], row["kind"], row["quantity"]) for row in rows] == [(at(3), "drawdown", -5)]
    unknown = pool_of([a_lot("a", figure=D(10))], Draws(unknown="no charge says"))
    assert list(_movement_rows(unknown, unknown.lots[0], october)) == []


def test_a_statement_that_cannot_be_compared_is_a_note() -> None:
    """One row says what is left of a, one does not, and one is of a lot that no contract names."""
    lot = a_lot("a", figure=D(10), start=at(1))
    said = [balance("a", at(10), "8.00"), balance("a", at(5), "9.00"), balance("b", at(5), "1.00")]
    said.append(balance("a", at(6), "9.00") | {"remaining": None})
    table = Table.from_rows(RESULT_TABLES["provider_balances"], said)
    known = SimpleNamespace(pools=[pool_of([lot], Draws())])
    run = SimpleNamespace(asserted={"provider_balances": table}, commitments=known, terms=[lot])
    findings = Findings()
    found = _statements(cast("LegRun", run), findings)
    assert {one.at: int(one.remaining) for one in found["a"]} == {at(5): 9, at(10): 8}
    assert {(note["subject"], note["text"]) for note in findings.notes} == {
        ("a", "the provider does not say what is left, and when"),
        ("b", "the provider has a lot that no contract names"),
    }
