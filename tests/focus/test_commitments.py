from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.focus.bill import as_csv

from trueup.errors import ConfigurationError, SourceError
from trueup.focus.columns import COMMITMENTS
from trueup.focus.commitments import read_commitments

FOCUS_1_3 = {
    "ContractId": "contract-1",
    "ContractPeriodStart": "2026-01-01T00:00:00Z",
    "ContractPeriodEnd": "2027-01-01T00:00:00Z",
    "ContractCommitmentId": "plan-1",
    "ContractCommitmentCategory": "Spend",
    "ContractCommitmentType": "Savings Plan",
    "ContractCommitmentCost": "87600.00",
    "ContractCommitmentQuantity": "",
    "ContractCommitmentUnit": "",
    "ContractCommitmentDescription": "a plan",
    "ContractCommitmentPeriodStart": "2026-01-01T00:00:00Z",
    "ContractCommitmentPeriodEnd": "2027-01-01T00:00:00Z",
    "BillingCurrency": "USD",
}
FOCUS_1_4 = {
    **FOCUS_1_3,
    "ContractCommitmentFulfillmentInterval": "hourly",
    "ContractCommitmentLifecycleStatus": "Active",
    "ContractCommitmentApplicability": "{}",
    "ServiceProviderName": "AWS",
    "InvoiceIssuerName": "AWS",
}
LOT = """
[[commitment]]
id = "tpu-2026"
provider = "Google Cloud"
start = 2026-01-01
end = 2027-01-01T00:00:00Z
total = 500000
credit_unit = "Credits"
compute_unit = "TPU-Chip-Hours"
compute_units_per_credit = 0.25
cost_per_credit = "1.10"
currency = "USD"
opening_quantity = 123456.000000000000000001
opening_at = 2026-10-01T00:00:00+02:00
applies_to = { SkuMeter = "TPU", ServiceName = "^Compute" }
document = "tpu.pdf sha256:00ff"
"""


def rows_of(path: Path, *rows: dict[str, str]) -> list[dict[str, Any]]:
    path.write_text(as_csv(rows), encoding="utf-8")
    return read_commitments(path).table.rows()


def toml(path: Path, text: str) -> list[dict[str, Any]]:
    (path / "c.toml").write_text(text, encoding="utf-8")
    return read_commitments(path / "c.toml").table.rows()


def mistakes(path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        toml(path, text)
    return str(caught.value)


def test_focus_1_3_has_no_interval_and_is_a_benefit(tmp_path: Path) -> None:
    """The 13 columns of 1.3 land in the 30 of 1.4; what 1.3 cannot say is null."""
    (found,) = rows_of(tmp_path / "c.csv", FOCUS_1_3)
    assert list(found) == COMMITMENTS.names
    assert found["ContractCommitmentCost"] == Decimal(87600)
    assert found["ContractCommitmentPeriodEnd"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert found["x_Layer"] == "benefit"
    unknown = ("ContractCommitmentFulfillmentInterval", "ContractCommitmentQuantity")
    assert [found[name] for name in (*unknown, "x_Provider", "x_Per", "x_Fee")] == [None] * 5


def test_focus_1_4_packed_and_as_a_data_frame(tmp_path: Path) -> None:
    """CSV.gz and a pandas table give the same commitment, with the provider's slug."""
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(as_csv([FOCUS_1_4]).encode()))
    dataset = read_commitments(tmp_path / "c.csv.gz", pd.DataFrame([FOCUS_1_4]))
    assert [s["format"] for s in dataset.sources.rows()] == ["focus-1.4", "focus-1.4"]
    first, second = dataset.table.rows()
    assert first["x_Provider"] == "aws"
    assert first["ContractCommitmentFulfillmentInterval"] == "Hourly"
    assert first | {"x_SourceId": 2} == second


def test_a_file_may_state_what_focus_cannot_say(tmp_path: Path) -> None:
    """x_ columns of our names are read with their types; others are noted, not used."""
    stated = {
        **FOCUS_1_4,
        "x_Layer": "Agreement",
        "x_Per": "interval",
        "x_Fee": "7.50",
        "x_AppliesTo": "{'SkuMeter': 'GPU'}",
        "x_Whim": "1",
    }
    (tmp_path / "c.csv").write_text(as_csv([stated]), encoding="utf-8")
    dataset = read_commitments(tmp_path / "c.csv")
    (found,) = dataset.table.rows()
    assert (found["x_Layer"], found["x_Per"], found["x_Fee"]) == (
        "agreement",
        "interval",
        Decimal("7.5"),
    )
    assert found["x_AppliesTo"] == '{"SkuMeter": "GPU"}'
    assert dataset.sources.rows()[0]["note"] == "columns that are not used: x_Whim"


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("ContractCommitmentId", "", "empty, but every row needs it"),
        ("ContractCommitmentCategory", "Both", "not one of Spend, Usage"),
        ("ContractCommitmentCost", "1,000", "not a plain number"),
        ("ContractCommitmentPeriodEnd", "2026-01-01", "not after ContractCommitmentPeriodStart"),
    ],
)
def test_a_contract_that_cannot_be_read_is_rejected(
    tmp_path: Path, column: str, text: str, reason: str
) -> None:
    """One bad contract is one reject; the other is accepted."""
    path = tmp_path / "c.csv"
    path.write_text(as_csv([{**FOCUS_1_3, column: text}, FOCUS_1_3]), encoding="utf-8")
    dataset = read_commitments(path)
    (reject,) = dataset.rejects.rows()
    assert (reject["row_number"], reject["column"], reject["reason"]) == (1, column, reason)
    assert [row["x_SourceRow"] for row in dataset.table.rows()] == [2]


