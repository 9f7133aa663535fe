"""The second provider: FOCUS 1.0 in Parquet, US dollars.

A spend commitment of 8.00 an hour over machines, chips that draw credits of a contract no bill
names, and tokens of two models. FOCUS 1.0 has no commitment quantities and no price details.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.world import capacity, company, tokens
from tests.world.capacity import Hour, Site
from tests.world.company import Session
from tests.world.dice import Dice
from tests.world.ledger import (
    DAY,
    HOUR,
    ZERO,
    Call,
    Charge,
    Covered,
    Ledger,
    Party,
    Value,
    month_of,
)
from tests.world.tokens import Key, Model, Place

PROVIDER = "gcp"
CURRENCY = "USD"
PROJECT = "brackenmoor-prod"
FILE = "bills/gcp/focus-1.0.parquet"
CUD = "projects/brackenmoor-prod/subscriptions/flex-7a1c"
CUD_PER_HOUR = Decimal("8.00")
CORE_HOUR = Decimal("0.025")
MACHINES = {"tile-builder-a": 96, "tile-builder-b": 192, "tile-builder-c": 32}
CHIP_HOUR = Decimal("1.20")
BURST_CHIP_HOUR = Decimal("2.70")
CREDITS = "tpu-contract-2026"
CHIP_HOURS_PER_CREDIT = Decimal("2.5")
BURST = "tpu-burst-2026"
BURST_CHIP_HOURS_PER_CREDIT = Decimal(2)
BURST_GRANTED = Decimal(120)
CREDITS_GRANTED = Decimal(20000)
CREDITS_OPENING = Decimal(14000)  # a day before the period

PRO = Model(
    "Gemini 3 Pro",
    {
        "input_tokens": Decimal("2.00"),
        "output_tokens": Decimal("12.00"),
        "cache_read_tokens": Decimal("0.20"),
    },
    "1000000 Tokens",
    1_000_000,
)
FLASH = Model(
    "Gemini 3 Flash",
    {"input_tokens": Decimal("0.50"), "output_tokens": Decimal("3.00")},
    "1000000 Tokens",
    1_000_000,
)
HOME = Place(PROVIDER, PROJECT, "europe-west4")
WORDS = {
    "input_tokens": "Text Input - Predictions",
    "output_tokens": "Text Output - Predictions",
    "cache_read_tokens": "Input Text Caching",
}
UNSEEN = (0, 6)  # PRO: called past the gateway


@dataclass(frozen=True)
class Seen:
    """What telemetry knows of this provider."""

    calls: list[Call]
    hours: list[Hour]


def _site(name: str, kind: str) -> Site:
    resource = f"//tpu.googleapis.com/projects/{PROJECT}/locations/europe-west4-b/nodes/{name}"
    return Site(
        PROVIDER, PROJECT, "europe-west4", resource, name, "tpu_chip", kind,
        devices=1, step_s=1800,
    )  # fmt: skip


SLICE_A = _site("tpu-slice-a", "TPU v5e")
SLICE_B = _site("tpu-slice-b", "TPU v5e")
BURST_SLICE = _site("tpu-burst", "TPU v6e")
CHIPS = 4


def burst_ends(ledger: Ledger) -> datetime:
    """When the burst credits expire: two thirds into the period."""
    return ledger.at(ledger.days * 2 // 3, 0)


def row(start: datetime, end: datetime, cost: Decimal, **more: Value) -> Charge:
    """A Usage charge on demand; ``more`` says what is different."""
    first, last = month_of(start)
    values: dict[str, Value] = {
        "BilledCost": cost,
        "BillingAccountId": "01F0A2-77B1C3-9D0E44",
        "BillingAccountName": "Brackenmoor",
        "BillingCurrency": CURRENCY,
        "BillingPeriodStart": first,
        "BillingPeriodEnd": last,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": "Google Cloud",
        "ListCost": cost,
        "PricingCategory": "Standard",
        "ProviderName": "Google Cloud",
        "PublisherName": "Google Cloud",
        "RegionId": "europe-west4",
        "ServiceCategory": "Compute",
        "ServiceName": "Compute Engine",
        "SubAccountId": PROJECT,
        "SubAccountName": "Brackenmoor production",
    }
    return Charge(PROVIDER, FILE, values | more)


def add(ledger: Ledger, known: list[Session]) -> Seen:
    """Everything of this provider."""
    _add_machines(ledger)
    hours = _add_chips(ledger, known)
    calls = _add_tokens(ledger, known)
    tax = row(
        ledger.start, ledger.end, Decimal("77.15"), ChargeCategory="Tax", RegionId=None,
        ChargeFrequency="Recurring", ServiceCategory="Other", ServiceName="Invoice",
        PricingCategory=None, ChargeDescription="Tax",
    )  # fmt: skip
    ledger.put_outside(tax, "tax")
    return Seen(calls, hours)


def _commitment(status: str | None) -> dict[str, Value]:
    return {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": CUD,
        "CommitmentDiscountName": "flex-7a1c",
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountType": "Spend-based committed use discount",
        "PricingCategory": "Committed",
    }


def machine(name: str, family: str, cores: Decimal) -> dict[str, Value]:
    """A row's columns that say which cores of whose machine."""
    return {
        "ChargeDescription": f"{family} Instance Core running in Netherlands",
        "ConsumedQuantity": cores,
        "ConsumedUnit": "vCPU-Hours",
        "PricingQuantity": cores,
        "PricingUnit": "vCPU-Hours",
        "ResourceId": f"//compute.googleapis.com/projects/{PROJECT}/instances/{name}",
        "ResourceName": name,
        "SkuId": f"{family}CORE-NL",
    }


