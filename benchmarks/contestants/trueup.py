"""trueup, as a script would call it, and the same tables out of its own expressions.

Without a word: only what the three tables need (files read and checked, the commitment and the
usage leg, shares), written key by key as the rivals write them. ``everything``: the public
``trueup.reconcile`` with all legs, every table of the result as Parquet. With ``report``
the page, too. ``matching``: up to the verdicts. ``steps.json`` says how long each part took.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import ibis
import ibis.expr.types as ir

import trueup
from benchmarks.contestants.arguments import Arguments, arguments
from trueup.attribute.allocation import with_names
from trueup.engine.integers import divide, ratio_at_edge, whole
from trueup.reconcile import groups, reconciliation, usage, usage_leg
from trueup.reconcile.worked import Worked

RULES = {"tolerance": [{"leg": "usage", "days": 0}]}
AS_OF, PERIOD = "2026-12-20", "2026-10"
BILLED_UNIT = 10**15  # a token in 10^-18 of the 1000 that the bill counts by


class Enough(Exception):
    """What was asked for is written: nothing further is computed."""


class Laps:
    """Seconds between calls, by name."""

    def __init__(self) -> None:
        self._since = perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.seconds[name] = round(now - self._since, 3)
        self._since = now


def _write(engine: Any, expression: ir.Table, file: Path, columns: str = "*") -> None:
    query = engine.query(expression)
    engine.backend.con.execute(
        f"COPY (SELECT {columns} FROM ({query})) TO '{file}' (FORMAT parquet)"
    )


def _tokens(rows: ir.Table, name: str) -> ir.Value:
    return ratio_at_edge(rows[name], rows.unit_factor)


def _matching(out: Path, judged: ir.Table, left: ir.Table, cells: ir.Table, engine: Any) -> None:
    """Both sides of every key, in tokens: cells without a partner stand in no group."""
    nothing = ibis.literal(0).cast("decimal(38, 0)")
    matched = judged.select(
        "resource",
        "meter",
        hour=judged.bucket,
        billed=_tokens(judged, "q"),
        metered=_tokens(judged, "metered_q"),
        verdict=judged.verdict,
    )
    billed = left.select(
        "resource",
        "meter",
        hour=left.bucket,
        billed=_tokens(left, "q"),
        metered=nothing,
        verdict=ibis.literal("missing_in_usage"),
    )
    alone = cells.anti_join(matched, ["resource", "meter", "hour"])
    metered = alone.select(
        "resource",
        "meter",
        hour=alone.hour,
        billed=nothing,
        metered=divide(_tokens(alone, "q"), whole(1000)),
        verdict=ibis.literal("missing_in_billing"),
    )
    _write(
        engine,
        ibis.union(matched, billed, metered),
        out / "matching.parquet",
        f"resource, meter, hour, (billed::HUGEINT // {BILLED_UNIT})::BIGINT AS billed, "
        f"(metered::HUGEINT // {BILLED_UNIT})::BIGINT AS metered, verdict",
    )


def _tables(out: Path, work: Worked) -> dict[str, Any]:
    """Write the three tables from what the first two legs found; the result stays empty."""
    found, engine = work.usage, work.engine
    assert found is not None  # noqa: S101  # the month has usage
    _matching(out, found.groups, found.left, found.cells, engine)
    _utilization(out, work)
    shares = found.allocated.filter(found.allocated.reason.isnull())
    named = with_names(shares, found.parties)
    keyed = named.join(found.groups.select("group", "resource", "meter", "bucket"), "group")
    _write(
        engine,
        keyed.select("resource", "meter", "session", "cost", hour=keyed.bucket),
        out / "shares.parquet",
        "resource, meter, hour, session, "
        f"(cost::DECIMAL(38, 0) * {_unit(work.scale)})::DECIMAL(38, 10) AS cost",
    )
    raise Enough


def _unit(scale: int) -> str:
    return f"0.{'0' * (scale - 1)}1"


def _utilization(out: Path, work: Worked) -> None:
    rows = work.commitments.utilization
    figures = ("committed_quantity", "used_quantity", "unused_quantity")
    columns = ", ".join(
        f"({name}::HUGEINT // 100000000 * 0.0000000001)::DECIMAL(38, 10) AS {name.split('_')[0]}"
        for name in figures
    )
    _write(
        work.engine,
        rows.select("commitment_id", "interval_start", *figures),
        out / "utilization.parquet",
        f"commitment_id AS commitment, interval_start AS hour, {columns}",
    )


def _only_matching(out: Path) -> None:
    """Have the usage leg stop as soon as it has judged."""
    judged: list[ir.Table] = []
    judge, left_over = groups.judge, usage_leg.left_over

    def judge_and_keep(*given: Any) -> ir.Table:
        judged.append(judge(*given))
        return judged[0]

    def write(billed_left: ir.Table, cells: ir.Table, engine: Any) -> ir.Table:
        _matching(out, judged[0], left_over(billed_left, cells, engine), cells, engine)
        raise Enough

    patch.object(usage, "judge", judge_and_keep).start()
    patch.object(usage_leg, "left_over", write).start()


def run(told: Arguments) -> None:
    """Write the tables and ``steps.json``."""
    laps = Laps()
    charges = trueup.read_charges(told.charges)
    laps.lap("read charges")
    commitments = trueup.read_commitments(told.contracts)
    metered = trueup.read_usage(told.usage)
    laps.lap("read usage")
    if "everything" not in told.words:
        patch.object(reconciliation, "LEGS", ()).start()
        patch.object(
            reconciliation, "_tables", lambda work, _stated: _tables(told.out, work)
        ).start()
    if "matching" in told.words:
        _only_matching(told.out)
    try:
        result = trueup.reconcile(
            charges,
            commitments=commitments,
            usage=metered,
            period=PERIOD,
            rules=RULES,
            as_of=AS_OF,
        )
    except Enough:
        laps.lap("legs and tables")
    else:
        laps.lap("all legs and tables")
        result.to_parquet(told.out)
        laps.lap("write")
        if "report" in told.words:
            result.to_html(told.out / "report.html")
            laps.lap("report")
    (told.out / "steps.json").write_text(json.dumps(laps.seconds))


if __name__ == "__main__":
    run(arguments())
