from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from trueup.errors import SourceError
from trueup.focus.charges import read_charges
from trueup.focus.columns import CONTRACT_COMMITMENT, COST_AND_USAGE, VERSIONS, columns_of
from trueup.focus.recognition import recognise


def header(version: str, dataset: str = COST_AND_USAGE) -> list[str]:
    return [column.name for column in columns_of(dataset, version)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_recognised_in_any_order(version: str) -> None:
    """A complete header names its version, however its columns are shuffled."""
    names = header(version)
    random.Random(4).shuffle(names)
    assert recognise("f.csv", names, COST_AND_USAGE).format == f"focus-{version}"


@pytest.mark.parametrize(
    ("version", "absent"),
    [
        ("1.0", {"ServiceCategory", "Tags"}),
        ("1.2", {"PublisherName", "SkuId"}),
        ("1.3", {"HostProviderName", "AllocatedTags"}),
        ("1.4", {"InvoiceDetailId", "CommitmentProgramEligibilityDetails"}),
    ],
)
def test_missing_and_unknown_columns_do_not_change_the_version(
    version: str, absent: set[str]
) -> None:
    """A few absent columns and some unknown ones leave the version what it is."""
    names = [name for name in header(version) if name not in absent]
    found = recognise("f.csv", [*names, "x_Extra", "Something"], COST_AND_USAGE)
    assert found.version == version
    assert found.others == (len(names), len(names) + 1)


def test_a_handful_of_new_columns_is_enough_for_a_new_version() -> None:
    """Seven columns of which one came with 1.3, and none that 1.4 dropped, are 1.4."""
    names = [
        "BilledCost",
        "EffectiveCost",
        "BillingCurrency",
        "ChargeCategory",
        "ChargePeriodStart",
        "ChargePeriodEnd",
        "ServiceProviderName",
    ]
    assert recognise("f.csv", names, COST_AND_USAGE).version == "1.4"


def test_names_are_found_without_case_and_punctuation() -> None:
    """Catalogues that write lower case, or words apart, are read all the same."""
    names = [name.lower() for name in header("1.0")]
    names[names.index("billedcost")] = "Billed Cost"
    found = recognise("f.csv", names, COST_AND_USAGE)
    assert len(found.positions) == 43
    assert found.others == ()


def test_a_repeated_column_is_read_once_and_reported() -> None:
    """The first of two equal names is the column, the second a further one."""
    names = [*header("1.0"), "BilledCost"]
    found = recognise("f.csv", names, COST_AND_USAGE)
    assert found.positions["BilledCost"] == names.index("BilledCost")
    assert found.others == (43,)
    assert found.notes == ["column BilledCost is there more than once: the first is read"]


@pytest.mark.parametrize("version", ["1.3", "1.4"])
def test_contract_commitments_are_recognised(version: str) -> None:
    """Both versions of the contract dataset name themselves."""
    names = header(version, CONTRACT_COMMITMENT)
    assert recognise("c.csv", names, CONTRACT_COMMITMENT).version == version


def test_a_file_that_is_something_else_says_what_was_missed() -> None:
    """The error names the file, what is missing and what the file has that comes near."""
    with pytest.raises(SourceError) as caught:
        recognise("usage.csv", ["BilledCosts", "BillingCurrency", "day"], COST_AND_USAGE)
    text = str(caught.value)
    assert text.startswith("usage.csv: not a FOCUS Cost and Usage file")
    assert "1 of its 3 columns" in text
    assert "missing BilledCost, EffectiveCost, ChargeCategory" in text
    assert "BilledCosts (for BilledCost?)" in text


def test_the_other_dataset_is_pointed_to_its_reader() -> None:
    """Contracts given as charges, and the reverse, say which function reads them."""
    with pytest.raises(SourceError, match=r"FOCUS 1.3 Contract Commitment: .* read_commitments"):
        recognise("c.csv", header("1.3", CONTRACT_COMMITMENT), COST_AND_USAGE)
    with pytest.raises(SourceError, match=r"FOCUS 1.4 Cost and Usage: .* read_charges"):
        recognise("b.csv", header("1.4"), CONTRACT_COMMITMENT)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"hello,you\n1,2\n", ("not a Parquet file, as its name says: its first bytes "
         "are b'hello,you\\n1,'; not a FOCUS Cost and Usage file")),
        ("a.parquet", b"\x00\x01\x02", ("not a Parquet file, as its name says: its first bytes are "
         "b'\\x00\\x01\\x02'; neither Parquet nor text")),
        ("a.csv.gz", b"hello,you\n", "not a gzip file, as its name says: its first bytes are "),
        ("a.csv.zst", b"hello,you\n", "not a zstd file, as its name says: its first bytes are "),
        ("a.csv", b"hello,you\n", "not a FOCUS Cost and Usage file"),
        ("b.csv.gz", gzip.compress(b"hello,you\n", mtime=0), "not a FOCUS Cost and Usage file"),
    ],
)  # fmt: skip
def test_a_name_that_promises_another_format_is_told(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    """A refusal begins with what the file is not, where its name and its first bytes differ."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_charges(path)
    assert caught.value.reason.startswith(said)


def test_a_bill_is_read_whatever_its_name(tmp_path: Path) -> None:
    """Content decides: a CSV that was unpacked on its way keeps its name and is read."""
    path = tmp_path / "a.csv.gz"
    path.write_text(",".join(header("1.2")) + "\n", encoding="utf-8")
    assert read_charges(path).sources.rows()[0]["format"] == "focus-1.2"
