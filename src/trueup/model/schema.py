"""The columns of every table that is not FOCUS's own, in one place.

A schema is a pyarrow schema: name, type and nullability are the contract that readers write,
the core reads, reports show and exports publish. Amounts and quantities are decimal128(38, 18);
instants are UTC timestamps in microseconds; a figure that is not known is null, never zero.
"""

from __future__ import annotations

import pyarrow as pa

from trueup.model.columns import AMOUNT, COUNT, FLAG, INSTANT, KEY, TEXT, columns_as
from trueup.model.leg_schema import LEG_TABLES
from trueup.model.spend_schema import SPEND_TABLES

SOURCES = columns_as(
    source_id=pa.int32(),
    source=TEXT,  # the path or URL as it was given
    kind=TEXT,  # charges | commitments | usage | invoices | provider
    format=TEXT,  # focus-1.2, otlp-traces, litellm, table ...
    sha256=TEXT,
    size_bytes=COUNT,
    rows_in=COUNT,
    accepted=COUNT,
    rejected=COUNT,
    note=TEXT,  # what a reader wants a person to know, else null
)

REJECTS = columns_as(
    source_id=pa.int32(),
    source=TEXT,
    row_number=COUNT,  # 1 for the first data row or record of the file
    column=TEXT,  # the first column that could not be read, null when it is the row as a whole
    reason=TEXT,
    value=TEXT,  # at most 200 characters of what was read
    currency=TEXT,  # BillingCurrency where it could still be read
)

REPEATS = "duplicate of "  # begins the reason of a row that stands for one read elsewhere

USAGE = columns_as(
    usage_id=KEY,  # unique within the dataset
    source_id=pa.int32(),
    source_row=COUNT,
    window_start=INSTANT,
    window_end=INSTANT,  # exclusive; equal to window_start for an instant
    provider=TEXT,  # what the telemetry calls it, translated by the adapters' aliases
    account_id=TEXT,
    region_id=TEXT,
    resource_id=TEXT,
    model=TEXT,
    sku_id=TEXT,
    service_tier=TEXT,  # standard | batch | flex | priority | provisioned
    meter=TEXT,  # see METERS
    capacity=TEXT,  # allocated (capacity held) | busy (work done)
    quantity=AMOUNT,  # >= 0
    unit=TEXT,  # FOCUS unit format: Tokens, 1000 Tokens, GPU-Seconds, TPU-Chip-Hours, Calls ...
    session_id=TEXT,
    agent=TEXT,
    tool=TEXT,
    team=TEXT,
    cost_centre=TEXT,
    tags=TEXT,  # JSON object of the remaining attributes worth keeping, else null
)

INTERRUPTIBLE = "interruptible"  # the key of ``tags`` that says that work may be interrupted

METERS = (
    "input_tokens",  # uncached input only, whatever the source's own convention
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",  # reasoning tokens included
    "gpu",
    "tpu_chip",
    "instance",
    "vcpu",
    "requests",
    "tool_calls",
    "api_calls",
)

CONTROL_TOTALS = columns_as(
    source=TEXT,
    kind=TEXT,
    rows_in=COUNT,
    accepted=COUNT,
    rejected=COUNT,
    currency=TEXT,
    billed_cost=AMOUNT,
    effective_cost=AMOUNT,
)

COMMITMENT_ROWS = columns_as(
    commitment_id=TEXT,
    provider=TEXT,
    name=TEXT,
    category=TEXT,  # Spend | Usage
    type=TEXT,
    layer=TEXT,  # benefit | funding | agreement
    quantity_basis=TEXT,  # commitment_rate | effective_cost | normalized_units | unit_hours ...
    unit=TEXT,
    committed_quantity=AMOUNT,
    used_quantity=AMOUNT,
    unused_quantity=AMOUNT,
    overage_quantity=AMOUNT,
    unused_off_bill_quantity=AMOUNT,  # committed beyond the bill's used + unused; in no identity
    not_covered_quantity=AMOUNT,
    currency=TEXT,
    committed_cost=AMOUNT,
    used_cost=AMOUNT,
    unused_cost=AMOUNT,
    unused_off_bill_cost=AMOUNT,  # by the contract's fee, null without one
    purchased_cost=AMOUNT,  # BilledCost of Purchase rows: never added to used or unused
    utilization=AMOUNT,  # used within the commitment / committed, half-even at 18 decimals
    status=TEXT,  # complete | partial | not_covered
    provisional=FLAG,
    opening=AMOUNT,  # term commitments and lots only
    drawn=AMOUNT,
    expired=AMOUNT,
    remaining=AMOUNT,
    expires_at=INSTANT,
    reason=TEXT,  # why a figure is null
)

