"""How a contract's figure is read, and how many intervals it counts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from trueup.errors import UsageError
from trueup.period import Period
from trueup.reconcile.terms import Terms, dated_amounts, latest, per_interval

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def terms(**given: object) -> Terms:
    blank: dict[str, object] = dict.fromkeys(Terms.__dataclass_fields__)
    usual = {
        "commitment_id": "plan",
        "layer": "benefit",
        "interval": "hourly",
        "start": YEAR[0],
        "end": YEAR[1],
        "category": "Spend",
        "unit": "USD",
        "currency": "USD",
    }
    return Terms(**(blank | usual | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figure", "per", "billed", "expected"),
    [
        ("10.00", "interval", "10.00", Fraction(10)),
        ("87600.00", "term", "10.00", Fraction(10)),  # 87600 / 8760 h = 10
        ("87600.00", None, "10.00", Fraction(10)),  # nearer as a term total
        ("10.00", None, "8.50", Fraction(10)),  # nearer as an hourly figure
        ("10.00", None, "25.00", Fraction(10)),  # a real gap does not change the reading
        ("280460.16", None, "32.016", Fraction("32.016")),  # 280460.16 / 8760 = 32.016
    ],
)
def test_a_figure_is_of_an_interval_or_of_the_term(
    figure: str, per: str | None, billed: str, expected: Fraction
) -> None:
    """What the contract states decides; else the reading nearer to the bill."""
    found, _how = per_interval(terms(figure=Decimal(figure), per=per), Fraction(billed))
    assert found == expected


@pytest.mark.parametrize("text", ["[]", '{"Elements": [{"at": "soon", "quantity": 1}]}', "{"])
def test_dated_amounts_of_another_form_are_named(text: str) -> None:
    """A contract file whose x_Adjustments cannot be read is named, with the form it should have."""
    with pytest.raises(UsageError, match=r"plan: .* is not of the form"):
        dated_amounts(text, "at", "quantity", "plan")


def test_no_figure_stays_unknown() -> None:
    """A rate card commits nothing: null, not zero."""
    assert per_interval(terms(figure=None), None) == (None, None)


def test_whole_hours_of_a_term_that_starts_within_the_period() -> None:
    """A plan from 14:30 has 9 whole hours left on its first day."""
    plan = terms(start=datetime(2026, 10, 3, 14, 30, tzinfo=UTC))
    day = Period(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC))
    active = plan.active(day)
    assert active is not None
    assert plan.intervals(active) == 9  # 15:00 to 24:00


@pytest.mark.parametrize("lifecycle", ["Proposed", "Pending"])
def test_a_queued_commitment_counts_nothing(lifecycle: str) -> None:
    """What is only proposed or pending is not active."""
    october = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    assert terms(lifecycle=lifecycle).active(october) is None


def test_of_several_rows_of_a_contract_the_one_updated_last_counts() -> None:
    """Exports of two months in either order; a row that says no update counts from its start."""
    old = terms(figure=Decimal(1), updated=YEAR[0])
    new = terms(figure=Decimal(2), updated=datetime(2026, 6, 1, tzinfo=UTC))
    silent = terms(figure=Decimal(3), start=datetime(2025, 1, 1, tzinfo=UTC))
    other = terms(commitment_id="other")
    for rows in ([silent, old, new], [new, old, silent], [old, new, other]):
        found, repeated = latest(rows)
        assert [one.figure for one in found if one.commitment_id == "plan"] == [2]
        assert repeated == ["plan"]


def test_a_contract_that_stands_nowhere_has_no_row_behind_a_break() -> None:
    """Its source and row are both known, or neither is told."""
    assert terms(source_id=1, source_row=7).rows == [("contract", 1, 7)]
    assert terms(source_id=1).rows == terms().rows == []


def test_a_commitment_without_an_interval_has_no_intervals() -> None:
    """Of an hourly one the first day has 24."""
    day = Period(YEAR[0], datetime(2026, 1, 2, tzinfo=UTC))
    assert terms(interval=None).intervals(day) == 0
    assert terms().intervals(day) == 24
