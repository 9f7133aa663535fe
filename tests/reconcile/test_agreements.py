"""Agreements: what counts towards a minimum spend, milestones, and what is due where one fails."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from tests.reconcile.prepaid import LATE, VENDOR, applied, at, cost, reconciled
from tests.reconcile.test_terms import terms
from trueup.adapter.eligibility import Eligibility
from trueup.engine.engine import Engine, open_engine
from trueup.period import Period
from trueup.reconcile.agreements import Counted, _matches, _rows, _sold_by_other, _start
from trueup.reconcile.leg import LegRun
from trueup.reconcile.terms import Terms

D = Decimal
SPEND = """
[[commitment]]
id = "spend"
provider = "Nimbus"
type = "Minimum spend"
cost = "1000.00"
currency = "USD"
start = 2026-10-01
end = 2027-10-01
"""


def agreement(
    folder: Path, charges: list[Any], more: str = "", as_of: Any = LATE, **given: str
) -> list[dict[str, Any]]:
    contract = SPEND
    for old, new in given.items():
        contract = contract.replace(old, new)
    rows = reconciled(folder, charges, contract + more, as_of=as_of).agreements.rows()
    assert all(row["unit"] == "USD" and row["commitment_id"] == "spend" for row in rows)
    return rows


def test_progress_is_eligible_billed_cost(tmp_path: Path) -> None:
    """600 used + 150 bought - 50 credited = 700 of 1000 count; 133 of tax do not."""
    charges = [
        cost("600.00", at(2)),
        cost("150.00", at(3), ChargeCategory="Purchase", EffectiveCost="0"),
        cost("-50.00", at(4), ChargeCategory="Credit"),
        cost("133.00", at(5), ChargeCategory="Tax"),
    ]
    [row] = agreement(tmp_path, [cost("0.00", at(1)), *charges])
    assert [row["target"], row["counted"], row["excluded"]] == [1000, 700, 133]
    assert [row["progress"], row["status"]] == [D("0.7"), "on_the_way"]
    assert row["shortfall"] is None  # due in October 2027


def test_purchases_count_when_they_are_billed(tmp_path: Path) -> None:
    """A year bought on the 2nd for 365.00 counts whole in October; its amortised use counts not."""
    year = {"ChargePeriodEnd": "2027-10-02T00:00:00Z", "EffectiveCost": "0"}
    charges = [
        cost("0.00", at(1)),
        cost("365.00", at(2), ChargeCategory="Purchase", **year),
        cost("0.00", at(3), EffectiveCost="1.00"),
    ]
    [row] = agreement(tmp_path, charges)
    assert row["counted"] == 365


def test_a_missed_milestone_is_a_shortfall_due(tmp_path: Path) -> None:
    """By the 20th 300 were to be reached: 250 were, 50 are due. By January 500: on the way."""
    more = (
        'milestones = [{ due = 2026-10-20, amount = "300" }, { due = 2027-01-01, amount = "500" }]'
    )
    charges = [cost("0.00", at(1)), cost("250.00", at(10)), cost("100.00", at(25))]
    rows = agreement(tmp_path, charges, more)
    assert [row["milestone"] for row in rows] == ["1 of 2", "2 of 2"]
    assert [row["counted"] for row in rows] == [250, 350]
    assert [row["status"] for row in rows] == ["missed", "on_the_way"]
    assert [row["shortfall"] for row in rows] == [50, None]
    # before the 20th has passed nothing is due yet
    assert agreement(tmp_path, charges, more, as_of=at(15))[0]["status"] == "on_the_way"


def test_a_milestone_that_is_met_leaves_no_shortfall(tmp_path: Path) -> None:
    """300 were to be reached by the 20th, and 310 were."""
    more = 'milestones = [{ due = 2026-10-20, amount = "300" }]'
    [row] = agreement(tmp_path, [cost("0.00", at(1)), cost("310.00", at(10))], more)
    assert [row["status"], row["shortfall"]] == ["met", 0]


def test_progress_is_not_known_where_the_bill_does_not_reach_back(tmp_path: Path) -> None:
    """The term began in January, the bill in October: null, with the reason."""
    [row] = agreement(
        tmp_path, [cost("250.00", at(10))], **{"start = 2026-10-01": "start = 2026-01-01"}
    )
    assert [row["counted"], row["progress"], row["shortfall"]] == [None] * 3
    assert row["status"] == "unknown"
    assert row["reason"] == "the bill does not reach back to the start of the term"


def test_a_stated_opening_makes_it_known(tmp_path: Path) -> None:
    """400 were left on 1 October, so 600 counted; 250 in October: 850 of 1000."""
    [row] = agreement(
        tmp_path,
        [cost("0.00", at(1)), cost("250.00", at(10))],
        'opening_quantity = "400.00"\nopening_at = 2026-10-01\n',
        **{"start = 2026-10-01": "start = 2026-01-01"},
    )
    assert [row["counted"], row["progress"]] == [850, D("0.85")]


def test_what_credits_paid_does_not_count(tmp_path: Path) -> None:
    """100 billed, 30 of it drawn from prepaid credits: 70 count."""
    lot = """
