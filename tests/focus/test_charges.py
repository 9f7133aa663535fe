from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.focus.bill import as_csv, row, write

from trueup.errors import SourceError, UsageError
from trueup.focus.charges import read_charges
from trueup.focus.columns import CHARGES
from trueup.model.dataset import Dataset


def only(dataset: Dataset) -> dict[str, Any]:
    """The one accepted row."""
    (found,) = dataset.table.rows()
    return found


def source(dataset: Dataset) -> dict[str, Any]:
    """The one source."""
    (found,) = dataset.sources.rows()
    return found


def read_row(path: Path, values: Mapping[str, str]) -> Dataset:
    return read_charges(write(path / "bill.csv", row(**values)))


def test_the_real_sample_reads_completely(shared_data: Path) -> None:
    """All 1,000 real rows are accepted, and five columns add up to what csv and Decimal say."""
    path = shared_data / "focus-1.0-sample.csv"
    dataset = read_charges(path)
    assert source(dataset) | {"sha256": "", "source": ""} == {
        "source_id": 1,
        "source": "",
        "kind": "charges",
        "format": "focus-1.0",
        "sha256": "",
        "size_bytes": path.stat().st_size,
        "rows_in": 1000,
        "accepted": 1000,
        "rejected": 0,
        "note": None,
    }
    with path.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    rows = dataset.table.rows()
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ConsumedQuantity", "ListUnitPrice"):
        wanted = [None if r[name] == "NULL" else Decimal(r[name]) for r in expected]
        assert [r[name] for r in rows] == wanted, name
        assert any(wanted), name
    assert [r["x_Id"] for r in rows] == [None if r["Id"] == "NULL" else r["Id"] for r in expected]
    assert {r["x_Provider"] for r in rows} == {"aws", "azure", "oci"}


def test_columns_in_any_order_mean_the_same(tmp_path: Path) -> None:
    """Shuffling a file's columns changes nothing but its hash and size."""
    values = row(SkuId="s", x_Cost_Centre="42")
    names = list(values)
    random.Random(2).shuffle(names)
    plain = read_charges(write(tmp_path / "a.csv", values))
    shuffled = read_charges(write(tmp_path / "b.csv", {name: values[name] for name in names}))
    assert only(plain) == only(shuffled)


def test_a_row_lands_under_focus_1_4_with_our_own_columns(tmp_path: Path) -> None:
    """ProviderName stands in for ServiceProviderName; what FOCUS does not know is kept."""
    dataset = read_row(tmp_path, {"x_Team": "a", "Meter Id": "7", "ProviderName": "AWS"})
    found = only(dataset)
    assert dataset.table.columns == [*CHARGES.names, "x_ProviderName", "x_Team", "x_Meter Id"]
    assert found["ServiceProviderName"] == "AWS"
    assert found["x_Provider"] == "aws"
    assert found["x_PublisherName"] == "Example Publisher"
    assert found["HostProviderName"] is None
    assert found["InvoiceIssuerName"] == "Example Cloud"
    assert (found["x_Team"], found["x_Meter Id"]) == ("a", "7")
    assert (found["x_SourceId"], found["x_SourceRow"]) == (1, 1)
    assert found["BilledCost"] == Decimal("1.25")
    assert found["ChargePeriodStart"] == datetime(2026, 10, 3, 14, tzinfo=UTC)


def test_a_provider_without_adapter_keeps_its_name_and_may_be_mapped(tmp_path: Path) -> None:
    """The bill's own name is the fallback; a caller's lookup is asked once per distinct name."""
    path = write(tmp_path / "b.csv", row(), row(), row(ProviderName=""))
    asked: list[str | None] = []

    def slug(name: str | None) -> str | None:
        asked.append(name)
        return None if name is None else "example"

    assert [r["x_Provider"] for r in read_charges(path).table.rows()] == [
        "Example Cloud",
        "Example Cloud",
        None,
    ]
    named = read_charges(path, provider_of=slug).table.rows()
    assert [r["x_Provider"] for r in named] == ["example", "example", None]
    assert asked == ["Example Cloud"]


