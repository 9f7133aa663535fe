"""Weights of shared cost by what was metered: tokens at their price, GPU time, requests."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from trueup.attribute.cost_line import CostLine, Payer
from trueup.attribute.shared_cost import Sharing, shared_cost
from trueup.attribute.weights import Measured, Weights
from trueup.model.rules import Policy

ADS, SEARCH = Payer("ads"), Payer("search")
PRICES = {("USD", "input_tokens"): Fraction(2), ("EUR", "input_tokens"): Fraction(1, 2)}


def metered(
    payer: Payer, meter: str, quantity: int, capacity: str = "busy", provider: str = "aws"
) -> Measured:
    return Measured(payer, provider, "large", meter, capacity, Fraction(quantity), 1)


def used(currency: str, provider: str = "aws") -> CostLine:
    return CostLine(currency, "usage", "ads", None, provider, "large", Decimal(1))


def priced(lines: Sequence[CostLine], measured: Sequence[Measured]) -> Weights:
    return Weights(lines, measured, lambda currency, each: PRICES.get((currency, each.meter)))


def test_tokens_weigh_their_price_in_the_currency_of_the_cost() -> None:
    """10 tokens at 2 USD weigh 20, at half a euro 5."""
    weights = priced([], [metered(ADS, "input_tokens", 10)])
    assert weights.of("by_tokens", "USD", "aws") == {ADS: 20}
    assert weights.of("by_tokens", "EUR", "aws") == {ADS: 5}


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        # what is held counts where nothing busy is known
        ([("gpu", 6, "allocated"), ("tpu_chip", 7, "busy")], {ADS: 6}),
        # chips count where there are no GPUs, the busy first
        ([("tpu_chip", 7, "busy"), ("tpu_chip", 9, "allocated")], {ADS: 7}),
        ([("tpu_chip", 9, "allocated")], {ADS: 9}),
        ([("requests", 9, "busy")], {}),
    ],
)
def test_gpu_time_is_the_first_that_is_known(
    measured: Sequence[tuple[str, int, str]], expected: dict[Payer, int]
) -> None:
    """Busy GPUs, held GPUs, busy chips, held chips."""
    weights = Weights([], [metered(ADS, *each) for each in measured])
    assert weights.of("by_gpu_time", "USD", "aws") == expected


def test_tokens_without_any_price_are_named() -> None:
    """Output has none in any currency; input has one; another provider bills nothing."""
    measured = [
        metered(ADS, "input_tokens", 1),
        metered(ADS, "output_tokens", 1),
        metered(SEARCH, "output_tokens", 1),
        metered(ADS, "cache_read_tokens", 1),
        metered(ADS, "requests", 1),
        metered(ADS, "output_tokens", 1, provider="gcp"),
    ]
    weights = priced([used("USD"), used("CHF")], measured)
    assert weights.unpriced() == ["aws, large, cache_read_tokens", "aws, large, output_tokens"]


def test_cost_whose_reason_has_no_policy_is_nobodys_whatever_is_metered() -> None:
    """A tax of 5.00 stays apart though a team made requests."""
    tax = CostLine("USD", "unattributed", None, None, "aws", "tax", Decimal(5))
    weights = Weights([], [metered(ADS, "requests", 3)])
    idle: dict[str, Policy] = {"idle": "by_requests"}
    assert shared_cost([tax], Sharing(unattributed=idle), weights) == [tax]
