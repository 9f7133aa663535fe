"""Units: FOCUS's format and what bills make of it; exact factors."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UnitError
from trueup.units import Unit, base_unit, factor, parse_unit, to_base

pytestmark = pytest.mark.smoke  # exact on every Python, with the lowest dependencies

SHARED = Path(os.environ.get("TRUEUP_SHARED", Path(__file__).parents[1] / "../shared"))
SAMPLE = SHARED / "data" / "focus-1.0-sample.csv"

# What a bill writes -> count, thing, time.
FORMS: dict[str, tuple[int | Fraction, str, str | None]] = {
    "Tokens": (1, "token", None),
    "1000 Tokens": (1000, "token", None),
    "1,000 Tokens": (1000, "token", None),
    "1000000 Tokens": (1_000_000, "token", None),
    "1K Tokens": (1000, "token", None),
    "1M tokens": (1_000_000, "token", None),
    "1 Million Tokens": (1_000_000, "token", None),
    "10 K tokens": (10_000, "token", None),
    "GPU-Hours": (1, "gpu", "hour"),
    "GPU-Seconds": (1, "gpu", "second"),
    "GPU Per Hour": (1, "gpu", "hour"),
    "TPU-Chip-Hours": (1, "tpu_chip", "hour"),
    "Chip-Hours": (1, "tpu_chip", "hour"),
    "vCPU-Hours": (1, "vcpu", "hour"),
    "OCPU Per Hour": (1, "ocpu", "hour"),
    "Hours": (1, "", "hour"),
    "Hrs": (1, "", "hour"),
    "1 Hour": (1, "", "hour"),
    "10 Hours": (10, "", "hour"),
    "Seconds": (1, "", "second"),
    "Instance-Hours": (1, "instance", "hour"),
    "Requests": (1, "request", None),
    "API Requests": (1, "request", None),
    "Calls": (1, "request", None),
    "Queries": (1, "query", None),
    "GPUs": (1, "gpu", None),
    "IP Addresses": (1, "ip_address", None),
    "Boxes": (1, "box", None),
    "Addresses": (1, "address", None),
    "IOPS-Months": (1, "iops", "month"),
    "GB": (10**9, "byte", None),
    "1 GB": (10**9, "byte", None),
    "1GB": (10**9, "byte", None),
    "Gb": (Fraction(10**9, 8), "byte", None),
    "GiB-Hours": (2**30, "byte", "hour"),
    "GB Hours": (10**9, "byte", "hour"),
    "GB-Mo": (10**9, "byte", "month"),
    "Gigabyte Per Hour": (10**9, "byte", "hour"),
    "Lambda-GB-Seconds": (10**9, "lambda_byte", "second"),
    "GB/Month": (10**9, "byte/month", None),
    "GB/Hour": (Fraction(10**9, 3600), "byte/second", None),
    "GiB/Second-Months": (2**30, "byte/second", "month"),
    "Units/Hour": (Fraction(1, 3600), "unit/second", None),
    "Units/3 Months": (Fraction(1, 3), "unit/month", None),
    "1/Hour": (Fraction(1, 3600), "unit/second", None),
    "1K": (1000, "unit", None),
    "StateTransitions": (1, "state_transition", None),
    "WriteCapacityUnit-Hours": (1, "write_capacity_unit", "hour"),
}

THINGS = st.sampled_from(["Tokens", "1000 Tokens", "1M Tokens", "7 Tokens"])
CAPACITY = st.sampled_from(
    ["GPU-Hours", "GPU-Seconds", "8 GPU-Minutes", "GPU-Days", "GPU-Weeks", "GPU-Milliseconds"]
)
DATA = st.sampled_from(["B", "b", "KB", "KiB", "MB", "GB", "Gb", "GiB", "TB", "Tib", "PB", "EiB"])
CALENDAR = st.sampled_from(["GB-Months", "GiB-Years", "3 GB-Months", "KB-Quarters"])
FAMILY = st.one_of(
    *(st.tuples(kind, kind, kind) for kind in (THINGS, CAPACITY, DATA, CALENDAR)),
)


@pytest.mark.parametrize("text", FORMS)
def test_a_unit_is_read(text: str) -> None:
    """Each form gives its count, its dimension and its time."""
    count, thing, time = FORMS[text]
    assert parse_unit(text) == Unit(Fraction(count), thing, time)


@pytest.mark.parametrize(
    "text",
    """
    NULL|null|n/a|-|/|GB/|GB/Core|GB/Hour/Day|0 Tokens|Per|Per Hour|=1+1|<b>|12 %|GB/Hour-Cores|--|__|
    """.strip().split("|"),
)
def test_what_is_no_unit_is_refused(text: str) -> None:
    """The error repeats the text and says what is wrong with it."""
    with pytest.raises(UnitError) as caught:
        parse_unit(text)
    assert repr(text) in str(caught.value)


NO_UNIT = "is not a unit: write it as Tokens, 1000 Tokens, GPU-Hours, GB or GB/Second"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" n/a ", "' n/a ' says no unit"),
        ("none", "'none' says no unit"),
        ("-", "'-' says no unit"),
        ("", "'' says no unit"),
        ("0 Tokens", "'0 Tokens': a unit of nothing"),
        ("12 %", f"'12 %' {NO_UNIT}"),
        ("%/Hour", f"'%/Hour' {NO_UNIT}"),
        ("--", f"'--' {NO_UNIT}"),
        ("Per Hour", f"'Per Hour' {NO_UNIT}"),
        ("GPU Per", f"'GPU Per' {NO_UNIT}"),
        ("GB/Core", "'GB/Core': a rate is per a time (Second ... Year), not per 'Core'"),
        ("GB/", "'GB/': a rate is per a time (Second ... Year), not per ''"),
        (
            "GB/Hour-Cores",
            "'GB/Hour-Cores': a rate is per a time (Second ... Year), not per 'Hour-Cores'",
        ),
        (
            "GB/Hour-Day-Week",
            "'GB/Hour-Day-Week': a rate is per a time (Second ... Year), not per 'Hour-Day-Week'",
        ),
    ],
)
def test_the_error_says_what_is_wrong_with_it(text: str, says: str) -> None:
    """The text as it stood, and what is missing or not understood."""
    with pytest.raises(UnitError) as caught:
        parse_unit(text)
    assert str(caught.value) == says


def test_a_text_that_is_too_long_is_shown_in_part() -> None:
    """200 characters are read; of 201 and of 1,240 the first 40 are shown and the rest counted."""
    assert parse_unit("x" * 200) == Unit(Fraction(1), "x" * 200)
    shown = repr("x" * 40)
    for length, rest in ((201, "161"), (1240, "1,200")):
        with pytest.raises(UnitError) as caught:
            parse_unit("x" * length)
        assert str(caught.value) == f"{shown} and {rest} more characters are no unit"


@pytest.mark.parametrize(
    ("words", "time", "seconds"),
    [
        ("microsecond", "microsecond", Fraction(1, 1_000_000)),
        ("millisecond msec ms", "millisecond", Fraction(1, 1000)),
        ("second sec s", "second", 1),
        ("minute min", "minute", 60),
        ("hour hr", "hour", 3600),
        ("day", "day", 24 * 3600),
        ("week wk", "week", 7 * 24 * 3600),
    ],
)
def test_every_word_for_a_time_is_known(words: str, time: str, seconds: int | Fraction) -> None:
    """In any case, singular or plural, and as long as it is."""
    for word in words.split():
        for written in (word, word.upper(), f"{word}s"):
            assert parse_unit(f"GPU-{written}") == Unit(Fraction(1), "gpu", time)
            assert to_base(f"GPU {written}") == seconds
    assert base_unit(f"GPU-{time}") == Unit(Fraction(1), "gpu", "second")


@pytest.mark.parametrize(
    ("words", "time", "months"),
    [("month mo", "month", 1), ("quarter", "quarter", 3), ("year yr", "year", 12)],
)
def test_calendar_time_is_counted_in_months(words: str, time: str, months: int) -> None:
    """A quarter has three months and a year twelve, and no length in seconds."""
    for word in words.split():
        assert parse_unit(f"GPU-{word}") == Unit(Fraction(1), "gpu", time)
        assert to_base(f"GPU-{word}") == months
    assert base_unit(f"GPU-{time}") == Unit(Fraction(1), "gpu", "month")


@pytest.mark.parametrize(
    ("short", "long", "size"),
    [
        ("", "", 1),
        *(("K", "kilo", 10**3), ("M", "mega", 10**6), ("G", "giga", 10**9)),
        *(("T", "tera", 10**12), ("P", "peta", 10**15), ("E", "exa", 10**18)),
        *(("Ki", "kibi", 2**10), ("Mi", "mebi", 2**20), ("Gi", "gibi", 2**30)),
        *(("Ti", "tebi", 2**40), ("Pi", "pebi", 2**50), ("Ei", "exbi", 2**60)),
    ],
)
def test_every_size_of_data_is_known(short: str, long: str, size: int) -> None:
    """By IEC 80000-13: K is 1000 and Ki 1024; a byte has 8 bits, and its B is a capital."""
    for text in (f"{short}B", f"{long}byte", f"{long}bytes", f"{long}Byte".upper()):
        assert parse_unit(text) == Unit(Fraction(size), "byte", None)
    for text in (f"{short}b", f"{long}bit", f"{long}bits"):
        assert parse_unit(text) == Unit(Fraction(size, 8), "byte", None)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        *(("2k Tokens", 2_000), ("2 K Tokens", 2_000), ("2 thousand Tokens", 2_000)),
        *(("2M Tokens", 2_000_000), ("2 Million Tokens", 2_000_000), ("2m Tokens", 2_000_000)),
        *(("2b Tokens", 2 * 10**9), ("2 B Tokens", 2 * 10**9), ("2 billion Tokens", 2 * 10**9)),
        *(("12,345,678 Tokens", 12_345_678), ("1,234Tokens", 1_234)),
    ],
)
def test_every_word_for_a_number_is_known(written: str, count: int) -> None:
    """In any case, with or without a space; commas stand between three digits each."""
    assert parse_unit(written) == Unit(Fraction(count), "token", None)


@pytest.mark.parametrize(
    ("written", "thing"),
    [
        *(("call", "request"), ("API Call", "request"), ("API-Requests", "request")),
        *(("Chip", "tpu_chip"), ("GPUs", "gpu"), ("Status", "status"), ("Analysis", "analysis")),
        *(("Classes", "class"), ("Taxes", "tax"), ("Batches", "batch"), ("Hashes", "hash")),
        *(
            ("Ties", "tie"),
            ("Flies", "fly"),
            ("Queries", "query"),
            ("Pies", "pie"),
            ("Access", "access"),
        ),
        *(("IOPS", "iops"), ("HTTPRequests", "httprequest"), ("DataPoints", "data_point")),
    ],
)
def test_a_thing_is_named_in_the_singular(written: str, thing: str) -> None:
    """Different words for one thing are one; a plural loses its ending, a name that ends so does not."""
    assert parse_unit(written).thing == thing


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        *((Unit(Fraction(1), "vcpu", "hour"), "vCPU-Hours"), (Unit(Fraction(1), "ocpu"), "OCPUs")),
        *((Unit(Fraction(1), "tpu"), "TPUs"), (Unit(Fraction(3), "iops"), "3 IOPS")),
        *((Unit(Fraction(1), "class"), "Class"), (Unit(Fraction(1), "tax"), "Taxes")),
        *((Unit(Fraction(1), "batch"), "Batches"), (Unit(Fraction(1), "hash"), "Hashes")),
        *((Unit(Fraction(1), "day"), "Days"), (Unit(Fraction(1), "key"), "Keys")),
        *((Unit(Fraction(1), "toy"), "Toys"), (Unit(Fraction(1), "guy"), "Guys")),
        *((Unit(Fraction(1), "entry"), "Entries"), (Unit(Fraction(1), "analysis"), "Analysis")),
        *((Unit(Fraction(1), "ip_address", "day"), "Ip-Address-Days"),),
    ],
)
def test_a_thing_is_shown_in_the_plural(unit: Unit, text: str) -> None:
    """As English has it; abbreviations as they are written everywhere."""
    assert str(unit) == text


def test_every_unit_of_the_real_sample_is_read() -> None:
    """Of the units in a real bill only the word NULL is refused."""
    if not SAMPLE.exists():
        pytest.skip(f"no sample at {SAMPLE}")
    with SAMPLE.open(newline="", encoding="utf-8-sig") as file:
        units = {
            row[name] for row in csv.DictReader(file) for name in ("ConsumedUnit", "PricingUnit")
        }
    refused = set()
    for text in units:
        try:
            parse_unit(text)
        except UnitError:
            refused.add(text)
    assert len(units) == 34
    assert refused == {"NULL"}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("GPU-Seconds", "GPU-Hours", Fraction(1, 3600)),
        ("Tokens", "1000000 Tokens", Fraction(1, 1_000_000)),
        ("1K Tokens", "Tokens", Fraction(1000)),
        ("TPU-Chip-Hours", "Chip-Hours", Fraction(1)),
        ("Days", "Hours", Fraction(24)),
        ("GiB-Hours", "GB-Hours", Fraction(2**30, 10**9)),
        ("Gb", "MB", Fraction(125)),
        ("GB-Years", "GB-Months", Fraction(12)),
        ("GB/Hour", "GB/Day", Fraction(24)),
        ("GB/Year", "GB/Month", Fraction(1, 12)),
        ("10 Hours", "Hours", Fraction(10)),
    ],
)
def test_factors_are_exact(source: str, target: str, expected: Fraction) -> None:
    """A quantity in the first unit times the factor is one in the second."""
    assert factor(source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("GPU-Hours", "vCPU-Hours", "one measures GPU-Seconds, the other vCPU-Seconds"),
        ("GPU-Hours", "Hours", "do not convert"),
        ("Tokens", "Requests", "one measures Tokens, the other Requests"),
        ("GB-Months", "GB-Hours", "a month has no fixed number of hours"),
        ("Months", "Hours", "a month has no fixed number of hours"),
        ("GB/Month", "GB/Hour", "do not convert"),
        ("Units/Hour", "Unit-Hours", "do not convert"),
        ("TPU-Hours", "TPU-Chip-Hours", "do not convert"),
    ],
)
def test_different_things_do_not_convert(source: str, target: str, says: str) -> None:
    """Dimensions convert only by a dated factor of the rules, a month never into hours."""
    with pytest.raises(UnitError, match=says):
        factor(source, target)


@given(FAMILY)
def test_there_and_back_is_one_and_the_way_does_not_matter(units: tuple[str, str, str]) -> None:
    """factor(a, b) x factor(b, a) = 1, and factor(a, b) x factor(b, c) = factor(a, c)."""
    first, second, third = units
    assert factor(first, second) * factor(second, first) == 1
    assert factor(first, second) * factor(second, third) == factor(first, third)


@given(
    st.integers(min_value=1, max_value=10**9),
    st.sampled_from([thing for _, thing, time in FORMS.values() if "/" not in thing]),
    st.sampled_from([None, "second", "hour", "day", "month", "year"]),
)
def test_a_unit_reads_back_from_its_text(count: int, thing: str, time: str | None) -> None:
    """What a unit prints, in FOCUS's format, is read as the same unit."""
    unit = Unit(Fraction(count), thing, time if thing else time or "hour")
    assert parse_unit(str(unit)) == unit


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("tokens", "Tokens"),
        ("1K tokens", "1000 Tokens"),
        ("gpu per hour", "GPU-Hours"),
        ("chip-hrs", "TPU-Chip-Hours"),
        ("1 Hour", "Hours"),
        ("query", "Queries"),
        ("1/Month", "Units/Month"),
        ("GB/s", "1000000000 B/Second"),
        ("2 B/Second-Months", "2 B/Second-Months"),
    ],
)
def test_a_unit_is_shown_in_the_format_of_focus(written: str, shown: str) -> None:
    """However a unit is written, messages and results show it in one way."""
    assert str(parse_unit(written)) == shown


def test_base_units_are_tokens_and_seconds() -> None:
    """Counts compare as they are, capacity by the second, calendar time by the month."""
    assert str(base_unit("1000000 Tokens")) == "Tokens"
    assert str(base_unit("GPU-Hours")) == "GPU-Seconds"
    assert str(base_unit("GB-Years")) == "B-Months"
    assert to_base("1000000 Tokens") == 1_000_000
    assert to_base("GPU-Hours") == 3600
    assert to_base("2 GPU-Hours") == 7200


@given(st.text(max_size=40))
def test_any_text_is_a_unit_or_a_unit_error(text: str) -> None:
    """No text from a file makes the parser fail in another way."""
    try:
        unit = parse_unit(text)
    except UnitError:
        return
    assert unit.count > 0
    assert unit.thing or unit.time


def test_reading_counts_does_not_load_the_unit_library() -> None:
    """Tokens and GPU-Hours are parsed without pint; only a factor of time or data needs it."""
    code = (
        "import sys; from trueup.units import parse_unit, factor; parse_unit('1M Tokens');"
        "parse_unit('GPU-Hours'); factor('Tokens', '1K Tokens'); sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
