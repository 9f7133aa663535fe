"""Burn of a result against what its world burned, hour by hour and day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import trueup
from tests.world import burnt, reach
from tests.world.ledger import DAY, HOUR, Ledger
from tests.world.sagemaker import PLAN
from trueup.burn.burn import Burn, Span

SPANS: dict[Span, timedelta] = {"hour": HOUR, "day": DAY}
OF_COMMITMENT = ("commitment_id", "measure", "unit", "state", "start", "end")
OF_TEAM = ("team", "reason", "unit", "state", "start", "end")


def assert_burnt(
    ledger: Ledger, result: trueup.Result, what: Sequence[str] = ("commitment", "team")
) -> None:
    """Every commitment and team, in every hour and on every day, and nothing else.

    Also how fast each burns by every window, and how far commitments reach.
    """
    burn = result.burn()
    if "commitment" in what:
        assert_rates(reach.rates_of_commitments(ledger), burn, "commitment")
        assert_reaches(reach.reaches(ledger), burn)
    if "team" in what:
        assert_rates(reach.rates_of_teams(ledger), burn, "team")
    for span, length in SPANS.items():
        for by, names, expected in (
            ("commitment", OF_COMMITMENT, burnt.of_commitments(ledger, length)),
            ("team", OF_TEAM, burnt.of_teams(ledger, length)),
        ):
            if by not in what:
                continue
            found = {
                tuple(row[name] for name in names): row["amount"]
                for row in burn.over(span)
                if row["by"] == by and row["amount"]
            }
            assert_equal(expected, found)


def assert_rates(expected: reach.Rates, burn: Burn, by: str) -> None:
    """Until when each series is known, and its rates; to half a digit of the last decimal."""
    names = (
        ("commitment_id", "measure", "unit") if by == "commitment" else ("team", "reason", "unit")
    )
    found = {
        tuple(row[name] for name in names): row
        for row in burn.rates
        if row["by"] == by and (row["billed"] or row["accrued"])
    }
    assert found.keys() == expected.keys()
    for key, (until, rates) in expected.items():
        assert found[key]["until"] == until, (key, until, found[key])
        for name, rate in rates.items():
            assert _close(found[key][name], rate), (key, name, rate, found[key])


def assert_reaches(expected: dict[str, reach.Reach], burn: Burn) -> None:
    """Every figure of every commitment's runway; a renewal that is to come has none yet."""
    found = {
        row["commitment_id"]: row
        for row in burn.runway
        if row["reason"] != "it starts after the period"
    }
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        for figure, value in wanted._asdict().items():
            given = found[name][figure]
            same = _close(given, value) if isinstance(value, Fraction) else given == value
            assert same, (name, figure, value, found[name])


def _close(found: Decimal | None, wanted: Fraction | None) -> bool:
    if found is None or wanted is None:
        return found is None and wanted is None
    return abs(Fraction(found) - wanted) <= Fraction(1, 2 * 10**18)


def rates() -> list[dict[str, Any]]:
    """What a device-hour of each of the plan's endpoints costs, on demand and by the plan."""
    return [
        {
            "match": {"resource": f"{one.name}$"},
            "meter": "gpu",
            "unit": "GPU-Hours",
            "price": str(one.on_demand / one.devices),
            "currency": "USD",
            "commitment_id": PLAN,
            "commitment_price": str(one.plan_rate / one.devices),
        }
        for one in burnt.PLANNED
    ]


def assert_equal(expected: burnt.Amounts, found: burnt.Amounts) -> None:
    different = {
        key: (expected.get(key), found.get(key))
        for key in expected.keys() | found.keys()
        if expected.get(key) != found.get(key)
    }
    assert not different, "\n".join(map(str, sorted(different.items(), key=str)[:30]))
