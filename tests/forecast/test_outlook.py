"""From tables of runs to what is to come: histories, balances, money at risk, words where none is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.errors import UsageError
from trueup.forecast import forecaster
from trueup.forecast.histories import Known, histories
from trueup.forecast.outlook import Outlook
from trueup.forecast.series import DAY, HOUR
from trueup.model.schema import RESULT_TABLES

pytest.importorskip("statsforecast", reason="trueup[forecast] is not installed")

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS = 20 * 7
D = Decimal
Row = Mapping[str, Any]


def run(
    days: int = WEEKS, *, first: int = 0, as_of: datetime | None = None, **tables: Sequence[Row]
) -> Known:
    """A run over so many days from the ``first``, long after them."""

    def table(name: str) -> pa.Table:
        schema = RESULT_TABLES[name]
        rows = [{key: row.get(key) for key in schema.names} for row in tables.get(name, [])]
        return pa.Table.from_pylist(rows, schema=schema)

    start, end = FIRST + first * DAY, FIRST + (first + days) * DAY
    return Known(start, end, as_of or end + 30 * DAY, table)


def hour(number: int, used: str | None, unused: str = "0", over: str | None = "0") -> Row:
    start = FIRST + number * HOUR
    return {
        "commitment_id": "plan",
        "provider": "example",
        "unit": "USD",
        "interval_start": start,
        "interval_end": start + HOUR,
        "used_quantity": None if used is None else D(used),
        "unused_quantity": D(unused),
        "overage_quantity": None if over is None else D(over),
    }


def day(number: int, used: str, remaining: str | None = None, name: str = "lot") -> Row:
    return {
        "commitment_id": name,
        "provider": "example",
        "unit": "Credits",
        "day": FIRST + number * DAY,
        "used_quantity": D(used),
        "remaining": None if remaining is None else D(remaining),
    }


def lot(days: int = WEEKS, *, used: str = "100", expires: int = WEEKS + 30, **more: Any) -> Known:
    """A lot of which so much is drawn every day, and 5,000 remain; each credit cost 0.30."""
    credit = {
        "commitment_id": "lot",
        "expires_at": FIRST + expires * DAY,
        "cost_per_credit": D("0.30"),
        "currency": "USD",
    }
    return run(
        days,
        burn_down=[day(number, used, "5000") for number in range(days)],
        credits=[credit],
        **more,
    )


def only(outlook: Outlook) -> dict[str, Any]:
    (row,) = outlook.commitments.rows()
    return row


def test_use_of_an_interval_is_what_was_used_and_what_went_beyond() -> None:
    """Two hours: 8.50 and nothing known to go beyond, 10 and 2 beyond; the third is not known."""
    rows = [hour(0, "8.50", over=None), hour(1, "10", over="2"), hour(2, None)]
    (found,) = histories([run(utilization=rows)], HOUR)
    assert (found.name, found.unit, found.provider) == ("plan", "USD", "example")
    assert found.values.tolist() == [8.5, 12]


def test_a_run_knows_nothing_that_comes_after_its_clock() -> None:
    """Days that lie ahead of the clock say zero of a lot, and are no history."""
    known = lot(10, as_of=FIRST + 6 * DAY)
    assert [len(each.values) for each in histories([known], DAY)] == [6]


def test_the_last_days_without_a_draw_may_not_be_billed_yet() -> None:
    """Nothing on the last two of ten days, seen a day later, is not known; seen a month later, zero."""
    drawn = [day(number, "100" if number < 8 else "0") for number in range(10)]
    soon = run(10, as_of=FIRST + 11 * DAY, burn_down=drawn)
    late = run(10, burn_down=drawn)
    assert [len(histories([each], DAY)[0].values) for each in (soon, late)] == [8, 10]


def test_periods_that_nobody_ran_are_holes() -> None:
    """Ten days, two that no run is of, ten more."""
    one = run(10, burn_down=[day(number, "100") for number in range(10)])
    other = run(10, first=12, burn_down=[day(number, "90") for number in range(12, 22)])
    (found,) = histories([one, other], DAY)
    assert (len(found.values), found.holes) == (22, 2)


def test_hours_of_a_lot_are_its_draws() -> None:
    """Drawn 7 at 01:00, of which 1 was refunded, and 2 beyond it at 03:00; nothing in other hours."""
    moves = [(1, "drawdown", "-7"), (1, "refund", "1"), (3, "overage", "2"), (0, "grant", "9")]
    rows = [
        {
            **day(0, "8"),
            "at": FIRST + number * HOUR,
            "kind": kind,
            "quantity": D(quantity),
        }
        for number, kind, quantity in moves
    ]
    (found,) = histories([run(burn_down=[day(0, "8")], movements=rows)], HOUR)
    assert found.values.tolist() == [6, 0, 2, *[0] * 20]  # from the first use, at 01:00, on


def test_what_is_left_of_a_lot_is_money_at_risk() -> None:
    """5,000 remain, 100 a day for 30 days: 2,000 lapse, at 0.30 that is 600. The burn never was more
    than 100 a day, so that it is too late to use them up.
    """
    row = only(Outlook([lot()]))
    assert round(row["expected"]) == 3000
    assert round(row["left"]) == 2000
    assert round(row["at_risk"]) == 600
    assert row["at_risk_low"] <= row["at_risk"] <= row["at_risk_high"]
    assert (row["until"], row["currency"]) == (FIRST + (WEEKS + 30) * DAY, "USD")
    assert row["last_day"] is None
    assert round(row["busiest_day"]) == 100


def test_a_nearer_horizon_says_nothing_of_the_expiry() -> None:
    """10 days of 100 are expected; what is left then is not what lapses."""
    row = only(Outlook([lot()], horizon_days=10))
    assert round(row["expected"]) == 1000
    assert round(row["left"]) == 4000
    assert row["at_risk"] is None


def test_hours_that_lapse_one_by_one_cost_their_share_of_the_fee() -> None:
    """3 of 10 unused each hour over 28 days at 0.50 each: 3 x 24 x 28 = 2,016, that is 1,008."""
    rows = [hour(number, "7", "3") for number in range(60 * 24)]
    whole = {
        "commitment_id": "plan",
        "committed_quantity": D(14400),
        "committed_cost": D(7200),
        "currency": "EUR",
    }
    row = only(Outlook([run(60, utilization=rows, commitments=[whole])]))
    assert (row["until"] - row["history_end"]).days == 28
    assert [round(row[name]) for name in ("expected", "left", "at_risk")] == [4704, 2016, 1008]
    assert (row["remaining"], row["last_day"], row["currency"]) == (None, None, "EUR")


def test_a_target_that_is_not_met_is_owed() -> None:
    """5,000 of 9,000 counted, 100 a day for 30 days to come: 1,000 short, in its own currency."""
    target = {
        "commitment_id": "lot",
        "due_at": FIRST + (WEEKS + 30) * DAY,
        "target": D(9000),
        "counted": D(5000),
        "unit": "EUR",
        "status": "on_the_way",
    }
    drawn = [day(number, "100") for number in range(WEEKS)]
    row = only(Outlook([run(burn_down=drawn, agreements=[target])]))
    assert (row["remaining"], row["currency"]) == (4000, "EUR")
    assert round(row["at_risk"]) == 1000


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (lot(50), "its history of 50 days is 7 whole weeks: too short"),
        (lot(used="0"), "nothing of it was used yet"),
        (lot(expires=WEEKS - 10), "it has expired"),
    ],
)
def test_where_there_is_no_forecast_the_row_says_why(known: Known, reason: str) -> None:
    """Too short, never used, expired: figures are null, not zero."""
    row = only(Outlook([known]))
    assert row["reason"].startswith(reason)
    assert (row["expected"], row["left"], row["at_risk"]) == (None, None, None)


def test_every_day_to_come_has_its_interval() -> None:
    """Three days of 100, each within its interval; a history too short has none."""
    rows = Outlook([lot()], horizon_days=3).steps().rows()
    assert [row["start"] for row in rows] == [FIRST + (WEEKS + number) * DAY for number in range(3)]
    assert all(row["low"] <= row["expected"] <= row["high"] for row in rows)
    assert [round(row["expected"]) for row in rows] == [100] * 3
    assert len(Outlook([lot(50)]).steps()) == 0


def test_a_wrong_commitment_is_named_with_the_nearest() -> None:
    """And a horizon of nothing is refused."""
    with pytest.raises(UsageError, match="did you mean 'lot'"):
        _ = Outlook([lot()], commitment="lott").commitments
    with pytest.raises(UsageError, match="1 or more"):
        Outlook([lot()], horizon_days=0)


def test_a_backtest_of_a_history_says_how_it_fared() -> None:
    """Twenty weeks: forecasts of four weeks after weeks 8 to 16, nine of them; of ten weeks none."""
    (row,) = Outlook([lot()]).backtest().rows()
    assert (row["forecasts"], row["steps_ahead"], row["weeks"]) == (9, 28, 12)
    (short,) = Outlook([lot(70)]).backtest().rows()
    assert "needs 12" in short["reason"]


def test_what_the_expected_use_takes_is_used_up_on_a_day() -> None:
    """5,000 at 100 a day last 50 days, 10 fewer than there are; 30 days do not use them up."""
    row = only(Outlook([lot(expires=WEEKS + 60)]))
    assert row["used_up_at"] == FIRST + (WEEKS + 50) * DAY
    assert only(Outlook([lot()]))["used_up_at"] is None


def test_the_picture_of_a_lot_shows_what_remains() -> None:
    """Up to the last day as the runs said, then 100 less each day until it expires in 30 days."""
    outlook = Outlook([lot()])
    rows = outlook.pictures(outlook.commitments.rows()).rows()
    assert {row["measure"] for row in rows} == {"remaining"}
    assert [row["known"] for row in rows[:56]] == [5000] * 56
    assert [round(row["expected"]) for row in rows[56:]] == [*range(4900, 1999, -100)]
    assert rows[-1]["day"] == FIRST + (WEEKS + 29) * DAY


def test_the_picture_of_hours_shows_what_is_used() -> None:
    """24 x 7 = 168 each day, 28 days ahead."""
    rows = [hour(number, "7", "3") for number in range(60 * 24)]
    outlook = Outlook([run(60, utilization=rows)])
    found = outlook.pictures(outlook.commitments.rows()).rows()
    assert {row["measure"] for row in found} == {"used"}
    assert [row["known"] for row in found] == [168] * 56 + [None] * 28
    assert [round(row["expected"]) for row in found[56:]] == [168] * 28


def test_a_history_that_the_library_cannot_follow_is_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its error is said in the row, as any other reason."""

    class Broken:
        def forecast(self, **_: object) -> None:
            raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(forecaster, "_models", lambda _: (Broken(),))
    row = only(Outlook([lot()]))
    assert row["reason"] == "its history cannot be followed: statsforecast: by nothing"
    assert row["expected"] is None


def test_without_a_balance_what_will_be_left_is_not_said() -> None:
    """100 a day go on over the horizon of 28 days: 2,800, of nobody knows how many."""
    days = [day(number, "100") for number in range(WEEKS)]
    credit = {"commitment_id": "lot", "expires_at": FIRST + (WEEKS + 30) * DAY}
    row = only(Outlook([run(burn_down=days, credits=[credit])]))
    assert row["expected"] == pytest.approx(D(2800), abs=1)
    assert [row[name] for name in ("remaining", "left", "at_risk", "last_day")] == [None] * 4
    assert row["reason"] == "what remains of it is not known"
