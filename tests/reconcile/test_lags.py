"""When a provider's figures are final."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from trueup.engine.engine import open_engine
from trueup.model.rules import Lag, Rules
from trueup.reconcile.lags import final_at

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
ENDS = {
    "provider": ["ruled", "ruled", "other", "unsaid"],
    "period_end": pa.array(
        [NOVEMBER, NOVEMBER.replace(month=10), NOVEMBER, None], pa.timestamp("us", tz="UTC")
    ),
}


def test_the_last_billing_period_and_the_rule_decide() -> None:
    """Of 1 October and 1 November the later counts: + 3 days by rule, + 7 by default."""
    rules = Rules(lag=(Lag(provider="ruled", final_after=timedelta(days=3)),))
    with open_engine("duckdb") as engine:
        found = final_at(engine.load(pa.table(ENDS)), rules, engine)
    assert found == {
        "other": NOVEMBER + timedelta(days=7),
        "ruled": NOVEMBER + timedelta(days=3),
        "unsaid": None,
    }
