"""ContractApplied, digit for digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.focus.applied import applied_per_hour


def named(commitment: str) -> str:
    return f'"ContractCommitmentId":"{commitment}"'


def test_amounts_keep_every_digit(tmp_path: Path) -> None:
    """Amounts that no binary float holds are summed exactly; odd ones are counted."""
    cost, quantity = "ContractCommitmentAppliedCost", "ContractCommitmentAppliedQuantity"
    unit = '"ContractCommitmentAppliedUnit":"Hours"'
    both = f'{{{named("c")},"{cost}":0.123456789012345678}},{{{named("d")},"{quantity}":3,{unit}}}'
    texts = [
        f'{{"Elements":[{both}]}}',
        f'{{"Elements":[{{{named("c")},"{cost}":1}}]}}',
        f'{{"Elements":[{{{named("c")},"{cost}":"a lot"}}]}}',
        "not JSON",
        None,
    ]
    count = len(texts)
    rows = pa.table(
        {
            "ContractApplied": texts,
            "x_Provider": ["nimbus"] * count,
            "BillingCurrency": ["USD"] * count,
            "ChargePeriodStart": pa.array(
                [datetime(2026, 10, 3, 14, tzinfo=UTC)] * count, pa.timestamp("us", tz="UTC")
            ),
        }
    )
    pq.write_table(rows, tmp_path / "rows.parquet")
    found = {
        row["commitment_id"]: row
        for row in applied_per_hour([tmp_path / "rows.parquet"]).to_pylist()
    }
    assert found["c"]["cost"] == Decimal("1.123456789012345678")
    assert found["c"]["unreadable"] == 1
    assert (found["d"]["quantity"], found["d"]["unit"]) == (3, "Hours")
    assert found["c"]["hour"] == datetime(2026, 10, 3, 14, tzinfo=UTC)
