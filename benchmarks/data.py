"""A month of made-up charges, usage and contracts, the same for the same seed, as Parquet.

Tokens of one application profile (resource), direction (meter) and hour make a *key*. Most keys
have one session, a few hot ones thousands. Of a thousand keys about five were used and never
billed, five billed and never metered, five billed 5 % too high, five billed 0.5 % too high, which
is within the usual tolerance.

``charges.parquet`` is FOCUS with every column that a provider must give; a line is ``Used`` by a
commitment or on demand, and each commitment-hour has its ``Unused`` line. ``usage.parquet`` is
metered usage with columns named like trueup's. ``contracts.parquet`` is FOCUS Contract Commitment.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

HOURS = 31 * 24
METERS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
KEYS_PER_RESOURCE = HOURS * len(METERS)
HOT_SESSIONS = 20_000
PRIME = 4_294_967_291  # the largest below 2^32: squares of remainders fit 64 bits
MEMORY_LIMIT = "6GB"  # whatever the size


@dataclass(frozen=True)
class Size:
    """How much there is of everything, from the number of rows of each side."""

    rows: int
    seed: int

    @property
    def resources(self) -> int:
        return max(4, self.rows * 62 // 100 // KEYS_PER_RESOURCE)

    @property
    def keys(self) -> int:
        return self.resources * KEYS_PER_RESOURCE

    @property
    def commitments(self) -> int:
        return max(2, self.resources // 16)

    @property
    def hot_rows(self) -> int:
        return self.rows * 4 // 100


def make(folder: Path, rows: int, seed: int = 7) -> Path:
    """The folder of that much data, made unless it is there already."""
    target = folder / f"month-{rows}-{seed}"
    size = Size(rows, seed)
    if (target / "made.json").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    spill: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(target / "spill"),
        "memory_limit": MEMORY_LIMIT,
    }
    with duckdb.connect(config=spill) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(_macros(size))
        _copy(connection, _usage(size), target / "usage.parquet")
        connection.execute(_keys(size, target / "usage.parquet"))
        connection.execute(_lines(size))
        _copy(connection, _contracts(), target / "contracts.parquet")
        _copy(connection, _charges(), target / "charges.parquet")
    (target / "made.json").write_text(json.dumps(asdict(size)))
    return target


def _copy(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")


def _macros(size: Size) -> str:
    """Names of things by number; ``dice(i, n)`` is a number below PRIME, by the seed."""
    start = "TIMESTAMPTZ '2026-10-01 00:00:00+00'"
    models = "['opus', 'sonnet', 'haiku', 'nova', 'titan', 'llama', 'mistral', 'command']"
    return f"""
    CREATE MACRO step(x) AS (x * x + {size.seed}) % {PRIME};
    CREATE MACRO dice(i, n) AS
        step(step((i::UBIGINT * 2654435761 + n * 40503 + {size.seed}) % {PRIME}));
    CREATE MACRO resource_of(k) AS k // {KEYS_PER_RESOURCE};
    CREATE MACRO hour_of(k) AS k // {len(METERS)} % {HOURS};
    CREATE MACRO meter_of(k) AS k % {len(METERS)};
    CREATE MACRO fate(k) AS dice(k, 9) % 1000;
    CREATE MACRO instant(h) AS {start} + to_hours(h::BIGINT);
    CREATE MACRO resource_name(r) AS 'arn:aws:bedrock:us-east-1:123456789012:'
        || 'application-inference-profile/' || lpad(r::VARCHAR, 12, '0');
    CREATE MACRO account_name(r) AS lpad((r % 40)::VARCHAR, 12, '1');
    CREATE MACRO model_name(r) AS {models}[(r % 8)::INTEGER + 1];
    CREATE MACRO meter_name(m) AS {list(METERS)}[m::INTEGER + 1];
    CREATE MACRO plan_name(c) AS 'arn:aws:savingsplans::123456789012:savingsplan/'
        || lpad(c::VARCHAR, 8, '0');
    CREATE MACRO price(m, r) AS ([30011, 3001, 37513, 150017][m::INTEGER + 1]) * (r % 8 + 1);
    """


def _usage(size: Size) -> str:
    """Every key once, then further calls of those sessions, further sessions, and hot keys."""
    keys, hot = size.keys, size.rows - size.hot_rows
    again = keys + size.rows * 14 // 100
    hot_key = f"((i - {hot}) // {HOT_SESSIONS} * 7919 + 13) * 4 % {keys}"
    return f"""
    WITH numbered AS (SELECT range AS i FROM range({size.rows})),
    keyed AS (
        SELECT i, CASE
            WHEN i < {again} THEN i * 1000003 % {keys}
            WHEN i < {hot} THEN (pow(dice(i, 1) / {PRIME}, 3) * {keys})::BIGINT % {keys}
            ELSE {hot_key} END AS k,
        CASE WHEN i < {again} THEN 0 WHEN i < {hot} THEN 1 + dice(i, 2) % 4
            ELSE 100 + i % {HOT_SESSIONS} END AS n
        FROM numbered),
    named AS (
        SELECT *, resource_of(k) AS r, hour_of(k) AS h, meter_of(k) AS m,
            resource_of(k) * 100000 + hour_of(k) // 2 AS work
        FROM keyed WHERE fate(k) NOT BETWEEN 5 AND 9)
    SELECT instant(h) + to_minutes((i % 60)::BIGINT) AS window_start, window_start AS window_end,
        'aws.bedrock' AS provider, account_name(r) AS account_id, resource_name(r) AS resource_id,
        meter_name(m) AS meter, (1 + dice(i, 3) % 4000)::BIGINT AS quantity, 'Tokens' AS unit,
        md5(work::VARCHAR || '/' || n::VARCHAR) AS session_id,
        'agent-' || (work * 7 + n) % 211 AS agent, 'team-' || (work + n) % 12 AS team
    FROM named ORDER BY i
    """


def _keys(size: Size, usage: Path) -> str:
    """``keys``: what is billed of each, in tokens, and whether a second line carries a part."""
    number = f"regexp_extract(resource_id, '[0-9]+$')::BIGINT * {KEYS_PER_RESOURCE}"
    hour = "date_diff('hour', TIMESTAMPTZ '2026-10-01 00:00:00+00', window_start)"
    return f"""
    CREATE TEMP TABLE metered AS
        SELECT {number} + {hour} * {len(METERS)} + list_position({list(METERS)}, meter) - 1 AS k,
            sum(quantity)::BIGINT AS q
        FROM '{usage}' GROUP BY k;
    CREATE TEMP TABLE keys AS
        SELECT k, CASE WHEN fate(k) BETWEEN 10 AND 14 THEN q * 105 // 100 + 1
            WHEN fate(k) BETWEEN 15 AND 19 THEN q + q // 200
            ELSE coalesce(q, 1 + dice(k, 4) % 4000) END AS q,
            dice(k, 5) % 100 < 60 AS split
        FROM (SELECT range AS k FROM range({size.keys})) LEFT JOIN metered USING (k)
        WHERE fate(k) >= 5 AND (q IS NOT NULL OR fate(k) BETWEEN 5 AND 9);
    """


def _lines(size: Size) -> str:
    """``lines``: one row per usage charge, cost in 10^-10 USD; ``pools``: a row per plan-hour."""
    return f"""
    CREATE TEMP TABLE lines AS
        SELECT k, true AS used, CASE WHEN split THEN q * 7 // 10 ELSE q END AS q FROM keys
        UNION ALL SELECT k, false, q - q * 7 // 10 FROM keys WHERE split;
    CREATE TEMP TABLE pools AS
        SELECT resource_of(k) % {size.commitments} AS c, hour_of(k) AS h,
            sum(q * price(meter_of(k), resource_of(k)) * 72 // 100)::BIGINT AS used
        FROM lines WHERE used GROUP BY ALL;
    CREATE TEMP TABLE plans AS
        SELECT c, (max(used) // 1000000000 + 10) * 1000000000 AS committed
        FROM pools GROUP BY c;
    """


def _contracts() -> str:
    return """
    SELECT plan_name(c) AS ContractCommitmentId, 'contract-' || c AS ContractId,
        'Spend' AS ContractCommitmentCategory, 'Savings Plan' AS ContractCommitmentType,
        'per hour' AS ContractCommitmentDescription, 'USD' AS ContractCommitmentUnit,
        'Hourly' AS ContractCommitmentFulfillmentInterval, 'USD' AS BillingCurrency,
        (committed::DECIMAL(28, 0) * 0.0000000001)::DECIMAL(24, 10) AS ContractCommitmentCost,
        NULL::DECIMAL(24, 10) AS ContractCommitmentQuantity, 'interval' AS x_Per,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' AS ContractCommitmentPeriodStart,
        TIMESTAMPTZ '2027-01-01 00:00:00+00' AS ContractCommitmentPeriodEnd,
        ContractCommitmentPeriodStart AS ContractPeriodStart,
        ContractCommitmentPeriodEnd AS ContractPeriodEnd, 'AWS' AS ServiceProviderName
    FROM plans ORDER BY c
    """


def _charges() -> str:
    """Usage charges in an order unlike the usage's, then a plan's unused hours and purchases."""
    return """
    WITH rows AS (
        SELECT hour_of(k) AS h, resource_of(k) AS r, meter_of(k) AS m, k, q, used,
            q * price(meter_of(k), resource_of(k)) AS list,
            CASE WHEN used THEN list * 72 // 100 ELSE list END AS cost,
            'Usage' AS category FROM lines
        UNION ALL
        SELECT h, NULL, NULL, c, NULL, NULL, 0,
            committed - used - CASE WHEN dice(c * 744 + h, 6) % 1000 < 3 THEN 5000000000 ELSE 0 END,
            'Usage' FROM pools JOIN plans USING (c)
        UNION ALL
        SELECT 0, NULL, NULL, c, NULL, NULL, committed * 744, 0, 'Purchase' FROM plans),
    ordered AS (SELECT * FROM rows ORDER BY dice(k * 31 + h, 8), used),
    named AS (SELECT *, r IS NULL AS apart, category = 'Purchase' AS bought,
        (cost::DECIMAL(28, 0) * 0.0000000001)::DECIMAL(24, 10) AS effective,
        (list::DECIMAL(28, 0) * 0.0000000001)::DECIMAL(24, 10) AS listed FROM ordered)
    SELECT CASE WHEN bought OR NOT used THEN listed ELSE 0 END::DECIMAL(24, 10) AS BilledCost,
        effective AS EffectiveCost, listed AS ListCost,
        CASE WHEN bought THEN listed ELSE effective END AS ContractedCost,
        'USD' AS BillingCurrency, '123456789012' AS BillingAccountId, 'payer' AS BillingAccountName,
        'BillingAccount' AS BillingAccountType,
        CASE WHEN apart THEN '123456789012' ELSE account_name(r) END AS SubAccountId,
        instant(0) AS BillingPeriodStart, instant(744) AS BillingPeriodEnd,
        instant(h) AS ChargePeriodStart,
        CASE WHEN bought THEN instant(744) ELSE instant(h + 1) END AS ChargePeriodEnd,
        category AS ChargeCategory, NULL::VARCHAR AS ChargeClass,
        CASE WHEN bought THEN 'Recurring' ELSE 'Usage-Based' END AS ChargeFrequency,
        CASE WHEN bought THEN 'Savings Plan' WHEN apart THEN 'unused commitment'
            ELSE model_name(r) || ' ' || replace(meter_name(m), '_', ' ') END AS ChargeDescription,
        CASE WHEN apart OR used THEN 'Spend' END AS CommitmentDiscountCategory,
        CASE WHEN apart THEN plan_name(k) WHEN used
            THEN plan_name(r % (SELECT count(*) FROM plans)) END AS CommitmentDiscountId,
        CASE WHEN bought THEN NULL WHEN apart THEN 'Unused' WHEN used THEN 'Used' END
            AS CommitmentDiscountStatus,
        CASE WHEN apart OR used THEN 'Savings Plan' END AS CommitmentDiscountType,
        CASE WHEN NOT bought AND (apart OR used) THEN effective END AS CommitmentDiscountQuantity,
        CASE WHEN NOT bought AND (apart OR used) THEN 'USD' END AS CommitmentDiscountUnit,
        (q::DECIMAL(18, 0) * 0.001)::DECIMAL(18, 3) AS ConsumedQuantity,
        CASE WHEN q IS NOT NULL THEN '1000 Tokens' END AS ConsumedUnit,
        ConsumedQuantity AS PricingQuantity, ConsumedUnit AS PricingUnit, 'USD' AS PricingCurrency,
        CASE WHEN used OR apart THEN 'Committed' ELSE 'Standard' END AS PricingCategory,
        CASE WHEN apart THEN NULL ELSE 'us-east-1' END AS RegionId,
        CASE WHEN apart THEN plan_name(k) ELSE resource_name(r) END AS ResourceId,
        'Amazon Bedrock' AS ServiceName, 'AI and Machine Learning' AS ServiceCategory,
        CASE WHEN NOT apart THEN model_name(r) || '-' || meter_name(m) END AS SkuId,
        CASE WHEN NOT apart THEN replace(meter_name(m), '_', ' ') END AS SkuMeter,
        CASE WHEN apart THEN NULL ELSE '{"team":"team-' || r % 12 || '"}' END AS Tags,
        'Amazon Web Services, Inc.' AS InvoiceIssuerName, 'AWS' AS ProviderName,
        'Amazon Web Services, Inc.' AS PublisherName, 'inv-2026-10' AS InvoiceId
    FROM named
    """
