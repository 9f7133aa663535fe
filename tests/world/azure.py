"""The third provider: FOCUS 1.3 in CSV, euros.

Provisioned capacity under a reservation of 200 units an hour, whose tokens have no price of
their own; tokens paid as they go, billed by the day; and an agreement that counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.world import company, tokens
from tests.world.company import Agent, Session
from tests.world.dice import Dice
from tests.world.ledger import (
    DAY,
    HOUR,
    IDLE,
    NOBODY,
    ZERO,
    Call,
    Cell,
    Charge,
    Covered,
    Ledger,
    Malformed,
    Party,
    Value,
    month_of,
)
from tests.world.tokens import Key, Model, Place

PROVIDER = "azure"
CURRENCY = "EUR"
SUBSCRIPTION = "8c1d7f60-5b1e-4a57-9d7c-000000000003"
FILE = "bills/azure/focus-1.3.csv"
RESERVATION = "/providers/Microsoft.Capacity/reservationOrders/3b9e/reservations/ptu-2026-global"
RESERVED = Decimal(200)  # provisioned units, every hour
UNIT_HOUR = Decimal("0.24")
CONTRACT = "MCA-77120"
AGREEMENT = "MACC-2025-77120"
AGREED = Decimal("900000.00")

LARGE = Model(
    "plover-large",
    {
        "input_tokens": Decimal("0.0025"),
        "output_tokens": Decimal("0.01"),
        "cache_read_tokens": Decimal("0.00125"),
    },
    "1000 Tokens",
    1000,
)
MINI = Model(
    "plover-mini",
    {"input_tokens": Decimal("0.00016"), "output_tokens": Decimal("0.00064")},
    "1000 Tokens",
    1000,
)
PAID_AS_USED = Place(PROVIDER, SUBSCRIPTION, "swedencentral")
WORDS = {
    "input_tokens": "Input",
    "output_tokens": "Output",
    "cache_read_tokens": "cached Input",
}


@dataclass(frozen=True)
class Deployment:
    """Provisioned capacity: units by day and by night, and whose it is where nobody works."""

    name: str
    by_day: int
    by_night: int
    owner: Agent | None
    observed: bool = True

    @property
    def resource(self) -> str:
        return (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ai/providers/"
            f"Microsoft.CognitiveServices/accounts/brackenmoor-ai/deployments/{self.name}"
        )

    @property
    def holder(self) -> Party:
        if self.owner is None:
            return NOBODY
        return Party(None, None, None, self.owner.team, self.owner.cost_centre)

    def units(self, hour: datetime) -> int:
        return self.by_day if 6 <= hour.hour < 22 else self.by_night


CLAIMS = Deployment("claims-ptu", 100, 50, None)
ROUTING = Deployment("routing-ptu", 50, 50, company.AGENTS[0])
LEGACY = Deployment("legacy-ptu", 25, 25, None, observed=False)


@dataclass(frozen=True)
class Held:
    """Units of a deployment held in an hour, and the tokens each party made with them."""

    deployment: Deployment
    start: datetime
    units: int
    tokens: dict[Party, int]


@dataclass(frozen=True)
class Seen:
    """What telemetry knows of this provider."""

    calls: list[Call]
    held: list[Held]


def row(start: datetime, end: datetime, cost: Decimal, **more: Value) -> Charge:
    """A Usage charge on demand; ``more`` says what is different."""
    first, last = month_of(start)
    values: dict[str, Value] = {
        "BilledCost": cost,
        "BillingAccountId": "77120",
        "BillingAccountName": "Brackenmoor",
        "BillingAccountType": "Billing Profile",
        "BillingCurrency": CURRENCY,
        "BillingPeriodStart": first,
        "BillingPeriodEnd": last,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "HostProviderName": "Microsoft",
        "InvoiceIssuerName": "Microsoft",
        "ListCost": cost,
        "PricingCategory": "Standard",
        "ProviderName": "Microsoft",
        "PublisherName": "Microsoft",
        "RegionId": "swedencentral",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Azure OpenAI Service",
        "ServiceProviderName": "Microsoft",
        "SubAccountId": SUBSCRIPTION,
        "SubAccountName": "Brackenmoor AI",
        "SubAccountType": "Subscription",
    }
    return Charge(PROVIDER, FILE, values | more)


def counted(ledger: Ledger, start: datetime, cost: Decimal) -> Value:
    """The element by which a charge counts towards the agreement."""
    ledger.draw(AGREEMENT, start, cost)
    element = {
        "ContractId": CONTRACT,
        "ContractCommitmentId": AGREEMENT,
        "ContractCommitmentAppliedCost": cost,
    }
    return {"Elements": [element]}


def add(ledger: Ledger, known: list[Session]) -> Seen:
    """Everything of this provider."""
    held = _add_provisioned(ledger, known)
    calls = _add_tokens(ledger, known)
    tax = row(
        ledger.start, ledger.end, Decimal("412.03"), ChargeCategory="Tax", RegionId=None,
        ChargeFrequency="Recurring", ServiceCategory="Other", ServiceName="Tax",
        PricingCategory=None, ChargeDescription="Value added tax",
    )  # fmt: skip
    ledger.put_outside(tax, "tax")
    shop = row(
        ledger.at(1, 0), ledger.at(2, 0), Decimal("31.50"), PublisherName="Harrier Labels BV",
        ServiceCategory="Other", ServiceName="Label studio", ChargeDescription="Label studio",
        ConsumedQuantity=Decimal(3), ConsumedUnit="Units",
    )  # fmt: skip
    ledger.put_outside(shop, "marketplace")
    spoilt = row(ledger.at(0, 0), ledger.at(1, 0), Decimal("1.00"), ChargeDescription="Spoilt")
    ledger.malformed += [
        Malformed(spoilt, "BilledCost", "one euro"),
        Malformed(spoilt, "ChargePeriodEnd", "yesterday"),
    ]
    return Seen(calls, held)


def _commitment(status: str | None, units: Decimal) -> dict[str, Value]:
    return {
        "CommitmentDiscountCategory": "Usage",
        "CommitmentDiscountId": RESERVATION,
        "CommitmentDiscountName": "ptu-2026-global",
        "CommitmentDiscountQuantity": units,
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountType": "Reservation",
        "CommitmentDiscountUnit": "PTU-Hours",
        "PricingCategory": "Committed",
    }


def _add_provisioned(ledger: Ledger, known: list[Session]) -> list[Held]:
    """Every hour of the deployments under the reservation, and what is left of it."""
    dice = Dice(ledger.seed, "provisioned")
    deployments = (CLAIMS, ROUTING, LEGACY)
    observed = {
        (deployment, start): _held(ledger, dice, deployment, start, known)
        for start in ledger.hours()
        for deployment in deployments
    }
    seen = [held for held in observed.values() if held]
    metered = {held.deployment for held in seen if held.tokens}  # somebody counts their work
    for start in ledger.hours():
        left = RESERVED
        for deployment in deployments:
            units = Decimal(deployment.units(start))
            left -= units
            more = _commitment("Used", units) | provisioned(deployment, units)
            charge = row(start, start + HOUR, units * UNIT_HOUR, **more)
            ledger.charges.append(charge)
            held = observed[deployment, start]
            at_rest = IDLE if deployment in metered else deployment.holder
            ledger.cells.append(provisioned_cell(deployment, start, charge, held, at_rest))
        used_cost, unused_cost = (RESERVED - left) * UNIT_HOUR, left * UNIT_HOUR
        more = _commitment("Unused", left)
        more |= {"BilledCost": ZERO, "ResourceId": RESERVATION, "ChargeDescription": "Unused"}
        ledger.charges.append(row(start, start + HOUR, unused_cost, **more))
        ledger.covered.append(
            Covered(RESERVATION, start, CURRENCY, RESERVED - left, left, used_cost, unused_cost)
        )
    fee = RESERVED * UNIT_HOUR * 24 * ledger.days
    more = _commitment(None, RESERVED * 24 * ledger.days)
    more |= {"ChargeCategory": "Purchase", "EffectiveCost": ZERO, "ChargeFrequency": "Recurring"}
    more |= {"ChargeDescription": "Reservation fee", "ResourceId": RESERVATION}
    more["ContractApplied"] = counted(ledger, ledger.start, fee)
    ledger.purchased[RESERVATION] = fee
    ledger.put_outside(row(ledger.start, ledger.end, fee, **more), "purchase")
    return seen


def provisioned(deployment: Deployment, units: Decimal) -> dict[str, Value]:
    """A row's columns that say which units of whose deployment."""
    return {
        "BilledCost": ZERO,
        "ChargeDescription": "Provisioned throughput",
        "ConsumedQuantity": units,
        "ConsumedUnit": "Hours",  # of one provisioned unit each
        "PricingQuantity": units,
        "PricingUnit": "Hours",
        "ResourceId": deployment.resource,
        "ResourceName": deployment.name,
        "ResourceType": "Deployment",
        "SkuId": "DZH318Z0FX8N",
        "SkuMeter": "Provisioned Managed Global Unit",
    }


