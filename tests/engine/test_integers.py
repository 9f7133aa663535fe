"""Exact integer arithmetic, the same on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from random import Random

import pyarrow as pa
import pytest

from trueup.engine.engine import Engine, open_engine
from trueup.engine.integers import (
    as_decimal,
    as_whole,
    decimals,
    divide,
    divide_half_even,
    magnitude,
    portion,
    ratio_at_edge,
    share,
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


LARGE = (7 * 10**35 + 3, 10**36 + 1)


@pytest.fixture(scope="module", params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "spark":
        request.getfixturevalue("spark")
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


@pytest.mark.parametrize("seed", range(3))
def test_quotients_of_every_size_equal_pythons(seed: int) -> None:
    """Ties, whole multiples and what is one off them, with up to 38 digits on either side."""
    dice = Random(seed)
    pairs = []
    for _ in range(4000):
        divisor = dice.randrange(1, 10 ** dice.randrange(1, 39))
        times = dice.randrange(10 ** dice.randrange(39))
        near = dice.choice((0, 1, -1, divisor // 2, divisor // 2 + 1, dice.randrange(divisor)))
        dividend = dice.choice((1, -1)) * (divisor * times + near)
        pairs.append((dividend if abs(dividend) < 10**38 else dividend % 10**38, divisor))
    with open_engine("duckdb") as engine:
        rows = engine.load(
            pa.table(
                {
                    "at": pa.array(range(len(pairs))),
                    "a": pa.array([Decimal(a) for a, _b in pairs], WHOLE),
                    "b": pa.array([Decimal(b) for _a, b in pairs], WHOLE),
                }
            )
        )
        found = engine.collect(
            rows.select(
                "at", "a", "b", cut=divide(rows.a, rows.b), even=divide_half_even(rows.a, rows.b)
            ).order_by("at")
        ).to_pylist()
    assert [(row["cut"], row["even"]) for row in found] == [
        (abs(a) // b * (1 if a > 0 else -1), round(Fraction(a, b))) for a, b in pairs
    ]


def test_a_ratio_has_eighteen_decimals(engine: Engine) -> None:
    """2/3 is 0.666666666666666667; neither 10^19 nor a divisor of 10^36 overflows on its way."""
    pairs = [(2, 3), (-2, 3), (10**19 + 1, 7), (175 * 10**18, 240 * 10**18), LARGE]
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
        round(Fraction(*LARGE) * 10**18),
    ]


def test_a_share_is_exact_where_the_product_does_not_fit(engine: Engine) -> None:
    """Value x part / of equals Python's fractions, half to even; what has 39 digits is null."""
    triples = [
        (10, 1, 4),  # 2.5 -> 2
        (-14, 1, 4),  # -3.5 -> -4
        (-10, -3, 4),  # 7.5 -> 8
        (10**37 + 1, 10**28 - 3, 10**28 - 1),
        (-(10**36) - 7, 10**20, 3 * 10**21 + 1),
        (34297541591190908218639602096700852, -739, 1595),
        (10**37 + 1, 99, 100),
        (10**17, 10**27, 10**27 + 1),
        (10**20, 10**27, 10**18),
        (0, 5, 7),
        (10**20, 10**20, 10),  # 10^39
    ]
    rows = engine.load(
        pa.table(
            {
                "at": pa.array(range(len(triples))),
                **{
                    name: pa.array([Decimal(each[place]) for each in triples], WHOLE)
                    for place, name in enumerate(("value", "part", "of"))
                },
            }
        )
    )
    found = engine.collect(
        rows.select("at", s=share(rows.value, rows.part, rows.of)).order_by("at")
    ).column("s")
    expected = [round(Fraction(value * part, of)) for value, part, of in triples[:-1]]
    assert found.to_pylist() == [*expected, None]


def test_a_portion_is_truncated_and_never_overflows(engine: Engine) -> None:
    """10^37 + 5 over 2,678,400 s: 1,234,567 s of it are the integer part of the exact quotient."""
    value, second, month = 10**37 + 5, 1234567, 2678400
    rows = engine.load(pa.table({"value": pa.array([Decimal(value)], WHOLE)}))
    found = engine.collect(rows.select(p=portion(rows.value, whole(second), whole(month))))
    assert found.column("p").to_pylist() == [value * second // month]


def test_a_magnitude_keeps_every_digit(engine: Engine) -> None:
    """36 digits without their sign: engines may round to 34 on the way."""
    value = 343297541591190908218639602096700852
    rows = engine.load(pa.table({"value": pa.array([Decimal(-value), Decimal(value)], WHOLE)}))
    assert engine.collect(rows.select(m=magnitude(rows.value))).column("m").to_pylist() == [
        value,
        value,
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
