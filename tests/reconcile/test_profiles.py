"""What profiles are made of, and SKUs whose meter a rule names and their unit cannot count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import ibis.expr.types as ir
import pytest

from trueup.adapter.provider import ProviderAdapter
from trueup.adapter.rating import Rating, Stage
from trueup.adapter.registry import providers
from trueup.errors import ConfigurationError
from trueup.model.rules import Rules, read_rules
from trueup.reconcile import profiles
from trueup.reconcile.billed import classify
from trueup.reconcile.metering import NotMetered
from trueup.reconcile.profiles import profile_columns
from trueup.reconcile.rate_tiers import priced_subjects

RATED = Rating(stages=(Stage("rule", "page", {}, "rate", same=("RegionId", "HostType")),))


@pytest.mark.parametrize(("rating", "asked"), [(RATED, True), (None, False)])
def test_a_provider_without_rules_asks_for_no_column(
    monkeypatch: pytest.MonkeyPatch, rating: Rating | None, asked: bool
) -> None:
    """Of the columns that its rules look at, those that the bill has."""

    def told() -> dict[str, ProviderAdapter]:
        first = next(iter(providers().values()))
        return {"p": replace(first, rating=(lambda: rating) if rating else None)}

    monkeypatch.setattr(profiles, "providers", told)
    charges = cast("ir.Table", SimpleNamespace(columns=["HostType", "SkuId", "ChargeDescription"]))
    found = profile_columns(charges, Rules())
    assert ("HostType" in found.names) is asked
    assert {"SkuId", "ChargeDescription"} <= set(found.names)
    assert not found.described


def sku(name: str, unit: str) -> dict[str, Any]:
    at = datetime(2026, 10, 3, tzinfo=UTC)
    row = {"sku_key": name, "SkuId": name, "unit": unit, "provider": None, "rows": 2}
    return row | {"first": at, "last": at, "decimals": 0, "most": 10}


def test_what_a_rule_meters_in_another_unit_is_not_compared() -> None:
    """Both are GPUs by the rule; hours can be counted so, tokens cannot, and of GB nobody speaks."""
    rules = read_rules({"meter": [{"match": {"SkuId": "^(a|b)$"}, "meter": "gpu"}]})
    rows = [sku("a", "GPU-Hours"), sku("b", "Tokens"), sku("c", "GB")]
    metered, not_compared = classify(rows, ("SkuId",), rules)
    assert [(one.key, one.metering.meter, int(one.metering.factor)) for one in metered] == [
        ("a", "gpu", 3600)
    ]
    assert not_compared == [
        NotMetered(
            "b",
            "Tokens: gpu is capacity held over time, but the unit has no time",
            "add a [[rules.factor]]",
        )
    ]


SUBJECT = {
    **dict.fromkeys(("provider", "account", "region", "resource", "model", "tier", "tool")),
    "meter": "input_tokens",
    "unit": "Tokens",
    "unit_factor": 1,
}


@pytest.mark.parametrize(
    ("price", "up_to", "fits"),
    [
        ("0.000001", "1000000", True),
        ("0.000001", "1e30", True),
        ("1e-50", "1000000", False),  # 10^-50 x 10^18 money is a fraction of 10^32
        ("0.000001", "1e38", False),  # more tokens than a column holds
    ],
)
def test_a_price_too_fine_to_be_counted_is_refused(price: str, up_to: str, fits: bool) -> None:
    """Costs are whole numbers of 10^-18, quantities whole parts of a token."""
    tiers = [{"price": price, "up_to": up_to}, {"price": "0"}]
    rate = {"match": {}, "meter": "input_tokens", "unit": "Tokens", "currency": "USD"}
    rules = read_rules({"rate": [rate | {"tiers": tiers}]})
    if fits:
        assert priced_subjects([SUBJECT], rules).tiers.num_rows == 2
        return
    with pytest.raises(ConfigurationError, match=r"rules: rate\[1\]: .* cannot be counted exactly"):
        priced_subjects([SUBJECT], rules)
