"""What a report says of the time to come: forecasts, and how much to commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.planning.table import FIRST, GPU, held, usage
from tests.report.sample import empty_outcome, make_outcome
from trueup.errors import MissingDependency, UsageError
from trueup.forecast import foreseen as foreseeing
from trueup.forecast.foreseen import Foreseen
from trueup.model.forecast_schema import FORECAST_DAYS, FORECASTS
from trueup.model.inputs import Inputs
from trueup.model.rules import Rules
from trueup.model.table import Table
from trueup.planning import planned
from trueup.planning.offers import offers_of
from trueup.report.html import render_html
from trueup.report.result import Result

D = Decimal
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
END = datetime(2026, 11, 1, tzinfo=UTC)
EXPIRY = datetime(2027, 1, 1, tzinfo=UTC)
OFFER = {"name": "1 year", "currency": "USD", "unit": "GPU-Hours", "hourly": "2.50"}


def section(result: Result, name: str) -> str | None:
    """The text of a section of the page, tags as spaces; None where there is no such section."""
    parts = render_html(result).split(f'<section id="{name}"')
    if len(parts) == 1:
        return None
    return " ".join(re.sub(r"<[^>]+>", " ", parts[1].split("</section>")[0]).split())


def forecast(name: str, **figures: Any) -> dict[str, Any]:
    """A row: 3,000 of 5,000 credits are expected to be used, 2,000 lapse at 0.30 each: 600."""
    return {
        **dict.fromkeys(FORECASTS.names),
        "commitment_id": name,
        "provider": "acme",
        "unit": "Credits",
        "until": EXPIRY,
        "measured_until": EXPIRY,
        "expected": D(3000),
        "expected_low": D(2800),
        "expected_high": D(3200),
        "remaining": D(5000),
        "left": D(2000),
        "currency": "USD",
        "at_risk": D(600),
        "at_risk_low": D(540),
        "at_risk_high": D(660),
        "busiest_day": D(90),
        "last_day": datetime(2026, 11, 28, tzinfo=UTC),
        **figures,
    }


def days(name: str) -> list[dict[str, Any]]:
    """Two days that are known and two to come."""
    of_it = {"commitment_id": name, "measure": "remaining"}
    known = [
        of_it | {"day": END + number * DAY, "known": D(amount)}
        for number, amount in ((-2, 5100), (-1, 5000))
    ]
    to_come = [
        of_it | {"day": END + number * DAY, "expected": e, "low": e - 9, "high": e + 9}
        for number, e in ((0, D(4950)), (1, D(4900)))
    ]
    return [*known, *to_come]


def told(rows: Sequence[dict[str, Any]], drawn: Sequence[dict[str, Any]] = ()) -> Foreseen:
    return Foreseen(Table.from_rows(FORECASTS, rows), Table.from_rows(FORECAST_DAYS, drawn))


def seen(*rows: dict[str, Any], drawn: Sequence[dict[str, Any]] = ()) -> Result:
    return Result(make_outcome(), (), told(rows, drawn))


def test_what_is_known_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One month: a line says how much is known and needed; no forecaster is even asked."""

    def asked(_: object) -> Foreseen:
        raise AssertionError

    monkeypatch.setattr(foreseeing, "_told", asked)
    said = section(Result(make_outcome()), "forecast")
    assert said is not None
    assert (
        "Nothing is forecast. 31 days of use are known, from 2026-10-01 to 2026-11-01: a forecast "
        "needs 8 whole weeks." in said
    )


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 92 days nothing is forecast where the library is missing; the run goes on."""

    def missing(_: object) -> Foreseen:
        raise MissingDependency("statsforecast", "forecast")

    monkeypatch.setattr(foreseeing, "_told", missing)
    result = Result(replace(make_outcome(), start=datetime(2026, 8, 1, tzinfo=UTC)))
    assert result.foreseen.reason == (
        "92 days of use are known, but statsforecast is needed for this: pip install "
        "'trueup[forecast]'; then `trueup forecast`"
    )


def test_without_a_commitment_there_is_no_forecast() -> None:
    """Only charges were given: no section."""
    assert section(Result(empty_outcome()), "forecast") is None


def test_use_what_is_at_risk_and_until_when_to_act() -> None:
    """Each with its interval; until the 28th a burn of 90 a day still uses everything up."""
    said = section(seen(forecast("lot-1"), drawn=days("lot-1")), "forecast")
    assert said is not None
    assert (
        "lot-1 acme · Credits 5,000.00 3,000.00 2,800.00 to 3,200.00 2027-01-01 600.00 USD 540.00 "
        "to 660.00 2026-11-28 at 90.00 a day not before" in said
    )
    assert "2,000.00 Credits expected to be left on 2027-01-01" in said
    assert said.count("80 of 100") == 2  # the lead, and the legend of the one picture


def test_what_is_used_up_needs_no_change() -> None:
    """Nothing remains by the end of the 19th of December: used up on that day; nothing lapses."""
    used_up = {"left": D(0), "at_risk": D(0), "at_risk_low": D(0), "at_risk_high": D(0)}
    at = datetime(2026, 12, 20, tzinfo=UTC)
    said = section(seen(forecast("lot-1", **used_up, last_day=None, used_up_at=at)), "forecast")
    assert said is not None
    assert "0.00 USD 0.00 to 0.00 not needed 2026-12-19" in said


def test_where_even_the_busiest_week_is_not_enough_it_is_too_late() -> None:
    """Something will be left, and there is no last day."""
    said = section(seen(forecast("lot-1", last_day=None)), "forecast")
    assert said is not None
    assert "too late even at 90.00 a day not before" in said


def test_commitments_without_a_forecast_stand_in_one_line_by_reason() -> None:
    """Two of one reason, and those of the sample of which no day is known: 8 are named, and how many more."""
    none = {"expected": None, "reason": "nothing of it was used yet"}
    said = section(seen(forecast("a", **none), forecast("b", **none)), "forecast")
    assert said is not None
    assert "Nothing is forecast. a, b: nothing of it was used yet." in said
    assert "tpu-v6e-sales-contract and 1 more: no day of its use is known." in said


def test_what_is_kept_is_read_as_it_was() -> None:
    """Amounts, instants and nulls are the same after JSON."""
    found = told([forecast("lot-1"), forecast("b", expected=None)], days("lot-1"))
    again = Foreseen.from_bytes(found.to_bytes())
    assert again.commitments.rows() == found.commitments.rows()
    assert again.days.rows() == found.days.rows()
    assert again.reason is None


def offering(*offers: dict[str, Any], rates: Sequence[dict[str, Any]] = (GPU,)) -> Result:
    """One GPU held in each of two hours at 4.00, and what is offered."""
    inputs = Inputs(empty_outcome().inputs.charges, None, usage([held(0, "1"), held(1, "1")]))
    rules = Rules.model_validate({"rate": rates, "offer": offers})
    end = FIRST + 2 * HOUR
    return Result(replace(empty_outcome(), start=FIRST, end=end, inputs=inputs, rules=rules))


def test_without_an_offer_there_is_no_plan() -> None:
    """No section; asked for one, it says what is missing."""
    assert section(offering(), "plan") is None
    with pytest.raises(UsageError, match="offer"):
        offering().plan()


def test_without_usage_there_is_no_plan() -> None:
    """An offer alone says nothing: no section."""
    result = Result(replace(empty_outcome(), rules=offering(OFFER).outcome.rules))
    assert section(result, "plan") is None
    with pytest.raises(UsageError, match="no usage was read"):
        result.plan()


def test_the_best_level_stands_with_its_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """One GPU at once: 2 x 2.50 = 5.00 instead of 2 x 4.00 = 8.00 saves 3.00. It is made once."""
    result, made = offering(OFFER), []

    def counted(*given: Any) -> Any:
        made.append(1)
        return offers_of(*given)

    monkeypatch.setattr(planned, "offers_of", counted)
    said = section(result, "plan")
    assert said is not None
    assert "Of 2 hours from 7 Sep 00:00 to 7 Sep 02:00 UTC, at the prices of 2026-09-07." in said
    assert "1 GPU at once" in said
    assert "5.00 USD 3.00 USD 100.0 %" in said
    assert "8.00 with none, 5.00 at the best" in said
    assert "No interval: " in said  # two hours are no weeks
    (row,) = result.plan().offers.rows()
    assert (row["level"], row["cost"], row["saving"]) == (1, 5, 3)
    assert made == [1]


def test_what_cannot_be_planned_says_why() -> None:
    """No rate prices the use: the sentence stands in the section, and is raised in Python."""
    result = offering(OFFER, rates=())
    said = section(result, "plan")
    assert said is not None
    assert "No plan. nothing to plan for: acme pool gpu: no rate prices it" in said
    with pytest.raises(UsageError, match="no rate prices it"):
        result.plan()


def test_the_workbook_has_both(tmp_path: Path) -> None:
    """A sheet of forecasts and one of offers, where there are some."""
    without = openpyxl.load_workbook(offering().to_excel(tmp_path / "without.xlsx")).sheetnames
    assert not {"Forecast", "Plan"} & {*without}
    result = offering(OFFER)
    result.foreseen = told([forecast("lot-1")])
    book = openpyxl.load_workbook(result.to_excel(tmp_path / "report.xlsx"))
    (head, row) = (list(row) for row in list(book["Forecast"].values)[-2:])
    assert row[head.index("at risk")] == 600
    (head, row) = (list(row) for row in list(book["Plan"].values)[-2:])
    assert row[head.index("saving")] == 3