def test_null_words_are_null_and_n_a_is_text(tmp_path: Path) -> None:
    """NULL, null, None, nothing and blanks are null; N/A is a value like any other."""
    values = {"SkuId": "NULL", "RegionId": "null", "SkuPriceId": "None", "ResourceId": "  "}
    found = only(read_row(tmp_path, {**values, "ResourceName": "N/A", "ListCost": " NULL "}))
    assert [found[name] for name in (*values, "ListCost")] == [None] * 5
    assert found["ResourceName"] == "N/A"


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("BilledCost", "-1.5E-7", Decimal("-0.00000015")),
        ("BilledCost", " 3 ", Decimal(3)),
        ("ChargeCategory", "usage", "Usage"),
        ("BillingCurrency", "eur", "EUR"),
        ("ChargePeriodEnd", "2026-10-02T39:00:00Z", datetime(2026, 10, 3, 15, tzinfo=UTC)),
        ("BillingPeriodStart", "10/1/26", datetime(2026, 10, 1, tzinfo=UTC)),
        ("Tags", "{'team': 'a', 'n': None}", '{"team": "a", "n": null}'),
        ("ChargeDescription", 'one\ntwo, "three"', 'one\ntwo, "three"'),
    ],
)
def test_values_are_repaired(tmp_path: Path, column: str, text: str, value: object) -> None:
    """Values as real files write them are read as what they mean."""
    assert only(read_row(tmp_path, {column: text}))[column] == value


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("BilledCost", "", "empty, but every row needs it"),
        ("EffectiveCost", "NULL", "empty, but every row needs it"),
        ("BilledCost", "1_000", "not a plain number"),
        ("ListCost", "NaN", "not a plain number"),
        ("PricingQuantity", "0.1234567890123456789", "more than 18 decimals"),
        ("ChargeCategory", "Discount", "not one of Usage, Purchase, Tax, Credit, Adjustment"),
        ("BillingPeriodEnd", "25/5/25", "not a month/day/year date; write 2026-10-03T14:00:00Z"),
        ("ChargePeriodEnd", "2026-10-03T13:59:59Z", "before ChargePeriodStart"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_with_its_place(
    tmp_path: Path, column: str, text: str, reason: str
) -> None:
    """The reject names file, row, column, reason, value and currency; other rows are accepted."""
    path = write(tmp_path / "bill.csv", row(), row(**{column: text}), row())
    dataset = read_charges(path)
    assert [r["x_SourceRow"] for r in dataset.table.rows()] == [1, 3]
    assert dataset.rejects.rows() == [
        {
            "source_id": 1,
            "source": str(path),
            "row_number": 2,
            "column": column,
            "reason": reason,
            "value": None if text in ("", "NULL") else text,
            "currency": "USD",
        }
    ]
    assert (source(dataset)["rows_in"], source(dataset)["rejected"]) == (3, 1)


def test_a_row_with_two_faults_is_one_reject_for_the_first(tmp_path: Path) -> None:
    """EffectiveCost stands before ChargeCategory in the file, so it is the one named."""
    dataset = read_row(
        tmp_path, {"EffectiveCost": "x", "ChargeCategory": "y", "BillingCurrency": ""}
    )
    (found,) = dataset.rejects.rows()
    assert (found["column"], found["value"], found["currency"]) == ("EffectiveCost", "x", None)


def test_money_is_not_lost_for_a_tag(tmp_path: Path) -> None:
    """A JSON value that cannot be read is null, the row stays, and the source says how many."""
    path = write(tmp_path / "b.csv", row(Tags="{broken"), row(Tags="[1]"), row())
    dataset = read_charges(path)
    assert [r["Tags"] for r in dataset.table.rows()] == [None, None, '{"team": "a"}']
    assert source(dataset)["note"] == "2 rows have a JSON value that cannot be read"


def test_hours_over_23_are_read_and_noted(tmp_path: Path) -> None:
    """An hour 30 is six o'clock of the next day, and the source says that it was met."""
    times = {"ChargePeriodStart": "2026-10-03T30:00:00Z", "ChargePeriodEnd": "2026-10-04T07:00Z"}
    dataset = read_row(tmp_path, times)
    assert only(dataset)["ChargePeriodStart"] == datetime(2026, 10, 4, 6, tzinfo=UTC)
    assert source(dataset)["note"] == "1 rows have an hour over 23, read as hours after midnight"


def test_currencies_and_signs_stay_as_they_are(tmp_path: Path) -> None:
    """Two currencies and a negative charge are three rows, none added or changed."""
    path = write(
        tmp_path / "b.csv",
        row(BilledCost="-5.01", ChargeCategory="Credit"),
        row(BillingCurrency="EUR"),
        row(BillingCurrency="JPY", BilledCost="100"),
    )
    found = [(r["BillingCurrency"], r["BilledCost"]) for r in read_charges(path).table.rows()]
    assert found == [
        ("USD", Decimal("-5.01")),
        ("EUR", Decimal("1.25")),
        ("JPY", Decimal(100)),
    ]


def test_repeated_and_clashing_headers_are_kept_apart(tmp_path: Path) -> None:
    """The second BilledCost, our own names and names that differ in case get suffixes."""
    header, line = as_csv([row()]).splitlines()
    path = tmp_path / "b.csv"
    path.write_text(
        f'{header},BilledCost,x_SourceId,x_a,x_A,x_a,"o""dd; --",\n{line},9,8,1,2,3,4,5\n',
        encoding="utf-8",
    )
    dataset = read_charges(path)
    found = only(dataset)
    assert found["BilledCost"] == Decimal("1.25")
    extras = dataset.table.columns[len(CHARGES) :]
    assert {name: found[name] for name in extras if name != "x_ProviderName"} == {
        "x_BilledCost": "9",
        "x_SourceId_2": "8",
        "x_a": "1",
        "x_A_2": "2",
        "x_a_3": "3",
        'x_o"dd; --': "4",
        "x_column_28": "5",
    }
    assert source(dataset)["note"] == "column BilledCost is there more than once: the first is read"


def test_files_with_different_columns_are_united_by_name(tmp_path: Path) -> None:
    """A glob over files of two versions gives one table; what a file lacks is null in its rows."""
    write(tmp_path / "a.csv", row(x_Team="t"))
    modern = row(ServiceProviderName="Example Cloud", InvoiceDetailId="i", x_Floor="2")
    del modern["ProviderName"], modern["PublisherName"]
    write(tmp_path / "b.csv", modern)
    write(tmp_path / "c.csv", row(x_Team="u"))
    dataset = read_charges(tmp_path / "*.csv")
    assert [s["format"] for s in dataset.sources.rows()] == ["focus-1.0", "focus-1.4", "focus-1.0"]
    rows = sorted(dataset.table.rows(), key=lambda r: r["x_ChargeId"])
    assert [(r["x_SourceId"], r["x_Team"], r["x_Floor"]) for r in rows] == [
        (1, "t", None),
        (2, None, "2"),
        (3, "u", None),
    ]
    assert len({r["x_ChargeId"] for r in rows}) == 3


def test_a_copy_of_a_file_is_rejected_row_by_row(tmp_path: Path) -> None:
    """Three rows, one of them unreadable, in two files with the same bytes: they count once."""
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, row(), row(BilledCost="x"), row())
    write(tmp_path / "c.csv", row(BilledCost="2"))
    dataset = read_charges(tmp_path / "*.csv")
    assert [
        (s["source_id"], s["rows_in"], s["accepted"], s["rejected"]) for s in dataset.sources.rows()
    ] == [(1, 3, 2, 1), (2, 3, 0, 3), (3, 1, 1, 0)]
    assert {r["x_SourceId"] for r in dataset.table.rows()} == {1, 3}
    text = f"a copy of {tmp_path / 'a.csv'}, byte for byte, not read: leave one of the two out"
    assert dataset.sources.rows()[1]["note"] == text
    assert [
        (r["row_number"], r["reason"])
        for r in dataset.rejects.rows()
        if r["source"] == str(tmp_path / "b.csv")
    ] == [(1, text), (2, text), (3, text)]


