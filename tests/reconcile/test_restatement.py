"""What a closed month's charges became: items, deltas and both styles of correction."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pytest

import trueup
from trueup.engine.engine import Engine, open_engine
from trueup.engine.integers import as_whole
from trueup.errors import IntegrityError
from trueup.model.leg_schema import RESTATEMENTS
from trueup.period import Period, parse_period
from trueup.reconcile import restatement
from trueup.reconcile.restatement import restated_break, restatements

OCTOBER = parse_period("2026-10")
CHARGE = {
    "BillingAccountId": "111",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargePeriodStart": "2026-10-03T14:00:00Z",
    "ChargePeriodEnd": "2026-10-03T15:00:00Z",
    "ProviderName": "Example Cloud",
    "PublisherName": "Example Cloud",
    "ServiceCategory": "Compute",
    "ServiceName": "Example Machines",
    "SkuId": "sku-1",
    "ResourceId": "vm-1",
    "BilledCost": "10.00",
    "EffectiveCost": "10.00",
    "ConsumedQuantity": "5",
    "ConsumedUnit": "Hours",
}


def charge(cost: str, **columns: str) -> dict[str, str]:
    return {**CHARGE, "BilledCost": cost, "EffectiveCost": cost, **columns}


def loaded(engine: Engine, folder: Path, rows: list[dict[str, str]]) -> ir.Table:
    folder.mkdir()
    path = folder / "bill.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(CHARGE))
        writer.writeheader()
        writer.writerows(rows)
    return engine.load(trueup.read_charges(path).table.to_arrow())


def compared(
    folder: Path,
    before: list[dict[str, str]],
    after: list[dict[str, str]],
    period: Period = OCTOBER,
    engine_name: str = "duckdb",
) -> list[dict[str, Any]]:
    with open_engine(engine_name) as engine:
        was, now = loaded(engine, folder / "was", before), loaded(engine, folder / "now", after)
        return restatements(was, now, period, engine)


def test_what_did_not_change_is_no_item(tmp_path: Path) -> None:
    """The same charges in another order, or one charge split in two, restate nothing."""
    one = [charge("10.00"), charge("3.00", ResourceId="vm-2")]
    two = [
        charge("3.00", ResourceId="vm-2"),
        charge("4.00", ConsumedQuantity="2"),
        charge("6.00", ConsumedQuantity="3"),
    ]
    assert compared(tmp_path, one, two) == []


def test_added_removed_and_changed_items(tmp_path: Path) -> None:
    """vm-1 goes 10.00 to 8.50 (5 h to 4 h), vm-2's 3.00 vanishes, vm-3 brings 1.25 after the close."""
    before = [charge("10.00"), charge("3.00", ResourceId="vm-2")]
    after = [charge("8.50", ConsumedQuantity="4"), charge("1.25", ResourceId="vm-3")]
    found = {row["resource_id"]: row for row in compared(tmp_path, before, after)}
    assert {name: (row["kind"], row["effective_delta"]) for name, row in found.items()} == {
        "vm-1": ("changed", Decimal("-1.50")),
        "vm-2": ("removed", Decimal("-3.00")),
        "vm-3": ("added", Decimal("1.25")),
    }
    changed = found["vm-1"]
    assert (changed["quantity_delta"], changed["unit"]) == (Decimal(-1), "Hours")
    assert (changed["effective_before"], changed["effective_after"]) == (
        Decimal("10.00"),
        Decimal("8.50"),
    )
    assert (found["vm-3"]["effective_before"], found["vm-3"]["quantity_before"]) == (0, None)
    assert (found["vm-2"]["rows_before"], found["vm-2"]["rows_after"]) == (1, 0)


def correction(cost: str, hours: str) -> dict[str, str]:
    return charge(cost, ChargeClass="Correction", ConsumedQuantity=hours)


@pytest.mark.parametrize(
    "written",
    [
        [correction("-2.00", "-1")],
        [correction("-10.00", "-5"), correction("8.00", "4")],
    ],
    ids=["as a difference", "as a ledger does"],
)
def test_both_styles_of_correction_are_one_changed_item(
    tmp_path: Path, written: list[dict[str, str]]
) -> None:
    """10.00 corrected to 8.00 is one item of -2.00 (10.00 - 10.00 + 8.00 = 8.00, 5 - 5 + 4 = 4)."""
    (item,) = compared(tmp_path, [charge("10.00")], [charge("10.00"), *written])
    assert (item["kind"], item["effective_delta"], item["billed_delta"]) == (
        "changed",
        Decimal("-2.00"),
        Decimal("-2.00"),
    )
    assert (item["quantity_before"], item["quantity_after"]) == (Decimal(5), Decimal(4))


