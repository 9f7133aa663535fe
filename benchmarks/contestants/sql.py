"""DuckDB, by hand: what somebody writes who knows it well, and only for these three tables.

Tuned by trying: resources become numbers, a key is one BIGINT, tokens are BIGINT, costs HUGEINT
(division of HUGEINT is exact), the window stands only over keys with several sessions, and what is
left over of a key comes from a plain sum. DuckDB gets all memory, as it does by default, or
the same limit as trueup.
"""

from __future__ import annotations

import os

import duckdb

from benchmarks.contestants.arguments import Arguments, arguments

METERS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
UNIT = 10_000_000_000  # costs count in 10^-10 USD

ENCODE = """
CREATE MACRO hours(t) AS (epoch_us(t) // 3600000000)::INTEGER;
CREATE MACRO key_of(r, m, h) AS (r::BIGINT << 24) + (m::BIGINT << 21) + (h - 450000);
CREATE MACRO resource_in(k) AS (k >> 24)::INTEGER;
CREATE MACRO meter_in(k) AS (k >> 21 & 7)::INTEGER;
CREATE MACRO hour_in(k) AS make_timestamp(((k & 2097151) + 450000) * 3600000000);
CREATE MACRO usd(units) AS (units::DECIMAL(38, 0) * 0.0000000001)::DECIMAL(38, 10);
CREATE TEMP TABLE resources AS
    SELECT row_number() OVER () AS r, resource FROM (
        SELECT ResourceId AS resource FROM '{charges}' GROUP BY 1
        UNION SELECT resource_id FROM '{usage}' GROUP BY 1) WHERE resource IS NOT NULL;
"""

BILLED = """
CREATE TEMP TABLE billed AS
    SELECT key_of(r, CASE SkuMeter WHEN 'input tokens' THEN 1 WHEN 'cache read tokens' THEN 2
            WHEN 'cache write tokens' THEN 3 WHEN 'output tokens' THEN 4 END,
            hours(ChargePeriodStart)) AS k,
        sum((ConsumedQuantity * 1000)::BIGINT)::BIGINT AS billed,
        (sum(EffectiveCost) * {unit})::HUGEINT AS cost
    FROM '{charges}' JOIN resources ON resource = ResourceId
    WHERE ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY k;
"""

METERED = """
CREATE TEMP TABLE parties AS
    SELECT key_of(r, CASE meter WHEN 'input_tokens' THEN 1 WHEN 'cache_read_tokens' THEN 2
            WHEN 'cache_write_tokens' THEN 3 WHEN 'output_tokens' THEN 4 END,
            hours(window_start)) AS k,
        session_id AS session, sum(quantity)::BIGINT AS weight
    FROM '{usage}' JOIN resources ON resource = resource_id GROUP BY k, session;
CREATE TEMP TABLE metered AS
    SELECT k, sum(weight)::BIGINT AS metered, count(*) AS sessions FROM parties GROUP BY k;
"""

MATCHING = """
CREATE TEMP TABLE matching AS
    SELECT k, coalesce(billed, 0) AS billed, coalesce(metered, 0) AS metered, cost, sessions,
        CASE WHEN b.k IS NULL THEN 'missing_in_billing' WHEN m.k IS NULL THEN 'missing_in_usage'
            WHEN abs(billed - metered) * 100 <= abs(billed) THEN 'matched'
            ELSE 'quantity' END AS verdict
    FROM billed b FULL JOIN metered m USING (k);
COPY (SELECT resource, {meters}[meter_in(k)] AS meter, hour_in(k) AS hour, billed, metered, verdict
    FROM matching JOIN resources ON r = resource_in(k))
TO '{out}/matching.parquet' (FORMAT parquet);
"""

UTILIZATION = """
COPY (
    WITH hourly AS (
        SELECT CommitmentDiscountId AS commitment, hours(ChargePeriodStart) AS h,
            coalesce(sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Used'), 0) AS used,
            coalesce(sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Unused'), 0) AS unused
        FROM '{charges}' WHERE ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS NOT NULL
        GROUP BY ALL)
    SELECT commitment, make_timestamp(h::BIGINT * 3600000000) AS hour,
        ContractCommitmentCost::DECIMAL(38, 10) AS committed,
        used::DECIMAL(38, 10) AS used, unused::DECIMAL(38, 10) AS unused
    FROM hourly JOIN '{contracts}' ON commitment = ContractCommitmentId)
TO '{out}/utilization.parquet' (FORMAT parquet);
"""

SHARES = """
CREATE TEMP TABLE several AS
    SELECT p.k, session, abs(cost) * weight // metered AS floor,
        abs(cost) * weight % metered AS remainder, cost
    FROM parties p JOIN matching USING (k) WHERE sessions > 1 AND cost IS NOT NULL;
CREATE TEMP TABLE lacking AS
    SELECT k, abs(any_value(cost)) - sum(floor) AS units FROM several GROUP BY k;
COPY (
    WITH ranked AS (
        SELECT *, row_number() OVER (PARTITION BY k ORDER BY remainder DESC, session) AS place
        FROM several),
    shared AS (
        SELECT k, session, sign(cost) * (floor + (place <= units)::HUGEINT) AS units
        FROM ranked JOIN lacking USING (k)
        UNION ALL
        SELECT k, session, cost FROM parties JOIN matching USING (k)
        WHERE sessions = 1 AND cost IS NOT NULL)
    SELECT resource, {meters}[meter_in(k)] AS meter, hour_in(k) AS hour, session, usd(units) AS cost
    FROM shared JOIN resources ON r = resource_in(k))
TO '{out}/shares.parquet' (FORMAT parquet);
"""


def run(told: Arguments) -> None:
    """Write the tables; the words ``matching`` and ``scan`` ask for less."""
    names = {
        "charges": told.charges,
        "usage": told.usage,
        "contracts": told.contracts,
        "out": told.out,
        "meters": list(METERS),
        "unit": UNIT,
    }
    steps = [ENCODE, BILLED, METERED, MATCHING]
    if "matching" not in told.words:
        steps += [UTILIZATION, SHARES]
    spill: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(told.out / "spill")
    }
    if "TRUEUP_MEMORY_LIMIT" in os.environ:
        spill["memory_limit"] = os.environ["TRUEUP_MEMORY_LIMIT"]
    with duckdb.connect(config=spill) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        for step in steps:
            connection.execute(step.format_map(names))


if __name__ == "__main__":
    run(arguments())
