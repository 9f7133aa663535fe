"""What sessions cost: dated rates and tiers by hand, the bill beside them, and no unit lost."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trueup
from trueup.errors import IntegrityError
from trueup.reconcile import session_costs
from trueup.reconcile.rated import rated_hours

D = Decimal
COLUMNS = (
    *("window_start", "window_end", "session_id", "agent", "tool", "provider", "model"),
    *("meter", "unit", "quantity"),
)
SEARCH = {
    "match": {"tool": "^search$"},
    "meter": "tool_calls",
    "unit": "Calls",
    "currency": "USD",
    "tiers": [{"up_to": 1000, "price": "0.01"}, {"price": "0.008"}],
}
TOKENS = {
    "match": {"model": "^chat$"},
    "meter": "output_tokens",
    "unit": "1000000 Tokens",
    "price": "15.00",
    "currency": "USD",
}


def row(at: str, session: str, quantity: str, **more: str) -> dict[str, str]:
    """Calls of the tool search by an agent, at a time of October 2026."""
    start = f"2026-{at}:00Z"
    return {
        "window_start": start,
        "window_end": start,
        "session_id": session,
        "agent": "planner",
        "tool": "search",
        "meter": "tool_calls",
        "unit": "Calls",
        "quantity": quantity,
        **more,
    }


def tokens(at: str, session: str, quantity: str, **more: str) -> dict[str, str]:
    of_model = {"tool": "", "meter": "output_tokens", "unit": "Tokens", "model": "chat"}
    return row(at, session, quantity, **{**of_model, **more})


def usage(folder: Path, rows: Sequence[Mapping[str, str]]) -> trueup.Dataset:
    with (folder / "usage.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return trueup.read_usage(
        folder / "usage.csv", format="table", columns={name: name for name in COLUMNS}
    )


def costs(
    folder: Path, rows: Sequence[Mapping[str, str]], *rates: Mapping[str, Any], **more: Any
) -> list[tuple[Any, ...]]:
    table = trueup.session_costs(usage(folder, rows), rules={"rate": list(rates)}, **more)
    names = ("session", "basis", "quantity", "currency", "cost", "committed_cost")
    return [tuple(each[name] for name in names) for each in table]


def test_tiers_count_what_all_sessions_use_in_the_order_of_time(tmp_path: Path) -> None:
    """s1's 700 at 0.01 = 7.00; of s2's 600, 300 at 0.01 and 300 at 0.008 = 3.00 + 2.40."""
    rows = [row("10-03T15:00", "s2", "600"), row("10-03T14:00", "s1", "700")]
    assert costs(tmp_path, rows, SEARCH) == [
        ("s1", "rated", D(700), "USD", D("7.00"), D(0)),
        ("s2", "rated", D(600), "USD", D("5.40"), D(0)),
    ]


def test_tiers_begin_anew_every_calendar_month_in_utc(tmp_path: Path) -> None:
    """1,000 at 0.01 in October, the 10 of midnight again at 0.01 = 0.10."""
    rows = [row("10-31T23:59", "s1", "1000"), row("11-01T00:00", "s2", "10")]
    assert [each[4] for each in costs(tmp_path, rows, SEARCH)] == [D("10.00"), D("0.10")]


def test_a_tier_ends_on_its_boundary(tmp_path: Path) -> None:
    """Exactly 1,000 cost 10.00; the next one 0.008."""
    rows = [row("10-03T14:00", "s1", "1000"), row("10-03T15:00", "s2", "1")]
    assert [each[4] for each in costs(tmp_path, rows, SEARCH)] == [D("10.00"), D("0.008")]


def test_a_tier_counts_in_the_unit_of_the_rate(tmp_path: Path) -> None:
    """Half a thousand at 5 a thousand = 2.50, then 500 at 4 a thousand = 2.00."""
    rate = {
        **SEARCH,
        "unit": "1000 Calls",
        "tiers": [{"up_to": "0.5", "price": "5"}, {"price": "4"}],
    }
    assert [each[4] for each in costs(tmp_path, [row("10-03T14:00", "s1", "1000")], rate)] == [
        D("4.50")
    ]


def test_a_rate_that_changes_within_the_month_prices_each_day_as_it_holds(tmp_path: Path) -> None:
    """1,000,000 tokens at 15.00 on the 15th, 12.00 on the 16th: 27.00."""
    rows = [
        tokens("10-15T23:00", "s1", "1000000"),
        tokens("10-16T00:00", "s1", "1000000"),
        tokens("12-01T00:00", "s2", "7"),  # no rate holds any more
    ]
    before = {**TOKENS, "valid_to": "2026-10-16"}
    after = {**TOKENS, "price": "12.00", "valid_from": "2026-10-16", "valid_to": "2026-12-01"}
    assert costs(tmp_path, rows, before, after) == [
        ("s1", "rated", D(2000000), "USD", D("27.00"), D(0)),
        ("s2", "unrated", D(7), None, None, None),
    ]


def test_two_currencies_are_two_rows_and_are_never_added(tmp_path: Path) -> None:
    """Search in USD, tokens in EUR: 0.10 USD and 15.00 EUR for 1,000,000."""
    rows = [row("10-03T14:00", "s1", "10"), tokens("10-03T14:00", "s1", "1000000")]
    found = costs(tmp_path, rows, SEARCH, {**TOKENS, "currency": "EUR"})
    assert sorted((each[3], each[4]) for each in found) == [("EUR", D("15.00")), ("USD", D("0.1"))]


def test_what_a_rate_lets_draw_from_a_commitment_is_committed(tmp_path: Path) -> None:
    """Of 2,000,000 tokens the drawing rate takes 10.00 each: 20.00, all of it committed."""
    rate = {**TOKENS, "commitment_id": "plan-1", "commitment_price": "10.00"}
    rows = [tokens("10-03T14:00", "s1", "2000000")]
    assert costs(tmp_path, rows, rate) == [
        ("s1", "rated", D(2000000), "USD", D("20.00"), D("20.00"))
    ]


def test_nothing_used_costs_nothing(tmp_path: Path) -> None:
    """A row of zero calls has a rate, so its cost is known: zero."""
    assert costs(tmp_path, [row("10-03T14:00", "s1", "0")], SEARCH) == [
        ("s1", "rated", D(0), "USD", D(0), D(0))
    ]


def test_one_step_in_two_units_is_one_quantity(tmp_path: Path) -> None:
    """500 Tokens + 2 of 1000 Tokens = 2,500: 2.5 of the unit first by name, 0.0375 at 15.00."""
    rows = [
        tokens("10-03T14:00", "s1", "500"),
        tokens("10-03T14:30", "s1", "2", unit="1000 Tokens"),
    ]
    assert costs(tmp_path, rows, TOKENS) == [
        ("s1", "rated", D("2.5"), "USD", D("0.0375"), D(0)),
    ]


def test_the_period_is_half_open(tmp_path: Path) -> None:
    """Of two hours only the first is asked for: 1 call, 0.01."""
    rows = [row("10-03T14:00", "s1", "1"), row("10-03T15:00", "s1", "1")]
    found = costs(tmp_path, rows, SEARCH, period="2026-10-03T14")
    assert [each[4] for each in found] == [D("0.01")]


def test_busy_time_is_rated_and_not_once_more_as_capacity_held(tmp_path: Path) -> None:
    """Two GPU-hours held and one busy by s1: 1 x 2.50, though one row more was metered."""
    gpu = {"tool": "", "meter": "gpu", "unit": "GPU-Hours", "window_end": "2026-10-03T15:00:00Z"}
    rows = [
        row("10-03T14:00", "", "2", **{**gpu, "agent": ""}),
        row("10-03T14:00", "s1", "1", **gpu),
    ]
    rate = {"match": {}, "meter": "gpu", "unit": "GPU-Hours", "price": "2.50", "currency": "USD"}
    table = tmp_path / "usage.csv"
    read = usage(tmp_path, rows)
    text = table.read_text().replace("quantity\n", "quantity,capacity\n", 1)
    lines = text.splitlines()
    table.write_text("\n".join([lines[0], f"{lines[1]},allocated", f"{lines[2]},busy"]) + "\n")
    read = trueup.read_usage(
        table, format="table", columns={name: name for name in (*COLUMNS, "capacity")}
    )
    found = trueup.session_costs(read, rules={"rate": [rate]}).rows()
    assert [(each["session"], each["cost"]) for each in found] == [("s1", D("2.5"))]


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ([{"up_to": 10, "price": "1"}], "the last tier has no up_to"),
        ([{"price": "1"}, {"price": "2"}], "every tier but the last has an up_to"),
        (
            [{"up_to": 10, "price": "1"}, {"up_to": 10, "price": "1"}, {"price": "2"}],
            "each above the one before",
        ),
        ([{"up_to": 10, "price": "-1"}, {"price": "2"}], "greater than or equal to 0"),
        ([{"up_to": 0, "price": "1"}, {"price": "2"}], "greater than 0"),
    ],
)
def test_tiers_that_cannot_be_are_refused_with_what_would_be_right(
    tiers: list[Any], says: str
) -> None:
    """Prices below zero, limits that do not grow, an end without a price."""
    with pytest.raises(trueup.ConfigurationError, match=says):
        trueup.read_rules({"rate": [{**SEARCH, "tiers": tiers}]})


BILL = (
    "ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ProviderName,"
    "BillingCurrency,ChargeCategory,ServiceName,SkuMeter,SkuPriceDetails,BilledCost,EffectiveCost,"
    "ConsumedQuantity,ConsumedUnit\n"
    "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,Cloud Nine,"
    'USD,Usage,Chat,Output,"{""x_Model"": ""chat""}",30.00,30.00,2000000,Tokens\n'
)


def test_each_metered_row_counts_once_beside_the_bill(tmp_path: Path) -> None:
    """Billed: 30.00 for 2,000,000 tokens, 3 : 1. Accrued: an hour without a charge at the rate.

    Rated: the search of a child agent, which no bill holds, by its tiers. 22.50 + 0.02 for s1, 7.50
    + 15.00 for s2; the rate of the tokens that were billed adds nothing.
    """
    (tmp_path / "bill.csv").write_text(BILL)
    nine = {"provider": "Cloud Nine"}
    rows = [
        tokens("10-03T14:10", "s1", "1000000", **nine),
        tokens("10-03T14:20", "s1", "500000", **nine, agent="child"),
        tokens("10-03T14:30", "s2", "500000", **nine),
        tokens("10-03T15:00", "s2", "1000000", **nine),
        row("10-03T14:15", "s1", "2", agent="child"),
        row("10-03T14:15", "s1", "1", agent="child", tool="lookup"),
    ]
    result = trueup.reconcile(
        tmp_path / "bill.csv",
        usage=usage(tmp_path, rows),
        period="2026-10-03",
        as_of="2026-10-03T18:00:00Z",
        rules={"rate": [SEARCH, TOKENS]},
    )
    names = ("session", "agent", "tool", "basis", "quantity", "cost", "committed_cost")
    assert [tuple(each[name] for name in names) for each in result.session_costs] == [
        ("s1", "child", "lookup", "unrated", D(1), None, None),
        ("s1", "child", "search", "rated", D(2), D("0.02"), D(0)),
        ("s1", "child", None, "billed", D(500000), D("7.50"), D(0)),
        ("s1", "planner", None, "billed", D(1000000), D("15.00"), D(0)),
        ("s2", "planner", None, "accrued", D(1000000), D("15.00"), None),
        ("s2", "planner", None, "billed", D(500000), D("7.50"), D(0)),
    ]


def beside_the_bill(folder: Path) -> trueup.Result:
    """900 searches of two sessions in an hour, 400 in the next, and a lookup without a rate."""
    (folder / "bill.csv").write_text(BILL)
    rows = [
        tokens("10-03T14:10", "s1", "2000000", provider="Cloud Nine"),
        row("10-03T14:15", "s1", "700"),
        row("10-03T14:45", "s2", "200"),
        row("10-03T15:05", "s1", "400"),
        row("10-03T15:05", "s1", "1", tool="lookup"),
    ]
    return trueup.reconcile(
        folder / "bill.csv",
        usage=usage(folder, rows),
        period="2026-10-03",
        as_of="2026-10-03T18:00:00Z",
        rules={"rate": [SEARCH]},
    )


def test_hours_of_a_tiered_service_add_up_to_its_sessions(tmp_path: Path) -> None:
    """900 x 0.01 = 9.00; of 400 the first 100 at 0.01, 300 at 0.008: 1.00 + 2.40 = 3.40.

    s1 has 7.00 and 3.40, s2 2.00: 12.40 both ways, and not in spend, where the bill has 30.00.
    """
    result = beside_the_bill(tmp_path)
    names = ("tool", "agent", "quantity", "unit", "currency", "cost", "committed_cost")
    search = ("search", "planner")
    assert [
        (each["start"].hour, each["end"].hour, *(each[name] for name in names))
        for each in result.rated
    ] == [
        (14, 15, *search, D(900), "Calls", "USD", D("9.00"), D(0)),
        (15, 16, *search, D(400), "Calls", "USD", D("3.40"), D(0)),
    ]
    sessions = [each for each in result.session_costs if each["basis"] == "rated"]
    assert [(each["session"], each["cost"]) for each in sessions] == [
        ("s1", D("10.40")),
        ("s2", D("2.00")),
    ]
    assert [each["cost"] for each in result.spend] == [D(30)]


def test_hours_that_do_not_add_up_to_what_sessions_were_rated_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hour twice is 24.80 beside the 12.40 of sessions."""

    def twice(*given: ir.Table) -> ir.Table:
        rows = rated_hours(*given)
        return rows.union(rows)

    monkeypatch.setattr(session_costs, "rated_hours", twice)
    with pytest.raises(IntegrityError, match=r"hour in USD adds up to 24.8, .* rated to 12.4;"):
        beside_the_bill(tmp_path)


