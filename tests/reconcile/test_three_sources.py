"""One figure from contract, bill and the provider's own API: which two agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.reconcile.prepaid import VENDOR, at, balance, cost, of_leg, reconciled
from tests.reconcile.test_pools import lot, pool
from tests.reconcile.test_terms import terms
from trueup.model.schema import RESULT_TABLES
from trueup.period import Period
from trueup.reconcile.draws import Draws
from trueup.reconcile.figures import COMMITTED, UNUSED, USED, Said, same
from trueup.reconcile.leg import LegRun
from trueup.reconcile.three_sources import _committed, _drawn, _first_figure, _whole

D = Decimal
PLAN = """
[[commitment]]
id = "plan"
provider = "Nimbus"
layer = "benefit"
category = "Spend"
cost = "10.00"
per = "interval"
currency = "USD"
interval = "hourly"
start = 2026-01-01
end = 2027-01-01
"""
DAYS = "2026-10-03/2026-10-05"


def day_of(number: int, used: str, unused: str) -> list[dict[str, str]]:
    """Each hour of a day: so much used, so much unused, of the plan."""
    rows = []
    for hour in range(24):
        for amount, status in ((used, "Used"), (unused, "Unused")):
            more = {
                "CommitmentDiscountId": "plan",
                "CommitmentDiscountStatus": status,
                "CommitmentDiscountCategory": "Spend",
                "CommitmentDiscountQuantity": amount,
                "CommitmentDiscountUnit": "USD",
            }
            rows.append(cost(amount, at(number, hour), **more))
    return rows


def told(number: int, **figures: str) -> dict[str, Any]:
    """What the provider says of a day."""
    row: dict[str, Any] = dict.fromkeys(RESULT_TABLES["provider_utilization"].names)
    row |= {"provider": VENDOR, "commitment_id": "plan", "unit": "USD", "currency": "USD"}
    row |= {"interval_start": at(number), "interval_end": at(number + 1)}
    return row | {name: D(value) for name, value in figures.items()}


BILL = [*day_of(3, "8.50", "1.50"), *day_of(4, "9.00", "1.00")]
SAYS = [
    told(3, committed="240", used="204", unused="36"),  # 24 x 8.50, 24 x 1.50
    told(4, committed="240", used="216", unused="24"),
]


def figures(result: Any) -> dict[tuple[str, datetime], tuple[Any, ...]]:
    return {
        (row["figure"], row["interval_start"]): (
            row["contract"], row["bill"], row["provider_says"], row["verdict"], row["compared"],
        )
        for row in result.figures.rows()
    }  # fmt: skip


def test_what_agrees_is_one_row_over_the_period(tmp_path: Path) -> None:
    """Two days of 240: committed 480 by all three; 420 used and 60 unused by two."""
    result = reconciled(tmp_path, BILL, PLAN, period=DAYS, utilization=SAYS)
    assert figures(result) == {
        ("committed", at(3)): (480, 480, 480, "agree", 3),
        ("used", at(3)): (None, 420, 420, "agree", 2),
        ("unused", at(3)): (None, 60, 60, "agree", 2),
    }
    assert result.figures.rows()[0]["interval_end"] == at(5)
    assert of_leg(result, "commitment") == []


def test_the_provider_alone_differs(tmp_path: Path) -> None:
    """Contract and bill agree on 240; the provider says 30 unused on the 4th, the bill 24: -6."""
    says = [SAYS[0], told(4, committed="240", used="210", unused="30")]
    result = reconciled(tmp_path, BILL, PLAN, period=DAYS, utilization=says)
    found = figures(result)
    assert found["unused", at(4)] == (None, 24, 30, "all_differ", 2)
    assert found["unused", at(3)] == (None, 36, 36, "agree", 2)
    [row] = of_leg(result, "commitment")
    assert (row["class"], row["rule"], row["commitment_id"]) == (
        "commitment", "three_sources", "plan",
    )  # fmt: skip
    assert [row["billed"], row["expected"], row["amount"]] == [24, 30, -6]


def test_another_commitment_by_the_provider(tmp_path: Path) -> None:
    """It says 200 committed where contract and bill say 240: provider_differs, a break of 40."""
    says = [told(3, committed="200"), SAYS[1]]
    result = reconciled(tmp_path, BILL, PLAN, period=DAYS, utilization=says)
    assert figures(result)["committed", at(3)] == (240, 240, 200, "provider_differs", 3)
    [row] = of_leg(result, "commitment")
    assert [row["billed"], row["expected"], row["amount"]] == [240, 200, 40]


def test_the_bill_alone_differs_and_is_reported_once(tmp_path: Path) -> None:
    """Unused 0.50 too little each hour of the 4th: the commitment leg's break, no second one."""
    bill = [*day_of(3, "8.50", "1.50"), *day_of(4, "9.00", "0.50")]
    result = reconciled(tmp_path, bill, PLAN, period=DAYS, utilization=SAYS)
    assert figures(result)["committed", at(4)] == (240, 228, 240, "bill_differs", 3)
    assert [row["rule"] for row in of_leg(result, "commitment")] == [None]


