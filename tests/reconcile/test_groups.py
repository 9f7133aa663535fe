"""Groups: what they hold and are about, and how they are judged, whatever digits they have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest

from trueup.engine.engine import Engine, open_engine
from trueup.model.rules import Rules
from trueup.reconcile.cascade import Pairing
from trueup.reconcile.groups import QUANTITY, form_groups, group_costs, judge
from trueup.reconcile.tolerance import limits_of

WHOLE = pa.decimal128(38, 0)
NUMBER = pa.int64()
TEXTS = ("provider", "account", "region", "resource", "model", "meter", "tier")


def group(rule: str, billed: int, metered: int) -> pa.Table:
    return pa.table(
        {
            "group": pa.array([1], NUMBER),
            "rule": [rule],
            "provider": ["p"],
            "q": pa.array([Decimal(billed)], WHOLE),
            "metered_q": pa.array([Decimal(metered)], WHOLE),
        }
    )


def cost_of(cost: int) -> pa.Table:
    return pa.table(
        {
            "group": pa.array([1], NUMBER),
            "currency": ["USD"],
            "effective": pa.array([Decimal(cost)], WHOLE),
            "n": pa.array([1], NUMBER),
        }
    )


def copies_of(quantity: int) -> pa.Table:
    """Of the group, where it is not nothing."""
    found = [quantity] if quantity else []
    return pa.table(
        {
            "group": pa.array([1 for _ in found], NUMBER),
            "copy_q": pa.array([Decimal(each) for each in found], WHOLE),
        }
    )


def test_the_stake_is_exact_where_the_product_does_not_fit() -> None:
    """Cost x gap / quantity of 22 and 21 digits: 43 digits on the way, 21 in the end.

    1,000.123456789012345678 USD of 24.5 h in parts of 10^-15 s, 20 h of them metered.
    """
    cost, billed, metered = 1000123456789012345678, 88200 * 10**15, 72000 * 10**15
    with open_engine("duckdb") as engine:
        groups = engine.load(group("resource", billed, metered))
        costs, copies = engine.load(cost_of(cost)), engine.load(copies_of(0))
        judged = judge(groups, costs, copies, limits_of("usage", Rules()), 18, engine)
        [row] = engine.collect(judged.select("verdict", "stake")).to_pylist()
    # 4.5 / 24.5 = 9 / 49 of the cost
    assert row == {"verdict": QUANTITY, "stake": round(Fraction(cost * 9, 49))}


Given = tuple[str, int, int, int, int]  # rule, billed, metered, copies, cost


def judged(given: Given, rules: Rules | None = None) -> tuple[str, Decimal]:
    """The verdict on one group in one currency, and what is at stake in 10^-2 of it."""
    rule, billed, metered, copied, cost = given
    with open_engine("duckdb") as engine:
        found = judge(
            engine.load(group(rule, billed, metered)),
            engine.load(cost_of(cost)),
            engine.load(copies_of(copied)),
            limits_of("usage", rules or Rules()),
            2,
            engine,
        )
        columns = ("verdict", "stake", "effective", "currency", "n", "copy_q")
        [row] = engine.collect(found.select(*columns)).to_pylist()
    assert [row[name] for name in columns[2:]] == [cost, "USD", 1, copied]
    return row["verdict"], row["stake"].scaleb(-16)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # 1 of 100 is within 1 %, and 5 of 500 at stake; 100 of 1000 is not, and 50 of 500
        (("resource", 100, 99, 0, 500), ("matched", 5)),
        (("resource", 100, 101, 0, 500), ("matched", -5)),
        (("resource", 100, 100, 0, 500), ("matched", 0)),
        (("resource", 1000, 900, 0, 500), ("quantity", 50)),
        (("resource", 1000, 989, 0, 1000), ("quantity", 11)),
        # without 100 of copies 100 of 200 agree, which is half of the cost; 50 do not
        (("resource", 200, 100, 100, 500), ("duplicate", 250)),
        (("resource", 200, 150, 100, 500), ("quantity", 125)),
        (("resource", 200, 0, 0, 500), ("missing_in_usage", 500)),
        (("timing_day", 100, 100, 0, 500), ("timing", 0)),
        # a refund of 100 at 5 each, of which 40 are metered: 60 of it
        (("resource", -100, -40, 0, -500), ("quantity", -300)),
        (("resource", 0, 0, 0, 500), ("matched", 0)),
        (("resource", 1, 0, 0, 3), ("missing_in_usage", 3)),
    ],
)
def test_a_group_is_judged_by_its_quantities(given: Given, expected: tuple[str, Decimal]) -> None:
    """The share of the cost that the gap is, and what that makes of it."""
    assert judged(given) == expected


def test_a_quantity_of_nothing_does_not_agree_with_one_that_is_metered() -> None:
    """Nothing is divided by it."""
    assert judged(("resource", 0, 5, 0, 7))[0] == "quantity"


@pytest.mark.parametrize(("limit", "verdict"), [("0.05", "matched"), ("0.04", "quantity")])
def test_the_absolute_limit_holds_for_the_currency(limit: str, verdict: str) -> None:
    """0.05 at stake, within 1 %: allowed up to 0.05."""
    rules = Rules.model_validate({"tolerance": [{"absolute": limit}]})
    assert judged(("resource", 100, 99, 0, 500), rules)[0] == verdict


def at(hour: int) -> datetime:
    return datetime(2026, 10, 3, hour, tzinfo=UTC)


def thing(number: int, unit: str, factor: int, **about: str) -> dict[str, Any]:
    """What has a meter holds."""
    known = dict.fromkeys(TEXTS) | {"provider": "p"}
    bill = {"bill_unit": unit, "bill_factor": Decimal(factor)}
    return {"thing": number, "held": "meter" in about, **known, **about, **bill}


THINGS = [
    thing(1, "Tokens", 9, resource="r2", model="large", account="ml"),
    thing(2, "GPU-Hours", 5, resource="r1", region="east", meter="gpu", tier="batch"),
]
THING = pa.schema(
    [
        *(("thing", NUMBER), ("held", pa.bool_()), *((name, pa.string()) for name in TEXTS)),
        *(("bill_unit", pa.string()), ("bill_factor", WHOLE)),
    ]
)
# Cells of either side: 1 and 2 are billed in group 7, 3 in group 8; both meters saw one cell each.
CELLS: list[dict[str, Any]] = [
    {"cell": 1, "thing": 1, "q": 10, "n": 2, "start": at(9), "end": at(10), "currency": "USD"},
    {"cell": 2, "thing": 2, "q": 20, "n": 3, "start": at(8), "end": at(9), "currency": "EUR"},
    {"cell": 3, "thing": 2, "q": 5, "n": 1, "start": at(9), "end": at(10), "currency": "EUR"},
]
METERED = [{"cell": 4, "q": 27, "n": 4}, {"cell": 5, "q": 3, "n": 1}, {"cell": 6, "q": 2, "n": 2}]
IDENTITIES = [
    {"group": 7, "rule": "resource", "bucket": at(9), "grain": "hour", "until": None},
    {"group": 8, "rule": "model", "bucket": at(9), "grain": "hour", "until": None},
]


def numbered(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows whose ``q`` is a whole number and whose costs are what their cell says, times 10."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["q"] = pa.array([Decimal(each) for each in columns["q"]], WHOLE)
    return pa.table(columns)


def members(**groups: int) -> pa.Table:
    cells = [int(name.removeprefix("cell_")) for name in groups]
    return pa.table({"cell": cells, "group": list(groups.values())})


def billed_cells() -> pa.Table:
    table = numbered(CELLS)
    for times, name in ((10, "effective"), (100, "billed"), (1, "covered")):
        costs = [Decimal(times * row["cell"]) for row in CELLS]
        table = table.append_column(name, pa.array(costs, WHOLE))
    for name in ("grain", "bucket", "until"):
        table = table.append_column(name, pa.nulls(len(CELLS), pa.string()))
    return table


def pairing(engine: Engine) -> Pairing:
    identities = pa.Table.from_pylist(IDENTITIES).set_column(
        4, "until", pa.nulls(2, pa.timestamp("us", "UTC"))
    )
    nothing = engine.load(members(cell_9=9))
    return Pairing(
        engine.load(identities),
        engine.load(members(cell_1=7, cell_2=7, cell_3=8)),
        engine.load(members(cell_4=7, cell_5=7, cell_6=8)),
        nothing,
        nothing,
    )


def test_a_group_of_several_things_is_about_the_first_by_name_of_each() -> None:
    """7 is of both: 10 + 20 billed in 5 rows from 8:00 to 10:00, 27 + 3 metered in 5.

    Of tokens and held GPU time it is held. 8 is of the second thing alone: 5 against 2.
    """
    with open_engine("duckdb") as engine:
        things = engine.load(pa.Table.from_pylist(THINGS, schema=THING))
        billed, metered = engine.load(billed_cells()), engine.load(numbered(METERED))
        found = form_groups(pairing(engine), billed, metered, things, engine)
        both, one = engine.collect(found.order_by("group")).to_pylist()
    second = {name: THINGS[1][name] for name in (*TEXTS, "held", "bill_unit")}
    about = second | {"account": "ml", "model": "large", "unit_factor": 5}
    figures = {"q": 30, "n_billed": 5, "start": at(8), "end": at(10)}
    assert both == IDENTITIES[0] | about | figures | {"metered_q": 30, "n_metered": 5}
    figures = {"q": 5, "n_billed": 1, "start": at(9), "end": at(10)}
    about = second | {"unit_factor": 5}
    assert one == IDENTITIES[1] | about | figures | {"metered_q": 2, "n_metered": 2}


def test_the_costs_of_a_group_are_by_currency() -> None:
    """Cell 1 is in USD, 2 and 3 in EUR: each costs 10 times its number, 100 times as billed."""
    with open_engine("duckdb") as engine:
        billed = engine.load(billed_cells())
        costs = group_costs(billed, engine.load(members(cell_1=7, cell_2=7, cell_3=7)), engine)
        euro, dollar = engine.collect(costs.order_by("currency")).to_pylist()
    of_dollars = {"effective": 10, "billed": 100, "covered": 1, "n": 2}
    assert dollar == {"group": 7, "currency": "USD"} | of_dollars
    of_euros = {"effective": 50, "billed": 500, "covered": 5, "n": 4}
    assert euro == {"group": 7, "currency": "EUR"} | of_euros
