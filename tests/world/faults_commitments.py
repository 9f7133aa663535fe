"""Usage on demand beside what a commitment of the second or the third provider left unused.

In worlds of odd seeds machines run beside the spend commitment; one family of them saves less than
those that it covers, one more. In even ones a deployment has units beside the reservation. What is
left covers a part of the first hour's in a quotient that does not end.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tests.world import azure, company, gcp
from tests.world.azure import Deployment, Held
from tests.world.dice import Dice
from tests.world.drift import BREAKS
from tests.world.figures import WIDE, Row
from tests.world.ledger import HOUR, Charge, Ledger, Value
from tests.world.rerating import Applied, Line, breaks
from tests.world.rewriting import amount, rewrite, with_values
from tests.world.world import World

HOURS = 3  # of a world
BASIS = "commitment_rate"
CUD = Applied(gcp.CUD, gcp.PROVIDER, "spend_commitment_by_price", gcp.CURRENCY)
RESERVATION = Applied(azure.RESERVATION, azure.PROVIDER, "reservation", azure.CURRENCY)
UNIT_HOUR = Fraction(260, 730)  # on demand: 260.00 a month; the bill rounds a row's cost
DECIMALS = Decimal("0.0001")


@dataclass(frozen=True)
class Family:
    """Machines of a kind: what a core's hour costs under the commitment, and on demand."""

    name: str
    committed: Decimal
    on_demand: Decimal


N4 = Family("N4", gcp.CORE_HOUR, Decimal("0.035"))  # what the commitment covers everywhere
C4 = Family("C4", Decimal("0.027"), Decimal("0.031"))  # saves less: only what N4 leaves is for it
M3 = Family("M3", Decimal("0.019"), Decimal("0.029"))  # saves more: some of N4 stays on demand
FAMILIES = {f"{family.name}CORE-NL": family for family in (N4, C4, M3)}


@dataclass(frozen=True)
class CommitmentFaults:
    """The commitment that was not applied to all that it should have covered, and when."""

    applied: Applied
    hours: list[datetime]


def misapply(made: World) -> CommitmentFaults:
    """Add usage on demand in some hours, and say which."""
    dice = Dice(made.ledger.seed, "commitments")
    if made.ledger.seed % 2:
        return _add_machines(made.ledger, dice)
    return _add_units(made, dice)


def _hours(ledger: Ledger, dice: Dice, applied: Applied) -> list[datetime]:
    """Hours with something unused in which nothing else is planted."""
    disturbed = {
        cell.start
        for cell in ledger.cells
        if cell.provider == applied.provider and cell.resource and cell.verdict in BREAKS
    }
    free = [
        one.start
        for one in ledger.covered
        if one.commitment == applied.id and one.unused and one.start not in disturbed
    ]
    return [free.pop(dice.between(0, len(free) - 1)) for _ in range(HOURS)]


def _add_machines(ledger: Ledger, dice: Dice) -> CommitmentFaults:
    ledger.bases[gcp.CUD] = BASIS

    def listed(charge: Charge) -> Charge:
        if charge.values.get("CommitmentDiscountStatus") != "Used" or not _family(charge):
            return charge
        cost = amount(charge, "PricingQuantity") * N4.on_demand
        return with_values(charge, ListCost=cost, ContractedCost=cost)

    rewrite(ledger, listed)
    hours = _hours(ledger, dice, CUD)
    for place, start in enumerate(hours):
        families = dice.one_of([(N4,), (C4,), (M3,), (N4, C4)]) if place else (C4,)
        for family in families:
            cores = Decimal(8 * dice.between(2, 16) if place else 192)
            more = gcp.machine(f"tile-builder-{family.name.lower()}", family.name, cores)
            charge = gcp.row(start, start + HOUR, cores * family.on_demand, **more)
            ledger.put_outside(charge, "no_rule")
    return CommitmentFaults(CUD, hours)


def _add_units(made: World, dice: Dice) -> CommitmentFaults:
    ledger = made.ledger

    def listed(charge: Charge) -> Charge:
        if charge.values.get("CommitmentDiscountStatus") != "Used" or not _is_unit(charge):
            return charge
        cost = _cost(amount(charge, "PricingQuantity"))
        return with_values(charge, ListCost=cost, ContractedCost=cost)

    rewrite(ledger, listed)
    hours = _hours(ledger, dice, RESERVATION)
    for place, start in enumerate(hours):
        units = dice.one_of((15, 30, 45, 90)) if place else 90
        deployment = Deployment("harbour-ptu", units, units, company.AGENTS[1])
        cost = _cost(Decimal(units))
        more = azure.provisioned(deployment, Decimal(units)) | {"BilledCost": cost}
        more["ContractApplied"] = azure.counted(ledger, start, cost)
        charge = azure.row(start, start + HOUR, cost, **more)
        seen = Held(deployment, start, units, {})
        ledger.charges.append(charge)
        ledger.cells.append(
            azure.provisioned_cell(deployment, start, charge, seen, deployment.holder)
        )
        made.azure.held.append(seen)
    return CommitmentFaults(RESERVATION, hours)


def _cost(units: Decimal) -> Decimal:
    """Of so many units for an hour on demand."""
    exact = WIDE.divide(units * UNIT_HOUR.numerator, Decimal(UNIT_HOUR.denominator))
    return exact.quantize(DECIMALS, context=WIDE)


def _family(charge: Charge) -> Family | None:
    return FAMILIES.get(str(charge.values.get("SkuId")))


def _is_unit(charge: Charge) -> bool:
    return charge.values.get("ResourceType") == "Deployment"


def answers(ledger: Ledger) -> list[Row]:
    """A break for every hour in which the rules leave another sum on demand than the bill."""
    machines: dict[datetime, list[Line]] = defaultdict(list)
    units: dict[datetime, list[Line]] = defaultdict(list)
    for charge in ledger.charges:
        covered = charge.values.get("CommitmentDiscountStatus") == "Used"
        family = _family(charge)
        if family is not None:
            cores = amount(charge, "PricingQuantity")
            price = Fraction(family.on_demand)
            line = Line(cores, family.committed, price, cores * family.on_demand, covered)
            machines[charge.start].append(line)
        elif _is_unit(charge):
            held = amount(charge, "PricingQuantity")
            line = Line(held, Decimal(1), UNIT_HOUR, _cost(held), covered)
            units[charge.start].append(line)
    return breaks(ledger, CUD, machines) + breaks(ledger, RESERVATION, units)


def rates(planted: CommitmentFaults) -> list[dict[str, Value]]:
    """What cores of other families than its own draw of the spend commitment, by its provider."""
    if planted.applied is not CUD:
        return []
    return [
        {
            "provider": gcp.PROVIDER,
            "commitment_id": gcp.CUD,
            "sku_id": sku,
            "sku": f"{family.name} Instance Core running in Netherlands",
            "unit": "vCPU-Hours",
            "price": family.committed,
            "currency": gcp.CURRENCY,
            "valid_from": None,
            "valid_to": None,
            "operation": "ListSkus",
        }
        for sku, family in FAMILIES.items()
        if family is not N4
    ]