UTILIZATION = columns_as(
    commitment_id=TEXT,
    provider=TEXT,
    interval_start=INSTANT,
    interval_end=INSTANT,
    unit=TEXT,
    committed_quantity=AMOUNT,
    used_quantity=AMOUNT,
    unused_quantity=AMOUNT,
    overage_quantity=AMOUNT,
    unused_off_bill_quantity=AMOUNT,
    currency=TEXT,
    committed_cost=AMOUNT,
    used_cost=AMOUNT,
    unused_cost=AMOUNT,
    unused_off_bill_cost=AMOUNT,
    utilization=AMOUNT,
    provisional=FLAG,
    reason=TEXT,
)

BREAKS = pa.schema(
    [
        pa.field("id", TEXT),
        # timing quantity price missing_in_usage missing_in_billing duplicate commitment ...
        pa.field("class", TEXT),
        pa.field("leg", TEXT),  # commitment | usage | price | balance | invoice | restatement
        pa.field("provider", TEXT),
        pa.field("commitment_id", TEXT),
        pa.field("account_id", TEXT),
        pa.field("region_id", TEXT),
        pa.field("resource_id", TEXT),
        pa.field("model", TEXT),
        pa.field("meter", TEXT),
        pa.field("subject", TEXT),  # a lot, an invoice, a SKU, a pair of currencies: its name
        pa.field("period_start", INSTANT),
        pa.field("period_end", INSTANT),
        pa.field("billed", AMOUNT),  # quantity, in `unit`
        pa.field("expected", AMOUNT),
        pa.field("unit", TEXT),
        pa.field("amount", AMOUNT),  # money at stake: billed - expected, positive = overbilled
        pa.field("currency", TEXT),
        pa.field("priced_by", TEXT),  # bill | rate | observed, null when amount is null
        pa.field("rule", TEXT),  # the matching rule that compared the two sides
        pa.field("rows_billed", COUNT),
        pa.field("rows_metered", COUNT),
        pa.field("cause_id", TEXT),  # of ``causes``, where one explains several breaks
        pa.field("explanation", TEXT),  # one sentence for a person
    ]
)

PENDING = columns_as(
    provider=TEXT,
    account_id=TEXT,
    resource_id=TEXT,
    model=TEXT,
    meter=TEXT,
    period_start=INSTANT,
    period_end=INSTANT,
    expected=AMOUNT,
    unit=TEXT,
    amount=AMOUNT,
    currency=TEXT,
    expected_by=INSTANT,
    rows_metered=COUNT,
)

CREDITS = columns_as(
    lot_id=TEXT,
    commitment_id=TEXT,
    provider=TEXT,
    unit=TEXT,
    granted=AMOUNT,
    drawn=AMOUNT,
    expired=AMOUNT,
    remaining=AMOUNT,
    expires_at=INSTANT,
    compute_unit=TEXT,
    compute_units_per_credit=AMOUNT,
    cost_per_credit=AMOUNT,
    currency=TEXT,
)

ALLOCATIONS = columns_as(
    session=TEXT,
    agent=TEXT,
    tool=TEXT,
    team=TEXT,
    cost_centre=TEXT,
    provider=TEXT,
    model=TEXT,
    currency=TEXT,
    cost=AMOUNT,
    committed_cost=AMOUNT,  # of ``cost``: what commitments paid for; the rest was on demand
)

