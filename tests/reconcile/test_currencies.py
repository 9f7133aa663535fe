"""Priced in one currency, billed in another: priced x dated rate = expected, by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.focus.bill import as_csv, row
from trueup.config import read_configuration
from trueup.errors import ConfigurationError
from trueup.reconcile.currencies import _named

D = Decimal
RATES = [
    {"from": "USD", "to": "EUR", "rate": "0.92", "valid_to": "2026-10-16", "source": "bank"},
    {"from": "USD", "to": "EUR", "rate": "0.95", "valid_from": "2026-10-16", "source": "bank"},
]


def charge(day: int, priced: str, billed: str, **values: str) -> dict[str, str]:
    """An hour of a day of October, priced in USD and billed in EUR."""
    money = {
        "BilledCost": billed,
        "EffectiveCost": billed,
        "BillingCurrency": "EUR",
        "PricingCurrency": "USD",
        "PricingCurrencyEffectiveCost": priced,
    }
    hour = {
        "ChargePeriodStart": f"2026-10-{day:02}T14:00:00Z",
        "ChargePeriodEnd": f"2026-10-{day:02}T15:00:00Z",
    }
    return row(**money, **hour) | values


def reconciled(
    folder: Path, *charges: Mapping[str, str], rates: Any = RATES, **options: Any
) -> trueup.Result:
    (folder / "bill.csv").write_text(as_csv(charges), encoding="utf-8")
    rules = {"exchange_rate": rates} | options.pop("rules", {})
    options = {"period": "2026-10", "as_of": "2026-12-15", "rules": rules} | options
    return trueup.reconcile(folder / "bill.csv", **options)


def breaks_of(result: trueup.Result) -> list[dict[str, Any]]:
    return [found for found in result.breaks.rows() if found["class"] == "fx"]


def test_the_rate_of_each_day_is_the_tables_own(tmp_path: Path) -> None:
    """10.00 USD are 9.20 EUR on the 15th (0.92) and 9.50 EUR on the 16th (0.95)."""
    result = reconciled(tmp_path, charge(15, "10.00", "9.20"), charge(16, "10.00", "9.50"))
    assert [
        (found["day"].day, found["rate"], found["expected"], found["difference"])
        for found in result.conversions.rows()
    ] == [(15, D("0.92"), D("9.20"), 0), (16, D("0.95"), D("9.50"), 0)]
    assert result.conversions.rows()[0]["rate_source"] == "bank"
    assert breaks_of(result) == []


def test_a_rate_that_was_not_changed_in_time_is_a_break_a_day(tmp_path: Path) -> None:
    """On the 16th 10.00 + 20.00 USD x 0.95 = 28.50 EUR; billed at 0.92 are 27.60: -0.90."""
    result = reconciled(
        tmp_path,
        charge(15, "10.00", "9.20"),
        charge(16, "10.00", "9.20"),
        charge(16, "20.00", "18.40"),
    )
    (found,) = breaks_of(result)
    assert (found["leg"], found["subject"], found["rule"]) == ("price", "USD/EUR", "exchange_rate")
    assert (found["billed"], found["expected"], found["amount"]) == (
        D("27.60"),
        D("28.50"),
        D("-0.90"),
    )
    assert (found["unit"], found["currency"], found["rows_billed"]) == ("EUR", "EUR", 2)
    assert found["period_start"] == datetime(2026, 10, 16, tzinfo=UTC)
    assert found["period_end"] == datetime(2026, 10, 17, tzinfo=UTC)
    assert found["explanation"] == "30.00 USD x 0.95 = 28.50 EUR, and 27.60 are billed."


def test_each_row_may_be_rounded_to_the_bills_scale(tmp_path: Path) -> None:
    """0.33 USD x 0.92 = 0.3036, billed 0.30 a row: 3 x 0.0036 = 0.0108 is within 3 x 0.005."""
    result = reconciled(tmp_path, *(charge(15, "0.33", "0.30") for _ in range(3)))
    (found,) = result.conversions.rows()
    assert (found["expected"], found["difference"]) == (D("0.9108"), D("-0.0108"))
    assert breaks_of(result) == []
    # 0.29 a row is 3 x 0.0136 = 0.0408 away, and no rounding of cents
    (wrong,) = breaks_of(reconciled(tmp_path, *(charge(15, "0.33", "0.29") for _ in range(3))))
    assert wrong["amount"] == D("-0.0408")


def test_a_bill_with_more_decimals_may_be_rounded_less(tmp_path: Path) -> None:
    """With four decimals on the bill 0.3036 is expected to the last: 0.3000 is 0.0036 off."""
    rows = (charge(15, "0.33", "0.3000"), charge(14, "1", "0.9201"))
    amounts = {
        found["period_start"].day: found["amount"]
        for found in breaks_of(reconciled(tmp_path, *rows))
    }
    # 1 x 0.92 = 0.92 on the 14th, billed 0.9201: 0.0001 is more than half of 0.0001
    assert amounts == {15: D("-0.0036"), 14: D("0.0001")}


def test_rules_may_widen_the_tolerance(tmp_path: Path) -> None:
    """9.30 instead of 9.20 is 0.10: allowed by an absolute 0.10, not by 0.09, nor by 1 %."""
    wrong = charge(15, "10.00", "9.30")

    def found(**limit: str) -> int:
        rules = {"tolerance": [{"leg": "price", **limit}]}
        return len(breaks_of(reconciled(tmp_path, wrong, rules=rules)))

    assert (found(absolute="0.10"), found(absolute="0.09")) == (0, 1)
    # 1 % of 9.30 is 0.093, 2 % is 0.186
    assert (found(relative="0.01"), found(relative="0.02")) == (1, 0)


def test_a_virtual_currency_converts_by_the_same_rules(tmp_path: Path) -> None:
    """1,500 Credits x 0.01 = 15.00 USD, and 2,000,000 Tokens x 0.000003 = 6.00 USD, not 6.60."""
    rates = [
        {"from": "Credits", "to": "USD", "rate": "0.01"},
        {"from": "Tokens", "to": "USD", "rate": "0.000003"},
    ]
    result = reconciled(
        tmp_path,
        charge(15, "1500", "15.00", BillingCurrency="USD", PricingCurrency="Credits"),
        charge(15, "2000000", "6.60", BillingCurrency="USD", PricingCurrency="Tokens"),
        rates=rates,
    )
    (found,) = breaks_of(result)
    assert (found["subject"], found["amount"]) == ("Tokens/USD", D("0.60"))
    assert [one["expected"] for one in result.conversions.rows()] == [15, 6]


def test_without_a_rate_nothing_is_converted(tmp_path: Path) -> None:
    """No rate before 2 October, and none from EUR to USD: a note names the pair and the days."""
    rates = [{"from": "USD", "to": "EUR", "rate": "0.92", "valid_from": "2026-10-02"}]
    result = reconciled(tmp_path, charge(1, "10", "1"), charge(2, "10", "9.2"), rates=rates)
    assert breaks_of(result) == []
    first = result.conversions.rows()[0]
    assert (first["priced"], first["billed"]) == (10, 1)
    assert (first["rate"], first["expected"], first["difference"]) == (None, None, None)
    (note,) = [note for note in result.notes.rows() if note["code"] == "no_exchange_rate"]
    assert note["subject"] == "Example Cloud USD/EUR"
    assert note["text"].startswith("no rate for 2026-10-01: ")


def test_what_does_not_say_its_price_is_not_compared(tmp_path: Path) -> None:
    """A row without PricingCurrencyEffectiveCost leaves its day unknown, and is counted in a note."""
    result = reconciled(tmp_path, charge(15, "10", "1"), charge(15, "", "9.2"))
    (found,) = result.conversions.rows()
    assert (found["priced"], found["expected"]) == (None, None)
    assert (found["billed"], found["rows"]) == (D("10.2"), 2)
    assert breaks_of(result) == []
    assert "no_pricing_currency_cost" in {note["code"] for note in result.notes.rows()}


def test_one_currency_says_nothing(tmp_path: Path) -> None:
    """A bill priced and billed in EUR has no conversion and no note, with rates or without."""
    result = reconciled(tmp_path, charge(15, "10", "10", PricingCurrency="EUR"))
    assert len(result.conversions) == 0
    assert not [note for note in result.notes.rows() if "exchange" in note["code"]]


def test_a_row_over_the_edge_counts_its_part(tmp_path: Path) -> None:
    """2 hours over 1 October for 10.00 USD: 5.00 in October, x 0.92 = 4.60 of the 9.20 EUR."""
    over = {"ChargePeriodStart": "2026-09-30T23:00:00Z", "ChargePeriodEnd": "2026-10-01T01:00:00Z"}
    (found,) = reconciled(tmp_path, charge(1, "10.00", "9.20", **over)).conversions.rows()
    assert (found["day"], found["priced"]) == (datetime(2026, 10, 1, tzinfo=UTC), 5)
    assert (found["billed"], found["expected"], found["difference"]) == (D("4.60"), D("4.60"), 0)


def test_a_providers_own_rate_goes_first(tmp_path: Path) -> None:
    """The provider's 0.90 before everybody's 0.92: 10.00 USD are 9.00 EUR."""
    own = {"from": "USD", "to": "EUR", "rate": "0.90", "provider": "Example Cloud"}
    (found,) = reconciled(tmp_path, charge(15, "10", "9"), rates=[*RATES, own]).conversions.rows()
    assert (found["rate"], found["difference"]) == (D("0.90"), 0)


def test_amounts_stay_exact_to_the_last_decimal(tmp_path: Path) -> None:
    """0.000000000000000003 x 0.5 is half of the last of 18 decimals: 2 x 10^-18, half to even."""
    rates = [{"from": "USD", "to": "EUR", "rate": "0.5"}]
    tiny = charge(15, "0.000000000000000003", "0.000000000000000001")
    (found,) = reconciled(tmp_path, tiny, rates=rates).conversions.rows()
    # expected 1.5 units, difference 1 - 1.5 = -0.5 units: to even, 2 and 0
    assert found["expected"] == D("0.000000000000000002")
    assert found["difference"] == 0


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"from": "USD", "to": "EUR", "rate": 0.92}, "write the number in quotes"),
        ({"from": "USD", "to": "EUR", "rate": "-1"}, "greater than 0"),
        ({"from": "USD", "rate": "1"}, "exchange_rate[1].to: is missing"),
        ({"form": "USD", "to": "EUR", "rate": "1"}, "did you mean 'from'?"),
    ],
)
def test_a_mistake_in_a_rate_is_named(entry: dict[str, Any], said: str) -> None:
    """The key, what is wrong and what would be right, under the names that a user writes."""
    with pytest.raises(ConfigurationError) as caught:
        trueup.read_rules({"exchange_rate": [entry]})
    assert said in str(caught.value)


def test_rates_are_dated_by_first_days() -> None:
    """valid_from is the first day of a rate, valid_to the first day on which it no longer holds."""
    rules = trueup.read_rules({"exchange_rate": RATES})
    found = [rules.rate_on(date(2026, 10, day), "USD", "EUR", None) for day in (15, 16)]
    assert [rate and rate.rate for rate in found] == [D("0.92"), D("0.95")]
    assert rules.rate_on(date(2026, 10, 15), "EUR", "USD", None) is None


RATE_FILE = "from,to,rate,valid_from,valid_to,source\nUSD,EUR,0.920000000000000001,,,bank\n"


def test_rates_may_stand_in_a_csv_table(tmp_path: Path) -> None:
    """Beside the rules or the configuration that names it; empty cells say nothing, digits stay."""
    (tmp_path / "rates.csv").write_text(RATE_FILE, encoding="utf-8")
    (tmp_path / "rules.toml").write_text('exchange_rate_file = "rates.csv"\n', encoding="utf-8")
    (tmp_path / "trueup.toml").write_text(
        '[[charges]]\npath = "b.csv"\n[rules]\nexchange_rate_file = "rates.csv"\n', encoding="utf-8"
    )
    configured = read_configuration(tmp_path / "trueup.toml").rules
    for rules in (trueup.read_rules(tmp_path / "rules.toml"), configured):
        found = rules.rate_on(date(2026, 10, 1), "USD", "EUR", None)
        assert found is not None
        assert (found.rate, found.source) == (D("0.920000000000000001"), "bank")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("from,rate\nUSD,1\n", "missing to"),
        ("from,to,rate,day\nUSD,EUR,1,1\n", "unknown day"),
        ("from,to,rate\nUSD,EUR,one\n", "exchange_rate[1].rate = 'one': it is a number"),
    ],
)
def test_a_mistake_in_a_rate_file_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    """The file that is not there, a column that is missing or unknown, a value that is no rate."""
    if text is not None:
        (tmp_path / "rates.csv").write_text(text, encoding="utf-8")
    (tmp_path / "rules.toml").write_text('exchange_rate_file = "rates.csv"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        trueup.read_rules(tmp_path / "rules.toml")
    assert said in str(caught.value)


def test_many_days_without_a_rate_are_told_by_the_first_and_the_last() -> None:
    """Three are named one by one."""
    days = [f"2026-10-0{number}" for number in range(1, 6)]
    assert _named(days[:3]) == "2026-10-01, 2026-10-02, 2026-10-03"
    assert _named(days) == "5 days from 2026-10-01 to 2026-10-05"
