"""By what a cost is shared among payers: what they used of its provider, in money or as metered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from trueup.attribute.cost_line import CostLine, Payer
from trueup.model.rules import Policy

Price = Callable[[str, "Measured"], Fraction | None]  # of a token of this, in a currency


@dataclass(frozen=True)
class Measured:
    """What telemetry metered of one payer: ``quantity`` in base units, in ``rows`` rows."""

    payer: Payer
    provider: str | None
    model: str | None
    meter: str
    capacity: str | None  # allocated | busy
    quantity: Fraction
    rows: int


@dataclass(frozen=True)
class Weights:
    """Weights above zero of all payers that have a name.

    ``proportional`` is what each used, in money; ``even`` one for each of these. ``by_tokens`` are
    tokens at their price, those without one nothing. ``by_gpu_time`` is GPU time, of a provider
    that has none TPU chip time: the busy, where any is known, else the held. ``by_requests`` are
    requests, or calls that gave output where requests are not metered.
    """

    lines: Sequence[CostLine] = ()
    measured: Sequence[Measured] = ()
    price: Price = field(default=lambda _currency, _measured: None)

    def of(self, policy: Policy, currency: str, provider: str | None) -> dict[Payer, Fraction]:
        """The weights of a cost of this provider; of a cost that has none, by all providers."""
        if policy in ("proportional", "even"):
            used = _summed(
                (line.payer, Fraction(line.cost))
                for line in self.lines
                if line.kind == "usage"
                and line.currency == currency
                and provider in (None, line.provider)
            )
            return dict.fromkeys(used, Fraction(1)) if policy == "even" else used
        some = [each for each in self.measured if provider in (None, each.provider)]
        if policy == "by_tokens":
            return self._tokens(some, currency)
        return _gpu_time(some) if policy == "by_gpu_time" else _requests(some)

    def _tokens(self, some: Sequence[Measured], currency: str) -> dict[Payer, Fraction]:
        tokens = (each for each in some if each.meter.endswith("_tokens"))
        return _summed(
            (each.payer, each.quantity * (self.price(currency, each) or 0)) for each in tokens
        )

    def unpriced(self) -> list[str]:
        """Tokens of a provider of the bill that have no price: its name, model and meter."""
        currencies = {line.currency for line in self.lines}
        billed = {line.provider for line in self.lines}
        return sorted(
            {
                ", ".join(name for name in (each.provider, each.model, each.meter) if name)
                for each in self.measured
                if each.provider in billed
                and each.meter.endswith("_tokens")
                and all(self.price(currency, each) is None for currency in currencies)
            }
        )


def _gpu_time(some: Sequence[Measured]) -> dict[Payer, Fraction]:
    for meter in ("gpu", "tpu_chip"):
        for capacity in ("busy", "allocated"):
            found = _summed(
                (each.payer, each.quantity)
                for each in some
                if (each.meter, each.capacity) == (meter, capacity)
            )
            if found:
                return found
    return {}


def _requests(some: Sequence[Measured]) -> dict[Payer, Fraction]:
    metered = _summed((each.payer, each.quantity) for each in some if each.meter == "requests")
    return metered or _summed(
        (each.payer, Fraction(each.rows)) for each in some if each.meter == "output_tokens"
    )


def _summed(weights: Iterable[tuple[Payer, Fraction]]) -> dict[Payer, Fraction]:
    sums: dict[Payer, Fraction] = {}
    for payer, weight in weights:
        if any(payer):
            sums[payer] = sums.get(payer, Fraction()) + weight
    return {payer: weight for payer, weight in sums.items() if weight > 0}
