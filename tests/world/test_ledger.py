"""The ledger agrees with itself: bills, cells and answers, before any line of trueup runs."""

from __future__ import annotations

import ast
import csv
import gzip
import io
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.world import world
from tests.world.answers import answers
from tests.world.ledger import Cell, Ledger
from tests.world.world import World

START = datetime(2026, 10, 1, tzinfo=UTC)
SEEDS = range(1, 13)
HOUR_OF_DESIGN = "2026-10-03T14:00:00Z"


@pytest.fixture(scope="module", params=SEEDS)
def made(request: pytest.FixtureRequest) -> World:
    return world.make(request.param, START, 3)


@pytest.fixture(scope="module")
def seven() -> World:
    return world.make(7, START, 3)


def test_imports_nothing_of_what_it_judges() -> None:
    """Only the tests of this package import trueup; the generator cannot share a defect with it."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [name for name in names if name.split(".")[0] == "trueup"], file.name


def test_what_is_attributed_adds_up_to_the_bill(made: World) -> None:
    """Allocated, unused and unattributed are the billed effective cost in each currency."""
    rows = _table(made.ledger, "identity")
    assert {row["currency"] for row in rows} == {"EUR", "USD"}
    assert [Decimal(str(row["difference"])) for row in rows] == [0, 0]


def test_bills_carry_the_ledger(seven: World) -> None:
    """The effective cost in the CSV files, read back as text, is that of the ledger's charges."""
    files = world.files(seven)
    stated: dict[str, Decimal] = defaultdict(Decimal)
    for path, content in files.items():
        if not path.startswith("bills/") or path.endswith(".parquet"):
            continue
        plain = gzip.decompress(content) if path.endswith(".gz") else content
        for row in csv.DictReader(io.StringIO(plain.decode())):
            if not row["ChargeDescription"].startswith("Spoilt"):
                stated[row["BillingCurrency"]] += Decimal(row["EffectiveCost"])
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for charge in seven.ledger.charges:
        if charge.provider != "gcp":
            expected[charge.currency] += charge.effective
    assert stated == expected


def test_plants_a_break_of_every_class(made: World) -> None:
    """Every class the first version finds is there, in every world."""
    classes = {row["class"] for row in _table(made.ledger, "breaks")}
    assert classes == {
        "timing", "quantity", "missing_in_usage", "missing_in_billing", "duplicate", "commitment",
    }  # fmt: skip
    reasons = {row["reason"] for row in _table(made.ledger, "unattributed")}
    assert reasons == {
        "missing_in_usage", "unverified_capacity", "idle", "tax", "support", "marketplace",
        "credit", "refund", "correction", "purchase", "rounding", "no_rule",
    }  # fmt: skip
    assert _table(made.ledger, "pending")


def test_keeps_clear_of_every_tolerance(made: World) -> None:
    """What counts as matched is within 1 %, what is a break is well outside."""
    for cell in made.ledger.cells:
        if cell.verdict in ("matched", "quantity"):
            apart = abs(cell.billed - cell.metered) / cell.billed
            assert (apart <= Decimal("0.01")) == (cell.verdict == "matched"), cell


def test_accumulates_differences_in_one_place_only(made: World) -> None:
    """Within tolerance, only the planted model is apart by over 0.5 % of its period."""
    sums: dict[tuple[str, str | None, str], list[Decimal]] = defaultdict(lambda: [Decimal()] * 2)
    for cell in made.ledger.cells:
        if cell.verdict == "matched":
            gross, billed = sums[(cell.provider, cell.model or cell.resource, cell.meter)]
            key = (cell.provider, cell.model or cell.resource, cell.meter)
            sums[key] = [gross + abs(cell.billed - cell.metered), billed + cell.billed]
    over = [key for key, (gross, billed) in sums.items() if gross > billed * Decimal("0.005")]
    assert over == [("gcp", "Gemini 3 Flash", "output_tokens")]


