"""What quantities are counted in: the smallest size that holds them, and what it cannot hold."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trueup.reconcile.scale import (
    FACTOR_LIMIT,
    PARTS_LIMIT,
    UNITS_LIMIT,
    Counted,
    base_sizes,
)

HOUR = Fraction(3600)


def test_the_size_holds_every_fineness() -> None:
    """0.25 h is 900 s, 0.000001 h is 9/2500 s, 1/60 h needs none: 2500 parts of a second."""
    units = [
        Counted("gpu", HOUR, 2, 100),
        Counted("gpu", HOUR, 6, 100),
        Counted("gpu", Fraction(60), 0, 5),
    ]
    assert base_sizes(units) == ({"gpu": 2500}, set())


def test_tokens_of_every_direction_share_one_size() -> None:
    """0.5 thousand tokens are whole; 0.0001 thousand are a tenth: ten parts count both."""
    coarse = Counted("input_tokens", Fraction(1000), 1, 10)
    fine = Counted("output_tokens", Fraction(1000), 4, 10)
    assert base_sizes([fine, coarse]) == ({"input_tokens": 10, "output_tokens": 10}, set())


def test_what_cannot_be_counted_with_the_rest_is_left_out() -> None:
    """10^13 tokens and 0.000000000000000001 token: 10^31 parts are too many, so the fine one goes."""
    many = Counted("input_tokens", Fraction(1), 0, 10**13)
    fine = Counted("input_tokens", Fraction(1), 18, 1)
    other = Counted("gpu", HOUR, 18, 24)
    sizes, left_out = base_sizes([fine, many, other])
    assert left_out == {fine}
    # 3600 / 10^18 = 9 / (25 x 10^14): a second of capacity has as many parts
    assert sizes == {"input_tokens": 1, "gpu": 25 * 10**14}


COUNTED = st.builds(
    Counted,
    st.sampled_from(["gpu", "input_tokens", "output_tokens", "requests"]),
    st.sampled_from([Fraction(1), Fraction(1000), HOUR, Fraction(10**6), Fraction(1, 1000)]),
    st.integers(0, 18),
    st.integers(1, 10**20),
)


@given(st.lists(COUNTED, max_size=12))
def test_whatever_is_kept_can_be_counted(units: list[Counted]) -> None:
    """Every kept quantity is whole in its parts, and all of a meter together stay in the limits."""
    sizes, left_out = base_sizes(units)
    kept = [unit for unit in units if unit not in left_out]
    for unit in kept:
        parts = unit.factor * sizes[unit.meter]
        assert parts.denominator == 1
        assert parts < FACTOR_LIMIT
        assert (parts / 10**unit.decimals).denominator == 1
    for meter in {unit.meter for unit in kept}:
        base = sum(unit.most * unit.factor for unit in kept if unit.meter == meter)
        assert base * sizes[meter] < PARTS_LIMIT
        assert base < UNITS_LIMIT
