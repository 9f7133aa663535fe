"""Money: exact sums, shares that add up to the whole, plain text."""

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import CurrencyMismatch, UsageError
from trueup.money import Money, allocate, decimals, minor_decimals, plain

pytestmark = pytest.mark.smoke  # exact on every Python, with the lowest dependencies

SCALES = st.integers(min_value=0, max_value=18)
TOTALS = st.integers(min_value=-(10**24), max_value=10**24)
WEIGHT = st.one_of(
    st.integers(min_value=0, max_value=10**20),
    st.decimals(min_value=0, max_value=10**9, places=9, allow_nan=False, allow_infinity=False),
    st.fractions(min_value=0, max_value=10**6, max_denominator=10**6),
)
WEIGHTS = st.lists(WEIGHT, min_size=1, max_size=12).filter(any)


def at(units: int, scale: int) -> Decimal:
    return Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -scale))


@given(TOTALS, WEIGHTS, SCALES)
def test_the_parts_sum_to_the_whole(units: int, weights: list[Any], scale: int) -> None:
    """Whatever is shared by whatever weights, the sum of the parts is the total, to the digit."""
    parts = allocate(at(units, scale), weights, scale)
    assert sum(map(Fraction, parts)) == Fraction(units, 10**scale)


@given(TOTALS, WEIGHTS, SCALES)
def test_a_part_is_within_one_unit_of_its_exact_share(
    units: int, weights: list[Any], scale: int
) -> None:
    """No part is a whole unit away from the exact share; a weight of zero gets nothing."""
    whole = sum(map(Fraction, weights))
    for part, weight in zip(allocate(at(units, scale), weights, scale), weights, strict=True):
        exact = Fraction(units) * Fraction(weight) / whole
        assert abs(Fraction(part) * 10**scale - exact) < 1
        assert weight or not part


@given(TOTALS, WEIGHTS, SCALES)
def test_a_larger_weight_never_gets_the_smaller_part(
    units: int, weights: list[Any], scale: int
) -> None:
    """Parts are monotone in the weight, by their size."""
    parts = allocate(at(units, scale), weights, scale)
    by_weight = sorted(zip(map(Fraction, weights), map(abs, parts), strict=True))
    for (lighter, smaller), (heavier, larger) in pairwise(by_weight):
        assert smaller <= larger or lighter == heavier


@given(TOTALS, WEIGHTS, SCALES)
def test_a_refund_is_shared_like_the_charge(units: int, weights: list[Any], scale: int) -> None:
    """The shares of a negative total are those of the positive one with the sign turned."""
    charged = allocate(at(abs(units), scale), weights, scale)
    refunded = allocate(at(-abs(units), scale), weights, scale)
    assert refunded == [-part for part in charged]


def test_units_left_over_go_to_the_largest_remainders() -> None:
    """0.10 by 1:1:4 in cents: 1.67, 1.67, 6.67 cents; floors 1, 1, 6 leave two cents.

    The remainders are equal (2/3), so the order given decides: the first two get one each.
    """
    assert allocate(Decimal("0.10"), [1, 1, 4], 2) == [
        Decimal("0.02"),
        Decimal("0.02"),
        Decimal("0.06"),
    ]


def test_the_largest_remainder_wins_over_the_order() -> None:
    """1.00 by 1:2:3 in tenths: 1.67, 3.33, 5.00; the one tenth left goes to the first (0.67)."""
    assert allocate(Decimal(1), [1, 2, 3], 1) == [Decimal("0.2"), Decimal("0.3"), Decimal("0.5")]


def test_the_worked_hour_is_shared_by_busy_seconds() -> None:
    """6.20 by 5,400 and 1,800 busy seconds: three quarters, 4.65, and one quarter, 1.55."""
    assert allocate(Decimal("6.20"), [5400, 1800], 2) == [Decimal("4.65"), Decimal("1.55")]


def test_parts_carry_the_scale_even_when_round() -> None:
    """Each part has as many decimals as the scale, so that columns align."""
    assert [str(part) for part in allocate(Decimal(10), [1, 1], 2)] == ["5.00", "5.00"]


@pytest.mark.parametrize(
    "text", ["10000000000.000000000000000001", "-" + "9" * 20 + "." + "9" * 18]
)
def test_no_digit_of_a_long_amount_is_lost(text: str) -> None:
    """29 and 38 digits, more than decimal's own context keeps: one part is the whole."""
    assert allocate(Decimal(text), [1], 18) == [Decimal(text)]


def test_nothing_shared_by_nothing_is_nothing() -> None:
    """A total of zero may have weights of zero, or none."""
    assert allocate(Decimal("0.00"), [0, 0], 2) == [Decimal(0), Decimal(0)]
    assert allocate(Decimal(0), [], 2) == []


@pytest.mark.parametrize(
    ("total", "weights", "scale", "says"),
    [
        (Decimal(1), [0, 0], 2, "all weights are zero"),
        (Decimal(1), [], 2, "all weights are zero"),
        (Decimal("0.001"), [1], 2, "more than 2 decimals"),
        (Decimal(1), [1, -1], 2, "cannot be negative"),
        (Decimal(1), [1], -1, "cannot be negative"),
        (Decimal("NaN"), [1], 2, "not a number"),
        (cast("Decimal", 0.5), [1], 2, "not an exact number"),
        (Decimal(1), [cast("int", 0.5)], 2, "not an exact number"),
    ],
)
def test_what_cannot_be_shared_exactly_is_refused(
    total: Decimal, weights: list[int], scale: int, says: str
) -> None:
    """Nothing is rounded or guessed: each impossible request says why."""
    with pytest.raises(UsageError, match=says):
        allocate(total, weights, scale)


