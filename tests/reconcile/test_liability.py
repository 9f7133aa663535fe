"""Contract rates of usage that has no charge: which rate speaks of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.focus.bill import as_csv
from tests.reconcile.test_usage import AS_OF, gpu
from trueup.reconcile.liability import CALLED

D = Decimal


def missing(folder: Path, rates: list[dict[str, Any]], meter: str = "gpu") -> trueup.Result:
    """Two hours of r1 in eu-1 on tier batch, none of which is billed; the bill is of another hour."""
    unit = {"gpu": "GPU-Hours", "input_tokens": "Tokens"}[meter]
    billed = gpu("1", "3.00", ResourceId="r2", ConsumedUnit=unit, RegionId="eu-9")
    (folder / "bill.csv").write_text(as_csv([billed]), encoding="utf-8")
    start, end = "2026-10-03T14:00:00Z", "2026-10-03T15:00:00Z"
    (folder / "meters.csv").write_text(f"start,end,quantity\n{start},{end},2\n")
    usage = trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns={"window_start": "start", "window_end": "end", "quantity": "quantity"},
        constants={
            "provider": "Cloud Nine",
            "account_id": "ml",
            "region_id": "eu-1",
            "resource_id": "r1",
            "model": "swift",
            "service_tier": "batch",
            "meter": meter,
            "unit": unit,
            "capacity": "allocated" if meter == "gpu" else "busy",
        },
    )
    rules = {
        "meter": [{"match": {"ServiceName": "Training"}, "meter": meter}],
        "rate": [
            {"meter": meter, "unit": unit, "currency": "USD", "price": "9.00", **one}
            for one in rates
        ],
    }
    return trueup.reconcile(folder / "bill.csv", usage=usage, rules=rules, as_of=AS_OF)


def liabilities(result: trueup.Result) -> list[Decimal | None]:
    return [row["amount"] for row in result.breaks.rows() if row["class"] == "missing_in_billing"]


NAMES = [
    *(("account", "^ml$"), ("account_id", "^ml$"), ("SubAccountId", "^ml$")),
    *(("region", "^eu-1$"), ("region_id", "^eu-1$"), ("RegionId", "^eu-1$")),
    *(("resource", "^r1$"), ("resource_id", "^r1$"), ("ResourceId", "^r1$")),
    *(("tier", "^batch$"), ("service_tier", "^batch$"), ("x_Provider", "^Cloud Nine$")),
]


def test_every_name_leads_to_its_column() -> None:
    """The names of the usage table and of FOCUS mean the columns that usage is told apart by."""
    assert {name: CALLED.get(name, name) for name, _ in NAMES} == {
        **dict.fromkeys(("account", "account_id", "SubAccountId"), "account"),
        **dict.fromkeys(("region", "region_id", "RegionId"), "region"),
        **dict.fromkeys(("resource", "resource_id", "ResourceId"), "resource"),
        **dict.fromkeys(("tier", "service_tier"), "tier"),
        "x_Provider": "provider",
    }


def test_usage_is_priced_by_the_first_rate_that_matches(tmp_path: Path) -> None:
    """2 hours at 4.00 of the account's own rate in that region; those before it are of others."""
    rates: list[dict[str, Any]] = [
        {"match": {"account_id": "^web$"}, "price": "1.00"},
        {"match": {"account_id": "^ml$", "region_id": "^us-1$"}, "price": "2.00"},
        {"match": {"ResourceId": "^r7$"}, "price": "3.00"},
        {
            "match": {"account_id": "^ml$", "RegionId": "^eu-1$", "resource_id": "1$"},
            "price": "4.00",
        },
        {"match": {"account": "^ml$"}, "price": "5.00"},
    ]
    assert liabilities(missing(tmp_path, rates)) == [-8]


@pytest.mark.parametrize(("match", "amount"), [("resource_id", None), ("account_id", -8)])
def test_counted_work_is_of_no_resource(tmp_path: Path, match: str, amount: int | None) -> None:
    """2 tokens at 4.00 are 8.00 by the account; by the resource they are not priced, and that is said."""
    pattern = {"resource_id": "^r1$", "account_id": "^ml$"}[match]
    rates = [{"match": {match: pattern}, "price": "4.00"}]
    result = missing(tmp_path, rates, "input_tokens")
    assert liabilities(result) == [amount]
    notes = [row["subject"] for row in result.notes.rows() if row["code"] == "rate_of_resource"]
    assert notes == (["rate 1"] if amount is None else [])