def _add_machines(ledger: Ledger) -> None:
    """Machines under the commitment; one hour of it never reached the bill."""
    dice = Dice(ledger.seed, "machines")
    missing = ledger.at(1, 2)
    for start in ledger.hours():
        if start == missing:
            continue
        left = CUD_PER_HOUR
        running = {"tile-builder-a", "tile-builder-b"}
        if dice.percent(30):
            running.add("tile-builder-c")
        if dice.percent(10):
            running.remove("tile-builder-a")
        for name in sorted(running):
            cores = Decimal(MACHINES[name])
            cost = cores * CORE_HOUR
            left -= cost
            more = machine(name, "N4", cores) | {"BilledCost": ZERO} | _commitment("Used")
            charge = row(start, start + HOUR, cost, **more)
            ledger.put_outside(charge, "no_rule")
        if left:
            more = {"BilledCost": ZERO, "ResourceId": CUD, "ChargeDescription": "Unused"}
            charge = row(start, start + HOUR, left, **(more | _commitment("Unused")))
            ledger.charges.append(charge)
        used = CUD_PER_HOUR - left
        ledger.covered.append(Covered(CUD, start, CURRENCY, used, left, used, left))
    fee = CUD_PER_HOUR * 24 * ledger.days
    more = {"ChargeCategory": "Purchase", "EffectiveCost": ZERO, "ChargeFrequency": "Recurring"}
    more |= {"ChargeDescription": "Commitment fee", "ResourceId": CUD}
    charge = row(ledger.start, ledger.end, fee, **(_commitment(None) | more))
    ledger.purchased[CUD] = fee
    ledger.put_outside(charge, "purchase")


def _chip_row(site: Site, start: datetime, chips: int) -> Charge:
    price = BURST_CHIP_HOUR if site is BURST_SLICE else CHIP_HOUR
    return row(
        start, start + HOUR, chips * price, ServiceName="Cloud TPU",
        ServiceCategory="AI and Machine Learning",
        ChargeDescription=f"{site.kind} chip hours in Netherlands",
        ConsumedQuantity=Decimal(chips), ConsumedUnit="TPU-Chip-Hours",
        PricingQuantity=Decimal(chips), PricingUnit="TPU-Chip-Hours",
        ResourceId=site.resource, ResourceName=site.told, SkuId=site.kind.replace(" ", "-"),
        ListUnitPrice=price,
    )  # fmt: skip


