"""A charge's money stands in one break: first its quantity, then its rate, then who pays for it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.reconcile.priced import covered, on_demand, plan_rate, reconciled, unused
from trueup.model.dataset import Dataset
from trueup.report.result import Result

D = Decimal
PLAN_RATES = [plan_rate("e3", "3.00")]
RATE = {
    "match": {"sku_id": "^e3$"},
    "meter": "gpu",
    "unit": "GPU-Hours",
    "price": "4.00",
    "currency": "USD",
}


def e3(quantity: str, cost: str, **more: str) -> dict[str, str]:
    """GPU-hours of e3 on demand; each instance has one GPU."""
    return on_demand("e3", quantity, cost, SkuPriceDetails='{"GpuCount": 1}', **more)


def metered(folder: Path, *hours: str) -> Dataset:
    """GPU-hours that on-demand-e3 held from 14:00 on, hour by hour; another resource reports too."""
    lines = ["start,end,resource,quantity"]
    for number, quantity in enumerate(hours, start=14):
        span = f"2026-10-03T{number:02}:00:00Z,2026-10-03T{number + 1:02}:00:00Z"
        lines += [f"{span},on-demand-e3,{quantity}", f"{span},other,1"]
    (folder / "meters.csv").write_text("\n".join(lines) + "\n")
    return trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns={
            "window_start": "start",
            "window_end": "end",
            "resource_id": "resource",
            "quantity": "quantity",
        },
        constants={
            "provider": "aws",
            "account_id": "ml",
            "meter": "gpu",
            "unit": "GPU-Hours",
            "capacity": "allocated",
        },
    )


def sums(result: Result) -> list[tuple[Any, ...]]:
    """Class, rule of the price leg, billed, expected, amount; what nobody billed left out."""
    return sorted(
        (
            one["class"],
            one["rule"] if one["leg"] == "price" else None,
            *(one[name] for name in ("billed", "expected", "amount")),
        )
        for one in result.breaks.rows()
        if one["class"] not in ("missing_in_billing", "commitment")
    )


def found(folder: Path, rows: Iterable[dict[str, str]], *hours: str, **more: Any) -> Result:
    return reconciled(folder, list(rows), usage=metered(folder, *hours), **more)


PLAN_RULE = "sagemaker_savings_plan"
TWICE = [e3("1", "4.00"), e3("1", "4.00")]


def test_a_copy_is_not_claimed_again(tmp_path: Path) -> None:
    """An hour of 4.00 is billed twice: 4.00 are a copy.

    The plan's 6.00 pay for two hours at 3.00, but only one was used: 4.00 are claimed, 8.00 in all,
    and not 12.00 of the 8.00 billed.
    """
    rows = [covered("e1", "1", "4.00", "5.00"), unused("6.00"), *TWICE]
    result = found(tmp_path, rows, "1", rates=PLAN_RATES)
    assert sums(result) == [("duplicate", None, 2, 1, 4), ("price", PLAN_RULE, 4, 0, 4)]
    [line] = result.claim_lines.rows()
    assert (line["source_row"], line["billed"], line["quantity"]) == (3, 4, 1)


def test_what_was_not_metered_is_not_claimed(tmp_path: Path) -> None:
    """2 hours billed 8.00, one metered: 4.00 at stake. 1.50 of the plan pay half the other: 2.00."""
    rows = [covered("e1", "1", "8.50", "20.00"), unused("1.50"), e3("2", "8.00")]
    result = found(tmp_path, rows, "1", rates=PLAN_RATES)
    assert sums(result) == [("price", PLAN_RULE, 4, 2, 2), ("quantity", None, 2, 1, 4)]
    [claim] = result.claims.rows()
    assert claim["arithmetic"] == (
        "0.5 of 1 Hours are covered and draw 1.5, so 0.5 on demand: 4.00 - 2.00 = 2.00 USD, "
        "without 4.00 in breaks of their quantity"
    )


def test_what_no_meter_saw_is_not_claimed(tmp_path: Path) -> None:
    """The meter reports and saw nothing: all 4.00 are at stake, and nothing is left to claim."""
    rows = [covered("e1", "1", "8.50", "20.00"), unused("1.50"), e3("1", "4.00")]
    result = found(tmp_path, rows, "0", rates=PLAN_RATES)
    assert sums(result) == [("missing_in_usage", None, 1, 0, 4)]


@pytest.mark.parametrize(
    ("rows", "hours", "expected"),
    [
        # A copy at 5.00, and 5.00 - 4.00 of the hour that was used.
        (
            [e3("1", "5.00"), e3("1", "5.00")],
            ["1"],
            [("duplicate", None, 2, 1, 5), ("price", "rate", 5, 4, 1)],
        ),
        # 10.00 for two hours: 5.00 of the one that was not metered, 5.00 - 4.00 of the other.
        (
            [e3("2", "10.00")],
            ["1"],
            [("price", "rate", 5, 4, 1), ("quantity", None, 2, 1, 5)],
        ),
        # Two hours metered, one billed: too little holds nothing of what was billed too dear.
        (
            [e3("1", "5.00")],
            ["2"],
            [("price", "rate", 5, 4, 1), ("quantity", None, 1, 2, -5)],
        ),
    ],
)
def test_a_wrong_rate_is_of_what_was_used(
    tmp_path: Path, rows: list[dict[str, str]], hours: list[str], expected: list[Any]
) -> None:
    """What is billed and not used stands at its billed price in its break; the rest at 5.00 - 4.00."""
    result = found(tmp_path, rows, *hours, rules={"rate": [RATE]})
    assert sums(result) == expected


def test_small_differences_hold_their_part_where_they_add_up(tmp_path: Path) -> None:
    """Of 2 x 100 hours 98 each were metered: within 5 % each, beyond 1 % of the period: 4 of 200.

    Billed are 2 x 500.00: 20.00 in that break; of 196 hours for 980.00, 784.00 are right at 4.00.
    """
    hours: tuple[dict[str, str], ...] = ({}, {f"ChargePeriod{edge}": f"2026-10-03T{hour}:00:00Z"
                  for edge, hour in (("Start", 15), ("End", 16))})  # fmt: skip
    rows = [e3("100", "500.00", **more) for more in hours]
    tolerance = {"tolerance": [{"leg": "usage", "relative": "0.05", "period_relative": "0.01"}]}
    result = found(tmp_path, rows, "98", "98", rules={"rate": [RATE], **tolerance})
    assert sums(result) == [("price", "rate", 980, 784, 196), ("quantity", None, 200, 196, 20)]


def test_quantity_rate_and_plan_add_up_to_what_was_billed(tmp_path: Path) -> None:
    """2 hours for 10.00, one metered: 5.00. The other at 4.00: 1.00. The plan pays half: 2.00.

    5 + 1 + 2 are drift, and 2.00 on demand are right: 10.00.
    """
    rows = [covered("e1", "1", "8.50", "20.00"), unused("1.50"), e3("2", "10.00")]
    result = found(tmp_path, rows, "1", rates=PLAN_RATES, rules={"rate": [RATE]})
    assert sums(result) == [
        ("price", "rate", 5, 4, 1),
        ("price", PLAN_RULE, 5, 3, 2),
        ("quantity", None, 2, 1, 5),
    ]


@pytest.mark.spark
def test_spark_holds_the_same(tmp_path: Path) -> None:
    """The copy, the rate and the plan: the same breaks on both engines."""
    rows = [covered("e1", "1", "4.00", "5.00"), unused("6.00"), *TWICE, e3("2", "11.00")]
    results = [
        found(tmp_path, rows, "1", rates=PLAN_RATES, rules={"rate": [RATE]}, engine=engine)
        for engine in ("duckdb", "spark")
    ]
    assert sums(results[0]) == sums(results[1]) != []