def test_amounts_of_one_currency_add_subtract_and_multiply() -> None:
    """3.10 x 2 = 6.20; 6.20 + 2.30 - 10.00 = -1.50."""
    used = Money(Decimal("3.10"), "USD") * 2 + Money(Decimal("2.30"), "USD")
    assert used - Money(Decimal("10.00"), "USD") == Money(Decimal("-1.50"), "USD")
    assert -used == Money(Decimal("-8.50"), "USD")
    assert Decimal("0.5") * used == Money(Decimal("4.25"), "USD")


@pytest.mark.parametrize("operator", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_never_meet(operator: str) -> None:
    """Adding or comparing two currencies raises and names both amounts."""
    with pytest.raises(CurrencyMismatch, match=r"1\.00 USD and 2\.00 EUR"):
        getattr(Money(Decimal(1), "USD"), operator)(Money(Decimal(2), "EUR"))


def test_amounts_of_one_currency_compare() -> None:
    """1.50 USD is less than 2.00 USD and not less than itself; 1.50 EUR is not 1.50 USD."""
    less, more = Money(Decimal("1.5"), "USD"), Money(Decimal(2), "USD")
    assert less < more
    assert not less < less  # noqa: PLR0124
    assert less <= less  # noqa: PLR0124
    assert less != Money(Decimal("1.5"), "EUR")


@pytest.mark.parametrize("amount", [1.5, "1.5", None, True, Decimal("NaN"), Decimal("Infinity")])
def test_an_amount_is_an_exact_number(amount: object) -> None:
    """A float, text, a truth value or a not-a-number is no amount."""
    with pytest.raises(UsageError):
        Money(cast("Decimal", amount), "USD")


def test_a_whole_number_becomes_a_decimal() -> None:
    """So that every amount is added in the same arithmetic."""
    assert type(Money(cast("Decimal", 2), "USD").amount) is Decimal


def test_an_amount_has_a_currency_and_only_meets_amounts() -> None:
    """No currency is an error, and so is adding a bare number."""
    with pytest.raises(UsageError) as caught:
        Money(Decimal(1), "")
    assert str(caught.value) == (
        "an amount needs its currency, for example Money(Decimal('1'), 'USD')"
    )
    with pytest.raises(UsageError, match=r"^Decimal\('1'\) has no currency: only Money"):
        Money(Decimal(1), "USD") + cast("Money", Decimal(1))


def test_a_hundred_digits_are_kept() -> None:
    """99...98 + 1 = 99...99 has 100 digits and fits; with one decimal it has 101 and does not."""
    most = Money(Decimal("9" * 100), "USD")
    assert Money(Decimal("9" * 99 + "8"), "USD") + Money(Decimal(1), "USD") == most
    with pytest.raises(Inexact):
        most + Money(Decimal("0.1"), "USD")


def test_what_does_not_fit_is_never_cut() -> None:
    """1e60 + 1e-60 needs 121 digits, more than the 100 that are kept: an error, not a rounding."""
    with pytest.raises(Inexact):
        Money(Decimal("1e60"), "USD") + Money(Decimal("1e-60"), "USD")


def test_money_shares_keep_the_currency() -> None:
    """1.00 EUR in three: 0.34, 0.33, 0.33 EUR."""
    assert [str(part) for part in Money(Decimal(1), "EUR").allocate([1, 1, 1], 2)] == [
        "0.34 EUR",
        "0.33 EUR",
        "0.33 EUR",
    ]


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("1E+3", 2, "1000.00"),
        ("1E-7", 0, "0.0000001"),
        ("1.500", 0, "1.5"),
        ("1.500", 2, "1.50"),
        ("100", 0, "100"),
        ("-0.00", 2, "0.00"),
        ("-12.3450", 2, "-12.345"),
        ("0", 0, "0"),
    ],
)
def test_plain_text_has_no_exponent_and_no_lost_digit(value: str, places: int, text: str) -> None:
    """Figures are written out, padded to the places asked for, never cut."""
    assert plain(Decimal(value), places) == text


def test_no_decimals_are_added_unasked() -> None:
    """A hundred is 100."""
    assert plain(Decimal(100)) == "100"


@given(TOTALS, SCALES, st.integers(min_value=0, max_value=6))
def test_plain_text_reads_back_as_the_same_number(units: int, scale: int, places: int) -> None:
    """Writing and reading is the identity, and the text has the decimals that the number has."""
    value = at(units, scale)
    text = plain(value, places)
    assert Decimal(text) == value
    assert "E" not in text
    assert len(text.partition(".")[2]) == max(places, decimals(value))


@pytest.mark.parametrize(
    ("value", "count"),
    [("1.50", 1), ("100", 0), ("1E+2", 0), ("1E-7", 7), ("0.000", 0), ("-0.010", 2), ("1.23", 2)],
)
def test_decimals_counts_without_trailing_zeros(value: str, count: int) -> None:
    """1.50 has one decimal, 1E-7 seven, 0.000 none."""
    assert decimals(Decimal(value)) == count


@pytest.mark.parametrize(
    ("currency", "places"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XAU", None), ("Credits", None)],
)
def test_minor_units_are_those_of_the_standard(currency: str, places: int | None) -> None:
    """ISO 4217: cents, whole yen, thousandths of a dinar; gold and credits have none."""
    assert minor_decimals(currency) == places


def test_a_part_of_nothing_has_no_sign() -> None:
    """Nor has one of a negative total, or of none: minus zero would be told from zero in a report."""
    assert [str(part) for part in allocate(Decimal(-1), [1, 0], 2)] == ["-1.00", "0.00"]
    assert [str(part) for part in allocate(Decimal(0), [1, 0], 2)] == ["0.00", "0.00"]
    assert [str(part) for part in allocate(Decimal(0), [0, 0], 2)] == ["0.00", "0.00"]
