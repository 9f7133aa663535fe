from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trueup.focus import native
from trueup.focus.charges import read_charges
from trueup.focus.native import NativeExport, register


def test_a_registered_export_is_read_as_the_focus_columns_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own columns are renamed by its mapping, the rest is kept, the format is its name."""
    monkeypatch.setattr(native, "_registered", {})
    columns = {
        "BilledCost": "billed",
        "EffectiveCost": "amortised",
        "BillingCurrency": "money",
        "ChargeCategory": "what",
        "ChargePeriodStart": "from",
        "ChargePeriodEnd": "to",
    }
    register(NativeExport("example-export", frozenset({"billed", "money"}), columns))
    path = tmp_path / "e.csv"
    path.write_text(
        "billed,amortised,money,what,from,to,shelf\n1,0.5,USD,Usage,2026-10-01,2026-10-02,9\n",
        encoding="utf-8",
    )
    dataset = read_charges(path)
    (found,) = dataset.table.rows()
    assert dataset.sources.rows()[0]["format"] == "example-export"
    assert (found["BilledCost"], found["EffectiveCost"]) == (Decimal(1), Decimal("0.5"))
    assert found["x_shelf"] == "9"
