"""Samples of held capacity: the raw facts behind allocated and busy seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.world.dice import Dice
from tests.world.ledger import HOUR, IDLE, Cell, Party


@dataclass(frozen=True)
class Sample:
    """One device observed for one step: held all of it, at work for ``percent`` of it."""

    at: datetime
    device: int
    percent: int
    party: Party


@dataclass(frozen=True)
class Site:
    """A resource that holds devices, on the bill and in telemetry."""

    provider: str
    account: str
    region: str
    resource: str  # as the bill names it
    told: str  # as telemetry names it
    meter: str
    kind: str  # the type of the instance or device
    devices: int  # in one billed unit
    step_s: int  # how long a sample stands for


@dataclass(frozen=True)
class Hour:
    """What telemetry saw of a site in one hour."""

    site: Site
    start: datetime
    samples: tuple[Sample, ...]

    @property
    def allocated_s(self) -> int:
        return len(self.samples) * self.site.step_s

    @property
    def busy_s(self) -> dict[Party, int]:
        """Seconds of work by party; a party that only held the device has none, and no share."""
        found: dict[Party, int] = defaultdict(int)
        for sample in self.samples:
            found[sample.party] += sample.percent * self.site.step_s // 100
        return dict(found)


def observe(
    dice: Dice, site: Site, start: datetime, devices: int, parties: Sequence[Party]
) -> Hour:
    """A full hour of a number of devices, each sample for one of the parties."""
    samples = tuple(
        Sample(
            start + slot * timedelta(seconds=site.step_s),
            device,
            10 * dice.between(2, 10),
            dice.one_of(parties),
        )
        for device in range(devices)
        for slot in range(3600 // site.step_s)
    )
    return Hour(site, start, samples)


def cell(
    seen: Hour | None,
    site: Site,
    start: datetime,
    *,
    billed: Decimal,
    unit: str,
    cost: Decimal,
    currency: str,
    verdict: str = "matched",
    price: Decimal | None = None,
) -> Cell:
    """Both sides of a resource's hour; ``billed`` in the bill's unit, of ``site.devices`` each."""
    weights: dict[Party | str, int] = {}
    metered = Decimal(0)
    if seen is not None:
        busy = seen.busy_s
        metered = Decimal(seen.allocated_s) / (3600 * site.devices)
        weights = dict(busy.items())
        if seen.allocated_s > sum(busy.values()):
            weights[IDLE] = seen.allocated_s - sum(busy.values())
    return Cell(
        verdict=verdict,
        provider=site.provider,
        meter=site.meter,
        start=start,
        end=start + HOUR,
        unit=unit,
        currency=currency,
        billed=billed,
        metered=metered,
        cost=cost,
        weights=weights,
        resource=site.resource,
        price=price,
    )
