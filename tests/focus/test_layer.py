from __future__ import annotations

import pytest

from trueup.focus.layer import layer
from trueup.focus.provider import registered_layer


def declared(provider: str | None, commitment_type: str) -> str | None:
    return "agreement" if (provider, commitment_type) == ("p", "Odd Credits") else None


@pytest.mark.parametrize(
    ("provider", "kind", "category", "interval", "wanted"),
    [
        ("p", "Odd Credits", "Usage", None, "agreement"),  # the adapter knows better than the word
        ("q", "Odd Credits", "Usage", None, "funding"),
        ("p", "Enterprise Discount", "Spend", "Annual", "agreement"),
        ("p", "Minimum-Spend", "Spend", "Full Period", "agreement"),
        ("p", "Plan", "Spend", "Full Period", "funding"),
        ("p", "Plan", "Usage", "Full Period", "benefit"),
        ("p", "Plan", "Spend", "Hourly", "benefit"),
        (None, None, None, None, "benefit"),
    ],
)
def test_the_layer_of_a_commitment(
    provider: str | None, kind: str | None, category: str | None, interval: str | None, wanted: str
) -> None:
    """The adapter first, then the words of the type, then the interval; else a benefit."""
    assert layer(provider, kind, category, interval, declared) == wanted


def test_installed_adapters_are_asked_without_case() -> None:
    """The types an adapter declares are found however a contract writes them."""
    assert registered_layer("aws", " Savings PLAN ") == "benefit"
    assert registered_layer("nobody", "Savings Plan") is None
    assert registered_layer(None, "Savings Plan") is None
