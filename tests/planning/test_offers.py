"""What offers cost by the hour, and which are refused."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from trueup.errors import ConfigurationError, UsageError
from trueup.model.rules import Offer, read_rules
from trueup.planning.offers import hourly_price, offers_of, term_of

RATE = {"match": {}, "meter": "gpu", "unit": "GPU-Hours", "price": "4", "currency": "USD"}


def offer(**more: Any) -> Offer:
    given = {"name": "one", "currency": "USD", "unit": "GPU-Hours", **more}
    return read_rules({"offer": [given]}).offer[0]


@pytest.mark.parametrize(
    ("start", "term", "hours"),
    [
        (date(2026, 1, 1), "P1Y", 365 * 24),
        (date(2027, 6, 1), "P1Y", 366 * 24),  # 29 February 2028 is in it
        (date(2026, 11, 1), "P3Y", (3 * 365 + 1) * 24),
        (date(2026, 2, 1), "P1M", 28 * 24),
        (date(2026, 10, 31), "P1M", 30 * 24),  # to 30 November
    ],
)
def test_upfront_is_spread_over_the_actual_hours_of_the_term(
    start: date, term: str, hours: int
) -> None:
    """8,760.00 upfront and 1.30 an hour: 1.30 + 8760 / hours, never of months of 730 hours."""
    paid = offer(start=start, term=term, payment="partial", upfront="8760.00", hourly="1.30")
    lasts = term_of(paid, date(2020, 1, 1))
    assert hourly_price(paid, lasts) == Fraction("1.30") + Fraction(8760, hours)


def test_a_term_begins_with_the_plan_unless_it_says_otherwise() -> None:
    """The offer without a start begins on the day given, and ends a year later."""
    lasts = term_of(offer(hourly="1"), date(2026, 10, 31))
    assert (lasts.start.date(), lasts.end.date()) == (date(2026, 10, 31), date(2027, 10, 31))


def test_money_costs_itself() -> None:
    """A unit of a commitment in money is that money, whichever way it is paid."""
    plan = offer(unit=None, payment="all", discount="0.28")
    assert hourly_price(plan, term_of(plan, date(2026, 1, 1))) == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"payment": "all", "upfront": "9", "hourly": "1"}, '"all" has upfront and no hourly'),
        ({"payment": "partial", "hourly": "1"}, '"partial" has both'),
        ({"payment": "none", "upfront": "9"}, '"none" has hourly'),
        ({"unit": None, "hourly": "1"}, "it is in money"),
        ({"hourly": "1", "discount": "0.2"}, "leave out either it or unit"),
        ({"hourly": "1", "term": "1 year"}, "term"),
        ({"hourly": "1", "step": "0"}, "step"),
    ],
)
def test_an_offer_that_cannot_be_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        offer(**wrong)


def test_two_offers_have_two_names() -> None:
    """By its name an offer is chosen and its curve is known."""
    one = {"name": "one", "currency": "USD"}
    with pytest.raises(ConfigurationError, match="two offers are called 'one'"):
        read_rules({"offer": [one, one]})


def test_rates_offer_what_they_have_a_price_for() -> None:
    """Without offers a commitment in each currency with a commitment_price; else there is none."""
    rates = [{**RATE, "commitment_price": "2"}, {**RATE, "currency": "EUR"}]
    assert [one.name for one in offers_of(read_rules({"rate": rates}), ())] == ["commitment in USD"]
    with pytest.raises(UsageError, match="no commitment is offered"):
        offers_of(read_rules({"rate": [RATE]}), ())
    with pytest.raises(UsageError, match="'two': they are one"):
        offers_of(read_rules({"offer": [{"name": "one", "currency": "USD"}]}), ("two",))
