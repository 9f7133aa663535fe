"""The subject: contract, bill and telemetry, matched and proved. Names no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.model.inputs import Inputs
    from trueup.model.outcome import Outcome
    from trueup.model.rules import Rules
    from trueup.period import Period


def reconcile(
    inputs: Inputs,
    period: Period | None,
    rules: Rules,
    as_of: datetime,
    engine: str = "duckdb",
) -> Outcome:
    """Reconcile one period; see ``reconcile.reconciliation``."""
    from trueup.reconcile.reconciliation import run

    return run(inputs, period, rules, as_of, engine)
