"""Rules a user gives to a reconciliation: tolerances, conversions, rates, names.

They come as a TOML file, a dictionary or a ``Rules`` object, and are small, so pydantic checks
every key. See docs/reference/rules.md for each key with an example.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from trueup.errors import ConfigurationError, UnitError
from trueup.model.map_file import with_map_file
from trueup.model.mistakes import close_to, explain
from trueup.model.rate_file import with_rate_file
from trueup.model.schema import METERS
from trueup.toml import read_toml
from trueup.units import parse_unit

Leg = Literal["commitment", "usage", "price", "balance", "invoice", "restatement"]


_ENDLESS = re.compile(r".{81}|[eE][+-]?\d{3}", re.DOTALL)


def _exact(value: object) -> object:
    if isinstance(value, float):
        raise ValueError('write the number in quotes, as "0.05": a bare decimal is not exact')
    if isinstance(value, str | Decimal) and _ENDLESS.search(str(value)):
        raise ValueError("longer than any amount: at most 80 characters, and two of an exponent")
    return value


def _fraction(value: object) -> object:
    value = _exact(value)
    return Fraction(str(value)) if isinstance(value, int | str | Decimal) else value


def _patterns(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, pattern in value.items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"in {name}, {pattern!r} is no regular expression: {error}") from None
    return value


def _meter(value: str) -> str:
    if value not in METERS:
        raise ValueError(f"{close_to(value, METERS)}it is one of {', '.join(METERS)}")
    return value


def _readable_unit(value: str) -> str:
    try:
        parse_unit(value)
    except UnitError as error:
        raise ValueError(str(error)) from None
    return value


Exact = Annotated[Decimal, BeforeValidator(_exact)]
ExactFraction = Annotated[Fraction, BeforeValidator(_fraction)]
Match = Annotated[Mapping[str, str], AfterValidator(_patterns)]  # all must match
Meter = Annotated[str, AfterValidator(_meter)]
UnitText = Annotated[str, AfterValidator(_readable_unit)]  # in the unit format of FOCUS

# What a rate's ``match`` calls a column of usage -> the charge's column.
OF_USAGE = {
    "provider": "x_Provider",
    "account": "SubAccountId",
    "account_id": "SubAccountId",
    "region": "RegionId",
    "region_id": "RegionId",
    "resource": "ResourceId",
    "resource_id": "ResourceId",
    "sku_id": "SkuId",
}


class Strict(BaseModel):
    """Unknown keys are mistakes, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Tolerance(Strict):
    """How far billed and metered may be apart before it is a break: the lesser of both limits."""

    leg: Leg = "usage"
    provider: str | None = None
    relative: Exact = Decimal("0.01")  # of the billed quantity, boundary included
    absolute: Exact | None = None  # of the money at stake, boundary included
    days: int = Field(default=1, ge=0)  # how far apart in time the same quantity is `timing`
    period_relative: Exact = Decimal("0.005")  # of a SKU's billed quantity over the period


class Factor(Strict):
    """A dated conversion between dimensions: one billed unit holds ``count`` metered units."""

    match: Match  # charge column -> regular expression
    meter: Meter  # gpu | tpu_chip | vcpu | instance ...
    count: ExactFraction
    valid_from: date | None = None
    valid_to: date | None = None
    source: str  # the page or document that says so


class MeterRule(Strict):
    """Says by which meter a charge is measured, where its SKU does not tell."""

    match: Match  # charge column -> regular expression
    meter: Meter
    model: str | None = None
    tier: str | None = None
    capacity: Literal["allocated", "busy"] | None = None


class Tier(Strict):
    """The price of a calendar month's units after those of the tiers before, up to ``up_to``."""

    price: Annotated[Exact, Field(ge=0)]
    up_to: Annotated[Exact, Field(gt=0)] | None = None  # None: the last, all that is left


def _tiers(value: tuple[Tier, ...]) -> tuple[Tier, ...]:
    limits = [tier.up_to for tier in value]
    if value and limits.pop() is not None:
        raise ValueError("the last tier has no up_to: it holds all that is left")
    known = [limit for limit in limits if limit is not None]
    if known != limits or known != sorted({*known}):
        raise ValueError("every tier but the last has an up_to, each above the one before")
    return value


