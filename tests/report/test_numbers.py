"""Figures as text for people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.report.numbers import count, exact, grouped, length, money, percent, quantity


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234567.895", "1,234,567.90"),  # half to even: 89.5 -> 90
        ("1234567.885", "1,234,567.88"),  # half to even: 88.5 -> 88
        ("-1234.5", "-1,234.50"),
        ("0", "0.00"),
        ("0.004", "< 0.01"),
        ("-0.004", "> -0.01"),
        ("0.006", "0.01"),
    ],
)
def test_money_has_two_decimals_and_never_vanishes(value: str, shown: str) -> None:
    """Amounts are rounded half-even; a tiny one is said to be tiny, not zero."""
    assert money(Decimal(value)) == shown


def test_unknown_is_said() -> None:
    """No figure is `not known`, in every form."""
    assert {form(None) for form in (money, quantity, exact, percent)} == {"not known"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.85", "85.0 %"),
        ("1", "100.0 %"),
        ("0.9999", "> 99.9 %"),
        ("0.0001", "< 0.1 %"),
        ("0", "0.0 %"),
    ],
)
def test_a_share_is_full_only_when_it_is(value: str, shown: str) -> None:
    """Rounding alone never makes a commitment fully used or unused."""
    assert percent(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("7440", "7,440"), ("2697.75", "2,697.75"), ("0.00001", "0.00001"), ("1.00000000000001", "1")],
)
def test_a_quantity_is_short(value: str, shown: str) -> None:
    """At most four decimals, more where it would vanish."""
    assert quantity(Decimal(value)) == shown


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19
    )
)
def test_exact_loses_no_digit(value: Decimal) -> None:
    """Reading the text back without its commas gives the number."""
    assert Decimal(exact(value).replace(",", "")) == value
    assert Decimal(grouped(value).replace(",", "")) == value
    assert "E" not in exact(value)


def test_nouns_are_counted() -> None:
    """One row, 1,200 rows."""
    assert (count(1, "row"), count(1200, "row")) == ("1 row", "1,200 rows")


@pytest.mark.parametrize(
    ("value", "shown"), [("0.00005", "0.00005"), ("0.0000001", "0.0000001"), ("-1E-18", None)]
)
def test_a_quantity_never_vanishes(value: str, shown: str | None) -> None:
    """Where six decimals are not enough, all of them are shown."""
    assert quantity(Decimal(value)) == (shown or "-0." + "0" * 17 + "1")


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=31), "31 days"),
        (timedelta(days=1), "24 hours"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_a_length_is_in_the_largest_unit_that_is_whole(span: timedelta, said: str) -> None:
    """Days only where there are several."""
    assert length(span) == said
