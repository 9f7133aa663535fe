"""The drift of a run: the breaks of all legs, the rows behind them and what explains many.

A sum of a charge stands in one break. The usage leg takes its part first (copies, what was not
metered), a wrong rate is looked for in the rest, a claim is made of the rest at the right rate:
``reconcile.held`` and ``reconcile.wrong_rates`` hand on what is taken. The rule stands with its
arithmetic in docs/reference/tables.md#breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from trueup.attribute.allocation import with_names
from trueup.engine.integers import as_decimal
from trueup.model.schema import BREAKS
from trueup.model.table import Table
from trueup.reconcile.breaks import WITH_ASIDE, all_breaks
from trueup.reconcile.causes.scene import BREAKS_MAX, Scene
from trueup.reconcile.causes.search import bounded, explain
from trueup.reconcile.commitments import CommitmentFindings
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.usage import UsageFindings


@dataclass(frozen=True)
class Drift:
    """Breaks and causes as tables; the rows behind the breaks may be many, so as an expression."""

    breaks: Table
    causes: list[dict[str, Any]]
    rows: ir.Table
    notes: list[dict[str, Any]]


def find_drift(run: LegRun, used: UsageFindings | None, further: Sequence[Findings]) -> Drift:
    """Put the breaks of every leg together, largest money first, each with its cause if known."""
    legs: list[CommitmentFindings | Findings] = [run.commitments, *further]
    rows = [one for leg in legs for one in leg.break_rows]
    every = all_breaks(
        [one for leg in legs for one in leg.breaks],
        [*rows, *(used.break_rows if used else ())],
        used.breaks if used else None,
        run.engine,
    )
    found = as_decimal(run.engine.collect(every.breaks), WITH_ASIDE)
    scene = Scene(
        breaks=found.slice(0, BREAKS_MAX).to_pylist(),
        charges=run.charges,
        terms=run.terms,
        window=run.window,
        rules=run.rules,
        scale=run.scale,
        engine=run.engine,
        groups=used.groups if used else None,
        cells=used.cells if used else None,
        usage=used.usage if used else None,
        allocated=with_names(used.allocated, used.parties) if used else None,
    )
    explained = explain(scene)
    return Drift(
        breaks=Table(BREAKS, arrow=explained.within(found).select(BREAKS.names).cast(BREAKS)),
        causes=explained.rows,
        rows=every.rows,
        notes=bounded(found.num_rows),
    )
