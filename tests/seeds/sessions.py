"""Costs of sessions of a result against the world's own allocation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import trueup
from tests.world.comparison import NAMES_OF_ROWS, Row, differences

NAMES = NAMES_OF_ROWS["allocations"]


def assert_sessions(expected: Mapping[str, Sequence[Row]], result: trueup.Result) -> None:
    """What is billed by step adds up to who was allocated what; a quantity stands once a step."""
    billed: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    steps: set[tuple[object, ...]] = set()
    for row in result.session_costs:
        if row["basis"] == "billed" and row["cost"] is not None:
            billed[tuple(row[name] for name in NAMES)] += row["cost"]
        if row["quantity"] is not None:
            step = tuple(row[name] for name in (*NAMES[:-1], "meter", "basis"))
            assert step not in steps
            steps.add(step)
    found = [{**dict(zip(NAMES, key, strict=True)), "cost": cost} for key, cost in billed.items()]
    assert differences("allocations", expected["allocations"], found) == []
