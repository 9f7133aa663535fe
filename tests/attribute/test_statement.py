"""Statements and journal entries: every level adds up, whatever is shared and however."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.attribute.cost_line import CostLine, Payer
from trueup.attribute.hierarchy import APART, NO_TEAM, Hierarchy
from trueup.attribute.journal import Accounts, journal
from trueup.attribute.mapping import CompanyMap
from trueup.attribute.shared_cost import Sharing, shared_cost
from trueup.attribute.statement import Statement, statements
from trueup.attribute.weights import Measured, Weights
from trueup.errors import IntegrityError
from trueup.model.rules import Mapped, Policy, UnusedPolicy
from trueup.report.allocated_charges import ratios

ACCOUNTS = Accounts(cost="6520", clearing="1480")
WITH_ROUNDING = Accounts(cost="6520", clearing="1480", rounding="6590")
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


NAMES = st.none() | st.sampled_from(["search", "ads", "ops", "(nobody)", "(no team)"])
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
SHARES: tuple[Policy, ...] = (
    *("apart", "proportional", "even"),
    *("by_tokens", "by_gpu_time", "by_requests"),
)
WHOM = {
    "team": st.none() | st.sampled_from(["search", "lab"]),
    "cost_centre": st.none() | st.just("4712"),
    "business_unit": st.sampled_from(["a", "c"]),
}
ENTRIES = st.lists(
    st.builds(
        Mapped,
        match=st.dictionaries(
            st.sampled_from(["team", "cost_centre", "agent", "session"]),
            st.sampled_from(["^s", "^$", ".", "47"]),
            min_size=1,
        ),
        **WHOM,
    )
    | st.builds(
        Mapped,
        level=st.sampled_from(["team", "agent"]),
        name=st.sampled_from(["search", "ops", "bot"]),
        **WHOM,
    ),
    max_size=4,
)
MEASURED = st.lists(
    st.builds(
        Measured,
        payer=st.builds(Payer, NAMES, st.none() | st.just("4711")),
        provider=st.sampled_from(["aws", "gcp"]),
        model=st.just("large"),
        meter=st.sampled_from(["gpu", "tpu_chip", "requests", "input_tokens", "output_tokens"]),
        capacity=st.sampled_from(["busy", "allocated"]),
        quantity=st.fractions(0, 10**12),
        rows=st.integers(0, 9),
    ),
    max_size=8,
)
SHARINGS = st.builds(
    Sharing,
    unused=st.sampled_from([*SHARES, "owner"]),
    owners=st.dictionaries(st.just("sp-1"), st.just(Payer("ops"))),
    unattributed=st.dictionaries(st.just("idle"), st.sampled_from(SHARES)),
)
PRICES = st.none() | st.fractions(0, 10**6)


def mapped(line: CostLine, company: CompanyMap) -> CostLine:
    names = {"session": "s-1", "tool": None, "agent": "bot", "model": None, "provider": None}
    row = names | {"team": line.team, "cost_centre": line.cost_centre}
    return line.charged(company.payer(row), line.cost) if line.kind == "usage" else line


@settings(max_examples=300)
@given(LINES, TABLES, UNITS, SHARINGS, ENTRIES, MEASURED, PRICES)
def test_no_unit_is_lost_or_made(
    lines: list[CostLine],
    centres: dict[str, str],
    units: dict[str, str],
    sharing: Sharing,
    entries: list[Mapped],
    measured: list[Measured],
    price: Fraction | None,
) -> None:
    """In fractions: rules keep each line's sum, each level the whole's, journals balance.

    A journal posts every statement but nobody's, and clears the bill of just that.
    """
    placed = [mapped(line, CompanyMap(entries)) for line in lines]
    weights = Weights(placed, measured, lambda _currency, _measured: price)
    charged = shared_cost(placed, sharing, weights)
    found = statements(Hierarchy(centres, units).knowing(placed).placed(charged))
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
        for accounts in (ACCOUNTS, WITH_ROUNDING):
            assert_posted(some, accounts, minor)


def assert_posted(some: Sequence[Statement], accounts: Accounts, minor: int) -> None:
    """The statements of a currency, entry by entry, and the accounts against them."""
    posted = journal(some, accounts, DAY)
    assert all(each.debit >= 0 <= each.credit for each in posted)
    assert all(bool(each.debit) != bool(each.credit) for each in posted)
    sums = dict.fromkeys(("6520", "1480", "6590"), Fraction())
    for each in posted:
        sums[each.account] += Fraction(each.debit) - Fraction(each.credit)
    assert sum(sums.values()) == 0
    leaves = [each for each in some if len(each.place) == 3]
    charged = [each for each in leaves if each.place != (None, None, None)]
    assert sorted(
        (each.cost_centre or "", each.team or "", Fraction(each.debit) - Fraction(each.credit))
        for each in posted
        if each.account == "6520"
    ) == sorted(
        (each.place[1] or "", each.place[2] or "", Fraction(each.amount))
        for each in charged
        if each.amount
    )
    whole = sum(Fraction(each.amount) for each in some if each.place == ())
    nobody = sum(Fraction(each.amount) for each in leaves if each not in charged)
    assert sums["6520"] == whole - nobody
    if accounts.rounding:
        exact = sum((Fraction(each.exact) for each in charged), Fraction())
        assert -sums["1480"] == Fraction(round(exact * minor), minor)


def test_thirds_are_rounded_once_over_all_teams() -> None:
    """10.00 in thirds is 3.33 three times and a cent, which the first of equal remainders gets."""
    third = "3.333333333333333333"
    lines = [usage("a", third), usage("b", third), usage("c", "3.333333333333333334")]
    found = statements(lines)
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
    found = statements(HIERARCHY.placed([usage("search", "1.5"), usage("ads", "4"), own]))
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


def by_team(
    lines: Sequence[CostLine], sharing: Sharing, measured: Sequence[Measured] = ()
) -> dict[str | None, str]:
    """What is charged of shared cost, to two decimals."""
    prices = {"input_tokens": Fraction(1), "output_tokens": Fraction(5)}
    weights = Weights(lines, measured, lambda _, each: prices.get(each.meter))
    found: dict[str | None, Decimal] = {}
    for line in shared_cost(lines, sharing, weights):
        if line.kind != "usage":
            found[line.team] = found.get(line.team, Decimal(0)) + line.cost
    return {team: f"{cost:.2f}" for team, cost in found.items()}


def metered(team: str | None, meter: str, quantity: int, capacity: str = "busy") -> Measured:
    return Measured(Payer(team), "aws", "large", meter, capacity, Fraction(quantity), 1)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("apart", {None: "2.00"}),
        ("owner", {"ops": "2.00"}),
        # 2.00 by 3 to 1: 1.50 and 0.50; in halves: 1.00 and 1.00
        ("proportional", {"ads": "0.50", "search": "1.50"}),
        ("even", {"ads": "1.00", "search": "1.00"}),
        # search 100 at 1, ads 20 at 5 and 300 at 1: 2.00 by 100 to 400
        ("by_tokens", {"ads": "1.60", "search": "0.40"}),
        # busy 10 to 30; what is held (99) weighs nothing beside it, nor do chips
        ("by_gpu_time", {"ads": "1.50", "search": "0.50"}),
        # no requests are metered: one call of ads gave output
        ("by_requests", {"ads": "2.00"}),
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
    measured = [
        *(metered("search", "input_tokens", 100), metered("ads", "input_tokens", 300)),
        *(metered("ads", "output_tokens", 20), metered("ops", "cache_read_tokens", 10**6)),
        *(metered("search", "gpu", 10), metered("ads", "gpu", 30), metered(None, "gpu", 50)),
        *(metered("ops", "gpu", 99, "allocated"), metered("ops", "tpu_chip", 7)),
        Measured(Payer("far"), "gcp", "large", "gpu", "busy", Fraction(7), 7),
    ]
    assert by_team(lines, Sharing(policy, {"sp-1": Payer("ops")}), measured) == expected


def test_unattributed_cost_has_a_policy_by_its_reason() -> None:
    """Idle 3.00 by 3 to 1; a credit of -4.00 in halves; tax has none and stays apart."""
    lines = [
        *(usage("search", "3"), usage("ads", "1")),
        CostLine("USD", "unattributed", None, None, "aws", "idle", Decimal(3)),
        CostLine("USD", "unattributed", None, None, None, "credit", Decimal(-4)),
        CostLine("USD", "unattributed", None, None, "aws", "tax", Decimal(5)),
    ]
    sharing = Sharing(unattributed={"idle": "proportional", "credit": "even"})
    # 2.25 - 2.00 and 0.75 - 2.00
    assert by_team(lines, sharing) == {"search": "0.25", "ads": "-1.25", None: "5.00"}


@pytest.mark.parametrize("policy", ["owner", *SHARES])
def test_shared_cost_without_a_payer_stays_apart(policy: UnusedPolicy) -> None:
    """No owner is named, and nobody used anything."""
    assert shared_cost([unused("2")], Sharing(policy), Weights()) == [unused("2")]


def test_the_first_entry_of_the_map_counts() -> None:
    """What telemetry says stays, unless the entry matches by it."""
    company = CompanyMap(
        [
            Mapped(match={"agent": "^TRIAGE", "team": "^$"}, team="support"),
            Mapped(level="agent", name="triage-2", cost_centre="4711", business_unit="retail"),
            Mapped(match={"team": "^old"}, team="new"),
            Mapped(match={"agent": "."}, team="rest", cost_centre="4799"),
        ]
    )

    def payer(agent: str | None, team: str | None, centre: str | None = None) -> tuple[object, ...]:
        return company.payer({"agent": agent, "team": team, "cost_centre": centre})

    assert company.columns == {"agent", "team"}
    assert payer("triage-2", None) == ("support", None, None)
    assert payer("triage-2", "own") == ("own", "4711", "retail")
    assert payer("triage-2", "own", "4712") == ("own", "4712", "retail")
    assert payer("triage-3", "old-team") == ("new", None, None)
    assert payer("other", None, "4712") == ("rest", "4712", None)
    assert payer(None, "own") == ("own", None, None)


@given(st.lists(COSTS, min_size=1, max_size=8))
def test_ratios_add_up_to_one(costs: list[Decimal]) -> None:
    """Of an origin charge that is not nothing, each within a unit of what it should be."""
    found = ratios(costs)
    whole = sum(map(Fraction, costs), Fraction())
    if not whole:
        assert found == [None] * len(costs)
        return
    parts = [Fraction(each) for each in found if each is not None]
    assert sum(parts) == 1
    for part, cost in zip(parts, costs, strict=True):
        assert abs(part - Fraction(cost) / whole) < Fraction(1, 10**18)


def test_entries_are_debits_of_cost_centres_against_one_account() -> None:
    """4.00 + 1.50 - 0.50 = 5.00: the team that gets money back is credited."""
    lines = [usage("ads", "4"), usage("search", "1.5"), usage("ops", "-0.5")]
    entries = journal(statements(HIERARCHY.placed(lines)), ACCOUNTS, DAY)
    assert [
        (each.account, each.cost_centre, str(each.debit), str(each.credit)) for each in entries
    ] == [
        ("6520", None, "0", "0.50"),
        ("6520", "4712", "4.00", "0"),
        ("6520", "4711", "1.50", "0"),
        ("1480", None, "0", "5.00"),
    ]


def test_rounding_has_a_line_of_its_own() -> None:
    """1.004 + 2.004 + nobody's 0.004 = 3.012 is 3.01, whose cent the first of equals gets: nobody.

    The teams bear 3.00 of 3.008: 3.01 is cleared, and a cent is rounding; without an account for it
    3.00 is cleared, and the text says so.
    """
    found = statements([usage("a", "1.004"), usage("b", "2.004"), usage(None, "0.004")])
    told = {
        accounts.rounding: [
            (each.account, str(each.debit), str(each.credit), each.text)
            for each in journal(found, accounts, DAY)
        ]
        for accounts in (ACCOUNTS, WITH_ROUNDING)
    }
    teams = [
        ("6520", "1.00", "0", "AI compute of a"),
        ("6520", "2.00", "0", "AI compute of b"),
    ]
    cleared = "AI compute charged to units: 3.008, rounded by"
    assert told == {
        None: [*teams, ("1480", "0", "3.00", f"{cleared} -0.008")],
        "6590": [
            *teams,
            ("1480", "0", "3.01", f"{cleared} 0.002"),
            ("6590", "0.01", "0", "AI compute: rounding of statements"),
        ],
    }


def test_a_journal_that_leaves_out_a_unit_is_refused() -> None:
    """Of 4.00 and 1.50 without the statement of 1.50."""
    found = statements([usage("ads", "4"), usage("search", "1.5")])
    some = [each for each in found if each.place[2:] != ("search",)]
    with pytest.raises(IntegrityError, match=r"USD: what units bear is 4\.00, not 5\.50"):
        journal(some, ACCOUNTS, DAY)


def test_a_cost_centre_pays_without_a_team() -> None:
    """4799 used 3.00, ads 1.00: of 2.00 unused they bear 1.50 and 0.50; one 0.25 is nobody's."""
    lines = [
        CostLine("USD", "usage", None, "4799", "aws", "large", Decimal(3)),
        *(usage("ads", "1"), usage(None, "0.25"), unused("2")),
    ]
    found = statements(shared_cost(lines, Sharing("proportional"), Weights(lines)))
    assert amounts([each for each in found if each.level == "team"]) == {
        (APART[0], "4799", NO_TEAM): "4.50",
        (*APART[:2], "ads"): "1.50",
        APART: "0.25",
    }
    entries = journal(found, ACCOUNTS, DAY)
    assert [(each.cost_centre, each.team, str(each.debit), each.text) for each in entries[:2]] == [
        (None, "ads", "1.50", "AI compute of ads"),
        ("4799", None, "4.50", "AI compute of 4799"),
    ]
    assert str(entries[2].credit) == "6.00"


