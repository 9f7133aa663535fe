"""Penny-exact shares."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.attribute.shares import shared
from trueup.engine.engine import open_engine

WHOLE = pa.decimal128(38, 0)
GROUPS = st.lists(
    st.tuples(
        st.integers(-(10**18), 10**18),
        st.lists(st.integers(0, 10**15), min_size=1, max_size=6).filter(any),
    ),
    min_size=1,
    max_size=40,
)


def by_hand(cost: int, weights: list[int]) -> list[int]:
    """The largest remainder in plain integers, ties in the order given."""
    size, whole = abs(cost), sum(weights)
    parts = [size * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: (-(size * weights[at] % whole), at))
    for at in order[: size - sum(parts)]:
        parts[at] += 1
    return [part if cost >= 0 else -part for part in parts]


def computed(groups: list[tuple[int, list[int]]]) -> list[list[int]]:
    rows = [
        {"group": number, "at": at, "cost": Decimal(cost), "weight": Decimal(weight)}
        for number, (cost, weights) in enumerate(groups)
        for at, weight in enumerate(weights)
    ]
    schema = pa.schema(
        [("group", pa.int64()), ("at", pa.int64()), ("cost", WHOLE), ("weight", WHOLE)]
    )
    with open_engine("duckdb") as engine:
        parts = engine.load(pa.Table.from_pylist(rows, schema=schema))
        found = engine.collect(shared(parts, ("group",), ("at",), engine).order_by("group", "at"))
    shares: list[list[int]] = [[] for _group in groups]
    for row in found.to_pylist():
        shares[row["group"]].append(int(row["share"]))
    return shares


@given(GROUPS)
@settings(max_examples=25, deadline=None)
def test_parts_sum_to_the_whole(groups: list[tuple[int, list[int]]]) -> None:
    """Whatever is shared, nothing is lost or made, and every part is the one counted by hand."""
    for (cost, weights), parts in zip(groups, computed(groups), strict=True):
        assert sum(parts) == cost
        assert parts == by_hand(cost, weights)


def test_ties_go_to_the_first() -> None:
    """One cent among three equals goes to the first; a cent owed is shared with its sign."""
    assert computed([(1, [1, 1, 1]), (-1, [1, 1, 1]), (100, [1, 1, 1])]) == [
        [1, 0, 0],
        [-1, 0, 0],
        [34, 33, 33],
    ]
