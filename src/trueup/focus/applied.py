"""Elements of ContractApplied: which contract commitments a charge says it drew on, and how much.

FOCUS Cost and Usage 1.3 and later, column ContractApplied: a JSON object whose ``Elements`` name a
ContractCommitmentId with a ContractCommitmentAppliedCost, or with a quantity and its unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from trueup.focus.session import session
from trueup.period import Period

APPLIED = pa.schema(
    [
        pa.field("commitment_id", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("unit", pa.string()),
        pa.field("kind", pa.string()),  # drawdown | refund | adjustment
        pa.field("cost", pa.decimal128(38, 18)),
        pa.field("quantity", pa.decimal128(38, 18)),
        pa.field("unreadable", pa.int64()),
        pa.field("without_cost", pa.int64()),
        pa.field("without_quantity", pa.int64()),
        pa.field("rows", pa.int64()),
    ]
)

# JSON parsers read numbers as binary floats: the amounts are put in quotes first, digit for digit.
_QUOTE_AMOUNTS = (
    r"""regexp_replace(ContractApplied, '("ContractCommitmentApplied(?:Cost|Quantity)")\s*:\s*"""
    r"""(-?[0-9][-+.0-9eE]*)', '\1:"\2"', 'g')"""
)

# part_until(d, n, s, l): what of the amount d falls into the first s of l seconds, cut off at n
# decimals. The last part takes what is left, so that parts add up to the whole.
_PARTS = """
CREATE MACRO figures(d, n) AS
    CAST(replace(CAST(abs(d) AS VARCHAR), '.', '')[:n - 19] AS HUGEINT);
CREATE MACRO shared(f, s, l) AS f // l * s + f % l * s // l;
CREATE MACRO part_until(d, n, s, l) AS CASE WHEN s >= l THEN d ELSE CAST(
    CASE WHEN d < 0 THEN '-' ELSE '' END
    || plain_number(CAST(shared(figures(d, n), s, l) AS VARCHAR), n) AS DECIMAL(38, 18)) END;
"""
_FIRST, _LAST = -(10**11), 10**12  # seconds: before and after any charge

# What is materialized is planned once: a macro is written out wherever its result is named.
_QUERY = f"""
WITH elements AS (
    SELECT x_Provider, BillingCurrency, ChargeCategory, ChargePeriodStart AS start,
           epoch_us(ChargePeriodStart) // 1000000 AS begin,
           greatest(epoch_us(ChargePeriodEnd) // 1000000 - begin, 1) AS length,
           unnest(json_extract({_QUOTE_AMOUNTS}, '$.Elements[*]')) AS element
    FROM read_parquet($files) WHERE ContractApplied IS NOT NULL AND json_valid({_QUOTE_AMOUNTS})
      AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
), texts AS (
    SELECT * EXCLUDE (element), element ->> 'ContractCommitmentId' AS id,
           element ->> 'ContractCommitmentAppliedUnit' AS unit,
           element ->> 'ContractCommitmentAppliedCost' AS cost_text,
           element ->> 'ContractCommitmentAppliedQuantity' AS quantity_text
    FROM elements
), amounts AS MATERIALIZED (
    SELECT *, exact_decimal(cost_text) AS cost, exact_decimal(quantity_text) AS quantity
    FROM texts WHERE id IS NOT NULL
), pieces AS (
    SELECT *, greatest(start, make_timestamptz(first * 1000000)) AS counted,
           greatest(first - begin, 0) AS since, least(last - begin, length) AS until
    FROM amounts, (SELECT unnest($edges[:-2]) AS first, unnest($edges[2:]) AS last)
    WHERE begin < last AND begin + length > first
)
SELECT id AS commitment_id, x_Provider AS provider, BillingCurrency AS currency,
       time_bucket(INTERVAL 15 MINUTE, counted) AS at, unit,
       CASE WHEN ChargeCategory = 'Adjustment' THEN 'adjustment'
            WHEN coalesce(cost, quantity) < 0 THEN 'refund' ELSE 'drawdown' END AS kind,
       sum(part_until(cost, $scale, until, length) - part_until(cost, $scale, since, length))
           ::DECIMAL(38, 18) AS cost,
       sum(part_until(quantity, 18, until, length) - part_until(quantity, 18, since, length))
           ::DECIMAL(38, 18) AS quantity,
       count(*) FILTER ((cost IS NULL) <> (cost_text IS NULL)
                        OR (quantity IS NULL) <> (quantity_text IS NULL)
                        OR coalesce(cost_text, quantity_text) IS NULL) AS unreadable,
       count(*) FILTER (cost_text IS NULL) AS without_cost,
       count(*) FILTER (quantity_text IS NULL) AS without_quantity,
       count(*) AS rows
FROM pieces GROUP BY ALL ORDER BY ALL
"""


def applied_by_time(files: Sequence[Path], period: Period | None, scale: int) -> pa.Table:
    """What the charges of typed Parquet files applied to each contract commitment, by time.

    An amount counts in the quarter of an hour its charge starts in. One that an edge of the period
    cuts is split by time, as the charge's own cost is: a cost at ``scale`` decimals, a quantity at
    18; what lies behind an edge counts from there. A row of what was not used
    (CommitmentDiscountStatus Unused) applied nothing. What is negative is a refund; elements of
    Adjustment charges are adjustments. ``unreadable`` counts elements whose amount is not a number
    of at most 18 decimals.
    """
    if not files:
        return APPLIED.empty_table()
    inner = (period.start, period.end) if period else ()
    edges = [_FIRST, *(int(edge.timestamp()) for edge in inner), _LAST]
    with TemporaryDirectory(prefix="trueup-applied-") as folder, session(Path(folder)) as engine:
        engine.execute(_PARTS)
        given = {"files": [str(file) for file in files], "edges": edges, "scale": scale}
        table = engine.sql(_QUERY, params=given).to_arrow_table()
    return table.cast(APPLIED)


_ELEMENTS = f"""
COPY (
    SELECT x_ChargeId AS charge_id, element ->> 'ContractCommitmentId' AS commitment_id,
           exact_decimal(element ->> 'ContractCommitmentAppliedCost') AS cost,
           exact_decimal(element ->> 'ContractCommitmentAppliedQuantity') AS quantity,
           element ->> 'ContractCommitmentAppliedUnit' AS unit
    FROM (SELECT x_ChargeId, unnest(json_extract({_QUOTE_AMOUNTS}, '$.Elements[*]')) AS element
          FROM read_parquet($files)
          WHERE ContractApplied IS NOT NULL AND json_valid({_QUOTE_AMOUNTS}))
    WHERE (element ->> 'ContractCommitmentId') IN (SELECT unnest($ids))
) TO '{{target}}' (FORMAT parquet)
"""
ELEMENTS = pa.schema(
    [
        pa.field("charge_id", pa.int64()),
        pa.field("commitment_id", pa.string()),
        pa.field("cost", pa.decimal128(38, 18)),
        pa.field("quantity", pa.decimal128(38, 18)),
        pa.field("unit", pa.string()),
    ]
)


def write_elements(files: Sequence[Path], commitments: Sequence[str], target: Path) -> None:
    """Each element that names one of the commitments, with its charge, as Parquet (``ELEMENTS``).

    Amounts are whole, as the charges state them; one that is no number is null.
    """
    with TemporaryDirectory(prefix="trueup-elements-") as folder, session(Path(folder)) as engine:
        given = {"files": [str(file) for file in files], "ids": list(commitments)}
        engine.execute(_ELEMENTS.format(target=str(target).replace("'", "''")), given)