def _held(
    ledger: Ledger, dice: Dice, deployment: Deployment, start: datetime, known: list[Session]
) -> Held | None:
    """What telemetry saw; nothing of a deployment without a meter, nor in one planted hour."""
    if not deployment.observed or (deployment is ROUTING and start == ledger.at(1, 7)):
        return None
    units = deployment.units(start)
    if deployment is CLAIMS and start == ledger.at(2, 9):
        units -= 10  # a tenth of what is billed was never there
    at_work = company.at_work(known, start)
    parties = [session.party() for session in at_work if session.agent.team != "platform"]
    work = {party: dice.between(2000, 60000) for party in parties[:2] if dice.percent(80)}
    return Held(deployment, start, units, work)


def provisioned_cell(
    deployment: Deployment,
    start: datetime,
    charge: Charge,
    held: Held | None,
    at_rest: Party | str,
) -> Cell:
    """Both sides of a deployment's hour; without tokens in it, ``at_rest`` bears it all."""
    verdict = "matched" if deployment.observed else "unverified_capacity"
    billed = Decimal(deployment.units(start))
    weights: dict[Party | str, int] = {}
    if held is not None:
        weights = dict(held.tokens.items()) or {at_rest: held.units}
        verdict = "matched" if held.units == billed else "quantity"
    elif deployment.observed:
        verdict = "missing_in_usage"
    return Cell(
        verdict=verdict,
        provider=PROVIDER,
        meter="instance",
        start=start,
        end=start + HOUR,
        unit="Hours",
        currency=CURRENCY,
        billed=billed,
        metered=Decimal(held.units) if held else ZERO,
        cost=charge.effective,
        weights=weights,
        resource=deployment.resource,
    )


