"""How a contract's figure is read, and how many intervals it counts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from trueup.errors import UsageError
from trueup.period import Period
from trueup.reconcile.terms import Terms, dated_amounts, per_interval

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
