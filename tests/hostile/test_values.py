"""Numbers without measure, times at the edges of the calendar, names that are code."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trueup
from tests.focus.bill import as_csv, row, write
from tests.hostile.readers import (
    CONTRACT,
    READERS,
    RULES,
    START,
    answer_of,
    outcome,
    table_usage,
)
from trueup.errors import ConfigurationError, SourceError, UnitError, UsageError
from trueup.focus.charges import read_charges
from trueup.focus.commitments import read_commitments
from trueup.focus.invoices import read_invoices
from trueup.model.rules import read_rules
from trueup.telemetry.usage import read_usage
from trueup.units import parse_unit

NUMBERS: tuple[str, ...] = (
    "NaN",
    "inf",
    "-Infinity",
    "1e999999",
    "1e-999999",
    "9" * 40,
    f"0.{'1' * 40}",
    "1,000",
)
NUMBERS += ("1_000", "0x10", "٣", "--1", "1'; DROP TABLE charges; --", f"1.{'1' * 5000}")
NAMES = ('"; DROP TABLE usage; --', "'", "\\", "\x1b[2J", "\u202egnp.exe", "=1+1", "<script>", "%s")


def test_a_number_that_no_amount_can_be_is_a_reject_each(tmp_path: Path) -> None:
    """Nothing is rounded, nothing becomes SQL: each such row is one reject, the good row stays."""
    file = write(tmp_path / "b.csv", row(), *(row(BilledCost=text) for text in NUMBERS))
    dataset = read_charges(file)
    assert dataset.table.to_arrow()["BilledCost"].to_pylist() == [Decimal("1.25")]
    rejects = dataset.rejects.rows()
    assert [reject["row_number"] for reject in rejects] == list(range(2, len(NUMBERS) + 2))
    assert {reject["column"] for reject in rejects} == {"BilledCost"}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-25T02:30:00+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T02:30:00+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),  # an hour later
        ("0001-01-01T00:00:00+14:00", None),  # the year before the first
        ("9999-12-31T23:59:59-12:00", None),  # the year after the last
        ("9999-12-31T30:00", None),
        ("0000-01-01", None),
        ("10000-01-01", None),
        ("2016-12-31T23:59:60Z", None),  # a second that no clock of ours has
        ("infinity", None),
        ("2026-02-30", None),
    ],
)
def test_a_time_is_the_instant_it_says_or_a_reject(
    given: str, read: datetime | None, tmp_path: Path
) -> None:
    """Edges of the calendar and both hours of an autumn night are read, all else is refused."""
    file = write(tmp_path / "b.csv", row(BillingPeriodStart=given))
    dataset = read_charges(file)
    found = dataset.table.to_arrow()["BillingPeriodStart"].to_pylist()
    assert found == ([] if read is None else [read])
    assert len(dataset.rejects) == (read is None)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("value", [2**62, -(2**62)])
def test_an_instant_of_no_calendar_in_parquet(unit: str, value: int, tmp_path: Path) -> None:
    """Whole numbers that are times 100,000 years from now are a reject or a refusal."""
    columns = {name: pa.array([text]) for name, text in row().items()}
    columns["BillingPeriodStart"] = pa.array([value], pa.timestamp(unit))
    file = tmp_path / "b.parquet"
    try:
        pq.write_table(pa.table(columns), file)
    except pa.ArrowInvalid:
        pytest.skip("Arrow itself does not write it")
    if outcome(READERS["charges"], file) == "rows" and unit != "ns":  # 2^62 ns are in 2116
        assert len(read_charges(file).rejects) == 1


def test_a_contract_at_the_edge_of_the_calendar(tmp_path: Path) -> None:
    """A term that begins before the first year in UTC is a mistake that names its key."""
    file = tmp_path / "c.toml"
    for start in ('"0001-01-01T00:00:00+14:00"', "9999-12-31T23:59:59-12:00"):
        file.write_text(CONTRACT.replace("2026-10-01", start), encoding="utf-8")
        with pytest.raises(ConfigurationError, match="years 1 to 9999"):
            read_commitments(file)


@pytest.mark.parametrize("zone", ["America", "../../etc/passwd", "A" * 500, "", "\\u0000"])
def test_a_zone_that_is_a_path_is_no_zone(zone: str, tmp_path: Path) -> None:
    """A folder of the zone database, a path out of it, a name too long: no time zone."""
    file = tmp_path / "c.toml"
    file.write_text(CONTRACT.replace("start =", f'zone = "{zone}"\nstart =', 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="must be a time zone"):
        read_commitments(file)


@pytest.mark.parametrize("number", ["1e999999999", "9" * 200, "1e-999999999"])
def test_a_rule_of_no_measure_is_a_mistake(number: str, tmp_path: Path) -> None:
    """A rate that a machine would count at for days."""
    file = tmp_path / "rules.toml"
    file.write_text(RULES.replace("0.91", number), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="longer than any amount"):
        read_rules(file)


@pytest.mark.parametrize("unit", [f"{'9' * 5000} Hours", "K" * 100_000, "Hour-" * 20_000])
def test_a_unit_of_no_measure_is_none(unit: str) -> None:
    with pytest.raises(UnitError, match="are no unit"):
        parse_unit(unit)


@pytest.mark.parametrize("field", ["1e999999", "9" * 40, "NaN", {"a": 1}, [], "-60", "0", "1e15"])
def test_a_step_of_no_measure(field: object, tmp_path: Path) -> None:
    """Three samples and a step of more than a day, or none: each is a reject, and nothing waits."""
    file = tmp_path / "p.json"
    file.write_bytes(answer_of([[START, "1"]], step=field))
    dataset = read_usage(file)
    assert (len(dataset.table), len(dataset.rejects)) == (0, 1)


@pytest.mark.parametrize("taken", ["1e300", 1e300, -(10**17), 10**30, "x", None, "NaN"])
def test_a_sample_of_no_time(taken: object, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_bytes(answer_of([[taken, "50"], [START, "50"]], step=60))
    dataset = read_usage(file)
    assert len(dataset.rejects) == 1
    assert len(dataset.table) == 2  # the other sample: allocated, and busy


def test_capacity_of_ten_thousand_years_is_a_reject(tmp_path: Path) -> None:
    """Held capacity is looked at hour by hour: a wrong year would make 87 million of them."""
    file = tmp_path / "t.csv"
    file.write_text("at,until,count,node\n0001-01-01,9999-12-31,1,n\n2026-10-01,2026-10-02,1,n\n")
    dataset = table_usage(file, window_end="until")
    assert len(dataset.table) == 1
    (reject,) = dataset.rejects.rows()
    assert reject["reason"] == "lasts longer than 366 days: cut it by the month"


def test_a_bill_of_ten_thousand_years_asks_for_a_period(tmp_path: Path) -> None:
    """With a period the wrong year is outside; the end of the last year is no reason to stop."""
    last = row(ChargePeriodStart="9999-12-31T22:00", ChargePeriodEnd="9999-12-31T23:00")
    later = row(BillingPeriodEnd="9999-12-31T23:59:59Z")
    file = write(tmp_path / "b.csv", row(), last, later)
    with pytest.raises(UsageError, match=r"more than 3,660 days.* give a period"):
        trueup.reconcile(str(file))
    result = trueup.reconcile(str(file), period="2026-10")
    assert result.identity.rows()[0]["billed"] == 2  # 1.00 twice: the third charge is of 9999


def test_names_of_columns_are_names(tmp_path: Path) -> None:
    """SQL, escapes and formulas as column names and values come out as they went in."""
    charge = row() | {f"x_{name}": name for name in NAMES}
    found = read_charges(write(tmp_path / "b.csv", charge)).table.to_arrow()
    assert [found[f"x_{name}"].to_pylist() for name in NAMES] == [[name] for name in NAMES]


@pytest.mark.parametrize("name", ["", "amount_due", "AMOUNT_DUE", "record", "x\0", "'; --"])
def test_names_of_columns_that_a_query_reads(name: str, tmp_path: Path) -> None:
    """Empty, as after a comma too many, repeated, the query's own: the first one counts."""
    file = tmp_path / "i.csv"
    good = READERS["invoices"].seeds["i.csv"].decode().splitlines()
    padding = "p" * 5_000  # a zero among the first bytes says that the file is no text
    file.write_text(f"{good[0]},{padding},{name}\n{good[1]},,7\n", encoding="utf-8")
    assert read_invoices(file).table.to_arrow()["BilledCost"].to_pylist() == [119]


