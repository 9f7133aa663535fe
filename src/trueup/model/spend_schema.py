"""The columns of what the matched figures are for: spend over time, activity, chargeback.

Amounts and quantities are decimal128(38, 18), instants UTC; a figure not known is null, never zero.
"""

from __future__ import annotations

import pyarrow as pa

from trueup.model.columns import AMOUNT, COUNT, INSTANT, TEXT, columns_as

SPEND = columns_as(  # what time cost whom: billed, or accrued until the charge arrives
    start=INSTANT,  # of an hour, or of the day or month by which the bill counts
    end=INSTANT,
    state=TEXT,  # billed | accrued: metered, without a charge yet, at the rate or the bill's price
    provider=TEXT,
    model=TEXT,
    meter=TEXT,
    commitment_id=TEXT,  # of what is unused; of what is accrued: what its rate draws on
    agent=TEXT,
    tool=TEXT,
    team=TEXT,
    cost_centre=TEXT,
    reason=TEXT,  # why it is attributed to nobody, as in unattributed_by_reason, or unused
    currency=TEXT,
    cost=AMOUNT,  # effective; of what is accrued null where no price is known
    committed_cost=AMOUNT,  # of ``cost``, what a commitment paid for; null where accrued
)

ACTIVITY = columns_as(  # what was metered of whom, hour by hour
    start=INSTANT,
    end=INSTANT,
    provider=TEXT,
    model=TEXT,
    meter=TEXT,
    capacity=TEXT,  # allocated (capacity held) | busy (work done)
    agent=TEXT,
    tool=TEXT,
    team=TEXT,
    cost_centre=TEXT,
    quantity=AMOUNT,
    unit=TEXT,
    rows=COUNT,  # usage rows; one of several hours counts in its first
    sessions=COUNT,  # distinct sessions in that hour; never added up over hours
)

STATEMENTS = columns_as(  # chargeback: a row for each unit of each level
    level=TEXT,  # company | business_unit | cost_centre | team
    business_unit=TEXT,
    cost_centre=TEXT,
    team=TEXT,
    currency=TEXT,
    usage=AMOUNT,
    unused=AMOUNT,
    unattributed=AMOUNT,
    exact=AMOUNT,  # usage + unused + unattributed
    rounding=AMOUNT,
    amount=AMOUNT,  # exact + rounding, in minor units of the currency
)

COST_LINES = columns_as(  # what statements are made of
    currency=TEXT,
    kind=TEXT,  # usage | unused | unattributed
    business_unit=TEXT,
    cost_centre=TEXT,
    team=TEXT,
    agent=TEXT,
    provider=TEXT,
    about=TEXT,  # the model | the commitment | the reason
    cost=AMOUNT,
)

JOURNAL = columns_as(
    day=pa.date32(),
    account=TEXT,
    cost_centre=TEXT,
    team=TEXT,
    currency=TEXT,
    debit=AMOUNT,
    credit=AMOUNT,
    text=TEXT,
)

SPEND_TABLES = {"spend": SPEND, "activity": ACTIVITY}
