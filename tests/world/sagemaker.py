"""Endpoints under a plan of 10.00 an hour, and what their devices' meters saw.

The plan pays for the endpoints in their order; what is left of an hour is unused. The third day
holds the worked hour of the design: 14:00 to 15:00.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.world import capacity, company
from tests.world.aws_bill import ACCOUNT, CURRENCY, PROVIDER, bill_row
from tests.world.capacity import Hour, Sample, Site
from tests.world.company import Session
from tests.world.dice import Dice
from tests.world.ledger import HOUR, ZERO, Charge, Covered, Ledger, Party, Value

PLAN = "arn:aws:savingsplans::410000000009:savingsplan/5f0c1a52-tideline"
COMMITTED = Decimal("10.00")
STEP_S = 900
LAG = timedelta(hours=48)  # of the bill: what is later may still arrive


@dataclass(frozen=True)
class Endpoint:
    """An endpoint: what an instance-hour costs under the plan and on demand."""

    name: str
    kind: str
    devices: int
    plan_rate: Decimal
    on_demand: Decimal

    @property
    def site(self) -> Site:
        resource = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/{self.name}"
        return Site(
            PROVIDER, ACCOUNT, "us-east-1", resource, self.name, "gpu", self.kind,
            self.devices, STEP_S,
        )  # fmt: skip


RANK = Endpoint("routing-rank", "ml.g6.4xlarge", 1, Decimal("3.10"), Decimal("4.20"))
VISION = Endpoint("claims-vision", "ml.g6.2xlarge", 1, Decimal("2.30"), Decimal("3.10"))
TIDE = Endpoint("forecast-tide", "ml.g6.4xlarge", 1, Decimal("3.00"), Decimal("4.00"))
DEPTH = Endpoint("depth-quad", "ml.g5.12xlarge", 4, Decimal("4.00"), Decimal("5.00"))
LEGACY = Endpoint("legacy-ocr", "ml.g4dn.xlarge", 1, Decimal("0.70"), Decimal("0.90"))


def schedule(dice: Dice, hour_of_day: int) -> dict[Endpoint, int]:
    """Instances by endpoint in an ordinary hour, in the order in which the plan pays for them."""
    running = {RANK: 2 if 8 <= hour_of_day <= 17 and dice.percent(80) else 1}
    if 6 <= hour_of_day <= 20 and dice.percent(85):
        running[VISION] = 1
    elif hour_of_day <= 5 and dice.percent(70):
        running[TIDE] = 1
    elif hour_of_day >= 21 and dice.percent(60):
        running[DEPTH] = 2
    return running


def short_hours(ledger: Ledger) -> dict[datetime, Decimal]:
    """Hours in which the bill says less unused than the contract leaves: two in a row, and one."""
    found = {ledger.at(0, 10): Decimal("-0.50"), ledger.at(0, 11): Decimal("-0.50")}
    found[ledger.at(1, 3)] = Decimal("-0.25")
    return found


def add_endpoints(ledger: Ledger, known: list[Session]) -> list[Hour]:
    """All hours of all endpoints: charges, cells and what the plan did; returns telemetry."""
    dice = Dice(ledger.seed, "endpoints")
    worked = ledger.at(2, 14)
    under_metered = {ledger.at(day, dice.between(18, 20)) for day in range(0, ledger.days, 6)}
    unbilled_from = ledger.end - dice.between(2, 4) * HOUR
    seen: list[Hour] = []
    for start in ledger.hours():
        running = schedule(dice, start.hour)
        if start >= unbilled_from:
            running = {RANK: 1, TIDE: 1}
        parties = _parties(known, start, dice)
        observed = {
            endpoint: capacity.observe(
                dice, endpoint.site, start, count * endpoint.devices, parties
            )
            for endpoint, count in running.items()
        }
        verdicts: dict[Endpoint, str] = dict.fromkeys(running, "matched")
        if start == worked:
            may_arrive = start + HOUR + LAG > ledger.as_of
            late = "pending" if may_arrive else "missing_in_billing"
            running, observed, verdicts = _worked_hour(worked, late)
        elif start in under_metered:  # one sample of a device is lost: a quarter of an hour
            lost = observed[RANK]
            observed[RANK] = Hour(lost.site, start, lost.samples[1:])
            verdicts[RANK] = "quantity"
        elif start >= unbilled_from:  # ends less than 48 hours before the run: still expected
            verdicts[TIDE] = "pending"
        seen += observed.values()
        _bill_hour(ledger, start, running, observed, verdicts)
    _bill_legacy(ledger)
    _bill_fee(ledger)
    return seen


def _parties(known: list[Session], start: datetime, dice: Dice) -> list[Party]:
    """Two sessions at work, or an agent without a session."""
    at_work = company.at_work(known, start)
    found = [session.party() for session in at_work[:2]]
    if not found:
        agent = dice.one_of(company.AGENTS)
        found = [Party(None, agent.name, None, agent.team, agent.cost_centre)]
    return found


def _worked_hour(
    start: datetime,
    late: str,
) -> tuple[dict[Endpoint, int], dict[Endpoint, Hour], dict[Endpoint, str]]:
    """The worked hour: 6.20 matched, 2.30 that nothing metered, and 3.00 that is not billed.

    ``late`` is what the last of them counts as: missing, or pending in a world of a few days.
    """
    planner, yard = company.AGENTS[0], company.AGENTS[4]
    first = Party("s1", planner.name, None, planner.team, planner.cost_centre)
    second = Party("s2", yard.name, None, yard.team, yard.cost_centre)

    def full(endpoint: Endpoint, devices: int, who: list[Party]) -> Hour:
        instants = [start + slot * HOUR / 4 for slot in range(4)]
        pairs = [(at, device) for device in range(devices) for at in instants]
        samples = [
            Sample(at, device, 100, party) for (at, device), party in zip(pairs, who, strict=True)
        ]
        return Hour(endpoint.site, start, tuple(samples))

    observed = {
        RANK: full(RANK, 2, [first] * 6 + [second] * 2),
        TIDE: full(TIDE, 1, [first] * 4),
    }
    verdicts = {RANK: "matched", VISION: "missing_in_usage", TIDE: late}
    return {RANK: 2, VISION: 1, TIDE: 1}, observed, verdicts


def _bill_hour(
    ledger: Ledger,
    start: datetime,
    running: dict[Endpoint, int],
    observed: dict[Endpoint, Hour],
    verdicts: dict[Endpoint, str],
) -> None:
    """Charge an hour: the plan pays while it lasts, the rest is on demand, what is left unused."""
    left = COMMITTED
    for endpoint, count in running.items():
        site, seen, verdict = endpoint.site, observed.get(endpoint), verdicts[endpoint]
        if verdict in ("missing_in_billing", "pending"):
            found = capacity.cell(
                seen, site, start, billed=ZERO, unit="Hours", cost=ZERO, currency=CURRENCY,
                verdict=verdict, price=endpoint.plan_rate,
            )  # fmt: skip
            found.rows = 0
            ledger.cells.append(found)
            continue
        covered = min(Decimal(count), left / endpoint.plan_rate)
        rows = [covered_row(endpoint, start, covered)]
        if covered < count:
            rows.append(on_demand_row(endpoint, start, count - covered))
        left -= rows[0].effective
        ledger.charges += rows
        cost = sum((row.effective for row in rows), ZERO)
        found = capacity.cell(
            seen, site, start, billed=Decimal(count), unit="Hours", cost=cost,
            currency=CURRENCY, verdict=verdict,
        )  # fmt: skip
        found.rows = len(rows)
        ledger.cells.append(found)
    unused = left + short_hours(ledger).get(start, ZERO)
    if unused:
        ledger.charges.append(unused_row(start, unused))
    used = COMMITTED - left
    ledger.covered.append(Covered(PLAN, start, CURRENCY, used, unused, used, unused))


def _hours(endpoint: Endpoint, quantity: Decimal) -> dict[str, Value]:
    return {
        "ChargeDescription": f"{endpoint.kind} hosting",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "Hours",
        "PricingQuantity": quantity,
        "PricingUnit": "Hours",
        "ResourceId": endpoint.site.resource,
        "ResourceName": endpoint.name,
        "ResourceType": "Endpoint",
        "SkuId": f"HOST{endpoint.kind.upper().replace('.', '')}",
        "SkuMeter": f"Host:{endpoint.kind}",
        "SkuPriceDetails": {"InstanceType": endpoint.kind, "GpuCount": endpoint.devices},
    }


def _commitment(status: str, quantity: Decimal) -> dict[str, Value]:
    return {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": PLAN,
        "CommitmentDiscountName": "Tideline",
        "CommitmentDiscountQuantity": quantity,
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountType": "SageMaker Savings Plan",
        "CommitmentDiscountUnit": CURRENCY,
        "PricingCategory": "Committed",
    }


def covered_row(endpoint: Endpoint, start: datetime, quantity: Decimal) -> Charge:
    cost = quantity * endpoint.plan_rate
    more = _hours(endpoint, quantity) | _commitment("Used", cost)
    more |= {"BilledCost": ZERO, "ListCost": quantity * endpoint.on_demand}
    return bill_row(start, start + HOUR, cost, **more)


def on_demand_row(endpoint: Endpoint, start: datetime, quantity: Decimal) -> Charge:
    cost = quantity * endpoint.on_demand
    return bill_row(start, start + HOUR, cost, **_hours(endpoint, quantity))


def unused_row(start: datetime, cost: Decimal) -> Charge:
    more = _commitment("Unused", cost)
    more |= {"BilledCost": ZERO, "ResourceId": PLAN, "ChargeDescription": "Unused commitment"}
    return bill_row(start, start + HOUR, cost, **more)


def _bill_legacy(ledger: Ledger) -> None:
    """An endpoint on demand whose devices nobody observes, some hours of every day."""
    for day in range(ledger.days):
        for hour in (2, 3, 4):
            start = ledger.at(day, hour)
            row = on_demand_row(LEGACY, start, Decimal(1))
            ledger.charges.append(row)
            found = capacity.cell(
                None, LEGACY.site, start, billed=Decimal(1), unit="Hours", cost=row.effective,
                currency=CURRENCY, verdict="unverified_capacity",
            )  # fmt: skip
            ledger.cells.append(found)


def _bill_fee(ledger: Ledger) -> None:
    """The plan's fee of the whole period: billed when bought, effective hour by hour."""
    fee = COMMITTED * 24 * ledger.days
    more = _commitment("Used", fee)
    more |= {
        "CommitmentDiscountStatus": None,
        "ChargeCategory": "Purchase",
        "ChargeFrequency": "Recurring",
        "ChargeDescription": "Recurring fee of the plan",
        "EffectiveCost": ZERO,
        "PricingQuantity": Decimal(24 * ledger.days),
        "PricingUnit": "Hours",
        "ResourceId": PLAN,
    }
    ledger.purchased[PLAN] = fee
    ledger.put_outside(bill_row(ledger.start, ledger.end, fee, **more), "purchase")
