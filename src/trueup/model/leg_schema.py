"""The columns of what the balance, price and invoice legs find; see ``model.schema`` for the rest.

Amounts and quantities are decimal128(38, 18), instants UTC; a figure not known is null, never zero.
"""

from __future__ import annotations

import pyarrow as pa

from trueup.model.columns import AMOUNT, COUNT, INSTANT, TEXT, columns_as

MOVEMENTS = columns_as(  # the ledger of every lot: what moved its balance, by time and kind
    lot_id=TEXT,
    commitment_id=TEXT,
    provider=TEXT,
    at=INSTANT,
    kind=TEXT,  # grant | drawdown | refund | adjustment | expiry | overage
    quantity=AMOUNT,  # signed as it moves the balance; overage moves none and is positive
    unit=TEXT,
    rows=COUNT,  # charges behind it; 0 where the contract or the clock says so
)

ROLL_FORWARD = columns_as(  # opening + granted - drawn + refunded + adjusted - expired = closing
    lot_id=TEXT,
    commitment_id=TEXT,
    provider=TEXT,
    span=TEXT,  # period | day
    start=INSTANT,
    end=INSTANT,
    unit=TEXT,
    opening=AMOUNT,
    granted=AMOUNT,
    drawn=AMOUNT,
    refunded=AMOUNT,
    adjusted=AMOUNT,
    expired=AMOUNT,
    closing=AMOUNT,
    overage=AMOUNT,  # beyond the lot: paid, but never a negative balance
    provider_closing=AMOUNT,  # the provider's own balance at ``end``, null where none is known
    difference=AMOUNT,  # closing - provider_closing
    reason=TEXT,  # why a figure is null
)

CLAIMS = columns_as(  # what the provider's own rules make of the bill, per commitment and interval
    claim_id=TEXT,  # that of its break
    provider=TEXT,
    commitment_id=TEXT,
    rule=TEXT,
    source=TEXT,  # the provider's page
    interval_start=INSTANT,
    interval_end=INSTANT,
    status=TEXT,  # claimable | indicated
    missing_evidence=TEXT,  # what is lacking for claimable
    billed=AMOUNT,  # what the payer was billed for the lines
    expected=AMOUNT,  # what the rules make of the same lines
    amount=AMOUNT,  # billed - expected
    currency=TEXT,
    lines=COUNT,
    arithmetic=TEXT,  # one line a support engineer can follow
)

CLAIM_LINES = columns_as(
    claim_id=TEXT,
    source_id=pa.int32(),
    source_row=COUNT,
    account_id=TEXT,
    resource_id=TEXT,
    sku=TEXT,
    interval_start=INSTANT,
    quantity=AMOUNT,
    unit=TEXT,
    billed=AMOUNT,
    expected=AMOUNT,
    difference=AMOUNT,
    currency=TEXT,
    billed_commitment=TEXT,
    expected_commitment=TEXT,
    expected_covered=AMOUNT,  # of ``quantity``
    arithmetic=TEXT,
)

INVOICES = columns_as(  # charges + purchases + ... + rounding = amount_due
    invoice_id=TEXT,
    issuer=TEXT,
    billing_account_id=TEXT,
    billing_period_start=INSTANT,
    billing_period_end=INSTANT,
    currency=TEXT,
    charges=AMOUNT,
    purchases=AMOUNT,
    tax=AMOUNT,
    support=AMOUNT,
    marketplace=AMOUNT,
    corrections=AMOUNT,
    credits=AMOUNT,  # negative
    prepaid_drawdown=AMOUNT,  # negative
    rounding=AMOUNT,
    amount_due=AMOUNT,  # the sum of the above
    invoiced=AMOUNT,  # what the invoice says, null without one
    difference=AMOUNT,  # invoiced - amount_due
    rows=COUNT,
    status=TEXT,  # agreed | differs | no_invoice | no_charges
)

INVOICE_BRIDGE = columns_as(  # from the usage period to what was invoiced, in steps that add up
    issuer=TEXT,
    currency=TEXT,
    step=COUNT,
    item=TEXT,
    amount=AMOUNT,
    explanation=TEXT,
)

AGREEMENTS = columns_as(  # progress of what only counts, one row a milestone
    commitment_id=TEXT,
    provider=TEXT,
    milestone=TEXT,
    due_at=INSTANT,
    basis=TEXT,  # what counts
    target=AMOUNT,
    counted=AMOUNT,
    excluded=AMOUNT,  # billed, and not eligible
    progress=AMOUNT,  # counted / target
    shortfall=AMOUNT,  # due, once ``due_at`` has passed
    unit=TEXT,
    status=TEXT,  # met | on_the_way | missed | unknown
    reason=TEXT,
)

