"""A journal by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.world.ledger import Ledger
from tests.world.payers import Payer
from tests.world.posted import Ledgers, posted

OCTOBER = Ledger(1, datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
BORNE = {
    Payer("a", "1", "x"): 1_004,  # thousandths
    Payer("b", None, None): 1_003,
    Payer("c", "2", None): -500,
    Payer("d", "2", None): 0,
    Payer(): 1_004,
}


@pytest.mark.parametrize(
    ("rounding", "against"),
    [
        (None, ["1480 None 0 1.5"]),
        # 1.507 is 1.51 off the bill, a cent more than they bear
        ("6590", ["6590 None 0.01 0", "1480 None 0 1.51"]),
    ],
)
def test_who_bears_what_is_posted_against_the_bill(
    rounding: str | None, against: list[str]
) -> None:
    """2.511 are 2.51: floors leave a cent, which nobody's 1.004 gets, of equals the first."""
    kinds = {"unused": 0, "unattributed": 0}
    leaves = {payer.place: {"usage": cost * 10**15, **kinds} for payer, cost in BORNE.items()}
    entries = posted(OCTOBER, {"EUR": leaves}, Ledgers("6520", "1480", rounding))
    shown = [f"{one.account} {one.team} {one.debit} {one.credit}" for one in entries]
    assert sorted(shown) == sorted(["6520 a 1 0", "6520 b 1 0", "6520 c 0 0.5", *against])
    assert {(one.team, one.cost_centre, one.business_unit) for one in entries} == {
        *(("a", "1", "x"), ("b", None, None), ("c", "2", None), (None, None, None))
    }
    assert {(str(one.day), one.currency) for one in entries} == {("2026-10-31", "EUR")}
