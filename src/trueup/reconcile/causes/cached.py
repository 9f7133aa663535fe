"""Cached tokens counted twice: as input, and once more as what was read from the cache."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, ratio_at_edge, total
from trueup.reconcile.causes.scene import (
    Break,
    Cause,
    Scene,
    counted,
    equal,
    grouped,
    hours,
    in_base,
    named,
    shown,
)

INPUT, CACHE_READ = "input_tokens", "cache_read_tokens"
SURE_TOKENS = 1000  # so many that agree to the token are no chance, even once

# What the cells of a group have in common, by the rule that formed it.
_SHARED = {
    "resource": ("resource_id",),
    "region": ("provider", "account_id", "region_id", "model", "tier"),
    "account": ("provider", "account_id", "model", "tier"),
    "model": ("provider", "model", "tier"),
}
_CELL_NAMES = {
    "provider": "provider",
    "account_id": "account",
    "region_id": "region",
    "resource_id": "resource",
    "model": "model",
    "tier": "tier",
}
_WANTED = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("wanted_hour", pa.timestamp("us", tz="UTC")),
        *(pa.field(f"wanted_{name}", pa.string()) for name in _CELL_NAMES.values()),
    ]
)


def find(scene: Scene) -> list[Cause]:
    """Input tokens differ by exactly the tokens that the same calls read from the cache."""
    rows = [
        row
        for row in scene.of_class("quantity")
        if row["meter"] == INPUT and row["rule"] in _SHARED
    ]
    if not rows or scene.cells is None:
        return []
    cached = _cached(rows, scene.cells, scene)
    twice = []
    for number, row in enumerate(rows):
        gap = in_base(row, "expected") - in_base(row, "billed")
        read = cached.get(number, Fraction(0))
        if read and equal(read, abs(gap)):
            twice.append({**row, "gap": gap})
    found = []
    for key, same in grouped(twice, _side).items():
        if len(same) > 1 or abs(same[0]["gap"]) >= SURE_TOKENS:
            found.append(_cause(key, same))
    return found


def _side(row: Break) -> tuple[str | None, ...]:
    return (row["provider"], row["model"], "telemetry" if row["gap"] > 0 else "bill")


def _cached(rows: Sequence[Break], cells: ir.Table, scene: Scene) -> dict[int, Fraction]:
    """Number of the break -> tokens that the cells of its key read from the cache."""
    wanted = [
        {"number": number, "wanted_hour": hour}
        | {f"wanted_{_CELL_NAMES[name]}": row[name] for name in _SHARED[row["rule"]]}
        for number, row in enumerate(rows)
        for hour in hours(row)
    ]
    asked = scene.engine.load(pa.Table.from_pylist(wanted, schema=_WANTED))
    reads = cells.filter(cells.meter == CACHE_READ)
    joined = reads.join(asked, reads.hour == instant(asked.wanted_hour))
    same = joined.filter(
        [
            joined[f"wanted_{name}"].isnull() | (joined[f"wanted_{name}"] == joined[name])
            for name in _CELL_NAMES.values()
        ]
    )
    sums = same.group_by("number").aggregate(
        q=total(_.q), unit=_.unit.min(), factor=_.unit_factor.min()
    )
    found = scene.engine.collect(
        sums.select("number", "unit", tokens=ratio_at_edge(sums.q, sums.factor))
    )
    return {row["number"]: _tokens(row) for row in found.to_pylist()}


def _tokens(row: dict[str, Any]) -> Fraction:
    whole: Decimal = row["tokens"]
    figure = {"billed": Fraction(whole) / 10**EDGE_SCALE, "unit": row["unit"], "meter": CACHE_READ}
    return in_base(figure, "billed")


def _cause(key: tuple[Any, ...], same: Sequence[Break]) -> Cause:
    provider, model, side = key
    tokens = sum((abs(row["gap"]) for row in same), Fraction(0))
    more = "metered than billed" if side == "telemetry" else "billed than metered"
    remedy = (
        "have the telemetry report uncached input apart from cached: its input tokens include them"
        if side == "telemetry"
        else "claim them from the provider: cached input is billed at full price and as cached"
    )
    return Cause(
        "cached_tokens_twice",
        key,
        same,
        f"{counted(len(same))} of {named(provider, model)}: {shown(tokens)} more input tokens are "
        f"{more}, exactly as many as the same calls read from the cache.",
        remedy,
    )
