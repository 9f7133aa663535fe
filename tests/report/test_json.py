"""result.json: its published schema, its exact figures, its size."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.report.sample import make_outcome
from tests.report.sample_commitments import FORMULA, SCRIPT
from trueup.model.schema import RESULT_TABLES
from trueup.report.json import TABLES
from trueup.report.result import Result

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "result.schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(loaded)
    return loaded


@pytest.fixture(scope="module")
def document(result: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = result.to_json(tmp_path_factory.mktemp("json") / "result.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_it_is_valid_by_the_published_schema(
    document: dict[str, Any], schema: dict[str, Any]
) -> None:
    """The whole sample, hostile texts and unknown figures included, validates."""
    assert list(Draft202012Validator(schema).iter_errors(document)) == []


def test_an_empty_result_is_valid_too(
    empty_result: Result, schema: dict[str, Any], tmp_path: Path
) -> None:
    """A run without findings has every key, with empty arrays."""
    document = json.loads(empty_result.to_json(tmp_path / "r.json").read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    assert document["breaks"] == []
    assert document["provisional"] is None
    assert document["usage_leg_ran"] is False


def test_the_published_schema_names_every_column(schema: dict[str, Any]) -> None:
    """Each table's properties in the published schema are the columns that the code writes."""
    for name in TABLES:
        described = schema["properties"][name]["items"]
        assert list(described["properties"]) == RESULT_TABLES[name].names, name
        assert described["required"] == RESULT_TABLES[name].names, name


def test_amounts_are_plain_exact_text(document: dict[str, Any]) -> None:
    """The sample's EUR allocations add up to the identity's figure to the 18th decimal."""
    parts = [Decimal(row["cost"]) for row in document["allocations"] if row["currency"] == "EUR"]
    euro = next(row for row in document["identity"] if row["currency"] == "EUR")
    assert sum(parts) == Decimal(euro["allocated"])
    assert euro["allocated"].endswith("000000006")  # 60 EUR rows x 10^-18
    assert all("E" not in row["cost"] for row in document["allocations"])


def test_small_and_large_amounts_have_no_exponent(tmp_path: Path) -> None:
    """10^-18 and 10^19 are written digit by digit; nothing becomes -0."""
    rows = [
        {"currency": "USD", "reason": reason, "cost": Decimal(cost)}
        for reason, cost in (("tiny", "1E-18"), ("huge", "1E+19"), ("zero", "-0"))
    ]
    result = Result(make_outcome(unattributed_by_reason=rows))
    found = json.loads(result.to_json(tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {row["reason"]: row["cost"] for row in found["unattributed_by_reason"]} == {
        "tiny": "0.000000000000000001",
        "huge": "10000000000000000000.00",
        "zero": "0.00",
    }


def test_unknown_is_null_and_instants_are_utc(document: dict[str, Any]) -> None:
    """An unpriced break's amount is null; the period's ends are ISO 8601 with a Z."""
    unpriced = next(row for row in document["breaks"] if row["id"] == "brk_0007a9f3c2")
    assert unpriced["amount"] is None
    assert document["period"] == {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}


def test_text_comes_through_unchanged(document: dict[str, Any]) -> None:
    """JSON carries hostile text as it was read: nothing in it is code here."""
    resources = {row["resource_id"] for row in document["breaks"]}
    assert {FORMULA, SCRIPT} <= resources


def test_rejects_are_summarised(document: dict[str, Any]) -> None:
    """1,427 rejects become nine lines whose rows add up, each with at most five row numbers."""
    assert sum(item["rows"] for item in document["rejects"]) == 3 + 1412 + 12
    assert len(document["rejects"]) == 9
    assert all(1 <= len(item["first_rows"]) <= 5 for item in document["rejects"])
    most = document["rejects"][0]
    assert (most["rows"], most["first_rows"]) == (706, [8, 14, 20, 26, 32])