def test_the_contract_alone_differs(tmp_path: Path) -> None:
    """Bill and provider say 240, the contract 24 x 11 = 264: the contract given is an old one."""
    contract = PLAN.replace("10.00", "11.00")
    result = reconciled(tmp_path, BILL, contract, period=DAYS, utilization=SAYS)
    assert figures(result)["committed", at(3)] == (264, 240, 240, "contract_differs", 3)
    assert "three_sources" not in [row["rule"] for row in of_leg(result, "commitment")]


def test_a_day_that_the_bill_covers_in_part_is_not_compared(tmp_path: Path) -> None:
    """Without its last hour the bill says nothing of the 4th as a whole."""
    result = reconciled(tmp_path, BILL[:-2], PLAN, period=DAYS, utilization=SAYS)
    assert ("used", at(4)) not in figures(result)
    assert figures(result)["used", at(3)] == (None, 204, 204, "agree", 2)


def test_what_may_still_change_is_no_break(tmp_path: Path) -> None:
    """Asked an hour after the 4th: its charges have a day to come."""
    says = [SAYS[0], told(4, committed="240", used="210", unused="30")]
    when = at(5) + timedelta(hours=1)
    result = reconciled(tmp_path, BILL, PLAN, period=DAYS, utilization=says, as_of=when)
    assert of_leg(result, "commitment") == []
    [row] = [
        row
        for row in result.figures.rows()
        if row["verdict"] != "agree" and row["figure"] == "used"
    ]
    assert row["explanation"] == "provisional: charges of the interval may still arrive"


def test_another_unit_is_not_compared(tmp_path: Path) -> None:
    """Hours are no dollars: contract and bill are compared, the provider is left out."""
    says = [row | {"unit": "Hours"} for row in SAYS]
    result = reconciled(tmp_path, BILL, PLAN, period=DAYS, utilization=says)
    assert figures(result) == {("committed", at(3)): (480, 480, None, "agree", 2)}
    assert result.figures.rows()[0]["explanation"] == "the provider counts in Hours: not compared"


def test_a_lot_by_its_days_and_its_balance(tmp_path: Path) -> None:
    """12 drawn on the 3rd, by the bill and the provider; 88 left, where the provider says 80."""
    lot = """
[[commitment]]
id = "plan"
provider = "Nimbus"
layer = "funding"
cost = "100.00"
currency = "USD"
start = 2026-10-01
end = 2027-01-01
"""
    result = reconciled(
        tmp_path,
        [cost("12.00", at(3), {"plan": "12.00"})],
        lot,
        utilization=[told(3, used="12.00")],
        balances=[balance("plan", at(5), "80.00")],
    )
    assert figures(result) == {
        ("used", at(3)): (None, 12, 12, "agree", 2),
        ("remaining", at(5)): (None, 88, 80, "all_differ", 2),
    }
    assert [row["leg"] for row in result.breaks.rows()] == ["balance"]  # and no second time


def test_without_the_providers_figures_there_are_none(tmp_path: Path) -> None:
    """Contract and bill alone are the commitment leg's."""
    assert reconciled(tmp_path, BILL, PLAN, period=DAYS).figures.rows() == []


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("8.50", "8.5", True),
        ("8.333333333333", "8.33", True),  # rounded to cents
        ("8.333333333333", "8.333", True),
        ("8.3349", "8.33", True),
        ("8.3351", "8.33", False),  # 0.0051 is more than half a cent
        ("8.4", "8", False),  # never coarser than cents
    ],
)
def test_a_rounded_figure_agrees(one: str, other: str, agree: bool) -> None:
    """A difference of at most half the last place, of cents or finer, is rounding."""
    assert same(Fraction(one), Fraction(other)) is agree


