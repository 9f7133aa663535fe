"""The fourth provider: FOCUS 1.4 in CSV, US dollars, every charge drawn from a prepaid pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.world import company
from tests.world.company import Agent
from tests.world.dice import Dice
from tests.world.ledger import HOUR, IDLE, Cell, Charge, Ledger, Party, Value, month_of

PROVIDER = "oci"
CURRENCY = "USD"
TENANCY = "ocid1.tenancy.oc1..brackenmoor"
FILE = "bills/oci/focus-1.4.csv"
CONTRACT = "US-4410927"
POOL = "UC-2026-4410927"
POOL_GRANTED = Decimal("250000.00")
GPU_HOUR = Decimal("2.95")


@dataclass(frozen=True)
class Node:
    """A machine of the cluster and its GPUs."""

    name: str
    gpus: int

    @property
    def resource(self) -> str:
        return f"ocid1.instance.oc1.eu-frankfurt-1.{self.name.replace('-', '')}q7x"


ONE = Node("gpu-node-1", 2)
TWO = Node("gpu-node-2", 4)


@dataclass(frozen=True)
class Pod:
    """What one pod held of a node in an hour, and how much of that was work."""

    node: Node
    start: datetime
    agent: Agent
    gpus: int
    percent: int

    @property
    def party(self) -> Party:
        return Party(None, self.agent.name, None, self.agent.team, self.agent.cost_centre)


def row(start: datetime, gpu_hours: Decimal, node: Node, **more: Value) -> Charge:
    """A charge for GPU-hours of a node; ``more`` says what is different."""
    first, last = month_of(start)
    cost = gpu_hours * GPU_HOUR
    values: dict[str, Value] = {
        "BilledCost": cost,
        "BillingAccountId": TENANCY,
        "BillingAccountName": "brackenmoor",
        "BillingAccountType": "Tenancy",
        "BillingCurrency": CURRENCY,
        "BillingPeriodStart": first,
        "BillingPeriodEnd": last,
        "ChargeCategory": "Usage",
        "ChargeDescription": "GPU4 - Compute - GPU",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": start,
        "ChargePeriodEnd": start + HOUR,
        "ConsumedQuantity": gpu_hours,
        "ConsumedUnit": "GPU-Hours",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "HostProviderName": "Oracle",
        "InvoiceIssuerName": "Oracle",
        "ListCost": cost,
        "ListUnitPrice": GPU_HOUR,
        "PricingCategory": "Standard",
        "PricingQuantity": gpu_hours,
        "PricingUnit": "GPU-Hours",
        "RegionId": "eu-frankfurt-1",
        "ResourceId": node.resource,
        "ResourceName": node.name,
        "ServiceCategory": "Compute",
        "ServiceName": "Compute",
        "ServiceProviderName": "Oracle Cloud Infrastructure",
        "SkuId": "B95909",
        "SkuMeter": "GPU4",
        "SubAccountId": "ocid1.compartment.oc1..ai",
        "SubAccountName": "ai",
    }
    return Charge(PROVIDER, FILE, values | more)


def _drawn(ledger: Ledger, start: datetime, cost: Decimal) -> Value:
    ledger.draw(POOL, start, cost)
    element = {
        "ContractId": CONTRACT,
        "ContractCommitmentId": POOL,
        "ContractCommitmentAppliedCost": cost,
    }
    return {"Elements": [element]}


def add(ledger: Ledger) -> list[Pod]:
    """Every hour of the nodes; returns what the cluster's cost monitor saw."""
    dice = Dice(ledger.seed, "nodes")
    late = ledger.at(2, 3)  # the second node works alone in the night; billed two hours later
    pods: list[Pod] = []
    for start in ledger.hours():
        running = [ONE]
        if (8 <= start.hour < 20 and dice.percent(85)) or start == ledger.at(0, 12):
            running.append(TWO)
        for node in running:
            seen = _pods(dice, node, start)
            pods += seen
            _bill_hour(ledger, node, start, seen)
    only = Pod(TWO, late, company.AGENTS[2], TWO.gpus, 100)
    pods.append(only)
    cell = _cell(TWO, late, [only], Decimal(TWO.gpus))
    cell.verdict, cell.end = "timing", late + 3 * HOUR
    ledger.cells.append(cell)
    begin = late + 2 * HOUR
    applied = _drawn(ledger, begin, cell.cost)
    ledger.charges.append(row(begin, cell.billed, TWO, ContractApplied=applied))
    stray = row(ledger.at(0, 2), Decimal(-1), TWO, ChargeClass="Correction", SkuMeter="GPU4")
    ledger.put_outside(stray, "correction")
    return pods


def _pods(dice: Dice, node: Node, start: datetime) -> list[Pod]:
    """One or two pods that hold all of the node's GPUs."""
    first = dice.between(1, node.gpus)
    parts = [first, node.gpus - first] if first < node.gpus else [first]
    agents = list(company.AGENTS)
    begin = dice.between(0, len(agents) - 1)
    return [
        Pod(node, start, agents[(begin + number) % len(agents)], gpus, 5 * dice.between(8, 20))
        for number, gpus in enumerate(parts)
    ]


def _cell(node: Node, start: datetime, pods: list[Pod], billed: Decimal) -> Cell:
    weights: dict[Party | str, int] = {}
    held = 0
    for pod in pods:
        weights[pod.party] = weights.get(pod.party, 0) + pod.gpus * pod.percent
        held += pod.gpus
    if 100 * held > sum(weights.values()):
        weights[IDLE] = 100 * held - sum(weights.values())
    return Cell(
        verdict="matched",
        provider=PROVIDER,
        meter="gpu",
        start=start,
        end=start + HOUR,
        unit="GPU-Hours",
        currency=CURRENCY,
        billed=billed,
        metered=Decimal(held),
        cost=billed * GPU_HOUR,
        weights=weights,
        resource=node.resource,
    )


def _bill_hour(ledger: Ledger, node: Node, start: datetime, pods: list[Pod]) -> None:
    """One row an hour; one hour twice, and one too high that a correction puts right."""
    gpu_hours = Decimal(node.gpus)
    cell = _cell(node, start, pods, gpu_hours)
    ledger.cells.append(cell)
    if node is TWO and start == ledger.at(0, 12):
        wrong = row(start, gpu_hours + 2, node)
        cell.rows = 2
        ledger.charges += [wrong, row(start, Decimal(-2), node, ChargeClass="Correction")]
        return
    copies = 2 if node is ONE and start == ledger.at(1, 4) else 1
    for _ in range(copies):
        charge = row(start, gpu_hours, node, ContractApplied=_drawn(ledger, start, cell.cost))
        ledger.charges.append(charge)
    cell.rows = copies
    if copies == 2:
        cell.verdict, cell.extra, cell.extra_cost = "duplicate", cell.billed, cell.cost
        cell.billed, cell.cost = 2 * cell.billed, 2 * cell.cost
