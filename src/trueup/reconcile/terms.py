"""What the contract says of a commitment: its figure per interval, its term, its layer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trueup.errors import UsageError
from trueup.period import Period, interval_kind, intervals_in, parse_instant

HOURLY, DAILY, FULL_PERIOD = "hourly", "daily", "full period"
SPEND = "Spend"
BENEFIT, FUNDING, AGREEMENT = "benefit", "funding", "agreement"


@dataclass(frozen=True)
class Terms:
    """One contract row. ``figure`` is its committed quantity, in ``unit``, as the row writes it."""

    commitment_id: str
    provider: str | None
    name: str | None
    category: str | None
    type: str | None
    layer: str
    quantity_basis: str | None
    unit: str | None
    currency: str | None
    figure: Decimal | None
    per: str | None  # interval | term | None: not stated
    fee: Decimal | None
    interval: str | None
    start: datetime
    end: datetime
    opening: Decimal | None
    opening_at: datetime | None
    compute_unit: str | None
    compute_units_per_credit: Decimal | None
    cost_per_credit: Decimal | None
    applies_to: str | None
    lifecycle: str | None
    updated: datetime | None = None
    contract_id: str | None = None
    pool: str | None = None
    priority: Decimal | None = None
    draw_order: str | None = None
    rollover: Decimal | None = None
    adjustments: str | None = None
    overage_rate: Decimal | None = None
    milestones: str | None = None
    eligibility: str | None = None
    source_id: int | None = None  # where the contract was read
    source_row: int | None = None

    @property
    def is_lot(self) -> bool:
        """Whether it is a balance that charges draw on; an agreement only counts them."""
        return self.is_term and self.layer != AGREEMENT

    @property
    def is_promotional(self) -> bool:
        """Given, not bought: it lowers what is billed, and nothing of it is a used commitment."""
        return self.layer == FUNDING and "promo" in (self.type or "").lower()

    @property
    def credits_the_bill(self) -> bool:
        """Promotional money: Credit charges draw on it, and lower what is billed themselves."""
        return self.is_promotional and not self.compute_units_per_credit

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        """The contract as the row behind a break; see ``reconcile.leg``."""
        if self.source_id is None or self.source_row is None:
            return []
        return [("contract", self.source_id, self.source_row)]

    @property
    def is_term(self) -> bool:
        """Whether it is drawn down over its term rather than used or lost each interval."""
        return self.interval == FULL_PERIOD or self.layer != BENEFIT

    @property
    def counts(self) -> bool:
        """A contract that is only proposed or pending commits nothing yet."""
        return self.lifecycle not in ("Proposed", "Pending")

    def active(self, period: Period) -> Period | None:
        """The part of the period in which the commitment is active."""
        start, end = max(self.start, period.start), min(self.end, period.end)
        return Period(start, end) if start < end and self.counts else None

    def intervals(self, window: Period) -> int:
        """How many whole fulfilment intervals of the term lie in the window."""
        if self.interval is None:
            return 0
        return intervals_in(self.interval, window.start, window.end, anchor=_anchor(self))


def _anchor(terms: Terms) -> datetime:
    """Intervals are calendar hours, days and months in UTC, as bills state them."""
    day = terms.start.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if terms.interval not in (HOURLY, DAILY, "weekly") else day


def read_terms(row: Mapping[str, Any]) -> Terms:
    """A row of the commitments table as terms; ContractCommitmentCost is the figure of Spend.

    FOCUS 1.3 states no fulfilment interval: a benefit is used or lost by the hour, as plans and
    reservations are, anything else is drawn down over its term.
    """
    spend = row["ContractCommitmentCategory"] == SPEND
    cost, quantity = row["ContractCommitmentCost"], row["ContractCommitmentQuantity"]
    in_money = spend and cost is not None
    interval = row["ContractCommitmentFulfillmentInterval"]
    layer = row["x_Layer"] or BENEFIT
    return Terms(
        commitment_id=row["ContractCommitmentId"],
        provider=row["x_Provider"],
        name=row["ContractCommitmentDescription"],
        category=row["ContractCommitmentCategory"],
        type=row["ContractCommitmentType"],
        layer=layer,
        quantity_basis=row["x_QuantityBasis"],
        unit=row["BillingCurrency"] if in_money else row["ContractCommitmentUnit"],
        currency=row["BillingCurrency"],
        figure=cost if in_money else quantity,
        per=row["x_Per"],
        fee=row["x_Fee"],
        interval=_interval(interval) or (HOURLY if layer == BENEFIT else FULL_PERIOD),
        start=row["ContractCommitmentPeriodStart"],
        end=row["ContractCommitmentPeriodEnd"],
        opening=row["x_OpeningQuantity"],
        opening_at=row["x_OpeningAt"],
        compute_unit=row["x_ComputeUnit"],
        compute_units_per_credit=row["x_ComputeUnitsPerCredit"],
        cost_per_credit=row["x_CostPerCredit"],
        applies_to=row["x_AppliesTo"],
        lifecycle=row["ContractCommitmentLifecycleStatus"],
        updated=row["ContractCommitmentLastUpdated"],
        contract_id=row["ContractId"],
        pool=row["x_Pool"],
        priority=row["x_Priority"],
        draw_order=row["x_DrawOrder"],
        rollover=row["x_Rollover"],
        adjustments=row["x_Adjustments"],
        overage_rate=row["x_OverageRate"],
        milestones=row["x_Milestones"],
        eligibility=row["x_Eligibility"],
        source_id=row["x_SourceId"],
        source_row=row["x_SourceRow"],
    )


def dated_amounts(
    text: str | None, at: str, amount: str, subject: str
) -> list[tuple[datetime, Fraction]]:
    """The ``Elements`` of a contract's JSON column as instants and amounts, in order of time.

    Raises UsageError that names the commitment where the text has another shape.
    """
    try:
        elements = json.loads(text, parse_float=Decimal)["Elements"] if text else []
        return sorted(
            (parse_instant(one[at]), Fraction(Decimal(str(one[amount])))) for one in elements
        )
    except (UsageError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise UsageError(
            f"{subject}: {text} is not of the form "
            f'{{"Elements": [{{"{at}": "2026-10-01T00:00:00Z", "{amount}": "1.00"}}]}}'
        ) from error


def latest(terms: Sequence[Terms]) -> tuple[list[Terms], list[str]]:
    """One row per commitment, the one updated last, and the ids that had several rows.

    Exports of several months hold the same contract again and again.
    """
    newest: dict[str, Terms] = {}
    repeated: dict[str, None] = {}
    for term in terms:
        known = newest.get(term.commitment_id)
        if known is not None:
            repeated[term.commitment_id] = None
            if (term.updated or term.start) < (known.updated or known.start):
                continue
        newest[term.commitment_id] = term
    return list(newest.values()), list(repeated)


def _interval(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return interval_kind(text)
    except UsageError:  # Transactional, Custom: no interval that time alone defines
        return FULL_PERIOD


def per_interval(terms: Terms, billed: Fraction | None) -> tuple[Fraction | None, str | None]:
    """The figure of one fulfilment interval, and how the contract's figure was read.

    FOCUS does not say whether ContractCommitmentCost is of one interval or of the whole term, and
    real files write both. ``x_Per`` decides; without it the reading that is nearer, as a ratio, to
    ``billed`` (used + unused in an interval) is taken: the two are thousands of times apart.
    """
    if terms.figure is None:
        return None, None
    figure = Fraction(terms.figure)
    count = terms.intervals(Period(terms.start, terms.end))
    if terms.per == "interval" or count <= 1:
        return figure, "per interval"
    if terms.per == "term":
        return figure / count, "per term"
    if not billed:
        return (figure, "per interval") if terms.lifecycle else (figure / count, "per term")
    as_interval, as_term = figure / billed, figure / count / billed
    if _distance(as_term) < _distance(as_interval):
        return figure / count, "per term"
    return figure, "per interval"


def _distance(ratio: Fraction) -> Fraction:
    return max(ratio, 1 / ratio) if ratio > 0 else Fraction(10**18)