def test_charges_are_not_contracts(tmp_path: Path) -> None:
    """A file without the required columns is refused by name."""
    (tmp_path / "c.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(SourceError, match="not a FOCUS Contract Commitment file"):
        read_commitments(tmp_path / "c.csv")


def test_a_credit_lot_typed_by_hand(tmp_path: Path) -> None:
    """A lot is funding over its full period; every figure is exact, every time in UTC."""
    (found,) = toml(tmp_path, LOT)
    wanted = {
        "ContractCommitmentId": "tpu-2026",
        "ContractId": "tpu-2026",
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentType": "Credits",
        "ContractCommitmentQuantity": Decimal(500000),
        "ContractCommitmentUnit": "Credits",
        "ContractCommitmentFulfillmentInterval": "Full Period",
        "ContractCommitmentPeriodStart": datetime(2026, 1, 1, tzinfo=UTC),
        "ContractCommitmentPeriodEnd": datetime(2027, 1, 1, tzinfo=UTC),
        "ContractPeriodStart": datetime(2026, 1, 1, tzinfo=UTC),
        "ContractPeriodEnd": datetime(2027, 1, 1, tzinfo=UTC),
        "BillingCurrency": "USD",
        "ServiceProviderName": "Google Cloud",
        "x_Provider": "gcp",
        "x_Layer": "funding",
        "x_Per": "term",
        "x_OpeningQuantity": Decimal("123456.000000000000000001"),
        "x_OpeningAt": datetime(2026, 9, 30, 22, tzinfo=UTC),
        "x_ComputeUnit": "TPU-Chip-Hours",
        "x_ComputeUnitsPerCredit": Decimal("0.25"),
        "x_CostPerCredit": Decimal("1.1"),
        "x_AppliesTo": '{"ServiceName": "^Compute", "SkuMeter": "TPU"}',
        "x_Document": "tpu.pdf sha256:00ff",
        "x_SourceId": 1,
        "x_SourceRow": 1,
    }
    assert {name: value for name, value in found.items() if value is not None} == wanted


def test_an_hourly_plan_and_a_minimum_spend_typed_by_hand(tmp_path: Path) -> None:
    """With an interval the figure is per interval; a minimum spend is an agreement over its term."""
    plan, spend = toml(
        tmp_path,
        """
        [[commitment]]
        id = "plan"
        provider = "Somebody"
        start = 2026-10-01
        end = 2027-10-01
        cost = 10
        currency = "USD"
        interval = "hourly"
        [[commitment]]
        id = "spend"
        provider = "Somebody"
        type = "Minimum Spend"
        start = 2026-10-01
        end = 2027-10-01
        cost = 1e6
        currency = "EUR"
        """,
    )
    names = ("x_Layer", "ContractCommitmentFulfillmentInterval", "x_Per", "ContractCommitmentCost")
    assert [plan[name] for name in names] == ["benefit", "Hourly", "interval", Decimal(10)]
    assert [spend[name] for name in names] == [
        "agreement",
        "Full Period",
        "term",
        Decimal(1_000_000),
    ]
    assert plan["x_Provider"] == "Somebody"


A_LOT = 'lots = [{ id = "l", granted = 5, start = 2026-01-01, end = 2026-05-01 }]'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("totl = 5", "commitment 1: totl = 5: no such key; did you mean total?"),
        ('cost = "10 USD"', "commitment 1: cost = '10 USD': must be a plain number"),
        ("cost = 0.1234567890123456789", "cost = 0.1234567890123456789: must have at most 20"),
        ("cost = inf", "cost = Infinity: must be a plain number"),
        ("cost = true", "cost = True: must be a number"),
        ("cost = -1", "cost = -1: Input should be greater than or equal to 0"),
        ("fee = 3", "commitment 1: fee needs currency, such as USD"),
        ('currency = "usd"', "currency = 'usd': must be a code of three capital letters"),
        ('interval = "fortnight"', "interval = 'fortnight': must be one of hourly, daily"),
        ('category = "Money"', "category = 'Money': Input should be 'Spend' or 'Usage'"),
        ('layer = "top"', "layer = 'top': Input should be 'benefit', 'funding' or 'agreement'"),
        ('applies_to = { SkuMetr = "x" }', "'SkuMetr' is not a FOCUS or x_ column; did you mean"),
        ('applies_to = { SkuMeter = "(" }', "SkuMeter = '(' is not a regular expression"),
        ('applies_to = { SkuMeter = "(?=a)" }', "SkuMeter = '(?=a)' is not a regular expression"),
        ("opening_quantity = 1", "opening_quantity and opening_at belong together"),
        ("total = 1\nquantity = 1", "give total (credits of the whole term) or quantity, not both"),
        ("compute_units_per_credit = 1", "compute_units_per_credit needs compute_unit"),
        ("opening_at = 07:30:00", "opening_at = 07:30:00"),
        ('zone = "Mars/Base"', "must be a time zone such as America/Los_Angeles"),
        ("lots = [{ grant = 5 }]", "lots.0.grant = 5: no such key; did you mean granted?"),
        (f"total = 6\n{A_LOT}", "total = 6, but its lots grant 5"),
        (
            A_LOT.replace("2026-05", "2026-01"),
            '"start": "2026-01-01", "end": "2026-01-01"}: end must be after start',
        ),
        (
            A_LOT.replace("5,", "5, opening_quantity = 1,"),
            ": opening_quantity and opening_at belong together",
        ),
        ('total = 1\nper = "interval"', 'leave per out or set per = "term"'),
        ('credit_unit = "Credits"', "credit_unit needs total, the number of credits granted"),
        (f'cost = 6\ncurrency = "USD"\n{A_LOT}', "with lots, cost and opening_quantity are each"),
        (A_LOT, "lots need currency, or credit_unit where they are no money"),
        (
            f'currency = "USD"\n{A_LOT.replace("2026-05", "2027-05")}',
            "lot 'l' is not within start and end",
        ),
        ('draw_order = ["size"]', "draw_order.0 = 'size': Input should be 'priority'"),
        ('eligible = { include = { SkuMetr = "x" } }', "'SkuMetr' is not a FOCUS or x_ column"),
    ],
)
def test_a_mistake_in_toml_names_file_table_key_value_and_remedy(
    tmp_path: Path, line: str, message: str
) -> None:
    """Whoever typed the contract reads what is wrong and what would be right."""
    text = (
        f'[[commitment]]\nid = "a"\nprovider = "p"\nstart = 2026-01-01\nend = 2027-01-01\n{line}\n'
    )
    found = mistakes(tmp_path, text)
    assert found.startswith(f"{tmp_path / 'c.toml'}: commitment 1: ")
    assert message in found