def test_empty_files_are_no_copies(tmp_path: Path) -> None:
    """Bills of accounts without a charge have the same header: nothing is wrong with them."""
    header = as_csv([row()]).splitlines()[0] + "\n"
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(header)
    dataset = read_charges(tmp_path / "*.csv")
    assert [(s["rows_in"], s["note"]) for s in dataset.sources.rows()] == [(0, None)] * 2


def test_a_glob_of_many_files_is_read_in_order(tmp_path: Path) -> None:
    """300 files of two rows each: 600 rows, numbered by file name, in a few seconds."""
    for number in range(300):
        write(tmp_path / f"{number:03}.csv", row(SkuId=str(number)), row(BilledCost="x"), row())
    dataset = read_charges(str(tmp_path / "*.csv"))
    rows = dataset.table.rows()
    assert [(r["x_SourceId"], r["x_SourceRow"]) for r in rows] == [
        (source_id, source_row) for source_id in range(1, 301) for source_row in (1, 3)
    ]
    assert [r["SkuId"] for r in rows[::2]] == [str(number) for number in range(300)]
    assert {(s["rows_in"], s["accepted"], s["rejected"]) for s in dataset.sources.rows()} == {
        (3, 2, 1)
    }


def test_remote_files_are_named_by_their_url() -> None:
    """A URL of any file system fsspec knows is read, and sources show it as it was given."""
    fsspec.filesystem("memory").pipe({"/charges/a.csv": as_csv([row()]).encode()})
    dataset = read_charges("memory://charges/a.csv")
    assert source(dataset)["source"] == "memory://charges/a.csv"
    assert only(dataset)["BilledCost"] == Decimal("1.25")


