"""Hours in which the plan was not applied by its provider's rules, and what the rules make of it.

An instance is billed on demand although the plan has something left for it, or the plan paid for
what saves less first. In some worlds the plan's rates begin to hold for an endpoint that goes on
being billed on demand. Telemetry is as it was: quantities agree, only the price does not. In one
hour an endpoint runs that is in no other; what the plan has left covers a part of it in a quotient
that does not end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tests.world import capacity, company, sagemaker
from tests.world.aws_bill import CURRENCY, PROVIDER
from tests.world.dice import Dice
from tests.world.figures import Row, total
from tests.world.ledger import ZERO, Cell, Charge, Covered, Ledger, Party, Value
from tests.world.rerating import Applied, Line, breaks
from tests.world.rewriting import amount, rewrite, with_values
from tests.world.sagemaker import DEPTH, LEGACY, PLAN, RANK, TIDE, VISION, Endpoint
from tests.world.world import World

RULE = "sagemaker_savings_plan"
TIDELINE = Applied(PLAN, PROVIDER, RULE, CURRENCY)
SCAN = replace(VISION, name="harbour-scan")
SITES = {site.site.resource: site for site in (RANK, VISION, TIDE, DEPTH, LEGACY, SCAN)}
MISAPPLIED = 3  # hours of a world, at most
Split = Mapping[Endpoint, tuple[Decimal, Decimal]]  # instance-hours under the plan, and on demand


@dataclass(frozen=True)
class PlanFaults:
    """``hours`` in which the bill was changed; ``legacy_from`` is when the plan knows LEGACY."""

    hours: Mapping[datetime, str]
    legacy_from: datetime | None


def price_id(site: Endpoint) -> str:
    """Two endpoints of one kind at two prices under the plan are two SKUs."""
    return f"HOST{site.kind.upper().replace('.', '')}.{int(site.plan_rate * 100)}"


def misapply(made: World) -> PlanFaults:
    """Change the bill of some hours, and say which."""
    ledger = made.ledger
    dice = Dice(ledger.seed, "misapplied")
    rewrite(ledger, _with_price_id)
    candidates = _candidates(ledger)
    hours: dict[datetime, str] = {}
    for _ in range(MISAPPLIED):
        left = [start for start in candidates if start not in hours]
        kinds = sorted({kind for start in left for kind in candidates[start]} - {*hours.values()})
        if not kinds:
            break
        kind = dice.one_of(kinds)
        start = dice.one_of([start for start in left if kind in candidates[start]])
        _rebill(ledger, start, _split(dice, kind))
        hours[start] = kind
    start = _add_scan(made, [start for start in candidates if start not in hours])
    hours[start] = "beyond"
    day = dice.between(1, ledger.days - 1)
    return PlanFaults(hours, ledger.at(day, 0) if dice.percent(40) else None)


def _add_scan(made: World, sound: list[datetime]) -> datetime:
    """Run SCAN on demand in one of the hours: more of it than what is left of the plan covers."""
    ledger = made.ledger
    dice = Dice(ledger.seed, "scan")
    left = {one.start: one.unused for one in ledger.covered if one.commitment == PLAN}
    uneven = [start for start in sound if left[start] % SCAN.plan_rate]
    start = dice.one_of(uneven)
    count = Decimal(left[start] // SCAN.plan_rate + 1)
    agent = dice.one_of(company.AGENTS)
    owner = Party(None, agent.name, None, agent.team, agent.cost_centre)
    seen = capacity.observe(dice, SCAN.site, start, int(count), [owner])
    made.endpoints.append(seen)
    charge = _with_price_id(sagemaker.on_demand_row(SCAN, start, count))
    ledger.charges.append(charge)
    ledger.cells.append(
        capacity.cell(
            seen, SCAN.site, start, billed=count, unit="Hours", cost=charge.effective,
            currency=CURRENCY,
        )
    )  # fmt: skip
    return start


def _with_price_id(charge: Charge) -> Charge:
    site = SITES.get(str(charge.values.get("ResourceId")))
    return (
        charge
        if site is None
        else with_values(charge, SkuId=price_id(site), SkuPriceId=price_id(site))
    )


def _candidates(ledger: Ledger) -> dict[datetime, list[str]]:
    """Sound hours, with what can be done to the bill in each."""
    cells: dict[datetime, dict[Endpoint, Cell]] = {start: {} for start in ledger.hours()}
    for cell in ledger.cells:
        site = SITES.get(cell.resource or "")
        if site is not None and site is not LEGACY:
            cells[cell.start][site] = cell
    found = {}
    for start, known in cells.items():
        if start in sagemaker.short_hours(ledger) or start == ledger.at(2, 14):
            continue
        if any(cell.verdict != "matched" for cell in known.values()):
            continue
        kinds = []
        if VISION in known:
            kinds += ["whole", "part"]
        if known[RANK].billed == 2:
            kinds.append("second")
        if DEPTH in known:
            kinds += ["order", "half"]
        if kinds:
            found[start] = kinds
    return found


def _split(dice: Dice, kind: str) -> Split:
    """What the bill makes of an hour instead, in instance-hours under the plan and on demand."""
    one, two = Decimal(1), Decimal(2)
    part = Decimal(dice.between(1, 7)) / 8
    return {
        "whole": {VISION: (ZERO, one)},
        "part": {VISION: (part, one - part)},
        "second": {RANK: (one, one)},
        "order": {RANK: (ZERO, one), DEPTH: (two, ZERO)},
        "half": {DEPTH: (one, one)},
    }[kind]


def _rebill(ledger: Ledger, start: datetime, split: Split) -> None:
    """Bill an hour's endpoints as given; what the plan does not pay of its ten is unused."""
    resources = {site.site.resource for site in split} | {PLAN}

    def replaced(charge: Charge) -> bool:
        hourly = charge.values["ChargeCategory"] == "Usage" and charge.start == start
        return hourly and charge.values.get("ResourceId") in resources

    ledger.charges[:] = [charge for charge in ledger.charges if not replaced(charge)]
    cells = {cell.resource: cell for cell in ledger.cells if cell.start == start}
    for site, (covered, on_demand) in split.items():
        rows = []
        if covered:
            rows.append(sagemaker.covered_row(site, start, covered))
        if on_demand:
            rows.append(sagemaker.on_demand_row(site, start, on_demand))
        ledger.charges += [_with_price_id(row) for row in rows]
        cell = cells[site.site.resource]
        cell.cost, cell.rows = sum((row.effective for row in rows), ZERO), len(rows)
    used = total(line.needs for line in _lines(ledger, start) if line.covered)
    unused = sagemaker.COMMITTED - used
    if unused:
        ledger.charges.append(sagemaker.unused_row(start, unused))
    of_hour = (PLAN, start)
    for place, one in enumerate(ledger.covered):
        if (one.commitment, one.start) == of_hour:
            ledger.covered[place] = Covered(PLAN, start, CURRENCY, used, unused, used, unused)


