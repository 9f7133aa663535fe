"""Costs of sessions of a result against the world's own allocation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import trueup
from tests.world import services, stepped
from tests.world.comparison import NAMES_OF_ROWS, Row, differences
from tests.world.world import World

NAMES = NAMES_OF_ROWS["allocations"]
NO_COST = ("unrated", "capacity")


def assert_sessions(
    made: World, expected: Mapping[str, Sequence[Row]], result: trueup.Result
) -> None:
    """Every basis of the costs of sessions, and how much was used, with what the ledger says.

    What is billed by step adds up to who was allocated what; a quantity stands once a step.
    """
    ledger = made.ledger
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
    wanted_hours = services.hours(made.bedrock_calls)
    assert _hours(result.rated.rows()) == wanted_hours
    of_sessions = [row for row in rows if row["basis"] == "rated"]
    assert _sums(of_sessions) == _total(wanted_hours.values())
    # One rate speaks of what no bill could hold; what capacity served costs nothing.
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
        if (
            row["quantity"] is None
            or row["basis"] in ("rated", "unrated")
            or row["meter"] == "instance"
        ):
            continue
        assert isinstance(row["quantity"], Decimal)
        of_tokens = str(row["meter"]).endswith("_tokens") and row["basis"] != "capacity"
        basis = row["basis"] if of_tokens else None
        found[basis, row["provider"], row["meter"]] += row["quantity"]
    return found


def _hours(rated: Sequence[Row]) -> dict[datetime, tuple[Decimal, ...]]:
    """As ``services.hours``."""
    found: dict[datetime, list[Row]] = defaultdict(list)
    for row in rated:
        assert (row["tool"], row["currency"]) == (services.TOOL, services.CURRENCY)
        assert isinstance(row["start"], datetime)
        found[row["start"]].append(row)
    return {hour: _sums(rows) for hour, rows in found.items()}


def _sums(rows: Sequence[Row]) -> tuple[Decimal, ...]:
    return _total((row["quantity"], row["cost"]) for row in rows)


def _total(pairs: Iterable[Sequence[object]]) -> tuple[Decimal, ...]:
    return tuple(sum(map(Decimal, map(str, each)), Decimal(0)) for each in zip(*pairs, strict=True))