@pytest.mark.parametrize(
    ("contract", "bill", "there", "verdict"),
    [
        (1, 1, 1, "agree"),
        (1, 1, 2, "provider_differs"),
        (1, 2, 1, "bill_differs"),
        (2, 1, 1, "contract_differs"),
        (1, 2, 3, "all_differ"),
        (None, 1, 1, "agree"),
        (None, 1, 2, "all_differ"),
    ],
)
def test_the_verdict_says_which_two_agree(
    contract: int | None, bill: int, there: int, verdict: str
) -> None:
    """Three figures, or two of them."""
    one = Said(
        *("plan", None, "used", at(3), at(4), "USD", "USD"),
        None if contract is None else Fraction(contract),
        Fraction(bill),
        Fraction(there),
    )
    assert one.verdict == verdict


HOUR = Period(at(3), at(3, 1))


def leg_run(**figures: int) -> LegRun:
    """A run that knows so much of each commitment for an interval, at two decimals."""
    given = {name: Fraction(value) for name, value in figures.items()}
    known = SimpleNamespace(quantity_scale=2, figures=given)
    return cast("LegRun", SimpleNamespace(commitments=known))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (10, 7, 3)),
        ({"unknown": 1}, (None, 7, None)),  # a row of unused does not say how much
        ({"unknown": 1, "used_unknown": 1}, (None, None, None)),
        ({"units": 2}, (None, None, None)),
        ({"currencies": 2}, (None, None, None)),
        ({"seconds": 1800}, (None, None, None)),  # half an hour of it is on the bill
    ],
)
def test_the_bill_says_what_it_covers_whole(
    given: dict[str, int], expected: tuple[int | None, ...]
) -> None:
    """7.00 used and 3.00 unused in the hour: 10.00 committed; what is not known is null."""
    found = {"units": 1, "currencies": 1, "seconds": 3600, "unknown": 0, "used_unknown": 0}
    found |= {"used": 700, "unused": 300} | given
    said = [_whole(found, figure, HOUR, leg_run()) for figure in (COMMITTED, USED, UNUSED)]
    assert said == list(expected)
    assert _whole(None, USED, HOUR, leg_run()) is None


def test_a_contract_commits_in_its_term() -> None:
    """10 an hour: 240 in a day of its term; before it, and without a contract or a figure, null."""
    day = Period(at(3), at(4))
    run = leg_run(plan=10)
    assert _committed(terms(), day, run) == 240
    later = datetime(2026, 11, 1, tzinfo=UTC)
    assert _committed(terms(start=later), day, run) is None
    assert _committed(None, day, run) is None
    assert _committed(terms(commitment_id="card"), day, run) is None


@pytest.mark.parametrize(
    ("lots", "unknown", "expected"),
    [
        (["a"], None, 5),  # its balance is not known, what was drawn on it is
        (["a"], "no charge says", None),
        (["a", "b"], None, None),  # which of the two was drawn is not known
    ],
)
def test_draws_of_a_lot_without_a_ledger(
    lots: list[str], unknown: str | None, expected: int | None
) -> None:
    """5 were drawn on the 3rd; the lots began long before the bill, and state no balance."""
    draws = Draws(unknown=unknown)
    draws.add(at(3, 1), Fraction(5))
    found = pool([lot(name, figure=D(10)) for name in lots], draws)
    assert found.ledger is None
    assert _drawn(found, found.lots[0], at(3), at(4)) == expected


def test_a_commitment_differs_once_over_all_figures() -> None:
    """What went unused tells more than what was used; another commitment stands for itself."""
    differing: dict[tuple[str, str], Any] = {
        ("b", COMMITTED): 1, ("a", USED): 2, ("a", UNUSED): 3, ("a", COMMITTED): 4
    }  # fmt: skip
    found: list[Any] = list(_first_figure(differing))
    assert found == [(("a", UNUSED), 3), (("b", COMMITTED), 1)]