[[commitment]]
id = "lot"
provider = "Nimbus"
layer = "funding"
cost = "500.00"
currency = "USD"
start = 2026-10-01
end = 2027-10-01
"""
    charges = [cost("0.00", at(1)), cost("100.00", at(10), {"lot": "30.00"})]
    [row] = agreement(tmp_path, charges, lot)
    assert [row["counted"], row["excluded"]] == [70, 30]


CREDITS = """
[[commitment]]
id = "lot"
provider = "Nimbus"
layer = "funding"
quantity = "500"
unit = "credits"
currency = "USD"
start = 2026-10-01
end = 2027-10-01
"""


def drew(credits_: str, unit: str = "credits") -> str:
    """ContractApplied with a quantity of the lot's credits."""
    element = (
        f'"ContractCommitmentId":"lot","ContractCommitmentAppliedQuantity":{credits_},'
        f'"ContractCommitmentAppliedUnit":"{unit}"'
    )
    return f'{{"Elements":[{{"ContractId":"c",{element}}}]}}'


@pytest.mark.parametrize(
    ("price", "unit", "counted"),
    [
        ('cost_per_credit = "1.50"', "credits", 70),  # 100 - 20 x 1.50
        ("", "credits", 0),  # what they are worth is not known: nothing of it counts
        ('cost_per_credit = "1.50"', "tokens", 0),
    ],
)
def test_credits_count_at_their_price(tmp_path: Path, price: str, unit: str, counted: int) -> None:
    """100 billed, 20 credits drawn at 1.50 each: 30 are paid, 70 count."""
    charges = [cost("0.00", at(1)), cost("100.00", at(10), ContractApplied=drew("20", unit))]
    [row] = agreement(tmp_path, charges, CREDITS + price)
    assert [row["counted"], row["excluded"]] == [counted, 100 - counted]


RULED = """
[[commitment]]
id = "lot"
provider = "Nimbus"
layer = "funding"
cost = "50.00"
currency = "USD"
start = 2026-10-01
end = 2027-10-01
applies_to = { ServiceName = "^tokens$" }
"""


def test_what_a_rules_lot_paid_does_not_count(tmp_path: Path) -> None:
    """A lot of 50 pays for tokens: 40, then 10 of 30. Left: 20 of them and 7 of labels, 27."""
    charges = [
        cost("0.00", at(1), ServiceName="Labels"),
        cost("40.00", at(10)),
        cost("30.00", at(11)),
        cost("7.00", at(11), ServiceName="Labels"),
    ]
    [row] = agreement(tmp_path, charges, RULED)
    assert [row["counted"], row["excluded"]] == [27, 50]


