"""The planted faults agree with themselves, and one world is added up by hand."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.world import (
    faults,
    faults_commitments,
    faults_invoices,
    faults_plan,
    gcp,
    sagemaker,
    world,
)
from tests.world.answers import answers as first_answers
from tests.world.faults import Faulty
from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import HOUR
from tests.world.rerating import Line, on_demand

START = datetime(2026, 10, 1, tzinfo=UTC)
SEEDS = range(1, 9)
CLASSES = {"price", "balance", "fx", "invoice", "commitment"}


@pytest.fixture(scope="module", params=SEEDS)
def faulty(request: pytest.FixtureRequest) -> Faulty:
    return faults.make(request.param, START, 3)


@pytest.fixture(scope="module")
def one() -> Faulty:
    return faults.make(1, START, 3)


def _rows(faulty: Faulty, table: str, **wanted: str) -> list[Row]:
    found = faults.answers(faulty)[table]
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


def _number(row: Row, column: str) -> Decimal:
    return Decimal(str(row[column]))


def test_every_class_is_planted(faulty: Faulty) -> None:
    """Every world has a break of each class and rule; only rounding shows in most, not in all."""
    rows = _rows(faulty, "leg_breaks")
    assert {str(row["class"]) for row in rows} - {"rounding"} == CLASSES
    assert {row["rule"] for row in rows} >= {
        "sagemaker_savings_plan", faulty.commitments.applied.rule, "rate", "missing_credit", "double_drawdown", "early_expiry",
        "exchange_rate", "invoice", "three_sources",
    }  # fmt: skip
    kinds = {row["kind"] for row in _rows(faulty, "restatements")}
    assert kinds == {"changed", "removed", "added", "correction"}


def test_a_break_is_billed_less_expected_and_not_nothing(faulty: Faulty) -> None:
    """In money, amount = billed - expected; in credits, that times what a credit costs."""
    prices = {"tpu-contract-2026": Decimal("3.00"), "tpu-burst-2026": Decimal("5.40")}
    for row in _rows(faulty, "leg_breaks") + _rows(faulty, "restated_breaks"):
        apart = _number(row, "billed") - _number(row, "expected")
        price = prices.get(str(row["commitment_id"]), Decimal(1))
        assert _number(row, "amount") == apart * price, row
        assert apart or row["rule"] == "restated"


def test_the_first_legs_keep_their_breaks(faulty: Faulty) -> None:
    """The layer leaves quantities as they are: the breaks of usage and commitment do not change."""
    plain = world.make(faulty.world.ledger.seed, START, 3).ledger
    ours, theirs = (
        {tuple(sorted(row.items(), key=str)) for row in first_answers(ledger, {})["breaks"]}  # type: ignore[attr-defined]
        for ledger in (faulty.world.ledger, plain)
    )
    assert ours == theirs


def test_what_is_attributed_adds_up(faulty: Faulty) -> None:
    """Rebilled rows keep the identity: allocated, unused and unattributed are what is billed."""
    rows = first_answers(faulty.world.ledger, {})["identity"]
    assert isinstance(rows, list)
    assert [Decimal(row["difference"]) for row in rows] == [0, 0]


def test_misapplied_hours_have_a_break_each(faulty: Faulty) -> None:
    """The changed hours, and in worlds where the plan learns of an endpoint, its three a day."""
    expected = {text(start) for start in faulty.plan.hours}
    assert len(expected) == 4
    known = faulty.plan.legacy_from
    if known is not None:
        ledger = faulty.world.ledger
        expected |= {text(at) for at in ledger.hours() if at >= known and at.hour in (2, 3, 4)}
    found = _rows(faulty, "leg_breaks", rule=faults_plan.RULE)
    assert {row["period_start"] for row in found} == expected
    assert all(_number(row, "amount") > 0 for row in found)


def test_commitments_of_others_have_a_break_for_each_of_their_hours(faulty: Faulty) -> None:
    """Beside one commitment, in turn the second provider's or the third's, there is usage."""
    applied, other = faults_commitments.CUD, faults_commitments.RESERVATION
    if faulty.world.ledger.seed % 2 == 0:
        applied, other = other, applied
    assert faulty.commitments.applied == applied
    found = _rows(faulty, "leg_breaks", rule=applied.rule, commitment_id=applied.id)
    assert {row["period_start"] for row in found} == {text(at) for at in faulty.commitments.hours}
    assert len(found) == 3
    assert all(_number(row, "amount") > 0 for row in found)
    assert not _rows(faulty, "leg_breaks", rule=other.rule)


def test_a_quotient_of_each_commitment_does_not_end(faulty: Faulty) -> None:
    """One amount at least of each needs all 18 decimals."""
    for rule in (faults_plan.RULE, faulty.commitments.applied.rule):
        amounts = [_number(row, "amount") for row in _rows(faulty, "claims", rule=rule)]
        assert any(one.normalize().as_tuple().exponent == -18 for one in amounts), rule


def test_every_misapplied_hour_is_a_claim(faulty: Faulty) -> None:
    """A claim says what its break says; until the month is final it is indicated."""
    names = ("provider", "commitment_id", "rule", "billed", "expected", "amount", "currency")
    rules = {faults_plan.RULE, faulty.commitments.applied.rule}
    misapplied = [row for row in _rows(faulty, "leg_breaks") if row["rule"] in rules]
    claims = _rows(faulty, "claims", status="indicated")
    assert [[row[name] for name in (*names, "interval_start")] for row in claims] == [
        [row[name] for name in (*names, "period_start")] for row in misapplied
    ]


@pytest.mark.parametrize(
    ("lines", "pool", "expected"),
    [
        # 1.50 at 2.30 are 15/23 of 3.10: 2.021739130434782608695..., and 3.10 less that stays.
        (["1 2.30 3.10 free"], "1.50", ("3.10", "1.078260869565217391")),
        # 0.80 at 0.027 are 0.8 x 31/27 of 192 x 0.031 = 5.952: 0.918518518518518518518...
        (["192 0.027 0.031 free"], "0.80", ("5.952", "5.033481481481481481")),
        # 25 of 90 units, at 32.0548: 8.904111111...
        (["90 1 0.3562 free 32.0548"], "25", ("32.0548", "23.150688888888888889")),
        # 64 cores save 1 - 0.019/0.029 = 34.5 %, the covered ones 28.6 %: they take 1.216 of 8.00,
        # which leaves 6.784 for 288 at 0.025: 271.36 of them, and 16.64 x 0.035 on demand.
        (["64 0.019 0.029 free", "288 0.025 0.035 covered"], "8", ("1.856", "0.5824")),
        # Of two that save as much, what was covered stays so.
        (["90 1 0.3562 free", "50 1 0.3562 covered"], "50", ("0", "0")),
    ],
)
def test_a_commitment_is_applied_by_the_rules(
    lines: list[str], pool: str, expected: tuple[str, str]
) -> None:
    """Highest share saved first, a part of what no longer fits, rounded once at 18 decimals."""
    found = on_demand([_line(*one.split()) for one in lines], Fraction(pool))
    assert found == tuple(map(Decimal, expected))


def _line(quantity: str, rate: str, price: str, how: str, cost: str | None = None) -> Line:
    whole = Decimal(cost) if cost else Decimal(quantity) * Decimal(price)
    return Line(Decimal(quantity), Decimal(rate), Fraction(price), whole, how == "covered")


def test_a_machine_beside_the_commitment_by_hand(one: Faulty) -> None:
    """Seed 1, the 1st at 09:00: 96 and 192 cores are covered, 192 of a kind that saves less not."""
    # 288 x 0.025 = 7.20 of 8.00 are drawn. The 0.80 left are 0.80/0.027 cores of 192, which save
    # 0.80/0.027 x 0.031 = 0.9185185... of 192 x 0.031 = 5.952.
    at = datetime(2026, 10, 1, 9, tzinfo=UTC)
    [row] = _rows(one, "claims", commitment_id=gcp.CUD, interval_start=text(at))
    assert [_number(row, name) for name in ("billed", "expected", "amount")] == [
        Decimal("5.952"), Decimal("5.033481481481481481"), Decimal("0.918518518518518519"),
    ]  # fmt: skip


def test_the_plan_pays_ten_an_hour_still(faulty: Faulty) -> None:
    """Rows of the plan, used and unused, are 10.00 in every hour but the three that are short."""
    hours: dict[datetime, Decimal] = defaultdict(Decimal)
    for charge in faulty.world.ledger.charges:
        values = charge.values
        of_plan = values.get("CommitmentDiscountId") == sagemaker.PLAN
        if of_plan and values["CommitmentDiscountStatus"]:
            hours[charge.start] += charge.effective
    short = [hours[at] for at in sorted(hours) if hours[at] != 10]
    assert len(hours) == 72
    assert short == [Decimal("9.50"), Decimal("9.50"), Decimal("9.75")]


def test_lots_roll_forward(faulty: Faulty) -> None:
    """Opening + granted - drawn - expired = closing; a lot's break is the provider's difference."""
    breaks = {row["subject"]: row for row in _rows(faulty, "leg_breaks", leg="balance")}
    assert len(breaks) == 3
    for row in _rows(faulty, "roll_forward"):
        opening, granted, drawn, expired, closing = (
            _number(row, name) for name in ("opening", "granted", "drawn", "expired", "closing")
        )
        assert opening + granted - drawn - expired == closing
        if row["difference"] is None:
            continue
        taken = Decimal(0)
        if row["lot_id"] in breaks:
            found = breaks[row["lot_id"]]
            taken = _number(found, "billed") - _number(found, "expected")
        assert _number(row, "difference") == taken


def test_invoices_are_the_bill(faulty: Faulty) -> None:
    """Due is what is billed less what was prepaid; one invoice is off by its error."""
    ledger = faulty.world.ledger
    invoices = faults_invoices.invoices(ledger)
    drawn = total(one.quantity for one in ledger.drawings if one.commitment.startswith("UC-2026"))
    billed = total(charge.billed for charge in ledger.charges)
    assert total(one.due for one in invoices) == billed - drawn
    errors = [one for one in invoices if one.made == faults_invoices.ERROR]
    assert len(errors) == 1
    assert abs(errors[0].asked - errors[0].due) > Decimal("2.99")
    for one in invoices:
        if one.made is None:
            assert abs(one.asked - one.due) <= Decimal("0.005")


def test_restated_items_add_up(faulty: Faulty) -> None:
    """The deltas of all items are the later bill less the first, in each currency."""
    ledger = faulty.world.ledger
    for currency in ("EUR", "USD"):
        before = total(one.effective for one in ledger.charges if one.currency == currency)
        after = total(one.effective for one in faulty.later if one.currency == currency)
        moved = total(
            _number(row, "effective_delta")
            for row in _rows(faulty, "restatements", currency=currency)
        )
        assert moved == after - before


def test_files_say_what_was_planted(one: Faulty) -> None:
    """The statement, the rates and the invoices as files hold what the answers are made of."""
    files = faults.files(one)
    balances = list(csv.DictReader(io.StringIO(files["asserted/balances.csv"].decode())))
    assert {row["lot_id"]: row["remaining"] for row in balances} == {
        "tpu-burst-2026": "0",
        "tpu-contract-2026": "13838.4",
        "UC-2026-4410927-EXTRA": "364.60",
    }
    asked = csv.DictReader(io.StringIO(files["invoices.csv"].decode()))
    assert {row["issuer"]: row["amount_due"] for row in asked}["Oracle"] == "84.96"
    assert any(path.startswith("restated/bills/gcp/") for path in files)


def test_without_faults_nothing_is_planted() -> None:
    """A world that is made without them has no lot, no invoice and no rate more than it had."""
    plain = world.make(1, START, 3)
    assert plain.ledger.lots == []
    assert not [path for path in world.files(plain) if "asserted" in path or "invoices" in path]


def test_a_misapplied_hour_by_hand(one: Faulty) -> None:
    """21:00: routing-rank 1 h and depth-quad 2 h, of which the plan paid for one."""
    # By the rules: rank saves 1 - 3.10/4.20 = 26.2 %, depth 1 - 4.00/5.00 = 20 %. Of 10.00 rank
    # takes 3.10; the 6.90 left are 6.90/4.00 = 1.725 h of depth. On demand stay 0.275 h x 5.00.
    # As billed 1 h of depth stayed on demand: 5.00. Too much: 5.00 - 1.375 = 3.625.
    at = datetime(2026, 10, 1, 21, tzinfo=UTC)
    [row] = _rows(one, "leg_breaks", rule=faults_plan.RULE, period_start=text(at))
    assert one.plan.hours[at] == "half"
    assert row["period_end"] == text(at + HOUR)
    assert [_number(row, name) for name in ("billed", "expected", "amount")] == [
        Decimal("5.00"), Decimal("1.375"), Decimal("3.625"),
    ]  # fmt: skip


def test_one_world_by_hand(one: Faulty) -> None:
    """Seed 1: what its statement took too much, and what its rows at 3.15 cost too much."""
    figures = {
        (row["rule"], row["subject"]): tuple(
            _number(row, name) for name in ("billed", "expected", "amount")
        )
        for row in _rows(one, "leg_breaks")
    }
    # The statement lacks the first pool: 250000.00 - 793.00 drawn = 249207.00 are gone.
    assert figures["missing_credit", "UC-2026-4410927"] == (
        Decimal("250000.00"), Decimal("793.00"), Decimal("249207.00"),
    )  # fmt: skip
    # Of the second, 29.50 were drawn; the statement takes one charge of 2 h x 2.95 = 5.90 again.
    assert figures["double_drawdown", "UC-2026-4410927-EXTRA"] == (
        Decimal("35.40"), Decimal("29.50"), Decimal("5.90"),
    )  # fmt: skip
    # Four hours of 4 chips drew 4 x 4 / 2 = 8 of 120 credits by the 2nd at 12:00; the other 112,
    # 5.40 each, are gone a good half day too soon: 604.80.
    assert figures["early_expiry", "tpu-burst-2026"] == (
        Decimal(120), Decimal(8), Decimal("604.80"),
    )  # fmt: skip
    # 12 GPU-hours at 3.15 are 37.80; at the contract's 2.95 they are 35.40.
    assert figures["rate", "B95909"] == (Decimal("37.80"), Decimal("35.40"), Decimal("2.40"))
    # An invoice over 84.96 for what comes to 8.85.
    assert figures["invoice", "O-20261017"][2] == Decimal("84.96") - Decimal("8.85")