def test_a_correction_without_its_charge_is_a_correction(tmp_path: Path) -> None:
    """A Correction row for something that the closed month did not have keeps that word."""
    late = charge("-0.75", ChargeClass="Correction", ResourceId="vm-9")
    (item,) = compared(tmp_path, [charge("10.00")], [charge("10.00"), late])
    assert (item["kind"], item["effective_delta"]) == ("correction", Decimal("-0.75"))


def test_only_the_part_in_the_period_is_restated(tmp_path: Path) -> None:
    """A fee over October and November (61 days) that rises by 6.10 restates October by 3.10."""
    months = {
        "ChargePeriodStart": "2026-10-01T00:00:00Z",
        "ChargePeriodEnd": "2026-12-01T00:00:00Z",
    }
    (item,) = compared(tmp_path, [charge("61.00", **months)], [charge("67.10", **months)])
    assert item["effective_delta"] == Decimal("3.10")
    outside = charge("5.00", ChargePeriodStart="2026-11-03T14:00:00Z")
    outside["ChargePeriodEnd"] = "2026-11-03T15:00:00Z"
    later = tmp_path / "later"
    later.mkdir()
    assert compared(later, [charge("10.00")], [charge("10.00"), outside]) == []


def test_currencies_stay_apart(tmp_path: Path) -> None:
    """The same item billed in euros instead is one removed and one added, never a difference of 0."""
    found = compared(tmp_path, [charge("10.00")], [charge("10.00", BillingCurrency="EUR")])
    assert {(row["currency"], row["kind"], row["effective_delta"]) for row in found} == {
        ("USD", "removed", Decimal("-10.00")),
        ("EUR", "added", Decimal("10.00")),
    }


def test_the_last_digit_counts(tmp_path: Path) -> None:
    """A change in the eighteenth decimal is an item; the deltas are exact."""
    tiny = "10.000000000000000001"
    (item,) = compared(tmp_path, [charge("10.00")], [charge(tiny)])
    assert item["effective_delta"] == Decimal("0.000000000000000001")


def test_items_that_do_not_add_up_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were an item lost, the sum of the deltas would miss after - before: nothing is reported."""
    changed = restatement._changed
    monkeypatch.setattr(restatement, "_changed", lambda items: changed(items).limit(1))
    before = [charge("10.00"), charge("3.00", ResourceId="vm-2")]
    after = [charge("9.00"), charge("4.50", ResourceId="vm-2")]
    with pytest.raises(IntegrityError, match=r"was 13\.00 and is 13\.50, but the items differ by"):
        compared(tmp_path, before, after)


def test_items_are_exact_over_straddling_and_corrected_charges(tmp_path: Path) -> None:
    """A fee that straddles the month, a ledger correction, a removed item: the same to the last digit."""
    months = {
        "ChargePeriodStart": "2026-10-01T00:00:00Z",
        "ChargePeriodEnd": "2026-12-01T00:00:00Z",
    }
    before = [charge("61.00", **months), charge("10.00", ResourceId="vm-2"), charge("3.00")]
    after = [
        charge("67.10", **months),
        charge("10.00", ResourceId="vm-2"),
        {**correction("-10.00", "-5"), "ResourceId": "vm-2"},
        {**correction("8.000000000000000001", "4"), "ResourceId": "vm-2"},
    ]
    found = compared(tmp_path, before, after)
    assert [(row["kind"], row["effective_delta"], row["rows_after"]) for row in found] == [
        ("changed", Decimal("3.10"), 1),
        ("removed", Decimal("-3.00"), 0),
        ("changed", Decimal("-1.999999999999999999"), 3),
    ]
    assert [row["quantity_delta"] for row in found] == [0, Decimal(-5), Decimal(-1)]


def test_a_break_names_its_item(tmp_path: Path) -> None:
    """The break of an item carries what was known, what is, the difference and a stable subject."""
    (item,) = compared(tmp_path, [charge("10.00")], [charge("8.50")])
    found = restated_break(item, "October was closed on 2026-11-08 by preparer")
    assert (found["expected"], found["billed"], found["amount"]) == (
        Decimal("10.00"),
        Decimal("8.50"),
        Decimal("-1.50"),
    )
    assert (found["class"], found["leg"], found["rule"]) == (
        "restatement",
        "restatement",
        "restated",
    )
    assert found["subject"] == ("111 | Example Machines | sku-1 | Usage | - | 2026-10-03T15:00:00Z")
    assert found["explanation"].startswith("October was closed on 2026-11-08 by preparer; ")


def test_the_rows_fit_their_schema(tmp_path: Path) -> None:
    """An item has every column of `restatements` but the break's id."""
    (item,) = compared(tmp_path, [charge("10.00")], [charge("8.50")])
    assert list(item) == [name for name in RESTATEMENTS.names if name != "break_id"]
    as_whole([{**item, "break_id": "x"}], RESTATEMENTS)