def _lines(ledger: Ledger, start: datetime) -> list[Line]:
    """The rows of an hour's endpoints."""
    return [
        _line(SITES[str(charge.values["ResourceId"])], charge)
        for charge in ledger.charges
        if charge.start == start and charge.values.get("ResourceId") in SITES
    ]


def _line(site: Endpoint, charge: Charge) -> Line:
    quantity = amount(charge, "PricingQuantity")
    covered = charge.values.get("CommitmentDiscountId") == PLAN
    cost = quantity * site.on_demand
    return Line(quantity, site.plan_rate, Fraction(site.on_demand), cost, covered)


def answers(ledger: Ledger, planted: PlanFaults) -> list[Row]:
    """A break for every hour in which the rules leave another sum on demand than the bill."""
    known = planted.legacy_from
    lines: dict[datetime, list[Line]] = defaultdict(list)
    for charge in ledger.charges:
        site = SITES.get(str(charge.values.get("ResourceId")))
        unknown = site is LEGACY and (known is None or charge.start < known)
        if site is not None and not unknown:
            lines[charge.start].append(_line(site, charge))
    return breaks(ledger, TIDELINE, lines)


def rates(planted: PlanFaults) -> list[dict[str, Value]]:
    """The plan's rate of an endpoint that it covers from some day on; rates of the rest show."""
    if planted.legacy_from is None:
        return []
    return [
        {
            "provider": PROVIDER,
            "commitment_id": PLAN,
            "sku_id": price_id(LEGACY),
            "sku": f"Host:{LEGACY.kind}",
            "unit": "Hours",
            "price": LEGACY.plan_rate,
            "currency": CURRENCY,
            "valid_from": planted.legacy_from,
            "valid_to": None,
            "operation": "DescribeSavingsPlanRates",
        }
    ]