IDENTITY = columns_as(
    currency=TEXT,
    billed=AMOUNT,
    allocated=AMOUNT,
    unused=AMOUNT,
    unattributed=AMOUNT,
    difference=AMOUNT,  # zero, or the run failed
)

BILLED_IDENTITY = columns_as(  # the same on BilledCost: what was compared and what was not
    currency=TEXT,
    billed=AMOUNT,
    compared=AMOUNT,
    unused=AMOUNT,
    not_compared=AMOUNT,
    difference=AMOUNT,
)

STRADDLING = columns_as(  # charges that an edge of the period cuts, split by time
    source_id=pa.int32(),
    source_row=COUNT,
    period_start=INSTANT,
    period_end=INSTANT,
    currency=TEXT,
    effective_cost=AMOUNT,
    effective_cost_in_period=AMOUNT,
)

UNATTRIBUTED = columns_as(currency=TEXT, reason=TEXT, cost=AMOUNT, billed_cost=AMOUNT, rows=COUNT)

BUCKETS = columns_as(
    side=TEXT,  # billed | metered
    bucket=TEXT,  # matched | break | pending | out_of_scope
    reason=TEXT,
    rows=COUNT,
)

NOTES = columns_as(code=TEXT, subject=TEXT, text=TEXT, remedy=TEXT)

BURN_DOWN = columns_as(  # one row per commitment and day: what the report draws
    commitment_id=TEXT,
    provider=TEXT,
    day=INSTANT,
    unit=TEXT,
    committed_quantity=AMOUNT,
    used_quantity=AMOUNT,
    unused_quantity=AMOUNT,
    remaining=AMOUNT,  # term commitments and lots only
)

STATED_AT = {  # where what a provider says stands
    "source_id": pa.int32(),  # of ``sources`` of kind provider
    "source_row": COUNT,  # 1 for the first row of what its feed was normalised into
}

PROVIDER_UTILIZATION = columns_as(  # what the provider's own API says was used in an interval
    provider=TEXT,
    commitment_id=TEXT,
    interval_start=INSTANT,
    interval_end=INSTANT,
    committed=AMOUNT,
    used=AMOUNT,
    unused=AMOUNT,
    unit=TEXT,
    currency=TEXT,
    operation=TEXT,
    **STATED_AT,
)

PROVIDER_BALANCES = columns_as(  # what it says is left of a lot at an instant
    provider=TEXT,
    lot_id=TEXT,
    commitment_id=TEXT,
    kind=TEXT,
    granted=AMOUNT,
    drawn=AMOUNT,
    expired=AMOUNT,
    remaining=AMOUNT,
    unit=TEXT,
    currency=TEXT,
    starts_at=INSTANT,
    expires_at=INSTANT,
    at=INSTANT,
    operation=TEXT,
    **STATED_AT,
)

PROVIDER_RATES = columns_as(  # what it says a unit costs, from an instant on
    provider=TEXT,
    commitment_id=TEXT,
    sku_id=TEXT,
    sku=TEXT,
    unit=TEXT,
    price=AMOUNT,
    currency=TEXT,
    valid_from=INSTANT,
    valid_to=INSTANT,
    operation=TEXT,
    **STATED_AT,
)

RESULT_TABLES: dict[str, pa.Schema] = {
    "commitments": COMMITMENT_ROWS,
    "utilization": UTILIZATION,
    "breaks": BREAKS,
    "pending": PENDING,
    "allocations": ALLOCATIONS,
    "credits": CREDITS,
    "control_totals": CONTROL_TOTALS,
    "identity": IDENTITY,
    "billed_identity": BILLED_IDENTITY,
    "unattributed_by_reason": UNATTRIBUTED,
    "buckets": BUCKETS,
    "burn_down": BURN_DOWN,
    "straddling": STRADDLING,
    "sources": SOURCES,
    "rejects": REJECTS,
    "notes": NOTES,
    "provider_utilization": PROVIDER_UTILIZATION,
    "provider_balances": PROVIDER_BALANCES,
    "provider_rates": PROVIDER_RATES,
    **SPEND_TABLES,
    **LEG_TABLES,
}