class Rate(Strict):
    """A contract price: what one unit costs on demand and, if it may draw one, by a commitment.

    With ``tiers``, what is metered and not billed costs by them, month by month; ``price`` is that
    of the first.
    """

    match: Match  # usage or charge column -> regular expression
    meter: Meter
    unit: UnitText
    price: Exact
    tiers: Annotated[tuple[Tier, ...], AfterValidator(_tiers)] = ()
    currency: str
    commitment_id: str | None = None
    commitment_price: Exact | None = None
    spot_price: Annotated[Exact | None, Field(ge=0)] = None  # where the work may be interrupted
    valid_from: date | None = None
    valid_to: date | None = None
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _first_price(cls, given: Any) -> Any:
        """The price of the first tier is the rate's where it states none."""
        if isinstance(given, Mapping) and given.get("tiers") and "price" not in given:
            first = given["tiers"][0]
            if isinstance(first, Mapping) and "price" in first:
                return {**given, "price": first["price"]}
        return given


class Offer(Strict):
    """A commitment that could be bought: what it serves, its term, what it costs how."""

    name: str = Field(min_length=1)
    currency: str
    match: Match = Field(default_factory=dict)  # usage column -> regular expression
    unit: UnitText | None = None  # committed for each hour, as GPU-Hours; None: money
    discount: Annotated[Exact | None, Field(ge=0, lt=1)] = None  # off the price, of one in money
    term: Annotated[str, Field(pattern=r"^P[1-9]\d{0,2}[MY]$")] = "P1Y"
    start: date | None = None  # None: the day after the history
    payment: Literal["all", "partial", "none"] = "none"  # how much of it upfront
    upfront: Annotated[Exact, Field(ge=0)] = Decimal(0)  # for a unit in every hour of the term
    hourly: Annotated[Exact, Field(ge=0)] = Decimal(0)  # for a unit in an hour
    step: Annotated[Exact | None, Field(gt=0)] = None  # what levels differ by
    source: str | None = None

    @model_validator(mode="after")
    def _paid_as_it_says(self) -> Self:
        if self.unit is None:
            if self.upfront or self.hourly:
                raise ValueError(
                    "without a unit it is in money, and a unit of it costs itself: leave out "
                    "upfront and hourly, and give discount or the commitment_price of its rates"
                )
            return self
        if self.discount is not None:
            raise ValueError("a discount is of an offer in money: leave out either it or unit")
        parts = {"all": (True, False), "partial": (True, True), "none": (False, True)}
        if (self.upfront > 0, self.hourly > 0) != parts[self.payment]:
            raise ValueError(
                'payment "all" has upfront and no hourly, "partial" has both, "none" has hourly '
                "and no upfront"
            )
        return self


class ExchangeRate(Strict):
    """A dated rate: one unit of ``from`` is ``rate`` units of ``to``, virtual currencies too."""

    model_config = ConfigDict(populate_by_name=True)

    priced_in: str = Field(alias="from")
    billed_in: str = Field(alias="to")
    rate: Annotated[Exact, Field(gt=0)]
    provider: str | None = None  # only for this provider
    valid_from: date | None = None
    valid_to: date | None = None  # the first day on which it no longer holds
    source: str | None = None


class Lag(Strict):
    """Overrides how late a provider's charges arrive and when its month is final."""

    provider: str
    arrives_within: timedelta | None = None
    final_after: timedelta | None = None


Level = Literal["session", "agent", "tool", "model", "provider", "team", "cost_centre"]
REASONS = (  # of unattributed cost
    *("idle", "no_rule", "missing_in_usage", "unverified_capacity", "tax", "support"),
    *("marketplace", "credit", "refund", "correction", "purchase", "rounding"),
)
Policy = Literal["apart", "proportional", "even", "by_tokens", "by_gpu_time", "by_requests"]
UnusedPolicy = Policy | Literal["owner"]


def _reason(value: str) -> str:
    if value not in REASONS:
        raise ValueError(f"{close_to(value, REASONS)}it is one of {', '.join(REASONS)}")
    return value


