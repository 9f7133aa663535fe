"""The one ledger: what happened, what was billed for it, and what was planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.world.contracts import Contract

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZERO = Decimal(0)
IDLE = "idle"

Value = Decimal | datetime | str | dict[str, object] | None


class Party(NamedTuple):
    """Who used something; nobody known is five times None."""

    session: str | None = None
    agent: str | None = None
    tool: str | None = None
    team: str | None = None
    cost_centre: str | None = None


NOBODY = Party()


@dataclass(frozen=True)
class Call:
    """One answer of a model: the instant, what served it, its tokens by meter, and for whom."""

    at: datetime
    provider: str
    account: str
    region: str
    model: str
    party: Party
    tokens: Mapping[str, int]  # meter -> tokens; input_tokens are the uncached ones
    resource: str | None = None  # the deployment, where capacity is provisioned


@dataclass(frozen=True)
class Charge:
    """One row of a bill, in FOCUS columns."""

    provider: str
    file: str
    values: Mapping[str, Value]

    @property
    def effective(self) -> Decimal:
        return _decimal(self.values["EffectiveCost"])

    @property
    def billed(self) -> Decimal:
        return _decimal(self.values["BilledCost"])

    @property
    def currency(self) -> str:
        return str(self.values["BillingCurrency"])

    @property
    def start(self) -> datetime:
        return _instant(self.values["ChargePeriodStart"])

    @property
    def end(self) -> datetime:
        return _instant(self.values["ChargePeriodEnd"])


def _decimal(value: Value) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is no amount")
    return value


def _instant(value: Value) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is no instant")
    return value


@dataclass(frozen=True)
class Malformed:
    """A row of a bill that cannot be read: a charge with one value spoilt."""

    charge: Charge
    column: str
    text: str


@dataclass
class Cell:
    """One thing in one hour or day, both sides of it, and what the ledger knows about them.

    Quantities are in ``unit``, the bill's. ``weights`` are whole numbers in any one measure.
    """

    verdict: str  # matched | quantity | duplicate | timing | missing_in_usage | ...
    provider: str
    meter: str
    start: datetime
    end: datetime
    unit: str
    currency: str
    billed: Decimal = ZERO
    metered: Decimal = ZERO
    cost: Decimal = ZERO
    weights: dict[Party | str, int] = field(default_factory=dict)
    resource: str | None = None  # named where the break is that of a resource
    model: str | None = None
    price: Decimal | None = None  # of one ``unit``
    extra: Decimal = ZERO  # billed quantity of superfluous copies
    extra_cost: Decimal = ZERO
    rows: int = 1  # of the bill


@dataclass(frozen=True)
class Outside:
    """A charge that telemetry cannot confirm, and the reason it stands under."""

    provider: str
    reason: str
    currency: str
    cost: Decimal
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Covered:
    """What the bill says of a benefit commitment in one interval."""

    commitment: str
    start: datetime
    currency: str
    used: Decimal
    unused: Decimal
    used_cost: Decimal
    unused_cost: Decimal


@dataclass(frozen=True)
class Drawing:
    """What one charge took from a term commitment or lot, in the commitment's own unit."""

    commitment: str
    start: datetime
    quantity: Decimal


@dataclass
class Ledger:
    """Everything about one company over one period."""

    seed: int
    start: datetime
    end: datetime
    charges: list[Charge] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    earlier: list[Charge] = field(default_factory=list)  # on the bill, before the period
    drawings: list[Drawing] = field(default_factory=list)
    purchased: dict[str, Decimal] = field(default_factory=dict)  # fees billed, by commitment
    lots: list[Contract] = field(default_factory=list)  # beyond the contracts of every world
    bases: dict[str, str] = field(default_factory=dict)  # in what a commitment counts, where said

    @property
    def as_of(self) -> datetime:
        """A day and a half after the period: some bills are final by then and some are late."""
        return self.end + 36 * HOUR

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def hours(self) -> list[datetime]:
        return [self.start + number * HOUR for number in range(24 * self.days)]

    def at(self, day: int, hour: int) -> datetime:
        """The instant of an hour on a day of the period, both from 0."""
        return self.start + day * DAY + hour * HOUR

    def draw(self, commitment: str, start: datetime, quantity: Decimal) -> None:
        self.drawings.append(Drawing(commitment, start, quantity))

    def put_outside(self, charge: Charge, reason: str) -> None:
        self.charges.append(charge)
        start, end = charge.start, charge.end
        self.outside.append(
            Outside(charge.provider, reason, charge.currency, charge.effective, start, end)
        )


def month_of(instant: datetime) -> tuple[datetime, datetime]:
    """The calendar month an instant lies in, as a half-open interval."""
    first = instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + 32 * DAY).replace(day=1)
