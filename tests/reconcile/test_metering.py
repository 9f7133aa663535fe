"""By which meter a SKU is measured, and by what factor: rule, pattern, unit, capacity, or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from trueup.adapter.provider import CapacityFactor, ProviderAdapter
from trueup.adapter.registry import providers
from trueup.errors import UnitError
from trueup.model.rules import Rules, read_rules
from trueup.reconcile.metering import Metering, NotMetered, base_factor, metering_of
from trueup.units import parse_unit

SPAN = (datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC))
HELD_8 = {"match": {"SkuId": "^big$"}, "meter": "gpu", "count": 8, "source": "data sheet"}


def found(
    unit: str,
    adapter: ProviderAdapter | None = None,
    rules: dict[str, Any] | None = None,
    **sku: str,
) -> Metering | NotMetered | None:
    return metering_of(sku, unit, adapter, read_rules(rules) if rules else Rules(), SPAN)


def adapter(**given: Any) -> ProviderAdapter:
    return replace(next(iter(providers().values())), **{"meters": (), "factors": ()} | given)


@pytest.mark.parametrize(
    ("unit", "meter", "said"),
    [
        ("Request-Hours", "requests", "requests is a count, but the unit is held over time"),
        ("GPUs", "gpu", "gpu is capacity held over time, but the unit has no time"),
        ("vCPU-Hours", "gpu", "vcpu and gpu are different dimensions"),
    ],
)
def test_a_unit_of_another_dimension_has_no_factor(unit: str, meter: str, said: str) -> None:
    """Counts are not held, capacity is, and a vCPU is no GPU."""
    with pytest.raises(UnitError, match=said):
        base_factor(parse_unit(unit), meter)


def test_a_meter_that_the_unit_cannot_count_is_said_with_what_to_do() -> None:
    """A rule calls SKU x a GPU, but it is billed in tokens: only a factor could convert them."""
    rule = {"match": {"SkuId": "^x$"}, "meter": "gpu"}
    assert found("Tokens", rules={"meter": [rule]}, SkuId="x") == NotMetered(
        "x",
        "Tokens: gpu is capacity held over time, but the unit has no time",
        "add a [[rules.factor]]",
    )


def test_a_unit_alone_that_no_meter_counts_is_left_out() -> None:
    """GB-Hours are of gigabytes held: 10^9 bytes for 3600 s; a rate is of nothing held."""
    assert found("GB-Hours") == Metering("byte", Fraction(10**9 * 3600))
    assert found("GB/Second") is None


@pytest.mark.parametrize("details", ['["M"]', "{", '"M"'])
def test_details_that_are_no_object_say_nothing(details: str) -> None:
    """GPU-Hours are 3600 GPU-seconds each, of no model: the text names none."""
    assert found("GPU-Hours", SkuPriceDetails=details) == Metering("gpu", Fraction(3600))


def test_tokens_of_no_direction_are_not_metered() -> None:
    """Nothing in its SKU says whether they went in or out."""
    assert found("Tokens", SkuId="text", SkuMeter="units of text") is None
    assert found("Tokens", SkuId="text", SkuMeter="prompt text") == Metering(
        "input_tokens", Fraction(1)
    )


def test_calendar_time_counts_no_capacity() -> None:
    """A month has no fixed number of hours, whatever a rule says that an instance holds."""
    assert found("Instance-Months", rules={"factor": [HELD_8]}, SkuId="big") is None


def test_a_rule_says_what_an_instance_holds() -> None:
    """8 GPUs an hour: 8 x 3600 GPU-seconds; another SKU's rule says nothing of it."""
    other = HELD_8 | {"match": {"SkuId": "^small$"}, "count": 1}
    rules = {"factor": [other, HELD_8]}
    assert found("Hours", rules=rules, SkuId="big") == Metering("gpu", Fraction(28800))
    assert found("Hours", rules=rules, SkuId="tiny") is None


@pytest.mark.parametrize(
    "dates", [{"valid_from": "2026-10-04"}, {"valid_to": "2026-10-03"}], ids=["later", "earlier"]
)
def test_a_factor_of_another_time_does_not_count(dates: dict[str, str]) -> None:
    """It was billed from the 3rd to the 4th; the rule does not hold over all of that."""
    assert found("Hours", rules={"factor": [HELD_8 | dates]}, SkuId="big") == NotMetered(
        "big",
        "the factor from data sheet does not cover 2026-10-03 to 2026-10-04",
        "add a [[rules.factor]] that is valid then",
    )


@pytest.mark.parametrize(
    ("instance_type", "since", "expected"),
    [
        ("m.8", "2026-10-03", Metering("gpu", Fraction(28800))),  # 8 x 3600
        ("m.8", "2026-10-04", None),  # known only from the next day on
        ("m.1", "2026-10-03", None),
    ],
)
def test_the_adapter_knows_what_an_instance_type_holds(
    instance_type: str, since: str, expected: Metering | None
) -> None:
    """The type stands in the SKU's details, and the factor holds from its day on."""
    known = adapter(factors=(CapacityFactor("m.8", "gpu", 8, since, "page"),))
    details = f'{{"InstanceType": "{instance_type}"}}'
    assert found("Hours", known, SkuId="x", SkuPriceDetails=details) == expected
    assert found("Hours", None, SkuId="x", SkuPriceDetails=details) is None
