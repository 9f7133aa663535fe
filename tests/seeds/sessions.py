"""Costs of sessions of a result against the world's own allocation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import trueup
from tests.world import stepped
from tests.world.comparison import NAMES_OF_ROWS, Row, differences
from tests.world.ledger import Ledger

NAMES = NAMES_OF_ROWS["allocations"]
NO_COST = ("unrated", "capacity")


def assert_sessions(
    ledger: Ledger, expected: Mapping[str, Sequence[Row]], result: trueup.Result
) -> None:
    """Every basis of the costs of sessions, and how much was used, with what the ledger says.

    What is billed by step adds up to who was allocated what; a quantity stands once a step.
    """
    rows = result.session_costs.rows()
    steps = [
        tuple(row[name] for name in (*NAMES[:-1], "meter", "basis"))
        for row in rows
        if row["quantity"] is not None
    ]
    assert len(steps) == len(set(steps))
    covered = [{**row, "cost": row["committed_cost"]} for row in result.allocations.rows()]
    for wanted, found in (
        (expected["allocations"], _by_party(rows, "billed", "cost")),
        (stepped.committed(ledger), _by_party(rows, "billed", "committed_cost")),
        (stepped.committed(ledger), covered),
        (stepped.accrued(ledger), _by_party(rows, "accrued", "cost")),
    ):
        assert differences("allocations", wanted, found) == []
    assert _quantities(rows) == stepped.quantities(ledger)
    # No rate of a world speaks of what no bill could hold, and what capacity served costs nothing.
    assert all((row["cost"] is None) == (row["basis"] in NO_COST) for row in rows)


def _by_party(rows: Sequence[Row], basis: str, figure: str) -> list[Row]:
    sums: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["basis"] == basis and row["cost"] is not None:
            value = row[figure]
            assert isinstance(value, Decimal)
            sums[tuple(row[name] for name in NAMES)] += value
    return [{**dict(zip(NAMES, key, strict=True)), "cost": cost} for key, cost in sums.items()]


def _quantities(rows: Sequence[Row]) -> dict[tuple[object, ...], Decimal]:
    """By basis, provider and meter, as ``stepped.quantities``."""
    found: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["quantity"] is None or row["basis"] == "unrated" or row["meter"] == "instance":
            continue
        assert isinstance(row["quantity"], Decimal)
        of_tokens = str(row["meter"]).endswith("_tokens") and row["basis"] != "capacity"
        basis = row["basis"] if of_tokens else None
        found[basis, row["provider"], row["meter"]] += row["quantity"]
    return found