def test_a_lot_whose_payments_are_not_known_leaves_progress_unknown(tmp_path: Path) -> None:
    """It began in September, and nothing says what it held when October began."""
    lot = RULED.replace("start = 2026-10-01", "start = 2026-09-01")
    charges = [cost("0.00", at(1), ServiceName="Labels"), cost("40.00", at(10))]
    [row] = agreement(tmp_path, charges, lot)
    assert (row["status"], row["counted"]) == ("unknown", None)
    assert row["reason"] == (
        "what lot paid of its charges is not known: its balance before the period is not known"
    )


@pytest.mark.parametrize(
    ("more", "counted"),
    [
        ("", 400),
        ('eligible = { marketplace_share = "0.5" }', 250),  # 100 + 300 x 0.5
        ('eligible = { marketplace_limit = "0.25" }', 350),  # 100 + at most 0.25 x 1000
        ('eligible = { marketplace_share = "0" }', 100),
        ('eligible = { exclude = { ServiceName = "^labels$" } }', 100),
        ('eligible = { include = { ServiceName = "^labels$" } }', 300),
        ('applies_to = { ServiceName = "^tokens$" }', 100),
        ('eligible = { categories = ["Purchase"] }', 0),
    ],
)
def test_the_contract_says_what_counts(tmp_path: Path, more: str, counted: int) -> None:
    """100 of the vendor's own, 300 sold by another through its marketplace."""
    other = {"PublisherName": "Harrier", "ServiceName": "Labels"}
    charges = [cost("0.00", at(1)), cost("100.00", at(2)), cost("300.00", at(3), **other)]
    [row] = agreement(tmp_path, charges, more)
    assert [row["counted"], row["excluded"]] == [counted, 400 - counted]


@pytest.mark.parametrize(("named", "counted"), [("", 100), ("spend", 140)])
def test_a_providers_own_rules_are_declared_by_its_adapter(
    tmp_path: Path, named: str, counted: int
) -> None:
    """Of a marketplace whose eligible offers only ContractApplied tells, the named 40 count."""
    azure = dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), "Microsoft")
    other = azure | {"PublisherName": "Harrier Labels BV"}
    if named:
        other |= {"ContractApplied": applied({named: "40.00"})}
    charges = [cost("100.00", at(1), **azure), cost("40.00", at(2), **other)]
    [row] = agreement(tmp_path, charges, Nimbus="Microsoft")
    assert row["counted"] == counted
    assert "track-consumption-commitment" in row["basis"]


def test_eligibility_on_the_charge_decides_where_the_provider_tells_it(tmp_path: Path) -> None:
    """FOCUS 1.4: 100 name the agreement's program, 60 another, 7 none; 100 count."""
    column = "CommitmentProgramEligibilityDetails"
    charges = [
        cost("0.00", at(1)),
        cost(
            "100.00", at(2), **{column: '{"CommitmentPrograms":[{"ProgramType":"Minimum spend"}]}'}
        ),
        cost("60.00", at(3), **{column: '{"CommitmentPrograms":[{"ProgramType":"Reservation"}]}'}),
        cost("7.00", at(4)),
    ]
    [row] = agreement(tmp_path, charges)
    assert [row["counted"], row["excluded"]] == [100, 67]
    # where no charge names the program, its absence says nothing: 60 + 7
    [row] = agreement(tmp_path, [charges[0], *charges[2:]])
    assert row["counted"] == 67


def test_the_vendor_of_the_tests_has_no_adapter() -> None:
    """Its agreements count by the contract alone."""
    from trueup.adapter.registry import providers

    assert VENDOR.lower() not in providers()


def test_an_agreement_that_no_charge_names_is_not_untouched(tmp_path: Path) -> None:
    """100 + 50 count by rule; only a lot is named as drawn on: what is left is null, and not 1000."""
    lot = """
[[commitment]]
id = "lot"
provider = "Nimbus"
layer = "funding"
cost = "100.00"
currency = "USD"
start = 2026-10-01
end = 2027-01-01
"""
    drawn = cost("0.00", at(3), {"lot": "30.00"}, EffectiveCost="30.00")
    charges = [cost("100.00", at(1)), cost("50.00", at(2)), drawn]
    result = reconciled(tmp_path, charges, SPEND + lot)
    [row] = [row for row in result.credits.rows() if row["lot_id"] == "spend"]
    assert [row["granted"], row["drawn"], row["remaining"]] == [1000, None, None]
    [said] = [row for row in result.commitments.rows() if row["commitment_id"] == "spend"]
    assert said["reason"] == (
        "no charge names it (ContractApplied); what counts towards it is in agreements"
    )
    assert [row["counted"] for row in result.agreements.rows()] == [150]
    assert result.breaks.rows() == []