@pytest.mark.parametrize("name", ["charges", "litellm"])
def test_a_name_in_parquet_that_is_no_text(name: str, tmp_path: Path) -> None:
    """Arrow itself cannot say such a column's name: the file is refused."""
    (content,) = (text for file, text in READERS[name].seeds.items() if file.endswith(".parquet"))
    file = tmp_path / "b.parquet"
    known = b"BilledCost" if name == "charges" else b"request_id"
    file.write_bytes(content.replace(known, b"\x92" * len(known)))
    assert "not a complete Parquet file" in outcome(READERS[name], file)


def test_names_that_repeat_in_another_case(tmp_path: Path) -> None:
    """The column that is spelled as FOCUS spells it counts; no other takes its place."""
    text = as_csv([row()]).splitlines()
    file = tmp_path / "b.csv"
    lines = (f"{text[0]},billedcost,x_A,x_a,x_A", f"{text[1]},99,1,2,3")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    dataset = read_charges(file)
    assert dataset.table.to_arrow()["BilledCost"].to_pylist() == [Decimal("1.25")]
    assert outcome(READERS["charges"], file) == "rows"


def test_telemetry_of_names_that_are_code(tmp_path: Path) -> None:
    """Models, teams and labels that are SQL or escapes are text."""
    seed = json.loads(READERS["litellm"].seeds["l.jsonl"].splitlines()[0])
    file = tmp_path / "l.jsonl"
    records: Iterable[dict[str, object]] = (
        seed | {"request_id": name, "model": name, "team_id": name, name: name} for name in NAMES
    )
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = read_usage(file).table.to_arrow()
    assert set(found["model"].to_pylist()) == set(NAMES) == set(found["team"].to_pylist())


