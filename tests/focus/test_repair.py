from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.focus.repair import literal, quoted
from trueup.focus.session import session

Ask = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with session(Path(tmp_path_factory.mktemp("spill"))) as connection:
        yield connection


def ask(engine: duckdb.DuckDBPyConnection, expression: str, text: str) -> object:
    """What the expression over ``t`` gives, evaluated for a column, as the readers do."""
    query = f"SELECT {expression} AS answer FROM (SELECT unnest([?, NULL]::VARCHAR[]) AS t)"
    return engine.sql(query, params=[text]).to_arrow_table()["answer"].to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("-1.50", "-1.50"),
        ("+.5", "0.5"),
        ("5.", "5"),
        ("-0", "0"),
        ("1.5E-7", "0.00000015"),
        ("4e+2", "400"),
        ("1234567890123456789e-18", "1.234567890123456789"),
        ("100e-20", "0.000000000000000001"),
        ("123e17", "12300000000000000000"),
        ("0e99", "0"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ("0.1234567890123456780000", "0.123456789012345678"),
        ("000000000000000000000000001.5", "1.5"),
    ],
)
def test_numbers_are_read_exactly(engine: duckdb.DuckDBPyConnection, text: str, value: str) -> None:
    """Signs, E notation, 20 digits and 18 decimals are read to the last digit."""
    assert ask(engine, "exact_decimal(t)", text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0.1234567890123456789", "more than 18 decimals"),
        ("1e-19", "more than 18 decimals"),
        ("100000000000000000000", "more than 20 digits before the decimal point"),
        ("1e20", "more than 20 digits before the decimal point"),
        ("1e999999", "more than 20 digits before the decimal point"),
        ("1,000.00", "not a plain number"),
        ("1_000", "not a plain number"),
        ("NaN", "not a plain number"),
        ("-inf", "not a plain number"),
        ("1.2.3", "not a plain number"),
        ("0x10", "not a plain number"),
        ("$5", "not a plain number"),
        ("N/A", "not a plain number"),
    ],
)
def test_numbers_that_are_not_exact_are_refused_with_the_reason(
    engine: duckdb.DuckDBPyConnection, text: str, reason: str
) -> None:
    """What would have to be rounded or guessed is no value, and the reason says why."""
    assert ask(engine, "exact_decimal(t)", text) is None
    assert ask(engine, "decimal_fault(t)", text) == reason


@Ask
@given(
    sign=st.sampled_from(["", "-", "+"]),
    whole=st.text("0123456789", min_size=1, max_size=24),
    fraction=st.text("0123456789", max_size=24),
    exponent=st.none() | st.integers(-25, 25),
)
def test_any_decimal_text_is_its_exact_value_or_refused(
    engine: duckdb.DuckDBPyConnection, sign: str, whole: str, fraction: str, exponent: int | None
) -> None:
    """Whatever is read equals Python's Decimal; refused is exactly what (38, 18) cannot hold."""
    text = f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
    text += "" if exponent is None else f"E{exponent}"
    numerator, denominator = Decimal(text).as_integer_ratio()
    units, rest = divmod(abs(numerator) * 10**18, denominator)
    fits = rest == 0 and units < 10**38
    assert ask(engine, "exact_decimal(t)", text) == (Decimal(text) if fits else None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-09-01T00:00:00Z", datetime(2024, 9, 1, tzinfo=UTC)),
        ("2024-09-01 00:00:00", datetime(2024, 9, 1, tzinfo=UTC)),
        ("2024-09-01T00:00Z", datetime(2024, 9, 1, tzinfo=UTC)),
        ("2024-09-01", datetime(2024, 9, 1, tzinfo=UTC)),
        ("2024-09-01T02:00:00+02:00", datetime(2024, 9, 1, tzinfo=UTC)),
        ("2024-09-01 00:00:00.250 UTC", datetime(2024, 9, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2024-09-01T00:00:00.1230000000Z", datetime(2024, 9, 1, 0, 0, 0, 123_000, tzinfo=UTC)),
        ("5/1/25", datetime(2025, 5, 1, tzinfo=UTC)),
        ("5/1/2025 13:00", datetime(2025, 5, 1, 13, tzinfo=UTC)),
        ("12/31/2025 1:05 PM", datetime(2025, 12, 31, 13, 5, tzinfo=UTC)),
        ("2024-09-01T30:00:00Z", datetime(2024, 9, 2, 6, tzinfo=UTC)),
        ("2024-09-01T24:00:00Z", datetime(2024, 9, 2, tzinfo=UTC)),
        ("2024-09-01T47:59:59Z", datetime(2024, 9, 2, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_are_utc_whatever_their_form(
    engine: duckdb.DuckDBPyConnection, text: str, value: datetime
) -> None:
    """ISO with and without zone, month/day/year, and hours over 23 up to 47 are instants."""
    assert ask(engine, "instant(t)", text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("25/5/25", "not a month/day/year date"),
        ("2024-09-01T48:00:00Z", "not a time"),
        ("2024-02-30", "not a time"),
        ("2024-09-01T00:61:00Z", "not a time"),
        ("epoch", "not a time"),
        ("infinity", "not a time"),
        ("20240901", "not a time"),
        ("2024-09-01T00:00:00.1234567Z", "finer than a microsecond"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(
    engine: duckdb.DuckDBPyConnection, text: str, reason: str
) -> None:
    """A day-first date, an hour from 48 and a day that is not are no instants."""
    assert ask(engine, "instant(t)", text) is None
    assert str(ask(engine, "instant_fault(t)", text)).startswith(reason)


@pytest.mark.parametrize("text", ['{"a": 1}', "{}", '{"a": {"b": "it\'s"}}', ' {"a": null}'])
def test_valid_json_is_kept_as_it_is(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    """A JSON object is not rewritten, not even its blanks."""
    assert ask(engine, "json_object_text(t)", text) == text


@pytest.mark.parametrize("text", ["{'a'", "plain", "[1]", '"x"', "5", "{'a': object}", "{a: 1}"])
def test_what_is_no_object_is_no_json(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    """Cut text, lists, scalars and bare words are unreadable, not guessed."""
    assert ask(engine, "json_object_text(t)", text) is None


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6)


@Ask
@given(
    st.dictionaries(
        st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=3), min_size=1, max_size=4
    )
)
def test_python_dictionaries_become_the_same_json(
    engine: duckdb.DuckDBPyConnection, value: dict[str, object]
) -> None:
    """Whatever quotes and escapes repr() chose, the JSON says the same, or is refused as a whole."""
    text = repr(value)
    read = ask(engine, "json_object_text(t)", text)
    if read is None:
        assert any(mark in text for mark in ("\\U", "\\x")) or _has_odd(value)
    else:
        assert json.loads(str(read)) == ast.literal_eval(text)


def _has_odd(value: object) -> bool:
    """Whether it holds characters that repr() leaves bare though JSON wants them escaped."""
    return any(ord(character) < 32 or ord(character) > 0xFFFF for character in str(value))


def test_names_and_literals_from_files_cannot_leave_their_quotes() -> None:
    """Quotes inside are doubled, so file content never becomes SQL."""
    assert quoted('a"; DROP TABLE x') == '"a""; DROP TABLE x"'
    assert literal("it's") == "'it''s'"