def test_leaves_no_doubt_about_timing(made: World) -> None:
    """A charge and a usage that are left over are never alike within two days, unless planted."""
    left: dict[tuple[str, str, str | None], list[Cell]] = defaultdict(list)
    for cell in made.ledger.cells:
        if cell.verdict in ("missing_in_usage", "missing_in_billing", "pending", "timing"):
            left[(cell.provider, cell.meter, cell.model or cell.resource)].append(cell)
    for cells in left.values():
        for one in cells:
            for other in cells:
                if one is other or {one.verdict, other.verdict} <= {"missing_in_usage"}:
                    continue
                if {one.verdict, other.verdict} <= {"missing_in_billing", "pending"}:
                    continue
                assert abs((one.start - other.start).days) >= 1 or not _alike(one, other)


def _alike(one: Cell, other: Cell) -> bool:
    first, second = one.billed or one.metered, other.billed or other.metered
    return abs(first - second) <= max(first, second) / 50


def test_worked_hour_by_hand() -> None:
    """The third day, 14:00: the plan of 10.00 pays 6.20 + 2.30, and 1.50 is unused.

    routing-rank: 2 instances x 3.10 = 6.20; held 2 x 3,600 s = 7,200 s, of which s1 works
    6 samples x 900 s = 5,400 s and s2 2 x 900 s = 1,800 s: 6.20 x 5400/7200 = 4.65 and
    6.20 x 1800/7200 = 1.55. claims-vision: 1 x 2.30, and no sample: missing_in_usage, 2.30.
    forecast-tide: 4 samples x 900 s = 1 h, not billed: missing_in_billing, -(1 x 3.00).
    10.00 - 6.20 - 2.30 = 1.50.
    """
    ledger = world.make(7, START, 5).ledger  # two more days, and its bill can no longer arrive
    hour = ledger.at(2, 14)
    rows = [one for one in ledger.charges if one.provider == "aws" and one.start == hour]
    plan = [one for one in rows if one.values.get("CommitmentDiscountId")]
    assert sorted(str(one.effective) for one in plan) == ["1.50", "2.30", "6.20"]
    assert sum(one.effective for one in plan) == Decimal("10.00")
    allocations = _table(ledger, "allocations")
    by_hand = {"s1": Decimal("4.65"), "s2": Decimal("1.55")}
    found = {
        row["session"]: Decimal(str(row["cost"]))
        for row in allocations
        if row["session"] in by_hand
    }
    assert found == by_hand
    breaks = {
        str(row["resource_id"]).rsplit("/", 1)[-1]: (row["class"], Decimal(str(row["amount"])))
        for row in _table(ledger, "breaks")
        if row["period_start"] == HOUR_OF_DESIGN and row["meter"] == "gpu"
    }
    assert breaks == {
        "claims-vision": ("missing_in_usage", Decimal("2.30")),
        "forecast-tide": ("missing_in_billing", Decimal("-3.00")),
    }
    [plan_hour] = [
        row
        for row in _table(ledger, "utilization")
        if row["interval_start"] == HOUR_OF_DESIGN and "tideline" in str(row["commitment_id"])
    ]
    assert plan_hour["used_quantity"] == "8.50"
    assert plan_hour["unused_quantity"] == "1.50"
    assert plan_hour["utilization"] == "0.850000000000000000"


def test_credits_by_hand(seven: World) -> None:
    """Burst chips: 2 hours on each of 2 days x 4 chips / 2 per credit = 8 of 120; 112 expire."""
    [burst] = [
        row for row in _table(seven.ledger, "credits") if row["commitment_id"] == "tpu-burst-2026"
    ]
    figures = [Decimal(str(burst[name])) for name in ("granted", "drawn", "expired", "remaining")]
    assert figures == [120, 8, 112, 0]


def test_same_seed_same_bytes() -> None:
    """A seed gives the same files every time, another seed other ones."""
    once, again = (world.files(world.make(3, START, 3)) for _ in range(2))
    assert once == again
    other = world.files(world.make(4, START, 3))
    assert other.keys() == once.keys()
    assert other["answers.json"] != once["answers.json"]


def _table(ledger: Ledger, name: str) -> list[dict[str, object]]:
    found = answers(ledger, {})[name]
    assert isinstance(found, list)
    return found
