"""What a summary or a page says where there is more than it shows, or less than it could."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from tests.report.sample import make_outcome
from tests.report.sample_commitments import DAY, START
from tests.report.sample_legs import invoice, roll
from trueup.model import schema
from trueup.model.plan_schema import IN_FORCE, LEFT_OUT, OFFERS
from trueup.model.schema import UTILIZATION
from trueup.model.table import Table
from trueup.planning.planned import Planned
from trueup.report import figures, holdings, summary
from trueup.report.holdings import Unused
from trueup.report.html import offers
from trueup.report.html import plan as plan_page
from trueup.report.plan import Plan
from trueup.report.result import Result

D = Decimal


def lot(number: int) -> dict[str, Any]:
    """A lot of 9.00 that nothing was drawn from."""
    row = {"commitment_id": f"lot-{number}", "layer": "funding", "provider": "oci", "unit": "USD"}
    return row | {"opening": D(9), "drawn": D(0), "remaining": D(9)}


@pytest.fixture(scope="module")
def summed() -> str:
    """Eight lots, seven of which the provider has otherwise, eight invoices, six kinds of rejects."""
    none = dict.fromkeys(("granted", "drawn", "refunded", "adjusted", "expired", "overage"), "0")
    rolls = [
        roll(
            *(f"lot-{number}", "USD", "period"), **none, opening="9", closing="9",
            provider_closing="8", difference="1",
        )
        for number in range(7)
    ]  # fmt: skip
    rejects = [
        {"source": "a/b.csv", "row_number": None if reason == 0 else 4, "reason": f"fault {reason}"}
        for reason in range(6)
        for _ in range(6 - reason)
    ]
    changed = {
        "commitments": [lot(number) for number in range(8)],
        "roll_forward": rolls,
        "invoices": [invoice(f"INV-{number}", "differs", "120.01") for number in range(8)],
        "rejects": rejects,
    }
    return Result(make_outcome(**changed)).summary()


@pytest.mark.parametrize(
    "said",
    [
        "  and 1 more lot, in the report\n",  # 7 that differ, 6 shown
        "  and 2 more invoices, in the report\n",  # 8, 6 shown
        "  and 2 more balances, in the report\n",  # 8 lots, 6 shown
        "  6 rows not read: fault 0: b.csv\n",  # no row is named
        "  5 rows not read: fault 1: b.csv, row 4\n",
        "  3 more rows not read for 2 other reasons\n",  # 2 + 1 of the fifth and the sixth
    ],
)
def test_what_is_not_shown_is_counted(summed: str, said: str) -> None:
    """Six lines a section, and four reasons."""
    assert said in summed


def test_unused_commitments_beyond_a_screen_are_counted() -> None:
    """Seven: six are shown; of the first no day stands out, as its intervals are too long."""
    found = [
        Unused(f"plan-{size}", "USD", D(size), D("0.5"), None if size == 7 else START, D(1))
        for size in range(7, 0, -1)
    ]
    head, first, second, *_, last = summary._unused(found)
    assert head == "  Unused, the largest first"
    assert first.endswith("plan-7")
    assert second.endswith("plan-6, worst 1 Oct: 1.00")
    assert last == "  and 1 more commitment, in the report"
    assert len(list(summary._unused(found[:6]))) == 7


def test_of_days_that_are_equally_bad_the_first_is_the_worst() -> None:
    """2.00 unused on the 5th, then on the 3rd; 1.00 on the 1st."""
    rows = [
        {
            "commitment_id": "plan",
            "currency": "USD",
            "interval_start": START + number * DAY,
            "interval_end": START + (number + 1) * DAY,
            "unused_cost": D(cost),
        }
        for number, cost in ((4, 2), (2, 2), (0, 1))
    ]
    result = cast("Result", SimpleNamespace(utilization=Table.from_rows(UTILIZATION, rows)))
    assert holdings._worst_days(result) == {("plan", "USD"): (START + 2 * DAY, D(2))}


def test_sums_by_keys_are_the_same_whatever_the_batches() -> None:
    """Of USD 1.00 + nothing known + 2.00; of EUR nothing is known."""
    names = pa.schema(
        [("currency", pa.string()), ("cost", pa.decimal128(38, 18)), ("n", pa.int64())]
    )
    rows = [("USD", D(1), 1), ("EUR", None, None), ("USD", None, 2), ("USD", D(2), 3)]
    table = pa.Table.from_pylist([dict(zip(names.names, row, strict=True)) for row in rows], names)
    for batch in (1, 4):
        parts = pa.concat_tables(table.slice(at, batch) for at in range(0, 4, batch))
        found = dict(figures.sums_by(Table(names, arrow=parts), ["currency"], "cost", "n"))
        assert found == {("USD",): {"cost": D(3), "n": 6}, ("EUR",): {"cost": None, "n": None}}


def planned(offered: int = 0, left: int = 0, unused: int = 0, **what_if: str) -> Plan:
    """A plan with so many offers and things left out; nothing else of it is looked at."""
    rows = [{"subject": f"s{at}", "reason": "no rate", "rows": at or None} for at in range(left)]
    made = [{"offer": f"o{at}", "reason": "too short"} for at in range(offered)]
    tables = {"offers": Table.from_rows(OFFERS, made), "left_out": Table.from_rows(LEFT_OUT, rows)}
    use = SimpleNamespace(unused_hours=unused)
    return Plan(cast("Planned", SimpleNamespace(what_if=what_if, use=use, **tables)))


def test_the_remarks_of_a_plan_say_what_it_rests_on() -> None:
    """What was assumed, hours without use, the first five left out, and how many more."""
    assert list(planned(2, 7, 3, usage="+ 10 %").remarks()) == [
        "What if usage + 10 %.",
        "In 3 hours of them nothing that has a price was used.",
        "Not planned for: s0: no rate.",
        "Not planned for: s1 (1 row): no rate.",
        "Not planned for: s2 (2 rows): no rate.",
        "Not planned for: s3 (3 rows): no rate.",
        "Not planned for: s4 (4 rows): no rate.",
        "And 2 more that are not planned for: `trueup plan --json` has all.",
        "No interval: too short.",
    ]
    assert list(planned(2, 7).remarks(left_out=False)) == ["No interval: too short."]
    assert list(planned().remarks()) == []


@pytest.mark.parametrize(("left", "notes"), [(0, None), (60, []), (62, ["And 2 more: "])])
def test_what_is_not_planned_for_is_folded_and_counted(left: int, notes: list[str] | None) -> None:
    """Sixty rows at most; of nothing there is no table."""
    blocks = offers._left_out(planned(left=left))
    if notes is None:
        assert blocks == []
        return
    [table, *said] = blocks
    assert len(table.grids[0].rows) == 60
    assert [block.text[: len("And 2 more: ")] for block in said] == notes


@pytest.mark.parametrize(("offered", "notes"), [(8, []), (9, ["and 1 curve more."])])
def test_curves_beyond_eight_are_counted(
    monkeypatch: pytest.MonkeyPatch, offered: int, notes: list[str]
) -> None:
    """Each offer has one."""
    monkeypatch.setattr(offers, "_figure", lambda row, _plan: row["offer"])
    blocks = offers.curves(planned(offered))
    drawn: list[Any] = [block.figures for block in blocks if block.kind == "figure"]
    assert drawn == [[f"o{at}"] for at in range(8)]
    assert [block.text for block in blocks if block.kind == "note"] == notes


@pytest.mark.parametrize(
    ("unit", "held", "price"),
    [
        ("Hours", "at once", "an hour"),
        ("GPU-Hours", "GPU at once", "a GPU-Hour"),
        ("1000 Tokens", "1000 Tokens an hour", "for 1000 Tokens"),
    ],
)
def test_what_a_unit_in_each_hour_is(unit: str, held: str, price: str) -> None:
    """Bare hours are of whatever the offer sells."""
    assert (offers.held(unit), offers._for_one(unit)) == (held, price)


def test_a_result_says_when_it_was_as_of() -> None:
    """The sample is of 3 November, and every table is of its schema."""
    result = Result(make_outcome())
    assert result.as_of == datetime(2026, 11, 3, 6, tzinfo=UTC)
    assert result.end - result.start == timedelta(days=31)
    assert set(result.outcome.tables) == set(schema.RESULT_TABLES)


@pytest.mark.parametrize("held", [0, 1])
def test_what_is_in_force_has_a_section_where_there_is_some(
    monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """Offers and curves always."""
    for name in ("offered", "curves"):
        monkeypatch.setattr(plan_page, name, lambda _plan: [])
    row = {"commitment_id": "plan", "unit": "USD", "committed": D(5), "served": D(9)}
    plan = cast("Plan", SimpleNamespace(in_force=Table.from_rows(IN_FORCE, [row] * held)))
    found = [section.anchor for section in plan_page._sections(plan)]
    assert found == ["offers", "curves", *(["in-force"] * held)]
