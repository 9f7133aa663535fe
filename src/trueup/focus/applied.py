"""Elements of ContractApplied: which contract commitments a charge says it drew on, and how much.

FOCUS Cost and Usage 1.3 and later, column ContractApplied: a JSON object whose ``Elements`` name a
ContractCommitmentId with a ContractCommitmentAppliedCost, or with a quantity and its unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

APPLIED = pa.schema(
    [
        pa.field("commitment_id", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("hour", pa.timestamp("us", tz="UTC")),
        pa.field("unit", pa.string()),
        pa.field("cost", pa.decimal128(38, 18)),
        pa.field("quantity", pa.decimal128(38, 18)),
        pa.field("unreadable", pa.int64()),
        pa.field("without_cost", pa.int64()),
        pa.field("without_quantity", pa.int64()),
    ]
)

# JSON parsers read numbers as binary floats: the amounts are put in quotes first, digit for digit.
_QUOTE_AMOUNTS = (
    r"""regexp_replace(ContractApplied, '("ContractCommitmentApplied(?:Cost|Quantity)")\s*:\s*"""
    r"""(-?[0-9][-+.0-9eE]*)', '\1:"\2"', 'g')"""
)
_EXACT = r"^[+-]?[0-9]{1,20}(\.[0-9]{0,18}0*)?$"

_QUERY = f"""
WITH elements AS (
    SELECT x_Provider, BillingCurrency, date_trunc('hour', ChargePeriodStart) AS hour,
           unnest(json_extract({_QUOTE_AMOUNTS}, '$.Elements[*]')) AS element
    FROM read_parquet(?) WHERE ContractApplied IS NOT NULL AND json_valid({_QUOTE_AMOUNTS})
), texts AS (
    SELECT *, element ->> 'ContractCommitmentId' AS id,
           element ->> 'ContractCommitmentAppliedUnit' AS unit,
           element ->> 'ContractCommitmentAppliedCost' AS cost,
           element ->> 'ContractCommitmentAppliedQuantity' AS quantity
    FROM elements
)
SELECT id AS commitment_id, x_Provider AS provider, BillingCurrency AS currency, hour, unit,
       sum(CASE WHEN regexp_matches(cost, '{_EXACT}') THEN cost::DECIMAL(38, 18) END)
           ::DECIMAL(38, 18) AS cost,
       sum(CASE WHEN regexp_matches(quantity, '{_EXACT}') THEN quantity::DECIMAL(38, 18) END)
           ::DECIMAL(38, 18) AS quantity,
       count(*) FILTER (NOT coalesce(regexp_matches(coalesce(cost, quantity), '{_EXACT}'), false))
           AS unreadable,
       count(*) FILTER (cost IS NULL) AS without_cost,
       count(*) FILTER (quantity IS NULL) AS without_quantity
FROM texts WHERE id IS NOT NULL
GROUP BY ALL ORDER BY ALL
"""


def applied_per_hour(files: Sequence[Path]) -> pa.Table:
    """What the charges of typed Parquet files applied to each contract commitment, hour by hour.

    ``unreadable`` counts elements whose amount is not a plain number of at most 18 decimals.
    """
    if not files:
        return APPLIED.empty_table()
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.sql(_QUERY, params=[[str(file) for file in files]])
        table = found.to_arrow_table()
    return table.cast(APPLIED)
