"""Cells and figures of the page whose value is not known, is of another kind, or is one of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from tests.report.sample import make_outcome
from tests.report.sample_legs import claim_lines as sample_claim_lines
from tests.report.sample_legs import claims as sample_claims
from tests.report.test_ahead import D, days, forecast, seen
from trueup.attribute.cost_line import CostLine
from trueup.attribute.statement import Statement
from trueup.attribute.unused_trace import Traced
from trueup.forecast.anomaly import UTILIZATION, Anomaly
from trueup.forecast.daily import Daily
from trueup.forecast.season import Expectation
from trueup.model.schema import UTILIZATION as UTILIZATION_TABLE
from trueup.model.spend_schema import SESSION_COSTS
from trueup.model.table import Table
from trueup.report.claims import Claim
from trueup.report.html import (
    anomalies,
    burn,
    causes,
    chargeback,
    charts,
    drivers,
    sections,
    series,
    sessions,
    statement_page,
    usage,
    view,
)
from trueup.report.html import forecast as forecasts
from trueup.report.html.section import Block
from trueup.report.html.view import Cell
from trueup.report.result import Result

DAY = timedelta(days=1)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


def texts(cells: Sequence[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def notes(blocks: Sequence[Block]) -> list[str]:
    return [block.text for block in blocks if block.kind == "note"]


# --- forecasts ---


def test_what_is_not_known_of_a_forecast_is_a_dash() -> None:
    """Of what lapses by the hour nothing remains, so nothing is at risk and no day is the last."""
    row = forecast("plan", at_risk=None, remaining=None)
    assert texts(forecasts._cells(row, {})) == [
        "plan",
        "—",
        "3,000.00",
        "2027-01-01",
        "—",
        "—",
        "—",
    ]
    whole = texts(forecasts._cells(forecast("lot"), {}))
    assert whole == [
        "lot",
        "5,000.00",
        "3,000.00",
        "2027-01-01",
        "600.00 USD",
        "2026-11-28",
        "not before",
    ]


@pytest.mark.parametrize(
    ("row", "measure", "said"),
    [
        ({}, "remaining", "2,000.00 Credits expected to be left on 2027-01-01"),
        ({}, "used", "3,000.00 Credits expected until 2027-01-01"),
        (
            {"used_up_at": datetime(2026, 12, 20, tzinfo=UTC)},
            "remaining",
            "expected to be used up on 2026-12-19",
        ),
    ],
)
def test_a_forecast_is_told_by_what_is_drawn(row: dict[str, Any], measure: str, said: str) -> None:
    """What will be left, what will be used, or when nothing remains."""
    drawn = [{**dict.fromkeys(("known", "low", "high", "expected")), **one} for one in days("lot")]
    for given in (drawn, drawn[2:]):  # with days that are known, and without
        figure = forecasts._figure(
            forecast("lot", **row), [one | {"measure": measure} for one in given], "lot"
        )
        assert figure.label == said


def test_forecasts_beyond_a_page_are_counted() -> None:
    """62 commitments, of which 60 stand in the table."""
    rows = [forecast(f"lot-{number:02}") for number in range(62)]
    found = forecasts.forecast(seen(*rows))
    assert found is not None
    assert "And 2 more: `trueup forecast` has all." in notes(found.blocks)


# --- unusual days ---

USUAL = Expectation(D("0.9"), D("0.8"), D(1), (), weekly=False)


@pytest.mark.parametrize(
    ("measure", "text"), [(UTILIZATION, "50.0 %"), ("spend", "0.50"), ("quantity", "0.5")]
)
def test_a_figure_of_an_unusual_day_is_of_its_measure(measure: str, text: str) -> None:
    """A share, money or a quantity."""
    one = Anomaly(measure, date(2026, 10, 3), {}, "USD", None, D("0.5"), USUAL, D(1), {})
    assert anomalies._figure_cell(one, one.actual).text == text


def test_a_day_without_a_figure_is_not_drawn() -> None:
    """Of three days the second is not known."""
    first, second, third = (date(2026, 10, number) for number in (1, 2, 3))
    drawn = anomalies._band({first: D(1), third: D(2)}, (first, second, third), third)
    assert [(one.day, one.actual, one.marked) for one in drawn] == [
        (first, D(1), False),
        (third, D(2), True),
    ]


def test_a_currency_of_which_no_day_is_known_is_not_drawn() -> None:
    """The cost of EUR is not known whole, and only USD has a picture."""
    spend = pa.table(
        {
            "day": pa.array([date(2026, 10, 1)] * 2, pa.date32()),
            "currency": ["USD", "EUR"],
            "cost": pa.array([D(1), None], pa.decimal128(38, 18)),
        }
    )
    known = Daily((date(2026, 10, 1),), spend, pa.table({}), pa.table({}))
    assert [figure.caption for figure in anomalies._wholes(known)] == ["Cost of use, USD"]


# --- utilization and burn-down ---


def result_of(**given: Any) -> Result:
    usual = {"start": OCTOBER, "end": OCTOBER + 31 * DAY}
    return cast("Result", SimpleNamespace(**(usual | given)))


def test_an_interval_without_its_ends_is_no_cell() -> None:
    """One of a day with 6 of 8 used, one of which nobody knows when it ended."""
    figures = {"utilization": D("0.75"), "committed_quantity": D(8)}
    same = {"commitment_id": "plan", **figures}
    rows = [
        same | {"interval_start": OCTOBER, "interval_end": OCTOBER + DAY},
        same | {"interval_start": OCTOBER},
    ]
    table = Table.from_rows(UTILIZATION_TABLE, rows)
    [cell] = series.heat(result_of(utilization=table))
    assert (cell.start, cell.end, cell.share) == (OCTOBER, OCTOBER + DAY, D("0.75"))


def test_a_cell_weighs_intervals_by_what_was_committed() -> None:
    """0.875 of 240 and 0.5 of 60 are 210 + 30 of 300; of nothing committed nothing is to be used."""
    row = {"commitment_id": "plan", "interval_start": OCTOBER, "interval_end": OCTOBER + DAY}
    figures = ((D("0.875"), D(240)), (D("0.5"), D(60)), (None, D(0)))
    rows = [row | {"utilization": one, "committed_quantity": of} for one, of in figures]
    [cell] = series.heat(result_of(utilization=Table.from_rows(UTILIZATION_TABLE, rows)))
    assert cell.share == D("0.8")
    unknown = [*rows, row | {"committed_quantity": D(8)}]
    [cell] = series.heat(result_of(utilization=Table.from_rows(UTILIZATION_TABLE, unknown)))
    assert cell.share is None


def burned(day: datetime | None, used: int, **more: Any) -> dict[str, Any]:
    row = {"commitment_id": "lot", "provider": "p", "unit": "USD", "day": day}
    return row | {"used_quantity": D(used), "unused_quantity": None, "remaining": D(9)} | more


def test_days_of_one_step_are_one_point() -> None:
    """Of 200 days a step is a week: 3 on the 1st and 4 on the 2nd make 7; a row without a day none."""
    long = result_of(
        end=OCTOBER + 200 * DAY,
        burn_down=[burned(OCTOBER, 3), burned(OCTOBER + DAY, 4), burned(None, 5)],
    )
    [run] = series.runs(long)
    assert [(point.start, point.end, point.used) for point in run.points] == [
        (OCTOBER, OCTOBER + 7 * DAY, D(7))
    ]


def test_a_map_of_figures_that_are_not_known_says_so() -> None:
    """There is no lowest share."""
    cell = series.Heat("plan", OCTOBER, OCTOBER + DAY, None)
    [block] = usage._heat_map(result_of(), [cell], ["plan"])
    assert block.figures[0].label == "Every figure is not known."


def test_burn_downs_beyond_a_page_are_counted() -> None:
    """14 lots, of which 12 are drawn."""
    rows = [burned(OCTOBER, 3, commitment_id=f"lot-{number:02}") for number in range(14)]
    found = usage.burn_down(Result(make_outcome(burn_down=rows)))
    assert "and 2 more in burn_down.parquet" in notes(found.blocks)


def test_the_price_of_a_credit_stands_alone_where_it_buys_nothing_stated() -> None:
    """1.10 USD for a credit; 2 TPU-hours for one; neither is known."""
    blank: dict[str, Any] = {"currency": "USD", "compute_unit": "TPU-Hours"}
    for units, cost, cell in (
        (None, D("1.10"), ("1.10 USD", None)),
        (D(2), D("1.10"), ("2 TPU-Hours", "1.10 USD")),
        (D(2), None, ("2 TPU-Hours", None)),
        (None, None, ("—", None)),
    ):
        row = blank | {"compute_units_per_credit": units, "cost_per_credit": cost}
        found = usage._credit_rate(row)
        assert (found.text, found.sub) == cell


# --- claims, burn, drivers, sessions, controls ---


def test_claims_without_lines_have_no_table_of_them() -> None:
    """One table instead of two."""
    lines = sample_claim_lines()
    both = causes.claims(Result(make_outcome(claims=sample_claims(), claim_lines=lines)))
    without = causes.claims(Result(make_outcome(claims=sample_claims(), claim_lines=[])))
    assert both is not None
    assert without is not None
    assert len(without.blocks) < len(both.blocks)


def rate(team: str, currency: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "by": "team",
        "team": team,
        "unit": currency,
        "reason": None,
        "unknown": 0,
    }
    row |= {"billed": D(5), "accrued": None, "per_hour": D(1), "per_day": D(24), "per_week": D(168)}
    return row


def test_teams_without_a_day_have_no_picture() -> None:
    """Their rates are known, and not on which days they burned."""
    [table] = burn._teams("USD", [rate("ml", "USD")], {})
    assert (table.kind, table.grids[0].caption) == ("grid", "Teams, USD")


def test_teams_of_four_currencies_are_shown() -> None:
    """The fifth is in the tables of the result."""
    rates = [rate("ml", currency) for currency in ("AAA", "BBB", "CCC", "DDD", "EEE")]
    tables = {"rates": rates, "runway": []}
    made = {name: SimpleNamespace(rows=lambda rows=rows: rows) for name, rows in tables.items()}
    burnt = SimpleNamespace(**made, over=lambda _span: [])
    found = burn.burn(result_of(burn=lambda: burnt))
    assert found is not None
    captions = [table.caption for block in found.blocks for table in block.grids]
    assert captions == [f"Teams, {code}" for code in ("AAA", "BBB", "CCC", "DDD")]


def traced(hours: int) -> Traced:
    idle = {("gpu", "GPU-Seconds"): D(7200), ("vcpu", "Units"): D(3)}
    money = (D(5), D(9), 1, hours)
    return Traced("plan", "p", "USD", "Hours", *money, idle, D("2.50"), ())


def test_what_stood_idle_is_told_by_the_hour() -> None:
    """7200 GPU-seconds are 2 GPU-hours; another unit stays; a long interval tells no hours."""
    assert drivers._idle(traced(2)) == (
        "2 GPU-Hours of gpu; 3 Units of vcpu",
        "USD 2.50 of the bill",
    )
    assert drivers._idle(traced(0)) == ("its intervals are too long to tell in which hours", None)


def test_sessions_of_the_first_currencies_are_shown() -> None:
    """A table each, for as many currencies as the page has room for."""
    codes = [f"A{number}A" for number in range(sessions.CURRENCIES_MAX + 1)]
    rows = [
        {**dict.fromkeys(SESSION_COSTS.names), "session": "s", "basis": "billed"}
        | {"currency": code, "cost": D(1)}
        for code in codes
    ]
    found = sessions.sessions(result_of(session_costs=Table.from_rows(SESSION_COSTS, rows)))
    assert found is not None
    captions = " ".join(table.caption for block in found.blocks for table in block.grids)
    assert [code in captions for code in codes] == [True] * sessions.CURRENCIES_MAX + [False]


def test_repeated_rows_are_counted_once_and_said() -> None:
    """Of the rejected one repeats a row that was read."""
    rejects = [{"source": "a.csv", "row_number": 7, "reason": "duplicate of row 6"}]
    said = "Of the rejected, 1 repeat rows already read and are counted once."
    [lead] = sections.controls(Result(make_outcome(rejects=rejects))).lead
    assert lead.endswith(said)
    [other] = sections.controls(Result(make_outcome(rejects=[]))).lead
    assert said not in other


# --- statements of teams ---


def statement(lines: int) -> Statement:
    """So many lines of 1.00, one of which is unused commitment of 5.00."""
    used = [CostLine("USD", "usage", "ml", "cc", "p", f"m{at}", D(1)) for at in range(lines - 1)]
    every = (CostLine("USD", "unused", "ml", "cc", "p", "plan", D(5)), *used)
    exact = D(lines - 1 + 5)
    return Statement(("unit", "cc", "ml"), "USD", exact, exact, every)


@pytest.mark.parametrize(("lines", "more"), [(60, None), (62, ("2 lines", "6.00"))])
def test_the_lines_of_a_statement_beyond_a_page_are_one(
    lines: int, more: tuple[str, str] | None
) -> None:
    """61 lines of usage come first, so of 62 one of them and the unused 5.00 are left: 6.00."""
    grid = statement_page._statement(statement(lines))
    assert len(grid.rows) == min(lines, 60) + (more is not None) + 3
    rest = [tuple(texts(row)[1:]) for row in grid.rows if row[0].text == "more"]
    assert rest == ([] if more is None else [more])


def charged(**given: Any) -> Any:
    one = statement(2)
    usual: dict[str, Any] = {"start": OCTOBER, "end": OCTOBER + DAY, "as_of": OCTOBER + DAY}
    usual |= {"policy": None, "unpriced": (), "units": [one], "teams": [one], "statements": []}
    return SimpleNamespace(**(usual | given), of_team=lambda _team: [one])


def test_tokens_without_a_price_are_said_to_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cost is split by tokens, those of a model without a price count for none of it."""
    monkeypatch.setattr(statement_page, "policies", lambda _policy: ["By tokens."])
    page = statement_page._page(charged(unpriced=("p m1", "p m2")), None)
    assert page.lead == ["By tokens.", "Tokens without a price weigh nothing: p m1; p m2."]
    assert statement_page._page(charged(), None).lead == ["By tokens."]


