"""Bills whose days, months and hours are cut in another zone than UTC, by hand arithmetic."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import trueup
from tests.reconcile.test_usage import AS_OF, buckets, gpu, metered, reconciled
from tests.test_worked_hour import CHARGE_COLUMNS

D = Decimal
Span = tuple[str, str]


def at(text: str) -> str:
    """The instant of ``10-03T07``, of 2026."""
    return f"2026-{text}:00Z" if ":" in text[6:] else f"2026-{text}:00:00Z"


def billed(start: str, end: str, quantity: str, **more: str) -> dict[str, str]:
    """GPU-hours of r1 at 1.00 each."""
    return gpu(quantity, quantity, ChargePeriodStart=at(start), ChargePeriodEnd=at(end), **more)


def held(start: str, end: str, quantity: str, resource: str = "r1") -> dict[str, str]:
    return metered(quantity, at(start), at(end)) | {"resource": resource}


def spent(result: trueup.Result) -> list[tuple[str, str, Decimal]]:
    rows = [(f"{row['start']:%m-%dT%H:%M}", f"{row['end']:%m-%dT%H:%M}", row["cost"])
            for row in result.spend.rows()]  # fmt: skip
    return sorted(rows)


def agrees(result: trueup.Result, charges: int, usage: int) -> None:
    assert result.breaks.rows() == []
    assert buckets(result) == {
        ("billed", "matched", "matched"): charges,
        ("metered", "matched", "matched"): usage,
    }


def test_a_day_of_a_zone_is_compared_with_what_was_used_in_it(tmp_path: Path) -> None:
    """Days cut at 07:00Z: 5 + 20 in the first, 1 in the second; by days of UTC it is 5 and 21."""
    bill = [billed("10-03T07", "10-04T07", "25"), billed("10-04T07", "10-05T07", "1")]
    use = [
        held("10-03T08", "10-03T09", "5"),
        held("10-04T02", "10-04T03", "20"),
        held("10-04T10", "10-04T11", "1"),
    ]
    result = reconciled(tmp_path, bill, use)
    agrees(result, 2, 3)
    assert spent(result) == [
        ("10-03T07:00", "10-04T07:00", D(25)),
        ("10-04T07:00", "10-05T07:00", D(1)),
    ]


def test_what_is_wrong_in_a_day_of_a_zone_still_breaks(tmp_path: Path) -> None:
    """20 h billed, 15 metered: 5 of 20.00 are at stake, and the day before agrees."""
    bill = [billed("10-03T07", "10-04T07", "25"), billed("10-04T07", "10-05T07", "20")]
    use = [held("10-04T02", "10-04T03", "25"), held("10-04T10", "10-04T11", "15")]
    result = reconciled(tmp_path, bill, use)
    assert [
        (row["class"], row["period_start"], row["billed"], row["expected"], row["amount"])
        for row in result.breaks.rows()
    ] == [("quantity", datetime(2026, 10, 4, 7, tzinfo=UTC), D(20), D(15), D(5))]


@pytest.mark.parametrize("provider", ["Cloud Nine", None])
def test_hours_of_a_zone_of_half_an_hour_begin_with_its_days(
    provider: str | None, tmp_path: Path
) -> None:
    """At +05:30 days begin at 18:30Z: of 4 h from 17:30 to 19:30, 2 h are each day's.

    9 = 7 + 2 in the first day, 3 = 2 + 1 in the second; r2's hour from 05:30 has 6 of 6.
    """
    bill = [
        billed("10-03T18:30", "10-04T18:30", "9"),
        billed("10-04T18:30", "10-05T18:30", "3"),
        billed("10-04T05:30", "10-04T06:30", "6", ResourceId="r2"),
    ]
    use = [
        held("10-03T20", "10-03T21", "7"),
        held("10-04T17:30", "10-04T19:30", "4"),
        held("10-04T23", "10-04T23:30", "1"),
        held("10-04T05:30", "10-04T06:30", "6", "r2"),
    ]
    result = reconciled(tmp_path, bill, use, provider=provider)
    agrees(result, 3, 4)
    starts = {f"{row['start']:%d %H:%M}" for row in result.activity.rows()}
    # from 20:00 to 21:00 is half in the hour from 19:30 and half in that from 20:30
    assert starts == {"03 19:30", "03 20:30", "04 17:30", "04 18:30", "04 22:30", "04 05:30"}


@pytest.mark.parametrize(
    ("change", "hours"), [(("11-01T07", "11-02T08"), 25), (("03-08T08", "03-09T07"), 23)]
)
def test_a_day_of_daylight_saving_has_its_own_hours(
    tmp_path: Path, change: Span, hours: int
) -> None:
    """A GPU all day long, and 9 more in the first and the last hour: of 25 or 23 hours."""
    start, end = (datetime.fromisoformat(at(one)) for one in change)
    first, last = ((f"{start:%m-%dT%H}", f"{start:%m-%dT}{start.hour + 1:02}"),
                   (f"{end:%m-%dT}{end.hour - 1:02}", f"{end:%m-%dT%H}"))  # fmt: skip
    after = f"{end:%m-}{end.day + 1:02}T{end.hour:02}"
    bill = [billed(*change, str(hours + 18)), billed(change[1], after, "24")]
    use = [held(*change, str(hours)), held(*first, "9"), held(*last, "9")]
    result = reconciled(tmp_path, bill, [*use, held(change[1], after, "24")])
    agrees(result, 2, 4)


def test_the_part_of_a_day_in_the_period_is_compared_with_its_part_of_the_use(
    tmp_path: Path,
) -> None:
    """UTC days 3 and 4 of October; days cut at 07:00Z, split by time at their edges.

    24 h a day: 7 of the first, 24 + 6 of the second, 17 of the last. The 6 are in the night of the
    4th, so days of UTC would say 31 and 30 billed, and 24 and 30 metered.
    """
    bill = [
        billed("10-02T07", "10-03T07", "24"),
        billed("10-03T07", "10-04T07", "30"),
        billed("10-04T07", "10-05T07", "24"),
    ]
    use = [held("10-02T07", "10-05T07", "72"), held("10-04T02", "10-04T03", "6")]
    result = reconciled(tmp_path, bill, use, period="2026-10-03/2026-10-05")
    agrees(result, 3, 2)
    assert spent(result) == [
        ("10-03T00:00", "10-03T07:00", D(7)),
        ("10-03T07:00", "10-04T07:00", D(30)),
        ("10-04T07:00", "10-05T00:00", D(17)),
    ]


def test_breaks_of_a_day_that_the_period_cuts_are_said_to_be_unsure(tmp_path: Path) -> None:
    """All 24 h were used at 01:00Z, 7 are the part by time; a period that has the day has no break."""
    bill = [billed("10-03T07", "10-04T07", "24")]
    use = [held("10-04T01", "10-04T02", "24")]
    result = reconciled(tmp_path, bill, use, period="2026-10-04")
    assert [(row["billed"], row["expected"]) for row in result.breaks.rows()] == [(D(7), D(24))]
    [note] = [row for row in result.notes.rows() if row["code"] == "cut_by_period"]
    assert note["text"].startswith("1 break of charges that the period cuts")
    other = reconciled(tmp_path, bill, use, period="2026-10-03T07:00Z/2026-10-04T07:00Z")
    agrees(other, 1, 1)
    assert [row for row in other.notes.rows() if row["code"] == "cut_by_period"] == []


def test_charges_of_one_thing_that_overlap_share_their_time(tmp_path: Path) -> None:
    """A day of UTC and one cut at 07:00Z: 30 h billed, 30 h used, nobody knows of which."""
    bill = [billed("10-03T00", "10-04T00", "10"), billed("10-03T07", "10-04T07", "20")]
    use = [held("10-03T10", "10-03T11", "12"), held("10-04T05", "10-04T06", "18")]
    result = reconciled(tmp_path, bill, use)
    agrees(result, 2, 2)
    assert spent(result) == [("10-03T00:00", "10-04T07:00", D(30))]


def test_a_week_across_two_months_has_its_own_use(tmp_path: Path) -> None:
    """7 h in its days of November; the month in which it begins has 50 h that nobody billed."""
    bill = [billed("10-29T00", "11-05T00", "7")]
    use = [held("11-03T00", "11-03T01", "7"), held("10-12T00", "10-12T01", "50")]
    result = reconciled(tmp_path, bill, use)
    assert [(row["class"], row["expected"]) for row in result.breaks.rows()] == [
        ("missing_in_billing", D(50))
    ]


def test_capacity_is_missing_only_where_its_meter_reported_in_its_own_day(tmp_path: Path) -> None:
    """A meter reported at 03:00 of the 4th, none from 07:00 on: the second day is unverified."""
    bill = [billed("10-03T07", "10-04T07", "3"), billed("10-04T07", "10-05T07", "3")]
    use = [held("10-03T08", "10-03T09", "3"), held("10-04T03", "10-04T04", "0", "r2")]
    result = reconciled(tmp_path, bill, use)
    assert buckets(result)["billed", "out_of_scope", "unverified_capacity"] == 1
    assert result.breaks.rows() == []


def test_who_was_busy_in_its_own_day_shares_its_cost(tmp_path: Path) -> None:
    """24.00 for 24 h: a was busy 6 h in it and 12 h after, b 3 h: 6.00, 3.00, 15 h idle.

    The second day is a's for 12.00, and idle for 12.00.
    """
    bill = [billed("10-03T07", "10-04T07", "24"), billed("10-04T07", "10-05T07", "24")]
    with (tmp_path / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, CHARGE_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(bill)
    use = [
        ("10-03T07", "10-05T07", "48", "allocated", ""),
        ("10-04T01", "10-04T07", "6", "busy", "a"),
        ("10-04T03", "10-04T06", "3", "busy", "b"),
        ("10-04T07", "10-04T19", "12", "busy", "a"),
    ]
    lines = [",".join((at(start), at(end), *more)) for start, end, *more in use]
    (tmp_path / "meters.csv").write_text("\n".join(["start,end,quantity,capacity,team", *lines]))
    usage = trueup.read_usage(
        tmp_path / "meters.csv",
        format="table",
        columns={"window_start": "start", "window_end": "end"}
        | {name: name for name in ("quantity", "capacity", "team")},
        constants={
            "provider": "Cloud Nine",
            "account_id": "ml",
            "resource_id": "r1",
            "meter": "gpu",
            "unit": "GPU-Hours",
        },
    )
    result = trueup.reconcile(tmp_path / "bill.csv", usage=usage, as_of=AS_OF)
    assert sorted(
        (f"{row['start']:%d}", row["team"] or row["reason"], row["cost"])
        for row in result.spend.rows()
    ) == [
        ("03", "a", D(6)),
        ("03", "b", D(3)),
        ("03", "idle", D(15)),
        ("04", "a", D(12)),
        ("04", "idle", D(12)),
    ]