def span(name: str, parent: str, **attributes: str) -> dict[str, Any]:
    at = "1790812800000000000"  # 2026-10-01T00:00:00Z
    found = [
        {"key": f"gen_ai.{key.replace('__', '.')}", "value": {"stringValue": value}}
        for key, value in attributes.items()
    ]
    known = {"traceId": "t", "spanId": name, "parentSpanId": parent, "attributes": found}
    return {**known, "startTimeUnixNano": at, "endTimeUnixNano": at}


def test_reasoning_is_shown_as_a_part_of_output_and_child_agents_know_their_caller(
    tmp_path: Path,
) -> None:
    """500,000 tokens of output cost 7.50 once, 200,000 of them reasoning; coder is the planner's."""
    conversation = {"conversation__id": "s1"}
    spans = [
        span("p", "", operation__name="invoke_agent", agent__name="planner", **conversation),
        span("c", "p", operation__name="invoke_agent", agent__name="coder", **conversation),
        span(
            *("m", "c"),
            operation__name="chat",
            request__model="Chat",
            usage__output_tokens="500000",
            usage__reasoning__output_tokens="200000",
            **conversation,
        ),
    ]
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}) + "\n")
    [found] = trueup.session_costs(path, rules={"rate": [TOKENS]}).rows()
    names = ("agent", "called_by", "quantity", "reasoning", "cost")
    expected = ("coder", "planner", D(500000), D(200000), D("7.50"))
    assert tuple(found[name] for name in names) == expected


