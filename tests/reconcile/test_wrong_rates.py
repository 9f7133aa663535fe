"""Billed prices against the contract's dated rates."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.reconcile.priced import (
    PLAN,
    at,
    codes,
    covered,
    on_demand,
    plan_rate,
    price_breaks,
    reconciled,
    unused,
)

D = Decimal


def rate(price: str, **more: Any) -> dict[str, Any]:
    """What the contract says an hour of SKU e3 costs on demand."""
    return {
        "match": {"sku_id": "^e3$"},
        "meter": "gpu",
        "unit": "GPU-Hours",
        "price": price,
        "currency": "USD",
        **more,
    }


def gpus(quantity: str, cost: str, **more: str) -> dict[str, str]:
    return on_demand("e3", quantity, cost, SkuPriceDetails='{"GpuCount": 1}', **more)


@pytest.mark.parametrize(
    ("cost", "amount"),
    [("9.00", D("1.00")), ("7.50", D("-0.50")), ("8.01", None), ("8.02", D("0.02"))],
)
def test_a_wrong_rate_is_one_break_per_sku(
    tmp_path: Path, cost: str, amount: Decimal | None
) -> None:
    """Two hours at 4.00 are 8.00; a cent, the scale of this bill, is rounding, two are not."""
    result = reconciled(tmp_path, [gpus("2", cost)], rules={"rate": [rate("4.00")]})
    found = price_breaks(result)
    assert [one["amount"] for one in found] == ([] if amount is None else [amount])
    for one in found:
        assert (one["subject"], one["rule"], one["account_id"]) == ("e3", "rate", "ml")
        assert (one["billed"], one["expected"]) == (D(cost), D("8.00"))
        assert (one["period_start"].hour, one["period_end"].hour) == (14, 15)


def test_only_the_wrong_lines_are_counted(tmp_path: Path) -> None:
    """Of three hours the first and the last cost 5.00 instead of 4.00: 10.00 - 8.00 = 2.00."""
    rows = [gpus("1", cost, **at(hour)) for hour, cost in ((8, "5.00"), (9, "4.00"), (10, "5.00"))]
    [one] = price_breaks(reconciled(tmp_path, rows, rules={"rate": [rate("4.00")]}))
    assert (one["billed"], one["expected"], one["amount"]) == (D(10), D(8), D(2))
    assert (one["period_start"].hour, one["period_end"].hour, one["rows_billed"]) == (8, 11, 2)


def test_a_rate_is_taken_by_the_start_of_the_charge(tmp_path: Path) -> None:
    """4.00 until the 16th, 3.00 from then on: the old price on the 20th is 1.00 too much."""
    rows = [gpus("1", "4.00", **at(14, day)) for day in (10, 20)]
    rules = {
        "rate": [
            rate("4.00", valid_to="2026-10-16"),
            rate("3.00", valid_from="2026-10-16"),
        ]
    }
    [one] = price_breaks(reconciled(tmp_path, rows, rules=rules, period="2026-10"))
    assert (one["period_start"].day, one["amount"]) == (20, D("1.00"))


def test_a_providers_later_price_ends_the_one_before(tmp_path: Path) -> None:
    """Two rows without an end: 4.00 from the 1st, 3.00 from the 16th; each charge has its own."""
    rows = [on_demand("e3", "1", "4.00", **OTHER, **at(14, day)) for day in (10, 20)]
    rates = [sheet("4.00", "2026-10-01"), sheet("3.00", "2026-10-16")]
    [one] = price_breaks(reconciled(tmp_path, rows, rates=rates, period="2026-10"))
    assert (one["provider"], one["period_start"].day, one["amount"]) == (
        "Example Cloud",
        20,
        D("1.00"),
    )


OTHER = {
    "ProviderName": "Example Cloud",
    "PublisherName": "Example Cloud",
    "InvoiceIssuerName": "Example Cloud",
}


def sheet(price: str, since: str) -> dict[str, Any]:
    """A price of a provider that declares no rules."""
    from datetime import UTC, datetime

    start = datetime.fromisoformat(since).replace(tzinfo=UTC)
    return plan_rate("e3", price, provider="Example Cloud", commitment_id=None, valid_from=start)


def test_two_prices_from_one_instant_are_no_rate(tmp_path: Path) -> None:
    """Which of them holds is not known: nothing is compared."""
    rates = [sheet("4.00", "2026-10-01"), sheet("3.00", "2026-10-01")]
    rows = [on_demand("e3", "1", "4.00", **OTHER), on_demand("e4", "1", "4.00", **OTHER)]
    assert price_breaks(reconciled(tmp_path, rows, rates=rates)) == []


def test_a_covered_row_is_held_against_the_commitments_rate(tmp_path: Path) -> None:
    """Two hours at the plan's 3.00 draw 6.00; the bill took 6.20 from the plan."""
    rows = [covered("e1", "2", "6.20", "8.40"), unused("3.80")]
    [one] = price_breaks(reconciled(tmp_path, rows, rates=[plan_rate("e1", "3.00")]))
    assert (one["commitment_id"], one["subject"], one["amount"]) == (PLAN, "e1", D("0.20"))