def test_a_team_may_have_the_name_of_nobody() -> None:
    """It is charged and posted; only how pages show it is told apart."""
    found = statements([usage(APART[2], "4"), usage(None, "1"), usage(NO_TEAM, "2")])
    assert amounts([each for each in found if each.level == "team"]) == {
        (*APART[:2], "'(no team)'"): "2.00",
        (*APART[:2], "'(nobody)'"): "4.00",
        APART: "1.00",
    }
    assert [each.team for each in journal(found, ACCOUNTS, DAY)] == [NO_TEAM, APART[2], None]


@pytest.mark.parametrize(
    ("told", "home"),
    [
        ([Payer("ads", "4712")], ("ads", "4712", None)),
        ([Payer("ads", "4712"), Payer("ads")], ("ads", "4712", None)),
        ([Payer("ads", "4711")], ("ads", "4711", "retail")),
        ([Payer("ads", "4712", "b"), Payer("ads", "4712", "b")], ("ads", "4712", "b")),
        ([Payer("ads", "4712", "b"), Payer("ads", "4712", "c")], ("ads", "4712", None)),
        ([Payer("ads", "4712"), Payer("ads", "4713")], ("ads", None, None)),
        ([Payer("ads", None, "b")], ("ads", None, "b")),
        ([Payer("search", "4712")], ("ads", None, None)),
    ],
)
def test_a_team_that_is_only_named_belongs_where_its_costs_are(
    told: Sequence[Payer], home: tuple[str | None, ...]
) -> None:
    """Where that is one cost centre; a table of the company stands before it."""
    lines = [usage(None, "1").charged(payer, Decimal(1)) for payer in told]
    units = {"4711": "retail"}
    assert Hierarchy({}, units).knowing(lines).payer(Payer("ads")) == home
    by_table = Hierarchy({"ads": "4711"}, units).knowing(lines)
    assert by_table.payer(Payer("ads")) == ("ads", "4711", "retail")