def _add_chips(ledger: Ledger, known: list[Session]) -> list[Hour]:
    """Chips by the hour, also some of the evening before the period, which draw credits too."""
    dice = Dice(ledger.seed, "chips")
    seen: list[Hour] = []
    for start in [ledger.start - number * HOUR for number in (4, 3, 2)]:
        charge = _chip_row(SLICE_A, start, CHIPS)
        ledger.earlier.append(charge)
        ledger.draw(CREDITS, start, Decimal(CHIPS) / CHIP_HOURS_PER_CREDIT)
        seen.append(capacity.observe(dice, SLICE_A, start, CHIPS, [_agent(dice)]))
    for start in ledger.hours():
        running = [SLICE_A]
        if (start.hour < 12 and dice.percent(80)) or (start - ledger.start) == 5 * HOUR:
            running.append(SLICE_B)
        if start.hour in (10, 11) and start < burst_ends(ledger):
            running.append(BURST_SLICE)
        for site in running:
            seen += _chip_hour(ledger, dice, site, start, known)
    return seen


def _agent(dice: Dice) -> Party:
    agent = dice.one_of(company.AGENTS)
    return Party(None, agent.name, None, agent.team, agent.cost_centre)


def _chip_hour(
    ledger: Ledger, dice: Dice, site: Site, start: datetime, known: list[Session]
) -> list[Hour]:
    at_work = company.at_work(known, start)
    parties = [session.party() for session in at_work[:2]] or [_agent(dice)]
    observed: Hour | None = capacity.observe(dice, site, start, CHIPS, parties)
    verdict, billed = "matched", Decimal(CHIPS)
    if site is SLICE_B and start == ledger.at(0, 5):
        observed, verdict = None, "missing_in_usage"
    elif site is SLICE_A and start == ledger.at(2, 8):
        verdict, billed = "missing_in_billing", ZERO
    charge = _chip_row(site, start, CHIPS)
    if billed:
        ledger.charges.append(charge)
        if site is BURST_SLICE:
            ledger.draw(BURST, start, billed / BURST_CHIP_HOURS_PER_CREDIT)
        else:
            ledger.draw(CREDITS, start, billed / CHIP_HOURS_PER_CREDIT)
    found = capacity.cell(
        observed, site, start, billed=billed, unit="TPU-Chip-Hours",
        cost=charge.effective if billed else ZERO, currency=CURRENCY, verdict=verdict,
        price=CHIP_HOUR,
    )  # fmt: skip
    found.rows = 1 if billed else 0
    ledger.cells.append(found)
    return [observed] if observed else []


def _add_tokens(ledger: Ledger, known: list[Session]) -> list[Call]:
    """Tokens by the hour; the outputs of one model are overbilled by 0.8 % in every row."""
    dice = Dice(ledger.seed, "gemini")
    calls = tokens.traffic(dice, HOME, PRO, ledger.hours(), known, 40)
    calls += tokens.traffic(dice, HOME, FLASH, ledger.hours(), known[::2], 60, step=125)
    for day in range(0, ledger.days, 7):
        calls.append(tokens.call(dice, HOME, PRO, ledger.at(day, UNSEEN[1]), known[0].party()))
    for key, parties in tokens.metered(calls).items():
        _bill_tokens(ledger, key, parties)
    return [call for call in calls if not _is_unseen(ledger, call.model, call.at)]


def _is_unseen(ledger: Ledger, model: str, at: datetime) -> bool:
    return model == PRO.name and ((at - ledger.start) // DAY % 7, at.hour) == UNSEEN


def _bill_tokens(ledger: Ledger, key: Key, parties: dict[Party, int]) -> None:
    model = PRO if key.model == PRO.name else FLASH
    count = sum(parties.values())
    if (key.model, key.meter) == (FLASH.name, "output_tokens"):
        count = count * 126 // 125
    found = tokens.cell(PROVIDER, key, parties, model, currency=CURRENCY, billed=count)
    if _is_unseen(ledger, key.model, key.start):
        found.verdict, found.weights, found.metered = "missing_in_usage", {}, ZERO
    ledger.cells.append(found)
    quantity = model.quantity(count)
    charge = row(
        key.start, key.start + HOUR, found.cost, ServiceName="Vertex AI",
        ServiceCategory="AI and Machine Learning",
        ChargeDescription=f"{key.model} {WORDS[key.meter]}",
        ConsumedQuantity=quantity, ConsumedUnit=model.unit,
        PricingQuantity=quantity, PricingUnit=model.unit,
        SkuId=f"{key.model[9:].upper()}-{key.meter.upper()}".replace("_", "-"),
        ListUnitPrice=model.prices[key.meter],
    )  # fmt: skip
    ledger.charges.append(charge)
