"""Exact integer arithmetic, the same on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest

from trueup.engine.engine import Engine, open_engine
from trueup.engine.integers import (
    as_decimal,
    as_whole,
    decimals,
    divide,
    divide_half_even,
    ratio_at_edge,
    units,
    whole,
)
from trueup.errors import UsageError

WHOLE = pa.decimal128(38, 0)
EXACT = pa.decimal128(38, 18)
PAIRS = [
    (7, 2),  # 3.5 -> 4 (even)
    (5, 2),  # 2.5 -> 2 (even)
    (-5, 2),  # the sign is put back: -2
    (-7, 2),
    (1, 3),
    (2, 3),
    (0, 9),
    (10**31, 3),
    (10**31 + 1, 10**18),
    (-(10**30) - 7, 10**12 + 1),
]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(str(request.param)) as opened:
        yield opened


def test_division_is_exact_and_rounds_half_to_even(engine: Engine) -> None:
    """Truncated and half-even quotients equal Python's integers and fractions."""
    rows = engine.load(
        pa.table(
            {
                "at": pa.array(range(len(PAIRS))),
                "a": pa.array([Decimal(a) for a, _b in PAIRS], WHOLE),
                "b": pa.array([Decimal(b) for _a, b in PAIRS], WHOLE),
            }
        )
    )
    found = engine.collect(
        rows.select(
            "at", cut=divide(rows.a, rows.b), even=divide_half_even(rows.a, rows.b)
        ).order_by("at")
    ).to_pylist()
    for (a, b), row in zip(PAIRS, found, strict=True):
        assert row["cut"] == (abs(a) // b) * (1 if a >= 0 else -1), (a, b)
        assert row["even"] == round(Fraction(a, b)), (a, b)


def test_a_ratio_has_eighteen_decimals(engine: Engine) -> None:
    """2/3 is 0.666666666666666667; a dividend of 10^19 does not overflow on its way."""
    pairs = [(2, 3), (-2, 3), (10**19 + 1, 7), (175 * 10**18, 240 * 10**18)]
    rows = engine.load(
        pa.table(
            {
                "at": pa.array(range(len(pairs))),
                "a": pa.array([Decimal(a) for a, _b in pairs], WHOLE),
                "b": pa.array([Decimal(b) for _a, b in pairs], WHOLE),
            }
        )
    )
    found = engine.collect(rows.select("at", r=ratio_at_edge(rows.a, rows.b)).order_by("at"))
    assert found.column("r").to_pylist() == [
        666666666666666667,
        -666666666666666667,
        round(Fraction(10**19 + 1, 7) * 10**18),
        round(Fraction(175, 240) * 10**18),
    ]


def test_units_and_decimals_of_exact_values(engine: Engine) -> None:
    """-0.000001 is -1 of a millionth; 12.3400 uses two decimals; 18 decimals are kept."""
    values = [
        (Decimal("-0.000001"), 6),
        (Decimal("12.3400"), 2),
        (Decimal("-12345678901234.123456789012345678"), 18),
        (Decimal(5), 0),
        (Decimal(0), 0),
    ]
    rows = engine.load(
        pa.table(
            {
                "at": pa.array(range(len(values))),
                "x": pa.array([value for value, _scale in values], EXACT),
                "f": pa.array([Decimal(10**scale) for _value, scale in values], WHOLE),
            }
        )
    )
    found = engine.collect(
        rows.select("at", whole=units(rows.x, rows.f), decimals=decimals(rows.x)).order_by("at")
    ).to_pylist()
    assert [row["whole"] for row in found] == [-1, 1234, -12345678901234123456789012345678, 5, 0]
    assert [row["decimals"] for row in found] == [6, 2, 18, 0, 0]


def test_a_product_that_does_not_fit_raises(engine: Engine) -> None:
    """10^20 x 10^20 has 41 digits: the engine refuses instead of wrapping."""
    rows = engine.load(pa.table({"a": pa.array([Decimal(10**20)], WHOLE)}))
    with pytest.raises(Exception, match=r"(?i)overflow|out.of.range|precision"):
        engine.collect(rows.select(product=(rows.a * whole(10**20)).cast("decimal(38, 0)")))


def test_whole_numbers_become_decimals_without_arithmetic() -> None:
    """A count of 10^-18 is read as the decimal it means, nulls and slices included, and back."""
    schema = pa.schema([pa.field("name", pa.string()), pa.field("amount", EXACT)])
    rows: list[dict[str, object]] = [
        {"name": "a", "amount": Decimal("1.5")},
        {"name": "b", "amount": None},
    ]
    counted = as_whole(rows, schema)
    assert counted.column("amount").to_pylist() == [15 * 10**17, None]
    assert as_decimal(counted, schema).to_pylist() == rows
    assert as_decimal(counted.slice(1), schema).to_pylist() == rows[1:]


def test_an_unknown_engine_is_named() -> None:
    """The error names what was asked and what there is."""
    with pytest.raises(UsageError, match="'abacus' is not known; choose duckdb or spark"):
        open_engine("abacus").__enter__()
