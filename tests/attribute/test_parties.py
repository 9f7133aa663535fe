"""Who shares the cost of held capacity, by hand: two hours of a deployment at 6.20 each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import trueup
from tests.test_worked_hour import CHARGE_COLUMNS, charge
from trueup.attribute.parties import Idle, in_own_time, in_utc, of_capacity, with_idle
from trueup.engine.engine import open_engine
from trueup.engine.rows import united

D = Decimal
NINE, TEN, ELEVEN = (f"2026-10-03T{hour:02}:00:00Z" for hour in (9, 10, 11))
HELD = ("instance", "allocated")
TOKENS = ("output_tokens", "busy")
Row = tuple[str, str, str, str, str, str]  # start, meter, capacity, quantity, unit, session


def held(start: str, quantity: str = "2", session: str = "") -> Row:
    return start, *HELD, quantity, "Hours", session


def tokens(start: str, quantity: str, session: str) -> Row:
    return start, *TOKENS, quantity, "Tokens", session


def reconciled(
    folder: Path, meters: list[Row], windows: list[tuple[str, str]], team: str = "", **rules: Any
) -> trueup.Result:
    """The bill has 2 hours at 6.20 of ``d1`` in each window; all usage is of ``d1``, and a team."""
    with (folder / "bill.csv").open("w", newline="") as file:
        bill = csv.DictWriter(file, CHARGE_COLUMNS, restval="")
        bill.writeheader()
        for start, end in windows:
            row = charge("d1", "6.20", "2")
            bill.writerow(row | {"ChargePeriodStart": start, "ChargePeriodEnd": end})
    with (folder / "meters.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["start", "meter", "capacity", "quantity", "unit", "session"])
        writer.writerows(meters)
    usage = trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns={
            "window_start": "start",
            "meter": "meter",
            "capacity": "capacity",
            "quantity": "quantity",
            "unit": "unit",
            "session_id": "session",
        },
        constants={"provider": "aws", "account_id": "ml", "resource_id": "d1"}
        | ({"team": team} if team else {}),
    )
    meter = {"match": {"SkuId": "^sku-d1$"}, "meter": "instance"}
    return trueup.reconcile(
        folder / "bill.csv", usage=usage, rules={"meter": [meter], **rules}, as_of="2026-12-01"
    )


def shares(result: trueup.Result) -> dict[str, Decimal]:
    """Cost by session, or team where no session is named, and by reason of the rest."""
    named = {row["session"] or row["team"]: row["cost"] for row in result.allocations.rows()}
    rest = {row["reason"]: row["cost"] for row in result.unattributed_by_reason.rows()}
    return named | rest


HOURS = [(NINE, TEN), (TEN, ELEVEN)]
SECOND_AT_REST = [held(NINE), held(TEN), tokens(NINE, "300", "s1"), tokens(NINE, "100", "s2")]


@pytest.mark.parametrize(
    ("rules", "second"),
    [
        ({}, "idle"),
        ({"idle": "spread"}, "idle"),  # nobody was at work in that hour to carry it
        ({"idle": "owner", "owners": {"d1": "claims"}}, "claims"),
    ],
)
def test_an_hour_without_work_is_idle(tmp_path: Path, rules: dict[str, Any], second: str) -> None:
    """9:00 is shared 3 to 1 by tokens, 4.65 and 1.55; nothing ran from 10:00: 6.20 is idle."""
    result = reconciled(tmp_path, SECOND_AT_REST, HOURS, **rules)
    assert shares(result) == {"s1": D("4.65"), "s2": D("1.55"), second: D("6.20")}
    assert len(result.breaks) == 0


@pytest.mark.parametrize("team", ["", "claims"])
def test_what_an_owner_left_idle_is_a_cost_of_its_team(tmp_path: Path, team: str) -> None:
    """No session had the 6.20 from 10:00: claims has, whether or not usage names it, too."""
    owned = {"idle": "owner", "owners": {"d1": "claims"}}
    result = reconciled(tmp_path, SECOND_AT_REST, HOURS, team=team, **owned)
    costs = [row for row in result.session_costs if row["basis"] == "billed"]
    found = {(row["session"], row["team"]): row["cost"] for row in costs}
    known = team or None
    assert found == {
        ("s1", known): D("4.65"),
        ("s2", known): D("1.55"),
        (None, "claims"): D("6.20"),
    }


def test_an_hour_without_work_is_idle_whoever_held_it(tmp_path: Path) -> None:
    """The allocated meter names s9: while work is metered, holding is not using."""
    rows = [held(NINE, session="s9"), held(TEN, session="s9"), tokens(NINE, "300", "s1")]
    assert shares(reconciled(tmp_path, rows, HOURS)) == {"s1": D("6.20"), "idle": D("6.20")}


def test_without_a_meter_of_work_its_holder_has_it(tmp_path: Path) -> None:
    """Nothing counts work on d1 in the whole run: s9 held the first hour, nobody the second."""
    rows = [held(NINE, session="s9"), held(TEN)]
    assert shares(reconciled(tmp_path, rows, HOURS)) == {"s9": D("6.20"), "no_rule": D("6.20")}


def test_a_day_with_some_work_is_of_those_who_worked(tmp_path: Path) -> None:
    """Billed by the day, work in any hour of it shares the day; a day without any is idle."""
    first, second, third = (f"2026-10-{day:02}T00:00:00Z" for day in (3, 4, 5))
    noon = "2026-10-03T12:00:00Z"
    rows = [held(first), held(second), tokens(noon, "300", "s1")]
    result = reconciled(tmp_path, rows, [(first, second), (second, third)])
    assert shares(result) == {"s1": D("6.20"), "idle": D("6.20")}


def test_work_on_what_nobody_held_is_a_contradiction(tmp_path: Path) -> None:
    """The allocated meter says 0 from 10:00, and 50 tokens ran: 6.20 is missing, of nobody."""
    rows = [held(NINE), held(TEN, "0"), tokens(NINE, "300", "s1"), tokens(TEN, "50", "s2")]
    result = reconciled(tmp_path, rows, HOURS)
    assert shares(result) == {"s1": D("6.20"), "missing_in_usage": D("6.20")}
    [found] = result.breaks.rows()
    assert (found["class"], found["amount"]) == ("missing_in_usage", D("6.20"))
    assert "another counted work" in found["explanation"]


def test_busy_time_on_what_nobody_held_is_a_contradiction(tmp_path: Path) -> None:
    """The same where the busy meter of the same kind reports 3,600 s; at 9:00 it saw no work."""
    busy: Row = (TEN, "instance", "busy", "1", "Hours", "s2")
    result = reconciled(tmp_path, [held(NINE, session="s1"), held(TEN, "0"), busy], HOURS)
    assert shares(result) == {"idle": D("6.20"), "missing_in_usage": D("6.20")}
    assert "another counted work" in result.breaks.rows()[0]["explanation"]


def test_an_hour_of_which_a_busy_meter_says_nothing_is_idle(tmp_path: Path) -> None:
    """Half of 9:00 was busy, 3.10 of 6.20, and half idle; of 10:00 nothing is reported: idle, too.

    So it is where the allocated meter names a session: holding is not using.
    """
    busy: Row = (NINE, "instance", "busy", "1", "Hours", "s2")
    for holder in ("", "s1"):
        rows = [held(NINE, session=holder), held(TEN, session=holder), busy]
        result = reconciled(tmp_path, rows, HOURS)
        assert shares(result) == {"s2": D("3.10"), "idle": D("9.30")}


def test_nothing_held_and_nothing_done_is_plainly_missing(tmp_path: Path) -> None:
    """No work in the hour of which the allocated meter says 0: the plain sentence."""
    result = reconciled(tmp_path, [held(NINE), held(TEN, "0"), tokens(NINE, "3", "s1")], HOURS)
    assert shares(result) == {"s1": D("6.20"), "missing_in_usage": D("6.20")}
    assert "saw nothing" in result.breaks.rows()[0]["explanation"]
    assert "another" not in result.breaks.rows()[0]["explanation"]


INSTANT, WHOLE = pa.timestamp("us", "UTC"), pa.decimal128(38, 0)
KINDS = (
    dict.fromkeys(("group", "who", "cell", "thing"), pa.int64())
    | dict.fromkeys(("held", "allocated", "matchable", "idle"), pa.bool_())
    | dict.fromkeys(("q", "metered_q", "weight"), WHOLE)
    | dict.fromkeys(("hour", "until", "bucket", "metered_bucket"), INSTANT)
)


def table(names: str, rows: Sequence[Sequence[object]] = ()) -> pa.Table:
    """Rows of these columns; what is not in KINDS is text."""
    fields = [pa.field(name, KINDS.get(name, pa.string())) for name in names.split()]
    columns = [[row[at] for row in rows] for at in range(len(fields))]
    return pa.table(columns, schema=pa.schema(fields))


def test_a_busy_meter_that_saw_nothing_leaves_all_idle() -> None:
    """7,200 s held and none busy: the whole is idle; of 3,600 busy the other 3,600 are."""
    hour = datetime(2026, 10, 3, 9, tzinfo=UTC)
    known = (True, D(7200), "resource", "d1", "hour", None, hour, hour)
    tables = (
        table(
            "group held metered_q rule resource grain until bucket metered_bucket",
            [(1, *known), (2, *known)],
        ),
        table("cell group"),
        table("cell thing hour"),
        table("held allocated resource meter q who hour thing matchable"),
        table("group who q", [(1, 5, D(0)), (2, 5, D(3600))]),
    )
    with open_engine("duckdb") as engine:
        groups, members, cells, parties, busy = map(engine.load, tables)
        found = of_capacity(groups, members, cells, parties, busy, engine)
        rows = engine.collect(found.order_by("group", "idle")).to_pylist()
    assert [(row["group"], row["who"], row["weight"], row["idle"]) for row in rows] == [
        *((1, None, 7200, True), (2, 5, 3600, False), (2, None, 3600, True)),
    ]


def test_usage_is_in_the_hours_that_begin_in_its_group() -> None:
    """A day from 22:00 to 22:00 has both its ends but the last; a UTC day has hours 0 and 23."""
    first, second, third = (datetime(2026, 10, day, tzinfo=UTC) for day in (2, 3, 4))
    ten = first.replace(hour=22)
    groups = [
        (1, "d1", ten, ten, second.replace(hour=22)),
        (2, "d1", second, second, None),
        (3, "d2", second, second, None),
    ]
    hours = [first.replace(hour=21), ten, second.replace(hour=21), second.replace(hour=22), third]
    with open_engine("duckdb") as engine:
        given = (
            engine.load(table("group resource bucket metered_bucket until", groups)),
            engine.load(table("resource hour", [("d1", hour) for hour in hours])),
            "resource",
        )
        found = united(in_utc(*given, "D"), in_own_time(*given))
        met = engine.collect(found).to_pylist()
    assert sorted((row["group"], row["hour"]) for row in met) == [
        *((1, hours[1]), (1, hours[2]), (2, hours[2]), (2, hours[3])),
    ]


@pytest.mark.parametrize(
    ("policy", "idle"),
    [("spread", [(2, 4)]), ("apart", [(1, 3), (2, 4)]), ("owner", [(1, 3), (2, 4)])],
)
def test_idle_is_spread_over_who_was_busy(policy: Idle, idle: list[tuple[int, int]]) -> None:
    """In group 1 somebody was; group 2 was wholly idle and stays so."""
    parts = [(1, 5, D(2), False), (1, None, D(3), True), (2, None, D(4), True)]
    with open_engine("duckdb") as engine:
        loaded = engine.load(table("group who weight idle", parts))
        rows = engine.collect(with_idle(loaded, policy).order_by("group")).to_pylist()
    assert [(row["group"], row["weight"]) for row in rows if row["idle"]] == idle
    assert [row["who"] for row in rows if not row["idle"]] == [5]
