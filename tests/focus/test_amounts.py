from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.focus.amounts import BY_TEXT, amounts
from trueup.focus.query import Query
from trueup.focus.session import session


@pytest.fixture(scope="module")
def by_text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    with session(Path(tmp_path_factory.mktemp("spill"))) as engine:
        yield Query(engine, BY_TEXT)


def fits(value: Decimal) -> bool:
    """Whether DECIMAL(38, 18) has the number: 20 digits before the point, 18 behind it."""
    with localcontext(prec=400):
        return abs(value) < 10**20 and value * 10**18 % 1 == 0


# Whole numbers over powers of ten, on both sides of what 15 digits hold, and any other float.
FLOATS = st.one_of(
    st.builds(
        lambda count, places: count / 10**places,
        st.integers(-(10**17), 10**17),
        st.integers(0, 18),
    ),
    st.floats(-1e21, 1e21),
    st.floats(-1e-3, 1e-3),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.none(), FLOATS), max_size=5))
def test_a_float_is_the_decimal_of_its_shortest_text(
    by_text: Query, values: list[float | None]
) -> None:
    """Python's repr is the shortest text too; a value that does not fit leaves all to the text."""
    expected = [None if value is None else Decimal(repr(value)) for value in values]
    found = amounts(pa.array(values, pa.float64()), by_text)
    if all(fits(value) for value in expected if value is not None):
        assert found is not None
        assert found.to_pylist() == expected
    else:
        assert found is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e20, 1e-19])
def test_what_is_no_amount_is_left_to_its_text(by_text: Query, value: float) -> None:
    """One such value beside a good one: the row decides what is wrong with it."""
    assert amounts(pa.array([1.5, value]), by_text) is None


def test_a_decimal_keeps_its_digits_or_is_left_to_its_text(by_text: Query) -> None:
    """1.5 with 20 decimals is 1.5; its last digit cannot be kept where it is not zero."""
    good = pa.array([Decimal("1.5"), None], pa.decimal128(38, 20))
    fine = pa.array([Decimal("0." + 19 * "0" + "1")], pa.decimal128(38, 20))
    found = amounts(good, by_text)
    assert found is not None
    assert found.to_pylist() == [Decimal("1.5"), None]
    assert amounts(fine, by_text) is None
