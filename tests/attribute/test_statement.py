"""Statements and journal entries: every level adds up, whatever is shared and however."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.attribute.cost_line import CostLine
from trueup.attribute.hierarchy import APART, Hierarchy
from trueup.attribute.journal import Accounts, journal
from trueup.attribute.statement import Statement, statements
from trueup.attribute.unused import UnusedPolicy, shared_unused

ACCOUNTS = Accounts(cost="6520", clearing="1480")
DAY = date(2026, 10, 31)
MINOR = {"USD": 100, "JPY": 1, "KWD": 1000, "CREDITS": 10**18}
HIERARCHY = Hierarchy(
    cost_centres={"search": "4711", "ads": "4712"}, business_units={"4711": "retail"}
)


def usage(team: str | None, cost: str, provider: str = "aws") -> CostLine:
    return CostLine("USD", "usage", team, None, provider, "large", Decimal(cost))


def unused(cost: str, commitment: str = "sp-1") -> CostLine:
    return CostLine("USD", "unused", None, None, "aws", commitment, Decimal(cost))


def amounts(found: Sequence[Statement]) -> dict[tuple[str, ...], str]:
    return {each.path: str(each.amount) for each in found}


NAMES = st.none() | st.sampled_from(["search", "ads", "ops"])
COSTS = st.decimals(-(10**15), 10**15, places=18) | st.sampled_from(
    [Decimal(0), Decimal("0.005"), Decimal("-0.005"), Decimal("0.5"), Decimal("1E-18")]
)
LINES = st.lists(
    st.builds(
        CostLine,
        currency=st.sampled_from(sorted(MINOR)),
        kind=st.sampled_from(["usage", "unused", "unattributed"]),
        team=NAMES,
        cost_centre=st.none() | st.sampled_from(["4711", "4799"]),
        provider=st.sampled_from(["aws", "gcp"]),
        about=st.sampled_from(["sp-1", "large", "idle"]),
        cost=COSTS,
    ),
    max_size=12,
)
TABLES = st.dictionaries(st.sampled_from(["search", "ads"]), st.sampled_from(["4711", "4712"]))
UNITS = st.dictionaries(st.sampled_from(["4711", "4712", "4799"]), st.sampled_from(["a", "b"]))
POLICIES = st.sampled_from(["apart", "owner", "proportional", "even"])


@given(LINES, TABLES, UNITS, POLICIES, st.dictionaries(st.just("sp-1"), st.just("ops")))
def test_no_unit_is_lost_or_made(
    lines: list[CostLine],
    centres: dict[str, str],
    units: dict[str, str],
    policy: UnusedPolicy,
    owners: dict[str, str],
) -> None:
    """In fractions: policies keep each line's sum, each level the whole's, journals balance."""
    charged = shared_unused(lines, policy, owners)
    found = statements(charged, Hierarchy(centres, units))
    for currency, minor in MINOR.items():
        exact = sum(
            (Fraction(line.cost) for line in lines if line.currency == currency), Fraction()
        )
        assert (
            sum((Fraction(line.cost) for line in charged if line.currency == currency), Fraction())
            == exact
        )
        some = [each for each in found if each.currency == currency]
        for depth in range(4):
            level = [each for each in some if len(each.path) == depth]
            whole = sum((Fraction(each.amount) for each in level), Fraction())
            assert whole == Fraction(round(exact * minor), minor)  # half to even, once
            assert sum((Fraction(each.exact) for each in level), Fraction()) == exact
        for each in some:
            below = [
                other.amount
                for other in some
                if len(other.path) == len(each.path) + 1
                and other.path[: len(each.path)] == each.path
            ]
            assert not below or sum(map(Fraction, below)) == Fraction(each.amount)
            if each.level == "team":
                assert abs(Fraction(each.rounding)) < Fraction(1, minor)
        entries = [each for each in journal(found, ACCOUNTS, DAY) if each.currency == currency]
        debit = sum((Fraction(each.debit) for each in entries), Fraction())
        credit = sum((Fraction(each.credit) for each in entries), Fraction())
        assert debit == credit
        assert all(each.debit >= 0 <= each.credit for each in entries)
        assert all(bool(each.debit) != bool(each.credit) for each in entries)


def test_thirds_are_rounded_once_over_all_teams() -> None:
    """10.00 in thirds is 3.33 three times and a cent, which the first of equal remainders gets."""
    third = "3.333333333333333333"
    lines = [usage("a", third), usage("b", third), usage("c", "3.333333333333333334")]
    found = statements(lines, Hierarchy())
    assert amounts(found) == {
        (): "10.00",
        APART[:1]: "10.00",
        APART[:2]: "10.00",
        (*APART[:2], "a"): "3.33",
        (*APART[:2], "b"): "3.33",
        (*APART[:2], "c"): "3.34",  # the largest remainder, by the last digit
    }
    assert found[0].rounding == 0


def test_levels_follow_tables_and_a_line_s_own_cost_centre_is_first() -> None:
    """Search is of 4711, retail; ads of 4712, of no unit; one line of search names 4712 itself."""
    own = CostLine("USD", "usage", "search", "4712", "aws", "large", Decimal(2))
    found = statements([usage("search", "1.5"), usage("ads", "4"), own], HIERARCHY)
    assert amounts(found) == {
        (): "7.50",
        APART[:1]: "6.00",
        (APART[0], "4712"): "6.00",
        (APART[0], "4712", "ads"): "4.00",
        (APART[0], "4712", "search"): "2.00",
        ("retail",): "1.50",
        ("retail", "4711"): "1.50",
        ("retail", "4711", "search"): "1.50",
    }


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("apart", {None: "2.00", "search": "3.00", "ads": "1.00"}),
        ("owner", {"ops": "2.00", "search": "3.00", "ads": "1.00"}),
        # 2.00 by 3 to 1: 1.50 and 0.50; in halves: 1.00 and 1.00
        ("proportional", {"search": "4.50", "ads": "1.50"}),
        ("even", {"search": "4.00", "ads": "2.00"}),
    ],
)
def test_unused_commitment_has_a_policy(
    policy: UnusedPolicy, expected: dict[str | None, str]
) -> None:
    """Teams of another provider, and one that only got money back, pay nothing of it."""
    lines = [
        *(usage("search", "3"), usage("ads", "1"), unused("2")),
        *(usage("ops", "-1"), usage("far", "9", provider="gcp")),
    ]
    found: dict[str | None, Decimal] = {}
    for line in shared_unused(lines, policy, {"sp-1": "ops"}):
        found[line.team] = found.get(line.team, Decimal(0)) + line.cost
    found["far"] -= 9
    found["ops"] += 1
    assert {team: f"{cost:.2f}" for team, cost in found.items() if cost} == expected


@pytest.mark.parametrize("policy", ["owner", "proportional", "even"])
def test_unused_commitment_without_a_payer_stays_apart(policy: UnusedPolicy) -> None:
    """No owner is named, and nobody used anything."""
    assert shared_unused([unused("2")], policy, {}) == [unused("2")]


def test_entries_are_debits_of_cost_centres_against_one_account() -> None:
    """4.00 + 1.50 - 0.50 = 5.00: the team that gets money back is credited."""
    lines = [usage("ads", "4"), usage("search", "1.5"), usage("ops", "-0.5")]
    entries = journal(statements(lines, HIERARCHY), ACCOUNTS, DAY)
    assert [
        (each.account, each.cost_centre, str(each.debit), str(each.credit)) for each in entries
    ] == [
        ("6520", APART[1], "0", "0.50"),
        ("6520", "4712", "4.00", "0"),
        ("6520", "4711", "1.50", "0"),
        ("1480", "", "0", "5.00"),
    ]
