"""The subject: contract, bill and telemetry, matched and proved. Names no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.model.dataset import Dataset
    from trueup.model.outcome import Outcome
    from trueup.model.rules import Rules
    from trueup.period import Period


def reconcile(
    charges: Dataset,
    commitments: Dataset | None,
    usage: Dataset | None,
    period: Period | None,
    rules: Rules,
    as_of: datetime,
    engine: str = "duckdb",
) -> Outcome:
    """Reconcile one period; see ``reconcile.reconciliation``."""
    from trueup.reconcile.reconciliation import run

    return run(charges, commitments, usage, period, rules, as_of, engine)