def test_tags_that_are_hard_to_read(tmp_path: Path) -> None:
    """Twice a name, 5,000 levels, half a surrogate, a zero: each charge counts, as do all four."""
    tags = ('{"a": 1, "a": 2}', '{"a": ' * 5_000 + "1" + "}" * 5_000, '{"a": "\\ud800"}')
    charges = [row(Tags=text) for text in (*tags, "{'a': '\\x00'}")]
    result = trueup.reconcile(str(write(tmp_path / "b.csv", *charges)))
    assert result.identity.rows()[0]["billed"] == 4  # of 1.00 effective cost each


@pytest.mark.parametrize(
    "array",
    [
        pa.array([Decimal("9" * 70)], pa.decimal256(76, 0)),
        pa.array([float("inf")]),
        pa.array([1e308]),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([b"\xff\xfe"]),
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([1], pa.duration("s")),
        pa.nulls(1),
    ],
    ids=lambda array: str(array.type),
)
def test_parquet_columns_of_another_type(array: pa.Array, tmp_path: Path) -> None:
    """A type that a column cannot have is a reject, a null, or text; never an exception."""
    for column in ("BilledCost", "ChargePeriodStart", "Tags", "BillingCurrency", "x_new"):
        columns = {name: pa.array([text]) for name, text in row().items()} | {column: array}
        target = io.BytesIO()
        try:
            pq.write_table(pa.table(columns), target)
        except pa.ArrowException:
            pytest.skip("Arrow itself does not write it")
        file = tmp_path / f"{column}.parquet"
        file.write_bytes(target.getvalue())
        outcome(READERS["charges"], file)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read_charges(tmp_path / "no such file")
    assert caught.value.source == str(tmp_path / "no such file")
