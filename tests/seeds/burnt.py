"""Burn of a result against what its world burned, hour by hour and day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import trueup
from tests.world import burnt
from tests.world.ledger import DAY, HOUR, Ledger
from tests.world.sagemaker import PLAN
from trueup.burn.burn import Span

SPANS: dict[Span, timedelta] = {"hour": HOUR, "day": DAY}
OF_COMMITMENT = ("commitment_id", "measure", "unit", "state", "start", "end")
OF_TEAM = ("team", "reason", "unit", "state", "start", "end")


def assert_burnt(
    ledger: Ledger, result: trueup.Result, what: Sequence[str] = ("commitment", "team")
) -> None:
    """Every commitment and team, in every hour and on every day, and nothing else."""
    burn = result.burn()
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