def _of(*known: str) -> AfterValidator:
    """Of patterns: they are of these columns."""

    def check(value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if name not in known:
                raise ValueError(
                    f"there is no {name!r}; {close_to(name, known)}it is one of {', '.join(known)}"
                )
        return value

    return AfterValidator(check)


class Mapped(Strict):
    """Whom usage belongs to: what matches ``match``, or has this ``name`` at this ``level``."""

    match: Annotated[Match, _of(*get_args(Level))] = Field(default_factory=dict)
    level: Level | None = None
    name: str | None = None
    team: str | None = None
    cost_centre: str | None = None
    business_unit: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Mapped:
        named = self.level is not None and self.name is not None
        if bool(self.match) == named or (self.level is None) != (self.name is None):
            raise ValueError("it takes either match, or level and name")
        if not (self.team or self.cost_centre or self.business_unit):
            raise ValueError("it names nobody: give team, cost_centre or business_unit")
        return self


class TokenPrice(Strict):
    """What tokens weigh in ``by_tokens``, where it is not what they cost on the bill."""

    match: Annotated[Match, _of("provider", "model", "meter")]
    price: Annotated[Exact, Field(ge=0)]  # of 1,000,000 tokens
    currency: str | None = None  # of costs in any currency


class Chargeback(Strict):
    """Who is charged for what a period cost, and on which accounts of the ledger."""

    map: tuple[Mapped, ...] = ()
    map_file: str | None = None  # a CSV table of more; its rows are in map
    unused: UnusedPolicy = "apart"
    owners: Mapping[str, str] = Field(default_factory=dict)  # commitment id -> team
    unattributed: Mapping[Annotated[str, AfterValidator(_reason)], Policy] = Field(
        default_factory=dict
    )  # else apart
    token_price: tuple[TokenPrice, ...] = ()
    cost_centres: Mapping[str, str] = Field(default_factory=dict)  # team -> cost centre
    business_units: Mapping[str, str] = Field(default_factory=dict)  # cost centre -> unit
    cost_account: str | None = None
    clearing_account: str | None = None
    rounding_account: str | None = None  # None: rounding stays on clearing_account


class Rules(Strict):
    """All rules of a run; the defaults are what a first run needs."""

    material_amount: Exact | None = Field(default=None, ge=0)  # None: any break is material
    idle: Literal["apart", "owner", "spread"] = "apart"
    tolerance: tuple[Tolerance, ...] = ()
    factor: tuple[Factor, ...] = ()
    meter: tuple[MeterRule, ...] = ()
    rate: tuple[Rate, ...] = ()
    offer: tuple[Offer, ...] = ()  # commitments that could be bought
    lag: tuple[Lag, ...] = ()
    exchange_rate: tuple[ExchangeRate, ...] = ()
    exchange_rate_file: str | None = None  # a CSV table of more; its rows are in exchange_rate
    model_aliases: Mapping[str, str] = Field(default_factory=dict)  # as telemetry says -> as billed
    owners: Mapping[str, str] = Field(default_factory=dict)  # resource id -> team (idle = "owner")
    chargeback: Chargeback | None = None  # None: no statements are written

    @field_validator("offer")
    @classmethod
    def _named_apart(cls, value: tuple[Offer, ...]) -> tuple[Offer, ...]:
        names = [offer.name for offer in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two offers are called {twice!r}")
        return value

    def tolerance_of(self, leg: Leg, provider: str | None) -> Tolerance:
        """The tolerance of a leg: the provider's own, else the leg's, else the default."""
        for wanted in (provider, None):
            for entry in self.tolerance:
                if entry.leg == leg and entry.provider == wanted:
                    return entry
        # A price is agreed on: beyond rounding nothing is tolerated unless somebody says so.
        return Tolerance(leg=leg, relative=Decimal(0)) if leg == "price" else Tolerance(leg=leg)

    def rate_on(
        self, day: date, priced_in: str, billed_in: str, provider: str | None
    ) -> ExchangeRate | None:
        """The exchange rate of a day: the provider's own before others, the latest begun first."""
        found = [
            entry
            for entry in self.exchange_rate
            if (entry.priced_in, entry.billed_in) == (priced_in, billed_in)
            and entry.provider in (None, provider)
            and (entry.valid_from is None or entry.valid_from <= day)
            and (entry.valid_to is None or day < entry.valid_to)
        ]
        first = date.min
        return max(
            found,
            key=lambda entry: (entry.provider is not None, entry.valid_from or first),
            default=None,
        )


def read_rules(rules: Rules | Mapping[str, Any] | str | Path | None) -> Rules:
    """Rules from any of their forms; raises ConfigurationError naming key, value and remedy."""
    if rules is None:
        return Rules()
    if isinstance(rules, Rules):
        return rules
    origin, folder = "rules", Path()
    if isinstance(rules, str | Path):
        origin, folder = str(rules), Path(rules).parent
        rules = _toml(Path(rules))
    rules = with_map_file(with_rate_file(rules, folder), folder)
    try:
        return Rules.model_validate(rules)
    except ValidationError as error:
        raise ConfigurationError(explain(origin, error, Rules)) from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path, str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be opened ({error.strerror})") from error
