"""What happened in each month of the year, and what of it is known on a night.

A thing or two a day, so that a night is cheap. A row arrives some hours after its end, or some days
late; some are wrong at first and put right in their place, some by a correction. From ``FINAL``
after its end on, a month's bill stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from tests.world import aws_bill, azure, bedrock, company, gcp, oci, sagemaker
from tests.world.dice import Dice
from tests.world.ledger import DAY, HOUR, Charge, Ledger, month_of
from tests.world.rewriting import COSTS, amount, with_values
from tests.world.world import PROVIDERS, World

FIRST = datetime(2026, 10, 1, tzinfo=UTC)  # from here on the world's lots are as they are told of
AT_WORK = 10  # the hour of the day in which something happens
LAG = 6 * HOUR
FINAL = 3 * DAY
QUANTITIES = ("ConsumedQuantity", "PricingQuantity")
LATE, WRONG, CORRECTED = 5, 5, 3  # of 100 rows


@dataclass
class Sparse(Ledger):
    """A ledger with one busy hour a day, as it is known at an instant."""

    known_at: datetime | None = None

    @property
    def as_of(self) -> datetime:
        return self.known_at or super().as_of

    def hours(self) -> list[datetime]:
        return [self.at(day, AT_WORK) for day in range(self.days)]


@lru_cache(maxsize=3)
def month(seed: int, start: datetime) -> World:
    """All that will ever be known of a month."""
    _, end = month_of(start)
    ledger = Sparse(seed + 12 * start.year + start.month, start, end)
    dice = Dice(ledger.seed, "sessions")
    known = {name: company.sessions(dice, name, start, ledger.days, 2) for name in PROVIDERS}
    calls = bedrock.add_tokens(ledger, known["aws"])
    endpoints = sagemaker.add_endpoints(ledger, known["aws"])
    aws_bill.add_other_charges(ledger)
    seen_gcp, seen_azure = gcp.add(ledger, known["gcp"]), azure.add(ledger, known["azure"])
    return World(ledger, calls, endpoints, seen_gcp, seen_azure, oci.add(ledger))


def known(whole: World, clock: datetime) -> World:
    """A month as it is known at an instant."""
    ledger = whole.ledger
    assert isinstance(ledger, Sparse)
    charges = [
        version
        for number, charge in enumerate(ledger.charges)
        for version in versions(charge, Dice(ledger.seed, f"row {number}"), clock, ledger.end)
    ]
    return replace(
        whole,
        ledger=replace(
            ledger,
            known_at=clock,
            charges=charges,
            covered=[one for one in ledger.covered if one.start + HOUR + LAG <= clock],
            drawings=[one for one in ledger.drawings if one.start + HOUR + LAG <= clock],
        ),
    )


def versions(charge: Charge, dice: Dice, clock: datetime, end: datetime) -> Iterator[Charge]:
    """The rows by which a charge is known at an instant: none yet, one, or one and a correction."""
    last = end + FINAL - LAG
    if not _ordinary(charge):
        if charge.end < end or charge.provider == azure.PROVIDER:  # its lots need a first event
            arrives = min(charge.start + LAG, last) if charge.end == end else charge.end + LAG
        else:
            arrives = min(charge.end + LAG, last)
        if arrives <= clock:
            yield charge
        return
    late, wrong, corrected = (dice.percent(chance) for chance in (LATE, WRONG, CORRECTED))
    arrives = min(charge.end + LAG + late * dice.between(1, 9) * DAY, last)
    right = min(arrives + wrong * dice.between(1, 6) * DAY, last)
    if arrives <= clock:
        yield charge if right <= clock else _times(charge, Decimal("1.25"))
    if corrected and min(arrives + dice.between(1, 20) * DAY, last) <= clock:
        less = _times(charge, Decimal("-0.25"))
        kept = {name: value for name, value in less.values.items() if name != "ContractApplied"}
        yield replace(less, values={**kept, "ChargeClass": "Correction"})


def _ordinary(charge: Charge) -> bool:
    """Paid for as used: what draws on a commitment is stated elsewhere, too."""
    values = charge.values
    usage = values["ChargeCategory"] == "Usage" and not values.get("ChargeClass")
    return usage and charge.billed > 0 and values.get("ConsumedQuantity") is not None


def _times(charge: Charge, part: Decimal) -> Charge:
    named = [name for name in (*COSTS, *QUANTITIES) if charge.values.get(name) is not None]
    return with_values(charge, **{name: amount(charge, name) * part for name in named})


def clock_of(night: int) -> datetime:
    """Half past six of a morning: the first night ends the first day."""
    return FIRST + (night + 1) * DAY + timedelta(hours=6, minutes=30)


def begun(clock: datetime) -> list[datetime]:
    """Every month with a day that is over."""
    found, start = [], FIRST
    while start < clock - DAY:
        found.append(start)
        _, start = month_of(start)
    return found
