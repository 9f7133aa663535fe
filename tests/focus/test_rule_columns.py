"""Columns that rules match by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.focus.bill import write

import trueup
from trueup.config import read_configuration
from trueup.errors import ConfigurationError
from trueup.focus.rule_columns import check_columns
from trueup.model.rules import read_rules

PRICE = {"meter": "gpu", "unit": "GPU-Hours", "price": "2.80", "currency": "USD"}


def rate(column: str) -> dict[str, Any]:
    return {"rate": [{"match": {column: "B95909"}, **PRICE}]}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (rate("sku"), ("rate[1].match: 'sku' is no column of usage or of charges, so that it "
         "matches nothing; did you mean 'sku_id'?")),
        ({"meter": [{"match": {"SkuMter": "GPU"}, "meter": "gpu"}]},
         ("meter[1].match: 'SkuMter' is no column of charges, so that it matches nothing; did you "
         "mean 'SkuMeter'?")),
        ({"factor": [{"match": {"sku_id": "x"}, "meter": "gpu", "count": "8", "source": "page"}]},
         "factor[1].match: 'sku_id' is no column of charges"),
    ],
)  # fmt: skip
def test_a_rule_by_a_column_that_nothing_has_is_a_mistake(
    tmp_path: Path, rules: dict[str, Any], expected: str
) -> None:
    """It would match nothing, and nobody would notice: reconcile refuses it."""
    bill = write(tmp_path / "bill.csv")
    with pytest.raises(ConfigurationError) as caught:
        trueup.reconcile(bill, rules=rules)
    assert str(caught.value).startswith(f"rules: {expected}")


@pytest.mark.parametrize("column", ["sku_id", "SkuId", "provider", "tier", "x_Contract"])
def test_columns_of_usage_of_charges_and_of_the_bill_s_own_pass(column: str) -> None:
    """A rate speaks of what was used and of what was billed."""
    check_columns(read_rules(rate(column)))


def test_a_configuration_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """The file and the table are named; the bill is not there yet."""
    file = tmp_path / "trueup.toml"
    text = ", ".join(f'{name} = "{value}"' for name, value in PRICE.items())
    file.write_text(
        '[[charges]]\npath = "gone.csv"\n[rules]\n'
        f'rate = [{{ match = {{ sku = "B95909" }}, {text} }}]\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match=r"trueup.toml: rules: rate\[1\].match: 'sku'"):
        read_configuration(file)