def _add_tokens(ledger: Ledger, known: list[Session]) -> list[Call]:
    """Tokens billed by the day; those of the last day are not on the bill yet."""
    dice = Dice(ledger.seed, "paid as used")
    calls = tokens.traffic(dice, PAID_AS_USED, LARGE, ledger.hours(), known, 45)
    calls += tokens.traffic(dice, PAID_AS_USED, MINI, ledger.hours(), known[1::2], 60, step=4)
    for day in range(ledger.days):
        at = ledger.at(day, dice.between(6, 18))
        for model in (LARGE, MINI):
            calls.append(tokens.call(dice, PAID_AS_USED, model, at, known[0].party(), step=4))
    last_day = ledger.end - DAY
    for key, parties in tokens.metered([one for one in calls if one.at < last_day], DAY).items():
        _bill_tokens(ledger, key, parties)
    for key, parties in tokens.metered([one for one in calls if one.at >= last_day]).items():
        model = _model(key)
        cell = tokens.unbilled(PROVIDER, key, parties, model, currency=CURRENCY, verdict="pending")
        ledger.cells.append(cell)
    return calls


def _model(key: Key) -> Model:
    return LARGE if key.model == LARGE.name else MINI


def _bill_tokens(ledger: Ledger, key: Key, parties: dict[Party, int]) -> None:
    model, count, verdict = _model(key), sum(parties.values()), "matched"
    first_of_week = (key.start - ledger.start) // DAY % 7 == 0
    if (key.model, key.meter) == (MINI.name, "output_tokens") and first_of_week:
        count, verdict = count * 5 // 4, "quantity"
    found = tokens.cell(
        PROVIDER, key, parties, model, currency=CURRENCY, window=DAY, verdict=verdict,
        billed=count,
    )  # fmt: skip
    ledger.cells.append(found)
    quantity = model.quantity(count)
    charge = row(
        key.start, key.start + DAY, found.cost,
        ChargeDescription=f"{key.model} {WORDS[key.meter]} tokens",
        ConsumedQuantity=quantity, ConsumedUnit=model.unit,
        PricingQuantity=quantity, PricingUnit=model.unit,
        ContractApplied=counted(ledger, key.start, found.cost),
        SkuId=f"{key.model}-{key.meter}".upper().replace("_", "-"),
        SkuMeter=f"{key.model} {WORDS[key.meter]} global 1K Tokens",
        SkuPriceDetails={"x_Model": key.model},
        ListUnitPrice=model.prices[key.meter],
    )  # fmt: skip
    ledger.charges.append(charge)