def test_every_mistake_is_listed_at_once(tmp_path: Path) -> None:
    """Missing keys, a reversed term and a repeated id of several tables come in one message."""
    good = 'provider = "p"\nstart = 2026-01-01\nend = 2027-01-01\n'
    found = mistakes(
        tmp_path,
        f'[[commitment]]\nid = "a"\n{good}[[commitment]]\nid = "a"\n{good}'
        '[[commitment]]\nid = "b"\nprovider = "p"\nstart = 2027-01-01\nend = 2026-01-01\n'
        '[[commitment]]\nid = "c"\n',
    )
    lines = [line.split("c.toml: ")[1] for line in found.splitlines()]
    assert sorted(lines) == [
        "commitment 2: id = 'a': already used by commitment 1",
        "commitment 3: end must be after start",
        "commitment 4: end is missing",
        "commitment 4: provider is missing",
        "commitment 4: start is missing",
    ]


def test_toml_that_is_none_and_toml_of_something_else(tmp_path: Path) -> None:
    """A syntax error and another kind of table are mistakes; no table at all is noted."""
    assert "not valid TOML" in mistakes(tmp_path, "[[commitment]\n")
    assert "'commitments' is not known here" in mistakes(tmp_path, "[[commitments]]\n")
    assert "as a [[commitment]] table" in mistakes(tmp_path, "commitment = 3\n")
    (tmp_path / "c.toml").write_text("# nothing yet\n", encoding="utf-8")
    dataset = read_commitments(tmp_path / "c.toml")
    assert dataset.sources.rows()[0]["note"] == "no [[commitment]] table"
    assert len(dataset.table) == 0


def test_files_and_toml_together_are_numbered_in_order(tmp_path: Path) -> None:
    """Sources keep the order of their names whatever their kind."""
    (tmp_path / "a.toml").write_text(LOT, encoding="utf-8")
    (tmp_path / "b.csv").write_text(as_csv([FOCUS_1_3]), encoding="utf-8")
    dataset = read_commitments(tmp_path / "*.toml", tmp_path / "b.csv")
    assert [s["format"] for s in dataset.sources.rows()] == ["toml", "focus-1.3"]
    assert [(r["x_SourceId"], r["ContractCommitmentId"]) for r in dataset.table.rows()] == [
        (1, "tpu-2026"),
        (2, "plan-1"),
    ]