def test_parquet_of_any_physical_types_means_the_same(tmp_path: Path) -> None:
    """Doubles through their shortest text, decimals, integers, zones, dates, maps, structs."""
    hour = datetime(2026, 10, 3, 14, tzinfo=UTC).replace(tzinfo=None)
    table = pa.table(
        {
            "BilledCost": pa.array([0.1, 1e-7]),
            "EffectiveCost": pa.array([Decimal("1.5"), Decimal("0.001")], pa.decimal128(10, 3)),
            "ListCost": pa.array([2, None], pa.int32()),
            "ContractedCost": pa.array([Decimal(1), Decimal(2)], pa.decimal256(50, 2)),
            "ListUnitPrice": pa.array([0.5, 0.1], pa.float32()),
            "BillingCurrency": pa.array(["USD", "USD"]).dictionary_encode(),
            "ChargeCategory": pa.array([b"Usage", b"Usage"], pa.binary()),
            "ChargePeriodStart": pa.array([hour, hour], pa.timestamp("ns")),
            "ChargePeriodEnd": pa.array([hour, hour], pa.timestamp("ms", "Europe/Berlin")),
            "BillingPeriodStart": pa.array([hour.date(), None], pa.date32()),
            "Tags": pa.array([[("team", "a")], None], pa.map_(pa.string(), pa.string())),
            "SkuPriceDetails": pa.array([{"a": "1", "b": None}, {"a": None, "b": "2"}]),
            "x_Number": pa.array([7, None]),
        }
    )
    pq.write_table(table, tmp_path / "b.parquet")
    dataset = read_charges(tmp_path / "b.parquet")
    first, second = dataset.table.rows()
    assert dataset.rejects.rows() == []
    assert [first["BilledCost"], second["BilledCost"]] == [Decimal("0.1"), Decimal("0.0000001")]
    assert [first["EffectiveCost"], second["EffectiveCost"]] == [Decimal("1.5"), Decimal("0.001")]
    assert [first["ListCost"], second["ListCost"]] == [Decimal(2), None]
    assert [first["ContractedCost"], second["ContractedCost"]] == [Decimal(1), Decimal(2)]
    assert [first["ListUnitPrice"], second["ListUnitPrice"]] == [Decimal("0.5"), Decimal("0.1")]
    assert first["ChargePeriodStart"] == first["ChargePeriodEnd"] == hour.replace(tzinfo=UTC)
    assert first["BillingPeriodStart"] == datetime(2026, 10, 3, tzinfo=UTC)
    assert json.loads(first["Tags"]) == {"team": "a"}
    assert [json.loads(r["SkuPriceDetails"]) for r in (first, second)] == [{"a": "1"}, {"b": "2"}]
    assert [first["x_Number"], second["x_Number"]] == ["7", None]


def test_a_double_that_needs_more_decimals_is_rejected(tmp_path: Path) -> None:
    """1/30000 as a double has 21 decimals in its shortest text: rejected, never rounded."""
    table = pa.table({name: [value, value] for name, value in row().items()})
    place = table.schema.get_field_index("BilledCost")
    table = table.set_column(place, "BilledCost", pa.array([1 / 30000, float("nan")]))
    pq.write_table(table, tmp_path / "b.parquet")
    rejects = read_charges(tmp_path / "b.parquet").rejects.rows()
    assert [(r["row_number"], r["reason"], r["value"]) for r in rejects] == [
        (1, "more than 18 decimals", "3.3333333333333335e-05"),
        (2, "not a plain number", "nan"),
    ]


def test_data_frames_are_read_like_files() -> None:
    """pandas, polars and Arrow tables give the same rows as the file they could have been."""
    values = row()
    frames = [
        pd.DataFrame([values], index=[5]),
        pl.DataFrame([values]),
        pa.table({name: [value] for name, value in values.items()}),
    ]
    dataset = read_charges(frames)
    assert [s["source"] for s in dataset.sources.rows()] == [
        "data frame 1",
        "data frame 2",
        "data frame 3",
    ]
    first, second, third = (
        {k: v for k, v in r.items() if k not in ("x_SourceId", "x_ChargeId")}
        for r in dataset.table.rows()
    )
    assert first == second == third
    assert first["BilledCost"] == Decimal("1.25")


def test_nothing_to_read_is_wrong_use() -> None:
    """A call without a path says what it needs."""
    with pytest.raises(UsageError, match="at least one path"):
        read_charges()


def test_a_reader_that_fails_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one file of several cannot be read, the folder of the half-read dataset is gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    write(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("day,cost\n1,2\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"b\.csv"):
        read_charges(tmp_path / "a.csv", tmp_path / "b.csv")
    assert list((tmp_path / "temp").iterdir()) == []