CONVERSIONS = columns_as(  # charges priced in one currency and billed in another
    provider=TEXT,
    pricing_currency=TEXT,
    billing_currency=TEXT,
    day=INSTANT,
    priced=AMOUNT,  # in pricing_currency
    billed=AMOUNT,
    rate=AMOUNT,  # of the dated table, null where it has none
    rate_source=TEXT,
    expected=AMOUNT,  # priced x rate
    difference=AMOUNT,  # billed - expected: realised
    rows=COUNT,
)

FIGURES = columns_as(  # one figure as contract, bill and provider each say it
    commitment_id=TEXT,
    provider=TEXT,
    figure=TEXT,  # committed | used | unused | remaining ...
    interval_start=INSTANT,
    interval_end=INSTANT,
    unit=TEXT,
    contract=AMOUNT,
    bill=AMOUNT,
    provider_says=AMOUNT,
    verdict=TEXT,  # agree | contract_differs | bill_differs | provider_differs | all_differ
    compared=COUNT,  # how many of the three are known
    explanation=TEXT,
)

BREAK_ROWS = columns_as(  # the rows of both sides of every break
    break_id=TEXT,
    side=TEXT,  # billed | metered | contract | invoice | provider
    source_id=pa.int32(),  # of ``sources`` of that kind
    source_row=COUNT,
)

CAUSES = columns_as(  # one cause that explains many breaks, largest money first
    cause_id=TEXT,
    cause=TEXT,
    breaks=COUNT,
    amount=AMOUNT,  # gross: of the magnitudes
    net_amount=AMOUNT,
    currency=TEXT,
    explanation=TEXT,
    remedy=TEXT,
)

RESTATEMENTS = columns_as(  # how a period's charges differ from what an earlier run knew of them
    break_id=TEXT,
    provider=TEXT,
    kind=TEXT,  # added | removed | changed | correction
    billing_account_id=TEXT,
    account_id=TEXT,
    service=TEXT,
    sku=TEXT,
    resource_id=TEXT,
    commitment_id=TEXT,
    category=TEXT,
    status=TEXT,  # Used | Unused, of a commitment
    period_start=INSTANT,
    period_end=INSTANT,
    currency=TEXT,
    effective_before=AMOUNT,
    effective_after=AMOUNT,
    effective_delta=AMOUNT,
    billed_before=AMOUNT,
    billed_after=AMOUNT,
    billed_delta=AMOUNT,
    unit=TEXT,  # null where the item's rows have several
    quantity_before=AMOUNT,
    quantity_after=AMOUNT,
    quantity_delta=AMOUNT,
    rows_before=COUNT,
    rows_after=COUNT,
)

BREAK_STATES = columns_as(  # what is known of each break over the runs of a workspace
    id=TEXT,
    state=TEXT,  # open | explained | written_off | deferred | cleared
    reason=TEXT,  # why it is open again, or which run cleared it
    first_seen=INSTANT,
    last_seen=INSTANT,
    age_days=COUNT,
    age_bucket=TEXT,  # 0-1 | 2-7 | 8-30 | 31-60 | 60+
    owner=TEXT,
    note=TEXT,
    deferred_until=INSTANT,
    decided_by=TEXT,
    decided_at=INSTANT,
    cleared_by=TEXT,  # the run that no longer found it
)

TRUE_UPS = columns_as(  # journal deltas of closed periods, posted into this one
    closed_period=TEXT,
    **{field.name: field.type for field in RESTATEMENTS if field.name != "break_id"},
)

LEG_TABLES: dict[str, pa.Schema] = {
    "movements": MOVEMENTS,
    "roll_forward": ROLL_FORWARD,
    "claims": CLAIMS,
    "claim_lines": CLAIM_LINES,
    "invoices": INVOICES,
    "invoice_bridge": INVOICE_BRIDGE,
    "agreements": AGREEMENTS,
    "conversions": CONVERSIONS,
    "figures": FIGURES,
    "causes": CAUSES,
    "break_rows": BREAK_ROWS,
    "restatements": RESTATEMENTS,
    "break_states": BREAK_STATES,
    "true_ups": TRUE_UPS,
}
