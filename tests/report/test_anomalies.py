"""Unusual days and efficiency of a result: tables, and sections of the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.report.sample import make_outcome
from tests.report.sample_commitments import END, HOUR, SCRIPT, START, dec
from trueup.errors import UsageError
from trueup.model.spend_schema import ACTIVITY, SPEND
from trueup.model.table import Table
from trueup.report import anomalies
from trueup.report.html import render_html
from trueup.report.result import Result

PLANTED = 12
DAYS = (END - START).days


def result_of(days: int = DAYS) -> Result:
    """A team with a hostile name: 10.00 and 100 tokens a day, once 30.00 and 300."""
    spend: list[dict[str, Any]] = []
    activity: list[dict[str, Any]] = []
    for number in range(days):
        times = 3 if number == PLANTED else 1
        start = START + timedelta(days=number)
        same = {"start": start, "end": start + HOUR, "provider": "p", "team": SCRIPT}
        same |= {"agent": "a", "model": "m", "meter": "output_tokens"}
        spend.append(same | {"state": "billed", "currency": "USD", "cost": dec(10 * times)})
        counted = {"capacity": "busy", "unit": "Tokens", "quantity": dec(100 * times)}
        activity.append(same | counted)
    outcome = make_outcome()
    tables = {
        **outcome.tables,
        "spend": Table.from_rows(SPEND, spend),
        "activity": Table.from_rows(ACTIVITY, activity),
    }
    end = START + timedelta(days=days)
    return Result(replace(outcome, end=end, tables=tables, material_amount=None))


def test_an_anomaly_adds_up() -> None:
    """30.00 instead of 10.00 is 20.00, all of it by quantity."""
    [row] = result_of().anomalies()
    assert (row["day"], row["money"]) == ((START + timedelta(days=PLANTED)).date(), 20)
    assert (row["quantity_effect"], row["price_effect"], row["other_effect"]) == (20, 0, 0)
    assert row["drivers"] == "provider p +20.00; model m +20.00; meter output_tokens +20.00"


def test_they_are_found_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Page and workbook show what was found for the first of them."""
    found = Mock(wraps=anomalies.found)
    monkeypatch.setattr(anomalies, "found", found)
    result = result_of()
    result.to_html(tmp_path / "report.html")
    result.to_excel(tmp_path / "report.xlsx")
    assert len(result.anomalies()) == 1
    found.assert_called_once()
    assert result.burn() is result.burn()


def test_a_result_of_few_days_refuses() -> None:
    """It says how many days it has, and which command knows more."""
    with pytest.raises(UsageError, match=r"3 whole days is too short .* `trueup anomalies`"):
        result_of(3).anomalies()


def test_the_report_draws_it_harmlessly() -> None:
    """The section has the money, what drove it and a drawing; the name stays text."""
    page = render_html(result_of())
    section = page.partition('id="anomalies"')[2].partition("</section>")[0]
    for said in ("Unusual days", "20.00 USD", "20.00 by quantity", "meter output_tokens", "<svg"):
        assert said in section
    assert SCRIPT not in page


def test_the_report_says_what_is_too_short() -> None:
    """Three days tell nothing of what is usual."""
    assert "A history of 3 whole days is too short" in render_html(result_of(3))


def test_the_report_tells_efficiency() -> None:
    """30 x 100 + 300 tokens for 30 x 10.00 + 30.00: ten tokens per credit, 100,000.00 a million."""
    page = render_html(result_of())
    section = page.partition('id="efficiency"')[2].partition("</section>")[0]
    for said in ("330.00 USD", "3,300", "10.00", "100,000.00 USD"):
        assert said in section


def test_without_use_neither_is_there(empty_result: Result) -> None:
    """No day of use, nothing metered: no section."""
    page = render_html(empty_result)
    assert 'id="anomalies"' not in page
    assert 'id="efficiency"' not in page
