"""Rules given by a script: what a mistake in them says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import ConfigurationError
from trueup.model import rule_table
from trueup.model.mistakes import _models
from trueup.model.rules import Rate, read_rules

RATE = {"match": {}, "meter": "gpu", "unit": "GPU-Hours", "currency": "USD"}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"material_amout": "1"}, ("rules: material_amout: there is no such key; did you mean "
         "'material_amount'? known here: material_amount, idle, ")),
        ({"tolerance": [{"relativ": "0.1"}]}, ("rules: tolerance[1].relativ: there is no such key; "
         "did you mean 'relative'? known here: leg, ")),
        ({"idle": "spred"}, "rules: idle = 'spred': did you mean 'spread'? it is one of apart, "),
        ({"meter": [{"match": {"SkuMeter": "x"}, "meter": "gpuu"}]},
         "rules: meter[1].meter = 'gpuu': did you mean 'gpu'? it is one of input_tokens, "),
        ({"meter": [{"match": {"SkuMeter": "("}, "meter": "gpu"}]},
         "rules: meter[1].match: in SkuMeter, '(' is no regular expression: "),
        ({"material_amount": 0.05}, "rules: material_amount = 0.05: write the number in quotes"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_as_in_a_file(rules: dict[str, Any], expected: str) -> None:
    """A dictionary gets the same line as TOML: key, the nearest one, and all that are known."""
    with pytest.raises(ConfigurationError) as caught:
        read_rules(rules)
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("tiers", "price"),
    [([{"price": "4.00", "up_to": "5"}, {"price": "1.00"}], "4.00"), ([{"price": "2.00"}], "2.00")],
)
def test_a_rate_of_tiers_costs_what_its_first_does(tiers: list[Any], price: str) -> None:
    """Where it states no price of its own."""
    [rate] = read_rules({"rate": [RATE | {"tiers": tiers}]}).rate
    assert rate.price == Decimal(price)
    [own] = read_rules({"rate": [RATE | {"tiers": tiers, "price": "9.00"}]}).rate
    assert own.price == Decimal("9.00")


@pytest.mark.parametrize("tiers", [[{"up_to": "5"}], ["4.00"]])
def test_a_tier_without_a_price_gives_none(tiers: list[Any]) -> None:
    """It is named, and so is the price that the rate then lacks."""
    with pytest.raises(ConfigurationError, match=r"rules: rate\[1\]\.price: is missing"):
        read_rules({"rate": [RATE | {"tiers": tiers}]})


def test_the_models_within_a_type_are_found() -> None:
    """Of a list of tables that may be left out; a table of texts has none."""
    assert list(_models(tuple[Rate, ...] | None)) == [Rate]
    assert list(_models(dict[str, str])) == []


def test_a_table_of_rules_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not read; one that is short enough is."""
    path = tmp_path / "map.csv"
    path.write_text("from,to\nm1,m2\n", encoding="utf-8")
    assert rule_table.rows_of(path, "map", ["from", "to"], ["from"]) == [{"from": "m1", "to": "m2"}]
    monkeypatch.setattr(rule_table, "BYTES_MAX", 5)
    with pytest.raises(ConfigurationError, match="map: longer than 0 MiB: name fewer rows"):
        rule_table.rows_of(path, "map", ["from", "to"], ["from"])