PRICES = st.decimals(min_value=0, max_value=1000, places=7)
LIMITS = st.lists(st.integers(1, 3000), min_size=0, max_size=3, unique=True).map(sorted)
USED = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 40), st.integers(0, 900)
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(used=USED, limits=LIMITS, prices=st.lists(PRICES, min_size=4, max_size=4))
def test_no_tiers_and_no_hierarchy_lose_or_make_a_unit(
    tmp_path: Path, used: list[tuple[str, str, int, int]], limits: list[int], prices: list[Decimal]
) -> None:
    """Over all sessions a month costs what its total quantity costs tier by tier, computed here."""
    tiers: list[dict[str, Any]] = [
        {"price": str(price), **({"up_to": limit} if limit else {})}
        for limit, price in zip([*limits, None], prices, strict=False)
    ]
    rows = [
        row(f"10-{day % 20 + 1:02}T{day % 24:02}:00", session, str(calls), agent=agent)
        for session, agent, day, calls in used
    ]
    # A unit of 7 calls divides no price: what is rounded must still add up.
    found = costs(tmp_path, rows, {**SEARCH, "unit": "7 Calls", "tiers": tiers})
    left, expected, low = sum(calls for *_, calls in used), D(0), 0
    for tier in tiers:
        high = int(tier["up_to"]) * 7 if "up_to" in tier else left
        inside = max(0, min(left, high) - low)
        exact = Fraction(tier["price"]) * inside / 7
        expected += D(round(exact * 10**18)).scaleb(-18)
        low = high
    assert sum((each[4] for each in found), D(0)) == expected
    by_session: dict[str, int] = defaultdict(int)
    for session, _, _, calls in used:
        by_session[session] += calls
    assert defaultdict(int, {each[0]: 0 for each in found}).keys() == by_session.keys()
    assert sum(each[2] for each in found) == left
