"""Small real files for the command line: a bill of one plan, a broken file, calls as they come."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

HOUR = {
    "BillingAccountId": "111",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-10-03T14:00:00Z",
    "ChargePeriodEnd": "2026-10-03T15:00:00Z",
    "CommitmentDiscountCategory": "Spend",
    "CommitmentDiscountId": "plan-1",
    "CommitmentDiscountType": "Savings Plan",
    "CommitmentDiscountUnit": "USD",
    "BilledCost": "0",
    "ProviderName": "Example Cloud",
    "PublisherName": "Example Cloud",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "Example Training",
}


def row(status: str, cost: str) -> dict[str, str]:
    """An hour of the plan, used or not."""
    resource = "plan-1" if status == "Unused" else "e1"
    own = {"CommitmentDiscountStatus": status, "EffectiveCost": cost, "ResourceId": resource}
    return {**HOUR, **own, "CommitmentDiscountQuantity": cost}


def write_bill(path: Path, *rows: dict[str, str]) -> Path:
    """A FOCUS bill of the rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with two bills (8.50 used; 1.50 unused) and a file that is no bill."""
    monkeypatch.chdir(tmp_path)
    write_bill(tmp_path / "used.csv", row("Used", "8.50"))
    write_bill(tmp_path / "unused.csv", row("Unused", "1.50"))
    (tmp_path / "broken.csv").write_text("colour,size\nred,3\n", encoding="utf-8")
    return tmp_path


RATE = """
[[rules.rate]]
match = { model = "large" }
meter = "input_tokens"
unit = "1000 Tokens"
price = "0.50"
currency = "USD"
"""
LIVE = f"""
[run]
as_of = 2026-11-02T00:00:00Z

[[usage]]
path = "calls-*.jsonl"
format = "table"
columns = {{ window_start = "at", input_tokens = "tokens", team = "team" }}
constants = {{ provider = "nimbus", model = "large" }}
{RATE}"""


def call(hour: str, tokens: int) -> str:
    return json.dumps({"at": f"2026-11-03T{hour}:10:00Z", "tokens": tokens, "team": "ads"}) + "\n"


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of calls that a configuration without a run names: 2,000 tokens at 14:10."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trueup.toml").write_text(LIVE)
    file = tmp_path / "calls-1.jsonl"
    file.write_text(call("14", 2000))
    return file
