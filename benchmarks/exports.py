"""The same month in other forms: a CUR 2.0 export, OTLP spans, a file a day."""

from __future__ import annotations

from pathlib import Path

import duckdb

SPANS_PER_LINE = 50
DAYS = 31

CUR_FILE = "cur.parquet"
CUR = """
SELECT BillingPeriodStart AS bill_billing_period_start_date,
    BillingPeriodEnd AS bill_billing_period_end_date, InvoiceId AS bill_invoice_id,
    InvoiceIssuerName AS bill_invoicing_entity, BillingAccountId AS bill_payer_account_id,
    BillingAccountName AS bill_payer_account_name, SubAccountId AS line_item_usage_account_id,
    'account ' || SubAccountId AS line_item_usage_account_name,
    PublisherName AS line_item_legal_entity,
    CASE WHEN ChargeCategory = 'Purchase' THEN 'SavingsPlanUpfrontFee'
        WHEN CommitmentDiscountStatus = 'Used' THEN 'SavingsPlanCoveredUsage'
        WHEN CommitmentDiscountStatus = 'Unused' THEN 'SavingsPlanRecurringFee'
        ELSE 'Usage' END AS line_item_line_item_type,
    ChargePeriodStart AS line_item_usage_start_date, ChargePeriodEnd AS line_item_usage_end_date,
    'AmazonBedrock' AS line_item_product_code, SkuMeter AS line_item_usage_type,
    'InvokeModel' AS line_item_operation, ResourceId AS line_item_resource_id,
    ConsumedQuantity::DOUBLE AS line_item_usage_amount, BillingCurrency AS line_item_currency_code,
    ListCost::DOUBLE AS line_item_unblended_cost,
    ChargeDescription AS line_item_line_item_description, ConsumedUnit AS pricing_unit,
    BillingCurrency AS pricing_currency, ListCost::DOUBLE AS pricing_public_on_demand_cost,
    SkuId AS pricing_rate_code, MAP {{'product_name': 'Amazon Bedrock'}} AS product,
    'US East (N. Virginia)' AS product_location, RegionId AS product_region_code,
    SkuId AS product_sku, CommitmentDiscountId AS savings_plan_savings_plan_a_r_n,
    CASE WHEN CommitmentDiscountId IS NOT NULL THEN 'ComputeSavingsPlans' END
        AS savings_plan_offering_type,
    CASE WHEN CommitmentDiscountStatus = 'Used' THEN EffectiveCost::DOUBLE END
        AS savings_plan_savings_plan_effective_cost,
    CASE WHEN CommitmentDiscountStatus = 'Unused' THEN EffectiveCost::DOUBLE END
        AS savings_plan_total_commitment_to_date,
    CASE WHEN CommitmentDiscountStatus = 'Unused' THEN 0::DOUBLE END
        AS savings_plan_used_commitment,
    MAP {{'user_team': 'search'}} AS resource_tags
FROM '{month}/charges.parquet'
"""

ATTRIBUTE = """'{{"key":"{key}","value":{{"{kind}":"' || {value} || '"}}}}'"""
SPAN = """'{"traceId":"' || session_id || '","spanId":"' || lpad(to_hex(i), 16, '0')
    || '","parentSpanId":"","name":"chat","startTimeUnixNano":"' || epoch_ns(window_start)
    || '","endTimeUnixNano":"' || epoch_ns(window_start) + 4000000000
    || '","attributes":[' || concat_ws(',', {attributes}) || ']}'"""
ATTRIBUTES = {
    ("gen_ai.operation.name", "stringValue"): "'chat'",
    ("gen_ai.provider.name", "stringValue"): "provider",
    ("gen_ai.request.model", "stringValue"): "'haiku'",
    ("gen_ai.response.id", "stringValue"): "'resp-' || i",
    ("gen_ai.conversation.id", "stringValue"): "session_id",
    ("gen_ai.agent.name", "stringValue"): "agent",
    ("gen_ai.usage.input_tokens", "intValue"): "quantity",
    ("gen_ai.usage.output_tokens", "intValue"): "quantity // 4",
}


def cur_of(month: Path) -> Path:
    """``cur.parquet`` of a month: costs are binary floats, as in AWS's own files."""
    file = month / CUR_FILE
    if not file.exists():
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            query = CUR.format(month=month)
            connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
    return file


def spans_of(month: Path) -> Path:
    """``spans.jsonl``: a span for each usage row, as a collector's file exporter writes them."""
    file = month / "spans.jsonl"
    if not file.exists():
        attributes = ", ".join(
            ATTRIBUTE.format(key=key, kind=kind, value=value)
            for (key, kind), value in ATTRIBUTES.items()
        )
        span = SPAN.replace("{attributes}", attributes)
        head = '{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"spans":['
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"""COPY (SELECT '{head}' || string_agg(span, ',' ORDER BY i) || ']}}]}}]}}'
                    FROM (SELECT i, {span} AS span FROM (
                        SELECT row_number() OVER () AS i, * FROM '{month}/usage.parquet'))
                    GROUP BY i // {SPANS_PER_LINE} ORDER BY i // {SPANS_PER_LINE})
                TO '{file}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"""
            )
    return file


def days_of(month: Path, folder: Path) -> None:
    """Charges and usage, a file a day, in the folder; the contracts as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, time in (("charges", "ChargePeriodStart"), ("usage", "window_start")):
            for day in range(1, DAYS + 1):
                connection.execute(
                    f"""COPY (SELECT * FROM '{month}/{name}.parquet' WHERE day({time}) = {day})
                    TO '{folder}/{name}-{day:02}.parquet' (FORMAT parquet, COMPRESSION zstd)"""
                )
    (folder / "contracts.parquet").write_bytes((month / "contracts.parquet").read_bytes())


def first_of(file: Path) -> Path:
    """The file's first row, in a file beside it."""
    first = file.with_stem(f"{file.stem}-first")
    if not first.exists():
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"COPY (SELECT * FROM '{file}' LIMIT 1) TO '{first}' (FORMAT parquet)"
            )
    return first
