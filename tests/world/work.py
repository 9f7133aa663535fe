"""Work that was metered of each payer, from what happened: tokens, time of devices, answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from tests.world import azure, oci
from tests.world.attribution import scale
from tests.world.burnt import UNBILLED
from tests.world.ledger import HOUR, Ledger
from tests.world.payers import Payer, of_party
from tests.world.world import World

HOUR_S = int(HOUR.total_seconds())
OUTPUT = "output_tokens"
Kind = tuple[str, str | None, str]  # provider, model and meter
Prices = dict[tuple[str, Kind], Fraction]  # of one token, by currency and kind


class Work(NamedTuple):
    """What one record tells: tokens, or busy seconds of devices."""

    payer: Payer
    provider: str
    model: str | None
    meter: str
    amount: Fraction

    @property
    def kind(self) -> Kind:
        return self.provider, self.model, self.meter


def work(made: World) -> list[Work]:
    """All of the period that telemetry saw."""
    return [*_tokens(made), *_devices(made)]


def _tokens(made: World) -> Iterator[Work]:
    for call in (*made.bedrock_calls, *made.gcp.calls, *made.azure.calls):
        for meter, count in call.tokens.items():
            yield Work(of_party(call.party), call.provider, call.model, meter, Fraction(count))
    for held in made.azure.held:  # nobody tells which model
        for party, count in held.tokens.items():
            yield Work(of_party(party), azure.PROVIDER, None, OUTPUT, Fraction(count))


def _devices(made: World) -> Iterator[Work]:
    for hour in (*made.endpoints, *made.gcp.hours):
        if hour.start >= made.ledger.start:
            for party, busy_s in hour.busy_s.items():
                site = hour.site
                yield Work(of_party(party), site.provider, None, site.meter, Fraction(busy_s))
    for pod in made.pods:
        busy = Fraction(pod.gpus * pod.percent * HOUR_S, 100)
        yield Work(of_party(pod.party), oci.PROVIDER, None, "gpu", busy)


def prices(ledger: Ledger, metered: Iterable[Work]) -> Prices:
    """What a token cost: all that it was billed, and what is still due, by what was metered."""
    finest = 10 ** scale(ledger)
    costs: dict[tuple[str, Kind], Fraction] = defaultdict(Fraction)
    for cell in ledger.cells:
        if cell.meter.endswith("_tokens") and cell.verdict != "missing_in_usage":
            cost = Fraction(cell.cost)
            if cell.verdict in UNBILLED and cell.price is not None:
                due = Fraction(cell.metered) * Fraction(cell.price)
                cost = Fraction(round(due * finest), finest)  # half to even
            costs[cell.currency, (cell.provider, cell.model, cell.meter)] += cost
    amounts: dict[Kind, Fraction] = defaultdict(Fraction)
    for one in metered:
        amounts[one.kind] += one.amount
    return {
        (currency, kind): cost / amounts[kind]
        for (currency, kind), cost in costs.items()
        if amounts[kind]
    }


def gpu_time(some: Sequence[Work]) -> dict[Payer, Fraction]:
    """Busy time on GPUs; where there are none, on chips."""
    meter = "gpu" if any(one.meter == "gpu" for one in some) else "tpu_chip"
    return summed((one.payer, one.amount) for one in some if one.meter == meter)


def answered(some: Sequence[Work]) -> dict[Payer, Fraction]:
    """Records with output: nothing in a world counts requests."""
    return summed((one.payer, Fraction(1)) for one in some if one.meter == OUTPUT)


def summed(weights: Iterable[tuple[Payer, Fraction]]) -> dict[Payer, Fraction]:
    """Sums above zero, of all who have a name."""
    found: dict[Payer, Fraction] = defaultdict(Fraction)
    for payer, weight in weights:
        if any(payer):
            found[payer] += weight
    return {payer: weight for payer, weight in found.items() if weight > 0}
