"""The columns of what the matched figures are for: spend over time, activity, chargeback.

Amounts and quantities are decimal128(38, 18), instants UTC; a figure not known is null, never zero.
"""

from __future__ import annotations

import pyarrow as pa

from trueup.model.columns import AMOUNT, COUNT, FLAG, INSTANT, TEXT, columns_as

SPEND = columns_as(  # what time cost whom: billed, or accrued until the charge arrives
    start=INSTANT,  # of the UTC hour, day or month, or of charges that keep none of these
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
    drawn=AMOUNT,  # of what is accrued: what its rate draws on ``commitment_id``, in ``currency``
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

SESSION_COSTS = columns_as(  # what sessions cost, step by step; each metered row counts once
    session=TEXT,
    agent=TEXT,
    called_by=TEXT,  # the agent that called this one in the session, where that is one and known
    tool=TEXT,
    team=TEXT,
    cost_centre=TEXT,
    provider=TEXT,
    model=TEXT,
    meter=TEXT,
    kind=TEXT,  # compute | tokens | calls
    basis=TEXT,  # billed | accrued | rated | capacity | unrated
    quantity=AMOUNT,  # null where the cost is shared by what another meter counted
    unit=TEXT,
    reasoning=AMOUNT,  # of ``quantity``, what was reasoning; null where nobody told
    currency=TEXT,
    cost=AMOUNT,  # null where no price is known, or it stands with the capacity that served it
    committed_cost=AMOUNT,  # of ``cost``: what commitments paid for; null where accrued
)

RATED = columns_as(  # what no bill holds, priced by the rules: the rated rows of SESSION_COSTS
    start=INSTANT,  # hour by hour
    end=INSTANT,
    provider=TEXT,
    model=TEXT,
    meter=TEXT,
    agent=TEXT,
    tool=TEXT,
    team=TEXT,
    cost_centre=TEXT,
    quantity=AMOUNT,
    unit=TEXT,
    currency=TEXT,
    cost=AMOUNT,  # by tiers: what the hour adds to the month so far
    committed_cost=AMOUNT,  # of ``cost``: what its rate draws on a commitment
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

BURNED = columns_as(  # what was burned, one row for each interval that the bill states
    by=TEXT,  # commitment | team
    commitment_id=TEXT,
    provider=TEXT,  # of the commitment
    team=TEXT,
    reason=TEXT,  # why it is nobody's: as in ``spend``, or no_team; null for a commitment
    measure=TEXT,  # quantity (in the commitment's own unit) | cost (effective)
    unit=TEXT,  # of the quantity, or the currency
    start=INSTANT,
    end=INSTANT,
    state=TEXT,  # billed | accrued; of a commitment's interval one of them
    amount=AMOUNT,  # null where not known
    unknown=COUNT,  # figures that are not known, and so not in ``amount``
)

BURN = columns_as(  # how fast it burns, one row for each series of BURNED
    by=TEXT,
    commitment_id=TEXT,
    provider=TEXT,
    team=TEXT,
    reason=TEXT,
    measure=TEXT,
    unit=TEXT,
    since=INSTANT,
    until=INSTANT,  # the last whole hour that is known
    billed=AMOUNT,  # of all that is known
    accrued=AMOUNT,
    unknown=COUNT,
    per_hour=AMOUNT,  # of the last 24 hours before ``until``; null where less is known
    per_day=AMOUNT,  # of the last 7 days
    per_week=AMOUNT,  # of the last 28 days
)

RUNWAY = columns_as(  # how far a commitment reaches at its burn, one row each
    commitment_id=TEXT,
    provider=TEXT,
    layer=TEXT,
    unit=TEXT,
    currency=TEXT,
    at=INSTANT,  # until when its burn is known; by the interval: until when it is billed
    basis=TEXT,  # last_7_days | last_24_hours: what ``per_day`` is of
    per_day=AMOUNT,
    remaining=AMOUNT,  # of what is drawn down, less what is accrued
    needed_per_day=AMOUNT,  # what would just use it up by its expiry
    exhausted_at=INSTANT,
    expires_at=INSTANT,
    breakage=AMOUNT,  # left at expiry at this burn; by the interval: unused, over the basis
    breakage_cost=AMOUNT,
    overage=AMOUNT,  # wanted beyond it until expiry; by the interval: over the basis
    overage_cost=AMOUNT,
    verdict=TEXT,  # too_slow | too_fast | on_course; null where not known
    reason=TEXT,  # why a figure is null
    text=TEXT,  # what it means and what next, for a person
)

ANOMALIES = columns_as(  # a row for each excess, from the finest side that shows it
    day=pa.date32(),  # UTC
    measure=TEXT,  # spend | quantity | price | utilization
    provider=TEXT,  # null: of all, as in the columns below
    model=TEXT,
    meter=TEXT,
    commitment_id=TEXT,
    agent=TEXT,
    team=TEXT,
    currency=TEXT,
    money=AMOUNT,  # what it cost more than expected; negative: less
    actual=AMOUNT,  # money, units, money per unit, or used / committed
    expected=AMOUNT,
    low=AMOUNT,  # estimated limits of what is usual
    high=AMOUNT,
    unit=TEXT,  # of quantities, and of what a price is of
    quantity_effect=AMOUNT,  # of ``money`` of spend: more used, at the usual price
    price_effect=AMOUNT,  # what was used, at more than the usual price
    other_effect=AMOUNT,  # the rest: of what nothing meters
    drivers=TEXT,  # what made most of it, the largest first
    also=TEXT,  # other sides that show the same excess
    days=COUNT,  # that the day was compared with
    weekly=FLAG,  # whether with the same weekday
)

EFFICIENCY = columns_as(  # a row for each name, currency and span of time
    start=INSTANT,
    end=INSTANT,
    by=TEXT,  # model | agent | team
    name=TEXT,  # null: of none that is named
    currency=TEXT,  # null: of what was metered where nothing was billed
    cost=AMOUNT,  # of use, with what is accrued
    tokens=AMOUNT,
    requests=AMOUNT,
    tool_calls=AMOUNT,
    sessions=COUNT,  # distinct, of the whole period only
    gpu_hours_held=AMOUNT,
    gpu_hours_busy=AMOUNT,
    gpu_utilization=AMOUNT,  # busy / held
    chip_hours_held=AMOUNT,  # of TPUs
    chip_hours_busy=AMOUNT,
    chip_utilization=AMOUNT,
    tokens_per_credit=AMOUNT,  # of one unit of the currency, as the next two
    requests_per_credit=AMOUNT,
    sessions_per_credit=AMOUNT,
    tokens_per_gpu_hour=AMOUNT,  # of one held, as the next two
    requests_per_gpu_hour=AMOUNT,
    sessions_per_gpu_hour=AMOUNT,
    cost_per_million_tokens=AMOUNT,
)

DRIVERS = columns_as(  # what drives cost, and what changed against a time before
    currency=TEXT,
    basis=TEXT,  # bill: billed or accrued | rated: in no bill, priced by the rules
    name=TEXT,  # team, agent, tool or model; null: nobody's
    reason=TEXT,  # why it is nobody's, where that is known
    before=AMOUNT,
    now=AMOUNT,
    accrued=AMOUNT,  # of ``now``
    change=AMOUNT,  # now - before; the next five add up to it
    quantity=AMOUNT,  # more or less was used, at the price of before
    price=AMOUNT,  # what is used now costs more or less each
    new=AMOUNT,  # models and meters that only now has
    gone=AMOUNT,  # those that only the time before had
    other=AMOUNT,  # what has no quantity
    state=TEXT,  # new | gone, where only one of the times knows the name
)

UNUSED_TRACE = columns_as(  # unused commitment, and what happened at its provider meanwhile
    commitment_id=TEXT,
    provider=TEXT,
    currency=TEXT,
    unit=TEXT,
    unused_quantity=AMOUNT,
    unused_cost=AMOUNT,
    intervals=COUNT,
    hours=COUNT,  # 0: its intervals are too long to tell in which hours it was unused
    idle_cost=AMOUNT,  # of the bill
    idle=pa.list_(  # capacity held and not busy
        pa.struct({"meter": TEXT, "unit": TEXT, "quantity": AMOUNT})
    ),
    quiet=pa.list_(  # teams that cost less than in the same hours a week before
        pa.struct({"team": TEXT, "less": AMOUNT, "sessions": COUNT, "sessions_before": COUNT})
    ),
)

SESSIONS = columns_as(  # what sessions cost as a whole, a row for each and its currency
    session=TEXT,  # null: of no session
    currency=TEXT,
    billed=AMOUNT,
    accrued=AMOUNT,
    rated=AMOUNT,
    cost=AMOUNT,  # the three together
    committed_cost=AMOUNT,  # of billed and rated, what commitments paid for
    on_demand_cost=AMOUNT,  # the rest of these two
)

SPEND_TABLES = {
    "spend": SPEND,
    "activity": ACTIVITY,
    "session_costs": SESSION_COSTS,
    "rated": RATED,
}