def test_the_contracted_price_counts_where_a_credit_paid(tmp_path: Path) -> None:
    """Billed 1.00 after a credit, at a contracted price of 5.00 instead of 4.00: 1.00 too much."""
    row = gpus("1", "1.00", ContractedUnitPrice="5.00")
    [one] = price_breaks(reconciled(tmp_path, [row], rules={"rate": [rate("4.00")]}))
    assert (one["billed"], one["amount"]) == (D("5.00"), D("1.00"))


def test_a_wrong_row_that_was_put_right_is_no_break(tmp_path: Path) -> None:
    """5.00 billed, 5.00 taken back, 4.00 billed: the wrong lines net to nothing."""
    rows = [
        gpus("1", "5.00"),
        gpus("-1", "-5.00", ChargeClass="Correction"),
        gpus("1", "4.00", ChargeClass="Correction"),
    ]
    assert price_breaks(reconciled(tmp_path, rows, rules={"rate": [rate("4.00")]})) == []


@pytest.mark.parametrize(("back", "left"), [("-0.40", D("0.60")), ("-1.00", None), ("-3.00", None)])
def test_a_correction_of_money_alone_takes_back(
    tmp_path: Path, back: str, left: Decimal | None
) -> None:
    """5.00 instead of 4.00; FOCUS lets a correction have no quantity: 1.00 - 0.40 = 0.60."""
    more = gpus("", back, ChargeClass="Correction", PricingUnit="")
    result = reconciled(tmp_path, [gpus("1", "5.00"), more], rules={"rate": [rate("4.00")]})
    assert [one["amount"] for one in price_breaks(result)] == ([left] if left else [])
    assert sorted(row["source_row"] for row in result.break_rows.rows()) == ([1, 2] if left else [])


def test_a_charge_across_the_edge_counts_with_its_part(tmp_path: Path) -> None:
    """48 hours at 5.00 instead of 4.00, half of them on the 3rd: 120.00 - 96.00 = 24.00."""
    long = {
        "ChargePeriodStart": "2026-10-02T12:00:00Z",
        "ChargePeriodEnd": "2026-10-04T12:00:00Z",
    }
    rows = [gpus("48", "240.00", **long)]
    [one] = price_breaks(reconciled(tmp_path, rows, rules={"rate": [rate("4.00")]}))
    assert (one["billed"], one["expected"], one["amount"]) == (D(120), D(96), D(24))


@pytest.mark.parametrize(
    ("limits", "is_break"),
    [
        ({"relative": "0.2"}, False),
        ({"relative": "0.19"}, True),
        ({"relative": "0.2", "absolute": "0.99"}, True),
    ],
)
def test_the_rules_tolerance(tmp_path: Path, limits: dict[str, str], is_break: bool) -> None:
    """1.00 of 5.00 is 20 %: within 20 %, unless the absolute limit is lower."""
    rules = {"rate": [rate("4.00")], "tolerance": [{"leg": "price", **limits}]}
    found = price_breaks(reconciled(tmp_path, [gpus("1", "5.00")], rules=rules))
    assert bool(found) is is_break


def test_currencies_and_accounts_are_breaks_of_their_own(tmp_path: Path) -> None:
    """A dollar rate says nothing of euros; two accounts are two breaks."""
    rows = [
        gpus("1", "5.00"),
        gpus("1", "6.00", SubAccountId="web"),
        gpus("1", "7.00", BillingCurrency="EUR"),
    ]
    result = reconciled(tmp_path, rows, rules={"rate": [rate("4.00")]})
    found = {(one["account_id"], one["currency"]): one["amount"] for one in price_breaks(result)}
    assert found == {("ml", "USD"): D("1.00"), ("web", "USD"): D("2.00")}


def test_what_has_no_rate_is_counted_in_one_note(tmp_path: Path) -> None:
    """Two charges without a rate beside one that has it: one note, no break."""
    rows = [gpus("1", "4.00"), on_demand("e4", "1", "4.00"), on_demand("e5", "1", "4.00")]
    result = reconciled(tmp_path, rows, rules={"rate": [rate("4.00")]})
    assert price_breaks(result) == []
    [note] = [one for one in result.notes.rows() if one["code"] == "no_contract_rate"]
    assert note["text"].startswith("2 charges, such as of SKU e4,")


def test_without_rates_nothing_is_said(tmp_path: Path) -> None:
    """A bill alone gives no break and no note of this leg."""
    result = reconciled(tmp_path, [gpus("1", "4.00")])
    assert price_breaks(result) == []
    assert set(codes(result)) == {"usage_leg_not_run"}
