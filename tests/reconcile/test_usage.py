"""The usage leg from files to tables: tolerance by currency, capacity cut by the period."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import trueup
from tests.test_worked_hour import CHARGE_COLUMNS, HOUR

AS_OF = "2026-11-20T00:00:00Z"


def gpu(quantity: str, cost: str, currency: str = "USD", **more: str) -> dict[str, str]:
    """A row for GPU-hours of the resource r1, from 14:00 to 15:00."""
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "BillingCurrency": currency,
        "SubAccountId": "ml",
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargePeriodStart": HOUR[0],
        "ChargePeriodEnd": HOUR[1],
        "ChargeCategory": "Usage",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "GPU-Hours",
        "ResourceId": "r1",
        "ServiceName": "Training",
        "ProviderName": "Cloud Nine",
        **more,
    }


def metered(quantity: str, start: str = HOUR[0], end: str = HOUR[1]) -> dict[str, str]:
    """GPU-hours that r1 held."""
    return {"start": start, "end": end, "resource": "r1", "quantity": quantity}


def reconciled(
    folder: Path,
    bill: Sequence[Mapping[str, str]],
    meters: Sequence[Mapping[str, str]],
    period: str | None = None,
    rules: Mapping[str, Any] | None = None,
    provider: str | None = "Cloud Nine",
) -> trueup.Result:
    with (folder / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, CHARGE_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(bill)
    with (folder / "meters.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(meters[0]))
        writer.writeheader()
        writer.writerows(meters)
    usage = trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns={
            "window_start": "start",
            "window_end": "end",
            "resource_id": "resource",
            "quantity": "quantity",
        },
        constants={
            **({"provider": provider} if provider else {}),
            "account_id": "ml",
            "meter": "gpu",
            "unit": "GPU-Hours",
            "capacity": "allocated",
        },
    )
    return trueup.reconcile(
        folder / "bill.csv", usage=usage, period=period, rules=rules, as_of=AS_OF
    )


def buckets(result: trueup.Result) -> dict[tuple[str, str, str], int]:
    return {
        (row["side"], row["bucket"], row["reason"]): row["rows"] for row in result.buckets.rows()
    }


def breaks(result: trueup.Result) -> dict[str, Decimal]:
    return {row["currency"]: row["amount"] for row in result.breaks.rows()}


# 8 h for 80.00 USD and 2 h for 30.00 EUR, 9.95 h metered: 0.05 of 10 h is 0.5 %, within 1 %.
# At stake: 80.00 x 0.05 / 10 = 0.40 USD and 30.00 x 0.05 / 10 = 0.15 EUR.
TWO_CURRENCIES = [gpu("8", "80.00"), gpu("2", "30.00", "EUR")]


def test_each_currency_has_the_absolute_tolerance_to_itself(tmp_path: Path) -> None:
    """0.40 USD and 0.15 EUR are both within 0.45: that together they are 0.55 says nothing."""
    rules = {"tolerance": [{"absolute": "0.45"}]}
    result = reconciled(tmp_path, TWO_CURRENCIES, [metered("9.95")], rules=rules)
    assert breaks(result) == {}
    assert buckets(result) == {
        ("billed", "matched", "matched"): 2,
        ("metered", "matched", "matched"): 1,
    }


def test_only_the_currency_beyond_the_tolerance_breaks(tmp_path: Path) -> None:
    """Of 0.40 USD and 0.15 EUR only the first is beyond 0.20; the usage row is part of it."""
    rules = {"tolerance": [{"absolute": "0.20"}]}
    result = reconciled(tmp_path, TWO_CURRENCIES, [metered("9.95")], rules=rules)
    assert breaks(result) == {"USD": Decimal("0.40")}
    assert buckets(result) == {
        ("billed", "break", "quantity"): 1,
        ("billed", "matched", "matched"): 1,
        ("metered", "break", "quantity"): 1,
    }


def test_capacity_cut_by_the_period_lies_in_it(tmp_path: Path) -> None:
    """Held from 13:00 to 16:00: a third of its 3 h is 14:00's, and matches the 1 h billed."""
    meters = [metered("3", "2026-10-03T13:00:00Z", "2026-10-03T16:00:00Z")]
    result = reconciled(tmp_path, [gpu("1", "5.00")], meters, period="2026-10-03T14")
    assert breaks(result) == {}
    assert buckets(result) == {
        ("billed", "matched", "matched"): 1,
        ("metered", "matched", "matched"): 1,
    }


def test_capacity_from_before_the_period_is_overdue_in_it(tmp_path: Path) -> None:
    """Nobody billed r2's hour from 14:00: its row is a break, not outside the period."""
    late = metered("3", "2026-10-03T13:30:00Z", "2026-10-03T15:00:00Z") | {"resource": "r2"}
    result = reconciled(tmp_path, [gpu("1", "5.00")], [metered("1"), late], period="2026-10-03T14")
    # 3 h over 90 minutes, of which 60 lie in the period: 2 h
    assert [(row["class"], row["expected"]) for row in result.breaks.rows()] == [
        ("missing_in_billing", 2)
    ]
    assert buckets(result)["metered", "break", "missing_in_billing"] == 1


