"""The plan: the best level equals brute force, beyond what is in force, at changed prices."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest

import trueup
from tests.planning.table import FIRST, GPU, HOUR, YES, held, usage
from trueup.errors import ConfigurationError, UsageError
from trueup.model.rules import read_rules
from trueup.model.schema import UTILIZATION
from trueup.model.table import Table

F, D = Fraction, Decimal
RESERVED = {"name": "reserved", "currency": "USD", "unit": "GPU-Hours", "hourly": "2.50"}
WEEK = 168


def rows_of(work: Mapping[int, Sequence[tuple[str, str, bool]]]) -> list[dict[str, Any]]:
    """For each hour: quantity, resource, whether it may be interrupted."""
    return [
        held(hour, quantity, resource_id=resource, tags=YES if flagged else None)
        for hour, each in work.items()
        for quantity, resource, flagged in each
    ]


def tried(
    work: Mapping[int, Sequence[tuple[str, str, bool]]],
    hours: int,
    price: Mapping[tuple[str, bool], tuple[Fraction, Fraction]],
    fee: Fraction,
    level: Fraction,
) -> Fraction:
    """An independent computation of one level's cost, hour by hour, in fractions.

    ``price`` has for each resource and flag what a GPU-hour costs without the commitment, and
    what it takes of it. What saves most for a unit of the commitment is served first.
    """
    spent = hours * level * fee
    for each in work.values():
        left = level
        order = sorted(each, key=lambda one: -price[one[1:]][0] / price[one[1:]][1])
        for quantity, *what in order:
            without, takes = price[what[0], what[1]]  # type: ignore[index]  # a pair
            served = min(left / takes, F(quantity))
            left -= served * takes
            spent += (F(quantity) - served) * without
    return spent


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("in_money", [False, True])
def test_the_best_level_is_that_of_trying_all(seed: int, in_money: bool) -> None:
    """Every multiple of the step, over hours with two kinds of GPUs, some of it interruptible."""
    dice = Random(seed)
    hours = dice.randint(3, 30)
    names = ("pool", "lab")
    work = {
        hour: [
            (f"{dice.randint(0, 60) / 10}", name, flagged)
            for name in names
            for flagged in (False, True)
        ]
        for hour in range(hours)
        if hour in (0, hours - 1) or dice.random() < 0.9
    }
    on_demand = {name: D(dice.randint(200, 500)) / 100 for name in names}
    spot = {name: price * dice.randint(2, 9) / 10 for name, price in on_demand.items()}
    saved = {name: price * dice.randint(40, 90) / 100 for name, price in on_demand.items()}
    rates = [
        {
            **GPU,
            "match": {"resource": f"^{name}$"},
            "price": on_demand[name],
            "spot_price": spot[name],
            "commitment_price": saved[name],
        }
        for name in names
    ]
    fee, step = D(1), F(1, 10)
    offer: dict[str, Any] = {"name": "one", "currency": "USD", "step": "0.1"}
    if not in_money:
        fee = D(dice.randint(100, 300)) / 100
        offer |= {"unit": "GPU-Hours", "hourly": fee}
    takes = {name: F(saved[name]) if in_money else F(1) for name in names}
    price = {
        (name, flagged): (F(spot[name] if flagged else on_demand[name]), takes[name])
        for name in names
        for flagged in (False, True)
    }
    plan = trueup.plan(usage(rows_of(work)), rules={"rate": rates, "offer": [offer]})
    most = max(sum(F(q) * takes[name] for q, name, _ in each) for each in work.values())
    levels = [step * number for number in range(int(most / step) + 2)]
    costs = {level: tried(work, hours, price, F(fee), level) for level in levels}
    least = min(costs.values())
    (row,) = plan.offers
    assert F(row["level"]) == min(level for level, cost in costs.items() if cost == least)
    shown = {level: D(round(cost * 10**18)).scaleb(-18) for level, cost in costs.items()}
    assert row["cost"] == shown[F(row["level"])]
    assert row["cost_without"] == shown[F(0)]
    assert {F(each["level"]): each["cost"] for each in plan.curve}.items() <= shown.items()


def test_a_plan_by_hand() -> None:
    """Four hours of 10, 4, 10, 10 GPUs at 4.00, reserved at 2.50. All 10: 4 x 10 x 2.50 = 100.00.
    None: 34 x 4.00 = 136.00. The level of 10 is used to 34 / 40 = 85 %.
    """
    used = usage([held(hour, q) for hour, q in enumerate(("10", "4", "10", "10"))])
    plan = trueup.plan(used, rules={"rate": [GPU], "offer": [RESERVED]})
    (row,) = plan.offers
    assert (row["level"], row["cost"], row["cost_without"]) == (10, D("100.00"), D("136.00"))
    assert (row["saving"], row["utilization"]) == (D("36.00"), D("0.85"))
    assert row["low"] is None
    assert "4 hours are 0 whole weeks" in row["reason"]
    assert plan.title.startswith("4 hours from 2026-09-07T00:00:00Z to 2026-09-07T04:00:00Z")


def test_interruptible_work_stays_at_the_spot_price() -> None:
    """4 steady and 6 interruptible at 1.50: reserved at 2.50 are the 4, 2 x (4 x 2.50 + 6 x 1.50);
    without a flag all 10 are reserved, 2 x 10 x 2.50.
    """
    rules = {"rate": [{**GPU, "spot_price": "1.50"}], "offer": [RESERVED]}
    for tags, level, cost in ((YES, 4, "38.00"), (None, 10, "50.00")):
        rows = [held(hour, q, tags=t) for hour in (0, 1) for q, t in (("4", None), ("6", tags))]
        (row,) = trueup.plan(usage(rows), rules=rules).offers
        assert (row["level"], row["cost"]) == (level, D(cost))


CONTRACT = """
[[commitment]]
id = "plan-1"
provider = "acme"
layer = "benefit"
category = "Spend"
start = 2026-01-01
end = 2027-01-01
cost = "6.00"
per = "interval"
interval = "Hourly"
currency = "USD"
document = "made up"
"""


def test_what_is_in_force_is_served_first(tmp_path: Any) -> None:
    """6.00 an hour at 3.00 for a GPU-hour serve 2 of 5 and all of 1: 3 and 0 are left to plan for.

    It served 6.00 + 3.00. Once it is over when the plan begins, it serves nothing.
    """
    (tmp_path / "c.toml").write_text(CONTRACT)
    rate = {**GPU, "commitment_id": "plan-1", "commitment_price": "3.00"}
    rules = {"rate": [rate], "offer": [RESERVED]}
    used = usage([held(0, "5"), held(1, "1")])
    plan = trueup.plan(used, rules=rules, commitments=tmp_path / "c.toml")
    (row,) = plan.offers
    assert row["cost_without"] == D("12.00")  # 3 x 4.00
    (known,) = plan.in_force
    assert (known["committed"], known["served"], known["reason"]) == (D("6"), D("9"), None)
    assert known["ends"] == datetime.fromisoformat("2027-01-01T00:00:00Z")

    later = trueup.plan(used, rules=rules, commitments=tmp_path / "c.toml", as_of="2026-12-31")
    (known,) = later.in_force
    assert (known["served"], known["reason"]) == (0, "not in force when the plan begins")
    assert later.offers.rows()[0]["cost_without"] == D("24.00")  # 6 x 4.00

    nobody = trueup.plan(
        used, rules={"rate": [GPU], "offer": [RESERVED]}, commitments=tmp_path / "c.toml"
    )
    assert "no rate of the use names it" in nobody.in_force.rows()[0]["reason"]


def test_a_commitment_serves_first_what_it_saves_most_on(tmp_path: Any) -> None:
    """6.00 an hour: of the lab a GPU-hour of 4.00 takes 3.00, of the pool one of 2.00 takes 1.80.
    Of 2 and 2 the lab's 2 are served, and the pool's 4.00 are left.
    """
    (tmp_path / "c.toml").write_text(CONTRACT)
    rates = [
        {
            **GPU,
            "match": {"resource": name},
            "price": price,
            "commitment_id": "plan-1",
            "commitment_price": takes,
        }
        for name, price, takes in (("pool", "2.00", "1.80"), ("lab", "4.00", "3.00"))
    ]
    used = usage([held(0, "2", resource_id=name) for name in ("pool", "lab")])
    rules = {"rate": rates, "offer": [RESERVED]}
    plan = trueup.plan(used, rules=rules, commitments=tmp_path / "c.toml")
    assert plan.offers.rows()[0]["cost_without"] == D("4.00")


@pytest.mark.parametrize("prices", [("4.00", "4.00"), ("4.00", "5.00")])
def test_what_is_in_force_serves_once_whatever_is_planned_for(
    prices: tuple[str, str], tmp_path: Any
) -> None:
    """6.00 an hour at 3.00 serve 2 GPUs of the pool's 3 and the lab's 1.

    At one price by what they use: 1.5 of the pool and 0.5 of the lab, so that 1.5 x 4.00 and 0.5 x
    4.00 are left. Where the lab's costs 5.00 it comes first, and 2 x 4.00 are left of the pool.
    """
    (tmp_path / "c.toml").write_text(CONTRACT)
    rates = [
        {
            **GPU,
            "match": {"resource": name},
            "price": price,
            "commitment_id": "plan-1",
            "commitment_price": "3.00",
        }
        for name, price in zip(("pool", "lab"), prices, strict=True)
    ]
    used = usage([held(0, "3"), held(0, "1", resource_id="lab")])

    def left(where: str) -> tuple[Decimal, Decimal]:
        plan = trueup.plan(
            used,
            rules={"rate": rates, "offer": [RESERVED]},
            commitments=tmp_path / "c.toml",
            where={"resource": where},
        )
        return plan.offers.rows()[0]["cost_without"], plan.in_force.rows()[0]["served"]

    same = prices[0] == prices[1]
    assert left("pool") == ((D("6"), D("4.5")) if same else (D("8"), D("3")))
    assert left("lab") == ((D("2"), D("1.5")) if same else (D("0"), D("3")))
    assert left(".") == (D("8"), D("6"))


def test_what_runs_found_used_is_what_is_served() -> None:
    """Of a reservation of 4 in each hour 3 were used in hour 0, 5 with an overage of 1 in hour 1,
    nothing is told of hour 2: 3, 4 and 4 of 5 are served, so that 2 + 1 + 1 are left.
    """
    told = [
        {
            "commitment_id": "r-1",
            "interval_start": FIRST + hour * HOUR,
            "interval_end": FIRST + (hour + 1) * HOUR,
            "unit": "GPU-Hours",
            "committed_quantity": D(4),
            "used_quantity": D(found),
        }
        for hour, found in ((0, "3"), (1, "5"))
    ]
    rules = {"rate": [{**GPU, "commitment_id": "r-1"}], "offer": [RESERVED]}
    plan = trueup.plan(
        usage([held(hour, "5") for hour in range(3)]),
        rules=rules,
        utilization=Table.from_rows(UTILIZATION, told),
    )
    assert plan.offers.rows()[0]["cost_without"] == D("16.00")  # 4 x 4.00
    assert plan.in_force.rows()[0]["served"] == D("11")


def test_what_if() -> None:
    """A GPU for 2.50 is worth it where 4.00 x the share of hours in which it is used is more: the
    first (5 of 5 hours), not the second (2 of 5: 1.60). At 7.00 the second is, too (2.80); at 2.40
    not even the first. Of twice the use the second is used in 5 of 5.
    """
    rows = [held(0, "1"), held(1, "1"), held(2, "2"), held(3, "2"), held(4, "1")]
    rules = {"rate": [GPU], "offer": [RESERVED]}

    def level(**what_if: str) -> tuple[int, Decimal]:
        (row,) = trueup.plan(usage(rows), rules=rules, what_if=what_if).offers
        return int(row["level"]), row["cost_without"]

    assert level() == (1, D("28.00"))  # 7 x 4.00
    assert level(price="+75%") == (2, D("49.00"))
    assert level(price="-40%") == (0, D("16.80"))
    assert level(use="+100%") == (2, D("56.00"))
    for wrong in ({"price": "10"}, {"fee": "+1%"}, {"use": "-101%"}):
        with pytest.raises(UsageError, match="as price="):
            trueup.plan(usage(rows), rules=rules, what_if=wrong)


def test_the_interval_needs_four_weeks_and_says_how_weeks_differ() -> None:
    """Four weeks, two of 2 and two of 8 GPUs: the best of other weeks is 2 or 8."""
    rows = [held(hour, "2" if hour < 2 * WEEK else "8") for hour in range(4 * WEEK)]
    rules = {"rate": [GPU], "offer": [RESERVED]}
    (row,) = trueup.plan(usage(rows), rules=rules).offers
    assert (row["level"], row["low"], row["high"], row["reason"]) == (2, 2, 8, None)
    assert row["regret"] > 0
    (row,) = trueup.plan(usage(rows[1:]), rules=rules).offers
    assert row["low"] is None
    assert "671 hours are 3 whole weeks" in row["reason"]


def test_offers_stand_by_what_they_save_and_name_what_they_are_not_for() -> None:
    """A cheaper offer comes first; one in another currency, or for other usage, serves nothing."""
    offers = [
        RESERVED,
        {**RESERVED, "name": "cheaper", "hourly": "2.00"},
        {**RESERVED, "name": "euros", "currency": "EUR"},
        {**RESERVED, "name": "chips", "match": {"resource": "chip"}},
        {"name": "at 40 %", "currency": "USD", "discount": "0.40"},
    ]
    rules = read_rules({"rate": [GPU], "offer": offers})
    plan = trueup.plan(usage([held(0, "1"), held(1, "1")]), rules=rules)
    # 2 x 2.00, 2 x 4.00 x 60 %, 2 x 2.50
    assert [(row["offer"], row["cost"]) for row in plan.offers] == [
        ("cheaper", D("4.00")),
        ("at 40 %", D("4.80")),
        ("reserved", D("5.00")),
    ]
    assert [row["subject"] for row in plan.left_out] == ["euros", "chips"]
    only = trueup.plan(usage([held(0, "1")]), rules=rules, offers=["reserved"])
    assert [row["offer"] for row in only.offers] == ["reserved"]
    with pytest.raises(UsageError, match="no usage that euros may serve"):
        trueup.plan(usage([held(0, "1")]), rules=rules, offers=["euros"])


def test_json_is_exact_text() -> None:
    """Upfront of 1,000.00 over the 8,760 hours from 8 September: 0.114155... an hour and GPU."""
    offer = {**RESERVED, "payment": "all", "upfront": "1000.00", "hourly": "0"}
    plan = trueup.plan(usage([held(0, "1")]), rules={"rate": [GPU], "offer": [offer]})
    told = json.loads(plan.to_json())
    assert told["offers"][0]["price"] == "0.114155251141552511"
    assert told["offers"][0]["upfront"] == "1000"
    assert told["prices_of"] == "2026-09-07"
    assert (told["start"], told["hours"]) == ("2026-09-07T00:00:00Z", 1)
    assert plan.end - plan.start == timedelta(hours=1)


def test_columns_that_nothing_has_are_mistakes() -> None:
    """A misspelt column would silently choose nothing."""
    used = usage([held(0, "1")])
    with pytest.raises(UsageError, match=r"'resorce' is no column .* did you mean 'resource'"):
        trueup.plan(used, rules={"rate": [GPU], "offer": [RESERVED]}, where={"resorce": "x"})
    odd = {**RESERVED, "match": {"ServiceName": "x"}}
    with pytest.raises(ConfigurationError, match=r"offer\[1\]\.match: 'ServiceName'"):
        trueup.plan(used, rules={"rate": [GPU], "offer": [odd]})
