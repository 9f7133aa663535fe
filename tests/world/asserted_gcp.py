"""What the second provider's own APIs and tables must say, from the ledger and the contracts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.world import gcp
from tests.world.contracts import contracts
from tests.world.figures import Row
from tests.world.focus import text
from tests.world.ledger import DAY, ZERO, Ledger


@dataclass(frozen=True)
class Machines:
    """A commitment to machines: it covers nothing of this bill, whose machines are elsewhere."""

    name: str
    region: str
    status: str
    resources: tuple[tuple[str, str, int], ...]  # kind, accelerator or nothing, amount


MACHINES = (
    Machines(
        "gpu-yard",
        "europe-west4",
        "ACTIVE",
        (
            ("VCPU", "", 96),
            ("MEMORY", "", 696320),
            ("ACCELERATOR", "nvidia-tesla-a100", 8),
        ),
    ),
    Machines("old-yard", "us-central1", "EXPIRED", (("VCPU", "", 32),)),
    Machines("next-yard", "us-east1", "NOT_YET_ACTIVE", (("VCPU", "", 64),)),
    Machines("sold-yard", "us-east1", "CANCELLED", (("VCPU", "", 16),)),
)
COUNTED = ("ACTIVE", "EXPIRED")
UNITS = {"VCPU": "vCPU-Hours", "MEMORY": "MB-Hours", "ACCELERATOR": "GPU-Hours"}


def machine_commitments() -> list[Row]:
    """A row for each resource of each commitment that counts."""
    return [
        {
            "ContractCommitmentId": "/".join(
                part
                for part in (
                    f"projects/{gcp.PROJECT}/regions/{one.region}/commitments/{one.name}",
                    kind,
                    accelerator,
                )
                if part
            ),
            "ContractCommitmentQuantity": str(amount),
            "ContractCommitmentUnit": UNITS[kind],
            "ContractCommitmentLifecycleStatus": one.status.capitalize(),
        }
        for one in MACHINES
        if one.status in COUNTED
        for kind, accelerator, amount in one.resources
    ]


def spend_commitments(ledger: Ledger) -> list[Row]:
    """The contracts by the hour, as the export of subscriptions has them."""
    return [
        {
            "ContractCommitmentId": one.id,
            "ContractCommitmentCost": text(one.figure),
            "BillingCurrency": one.currency,
            "ContractCommitmentPeriodStart": text(one.start),
            "ContractCommitmentPeriodEnd": text(one.end),
            "ContractCommitmentType": one.type,
        }
        for one in contracts(ledger)
        if one.provider == gcp.PROVIDER and one.hourly
    ]


def utilization(ledger: Ledger) -> list[Row]:
    """Committed, used and unused by the day, of the hours that reached the bill."""
    days: dict[tuple[str, datetime], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    own = {one.id for one in contracts(ledger) if one.provider == gcp.PROVIDER}
    for hour in ledger.covered:
        if hour.commitment in own:
            day = hour.start.replace(hour=0)
            days[(hour.commitment, day)][0] += hour.used
            days[(hour.commitment, day)][1] += hour.unused
    return [
        {
            "commitment_id": commitment,
            "interval_start": text(day),
            "interval_end": text(day + DAY),
            "committed": used + unused,
            "used": used,
            "unused": unused,
            "unit": gcp.CURRENCY,
        }
        for (commitment, day), (used, unused) in sorted(days.items())
    ]


def prices() -> Iterator[Row]:
    """List prices of one token and of one hour, in the unit of the price list."""
    for model in (gcp.PRO, gcp.FLASH):
        for meter, price in model.prices.items():
            yield {
                "sku": f"{model.name} {gcp.WORDS[meter]}",
                "unit": "count",
                "price": price / model.size,
            }
    for kind, price in (("TPU v5e", gcp.CHIP_HOUR), ("TPU v6e", gcp.BURST_CHIP_HOUR)):
        yield {"sku": f"{kind} chip hours in Netherlands", "unit": "h", "price": price}