def test_what_is_too_fine_to_be_counted_is_left_out_and_named(tmp_path: Path) -> None:
    """2 x 10^9 h and 10^-18 h have no common count below 10^28: the fine charge is not compared.

    10^-18 h needs 25 x 10^14 parts of a second; 4 x 10^9 h billed and metered are 1.44 x 10^13 s,
    which would be 3.6 x 10^28 of them.
    """
    fine = gpu("0.000000000000000001", "0.07", ResourceId="r2", SkuId="fine")
    many = gpu("2000000000", "80.00")
    result = reconciled(tmp_path, [many, fine], [metered("2000000000")])
    assert breaks(result) == {}
    assert buckets(result) == {
        ("billed", "matched", "matched"): 1,
        ("billed", "out_of_scope", "no_rule"): 1,
        ("metered", "matched", "matched"): 1,
    }
    [note] = [row for row in result.notes.rows() if row["code"] == "not_compared"]
    assert note["text"].startswith("1 charges in GPU-Hours with 18 decimals were not compared")
    [identity] = result.identity.rows()
    assert (identity["billed"], identity["difference"]) == (Decimal("80.07"), 0)
    reasons = {row["reason"]: row["cost"] for row in result.unattributed_by_reason.rows()}
    assert reasons["no_rule"] == Decimal("80.07")  # r1's holder is not named, either


def test_telemetry_without_a_record_says_what_to_do(tmp_path: Path) -> None:
    """Only a header: no break is found, and the note has a next step."""
    (tmp_path / "meters.csv").write_text("start,end,resource,quantity\n")
    usage = trueup.read_usage(
        tmp_path / "meters.csv",
        format="table",
        columns={"window_start": "start", "window_end": "end", "quantity": "quantity"},
        constants={"provider": "Cloud Nine", "meter": "gpu", "unit": "GPU-Hours"},
    )
    bill = tmp_path / "bill.csv"
    with bill.open("w", newline="") as file:
        writer = csv.DictWriter(file, CHARGE_COLUMNS, restval="")
        writer.writeheader()
        writer.writerow(gpu("1", "3.00"))
    result = trueup.reconcile(bill, usage=usage, as_of=AS_OF)
    [note] = [row for row in result.notes.rows() if row["subject"].endswith("meters.csv")]
    assert note["text"] == "it holds no record: nothing was compared with it"
    assert note["remedy"].startswith("check that its exporter ran over the period")


def hours(count: int) -> list[tuple[str, str]]:
    """So many hours of October, one after another."""
    starts = [(day, hour) for day in range(1, 32) for hour in range(23)][:count]
    return [
        (f"2026-10-{day:02}T{hour:02}:00:00Z", f"2026-10-{day:02}T{hour + 1:02}:00:00Z")
        for day, hour in starts
    ]


def hourly(quantity: str, cost: str, count: int) -> list[dict[str, str]]:
    return [
        gpu(quantity, cost, ChargePeriodStart=start, ChargePeriodEnd=end)
        for start, end in hours(count)
    ]


def test_small_differences_add_up_before_anything_is_rounded(tmp_path: Path) -> None:
    """200 x 0.40 x (100 - 99) / 100 = 0.80; of one hour that is 0.004, less than a cent."""
    meters = [metered("99", *window) for window in hours(200)]
    result = reconciled(tmp_path, hourly("100", "0.40", 200), meters)
    [found] = result.breaks.rows()
    assert (found["rule"], found["amount"]) == ("accumulated", Decimal("0.80"))


def test_less_than_a_cent_is_held_against_the_limit_as_it_is(tmp_path: Path) -> None:
    """0.40 x (100 - 98) / 100 = 0.008 of each hour, beyond a limit of 0.007."""
    rules = {"tolerance": [{"absolute": "0.007", "relative": "0.05"}]}
    meters = [metered("98", *window) for window in hours(2)]
    result = reconciled(tmp_path, hourly("100", "0.40", 2), meters, rules=rules)
    assert [row["amount"] for row in result.breaks.rows()] == [Decimal("0.008")] * 2


def test_what_an_hour_would_have_cost_is_finer_than_the_bill(tmp_path: Path) -> None:
    """200 hours of 0.0003 h at 15.00 an hour, on no bill: -0.0045 each, -0.90 together.

    The bill has two decimals. As long as the charges may come, the same is pending and accrued.
    """
    price = {"meter": "gpu", "unit": "GPU-Hours", "price": "15.00", "currency": "USD"}
    rules = {"rate": [price | {"match": {"resource_id": "r1"}}]}
    window = ("2026-10-31T10:00:00Z", "2026-10-31T11:00:00Z")
    bill = [gpu("1", "15.00", ChargePeriodStart=window[0], ChargePeriodEnd=window[1])]
    meters = [metered("0.0003", *each) for each in hours(200)] + [metered("1", *window)]
    late = reconciled(tmp_path, bill, meters, rules=rules)
    assert [row["amount"] for row in late.breaks.rows()] == [Decimal("-0.0045")] * 200
    accrued = [row["cost"] for row in late.spend.rows() if row["state"] == "accrued"]
    assert sum(accrued) == Decimal("0.90")
    lags = {"lag": [{"provider": "Cloud Nine", "arrives_within": "P90D"}]}
    early = reconciled(tmp_path, bill, meters, rules=rules | lags)
    assert sum(row["amount"] for row in early.pending.rows()) == Decimal("-0.90")
