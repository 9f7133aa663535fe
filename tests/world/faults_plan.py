"""Hours in which the plan was not applied by its provider's rules, and what the rules make of it.

An instance is billed on demand although the plan has something left for it, or the plan paid for
what saves less first. In some worlds the plan's rates begin to hold for an endpoint that goes on
being billed on demand. Telemetry is as it was: quantities agree, only the price does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tests.world import sagemaker
from tests.world.aws_bill import CURRENCY, PROVIDER
from tests.world.dice import Dice
from tests.world.figures import Row, exact
from tests.world.focus import text
from tests.world.ledger import HOUR, ZERO, Cell, Charge, Covered, Ledger, Value
from tests.world.rewriting import amount, rewrite, with_values
from tests.world.sagemaker import DEPTH, LEGACY, PLAN, RANK, TIDE, VISION, Endpoint

RULE = "sagemaker_savings_plan"
SITES = {site.site.resource: site for site in (RANK, VISION, TIDE, DEPTH, LEGACY)}
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


def misapply(ledger: Ledger) -> PlanFaults:
    """Change the bill of some hours, and say which."""
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
    day = dice.between(1, ledger.days - 1)
    return PlanFaults(hours, ledger.at(day, 0) if dice.percent(40) else None)


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
    used = sum((line.drawn for line in _lines(ledger, start) if line.covered), ZERO)
    unused = sagemaker.COMMITTED - used
    if unused:
        ledger.charges.append(sagemaker.unused_row(start, unused))
    of_hour = (PLAN, start)
    for place, one in enumerate(ledger.covered):
        if (one.commitment, one.start) == of_hour:
            ledger.covered[place] = Covered(PLAN, start, CURRENCY, used, unused, used, unused)


@dataclass(frozen=True)
class Line:
    """A row of an endpoint's hour: what it costs on demand, and what it takes of the plan."""

    site: Endpoint
    quantity: Decimal
    covered: bool  # as billed
    drawn: Decimal  # as billed

    @property
    def on_demand(self) -> Fraction:
        return Fraction(self.quantity) * Fraction(self.site.on_demand)

    @property
    def needs(self) -> Fraction:
        return Fraction(self.quantity) * Fraction(self.site.plan_rate)


def _lines(ledger: Ledger, start: datetime) -> list[Line]:
    found = []
    for charge in ledger.charges:
        site = SITES.get(str(charge.values.get("ResourceId")))
        if site is None or charge.start != start:
            continue
        covered = charge.values.get("CommitmentDiscountId") == PLAN
        quantity = amount(charge, "PricingQuantity")
        found.append(Line(site, quantity, covered, charge.effective if covered else ZERO))
    return found


def by_rules(lines: Sequence[Line], pool: Fraction) -> list[Fraction]:
    """What the plan saves of each line's on-demand cost: the highest share saved comes first."""
    saved = [Fraction(0)] * len(lines)

    def rank(place: int) -> tuple[Fraction, Decimal]:
        site = lines[place].site
        return Fraction(site.plan_rate) / Fraction(site.on_demand), site.plan_rate

    left = pool
    for place in sorted(range(len(lines)), key=rank):
        taken = min(lines[place].needs, left)
        saved[place] = lines[place].on_demand * taken / lines[place].needs
        left -= taken
    return saved


def answers(ledger: Ledger, planted: PlanFaults) -> list[Row]:
    """A break for every hour in which the rules leave another sum on demand than the bill."""
    rows = []
    pools = {one.start: one for one in ledger.covered if one.commitment == PLAN}
    known = planted.legacy_from
    for start in ledger.hours():
        lines = [
            line
            for line in _lines(ledger, start)
            if line.site is not LEGACY or (known is not None and known <= start)
        ]
        pool = Fraction(pools[start].used) + Fraction(pools[start].unused)
        saved = by_rules(lines, pool)
        touched = [line for line, part in zip(lines, saved, strict=True) if part or line.covered]
        whole = sum((line.on_demand for line in touched), Fraction(0))
        billed = whole - sum((line.on_demand for line in lines if line.covered), Fraction(0))
        expected = whole - sum(saved, Fraction(0))
        if billed != expected:
            rows.append(_break(start, exact(billed), exact(expected)))
    return rows


def _break(start: datetime, billed: Decimal, expected: Decimal) -> Row:
    return {
        "class": "price",
        "leg": "price",
        "rule": RULE,
        "provider": PROVIDER,
        "commitment_id": PLAN,
        "account_id": None,
        "subject": None,
        "period_start": text(start),
        "period_end": text(start + HOUR),
        "billed": text(billed),
        "expected": text(expected),
        "unit": CURRENCY,
        "amount": text(billed - expected),
        "currency": CURRENCY,
    }


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