def minimum(**given: object) -> Terms:
    """1000 from October on, of which 400 were left on the 10th."""
    usual = {"commitment_id": "spend", "layer": "agreement", "interval": "full period"}
    usual_figures = {"figure": D(1000), "start": at(1), "opening": D(400), "opening_at": at(10)}
    return terms(**(usual | usual_figures | given))


@pytest.mark.parametrize(
    ("first", "given", "reason"),
    [
        (at(1), {}, None),
        (at(10), {}, None),
        (at(11), {}, "the bill does not reach back to its stated balance"),
        (at(2), {"opening": None}, "the bill does not reach back to the start of the term"),
        (None, {}, "the bill does not reach back to the start of the term"),
    ],
)
def test_from_when_on_charges_count(
    first: datetime | None, given: dict[str, object], reason: str | None
) -> None:
    """1000 - 400 = 600 counted by the 10th; the bill has to reach back to there."""
    since, before, why = _start(minimum(**given), first, [])
    stated = "opening" not in given
    assert (since, before) == ((at(10), Fraction(600)) if stated else (at(1), Fraction(0)))
    assert why == reason


def test_a_milestone_before_the_stated_balance_is_not_known() -> None:
    """600 counted by the 10th; how much of it by the 5th nobody says. By the 20th 600 + 150."""
    stones = (("2026-10-05", "300"), ("2026-10-20", "700"))
    dues = ",".join(f'{{"due": "{due}T00:00:00Z", "amount": "{amount}"}}' for due, amount in stones)
    term = minimum(milestones=f'{{"Elements": [{dues}]}}')
    run = cast("LegRun", SimpleNamespace(window=Period(at(1), at(1, month=11)), as_of=LATE))
    hours = [Counted(at(15), Fraction(150), Fraction(0), Fraction(150))]
    early, later = _rows(term, run, Eligibility("page"), hours, (at(10), Fraction(600), None))
    assert (early["counted"], early["status"]) == (None, "unknown")
    assert early["reason"] == "its progress is stated after the milestone"
    assert (later["counted"], later["status"], later["reason"]) == (750, "met", None)


def charges(engine: Engine) -> ir.Table:
    return engine.load(
        pa.table(
            {
                "x_Provider": ["Nimbus", "Nimbus", "Nimbus", "Other"],
                "x_PublisherName": [VENDOR, "Some Shop", None, None],
                "ServiceName": ["Tokens", "Tokens", "Marketplace images", None],
            }
        )
    )


def test_the_marketplace_is_told_by_its_seller_or_by_the_rules() -> None:
    """Another publisher, another provider, or a service that the rules recognise."""
    term = terms(provider="Nimbus")
    by_name = Eligibility("page", marketplace={"ServiceName": "^marketplace", "Seller": "."})
    with open_engine("duckdb") as engine:
        rows = charges(engine)
        for rules, expected in (
            (Eligibility("page"), [False, True, False, True]),
            (by_name, [False, True, True, True]),
        ):
            found = rows.select(found=_sold_by_other(rows, term, rules, engine))
            assert engine.collect(found).column("found").to_pylist() == expected


def test_a_rule_over_a_column_that_the_bill_lacks_matches_nothing() -> None:
    """The bill has no column Seller; in one that it has, what is null is no text."""
    with open_engine("duckdb") as engine:
        rows = charges(engine)
        for column, expected in (("Seller", [False] * 4), ("ServiceName", [True] * 3 + [False])):
            found = rows.select(found=_matches(rows, column, "."))
            assert engine.collect(found).column("found").to_pylist() == expected