def test_where_everything_is_charged_nobody_has_no_statement() -> None:
    """All units, then the one team; and what nobody is charged for, where there is some."""
    found = list(statement_page._sections(charged(), None))
    assert [section.anchor for section in found] == ["all", "team-1"]
    nobody = replace(statement(1), place=(None, None, None))
    more = statement_page._sections(charged(units=[statement(2), nobody]), None)
    assert [section.anchor for section in more] == ["all", "team-1", "nobody"]


def test_a_period_without_charges_has_no_statement() -> None:
    """The table says why it is empty."""
    [block] = chargeback.statements([])
    assert block.grids[0].empty == "There are no charges in this period."


# --- cells and charts ---


def test_a_unit_that_is_a_number_is_multiplied() -> None:
    """5 times 1000 tokens are no 51000 tokens."""
    assert view.quantity(D(5), "1000 Tokens").text == "5 \N{MULTIPLICATION SIGN} 1000 Tokens"
    assert view.quantity(D(5), "Tokens").text == "5 Tokens"
    assert view.quantity(D(5), None).text == "5"


def test_what_is_not_known_is_no_bar() -> None:
    """Left blank, not drawn as nought."""
    assert charts._stack(None, Decimal(3)) == []
    assert [part[1:] for part in charts._stack(Decimal(2), None)] == [(0, 2)]
    assert [part[1:] for part in charts._stack(Decimal(2), Decimal(3))] == [(0, 2), (2, 5)]


def test_a_claim_of_no_time_says_none() -> None:
    """Neither when it began nor when it ended."""
    row = {"status": "indicated", "rule": "plan_rule", "provider": "p", "arithmetic": "2 - 1 = 1"}
    one = Claim(row | {"source": "page"}, "plan", "USD", 1, 1)
    assert causes._claim(one)[2].sub == "1 interval"
    assert causes._claim(one)[2].text in ("", "—")
    ends = replace(one, first=OCTOBER, last=OCTOBER + DAY)
    assert causes._claim(ends)[2].text == "1 Oct 00:00 to 2 Oct 00:00"
