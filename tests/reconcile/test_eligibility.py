"""Which usage may draw on a commitment, at what rate: scope, units, and what saves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.reconcile.test_terms import terms
from trueup.adapter.rating import Rating, Stage
from trueup.model.rules import Rules, read_rules
from trueup.reconcile import eligibility
from trueup.reconcile.eligibility import Eligible, Pool, eligible
from trueup.reconcile.profiles import Profile
from trueup.reconcile.rates import DatedRate, RateBook, flat, unit_ratio

RATE = {
    "match": {"sku_id": "^x$"},
    "meter": "gpu",
    "unit": "GPU-Hours",
    "price": "4.00",
    "currency": "USD",
    "commitment_id": "plan",
    "commitment_price": "3.00",
}


def day(number: int) -> datetime:
    return datetime(2026, 10, number, tzinfo=UTC)


def stage(**given: Any) -> Stage:
    usual = {"rule": "plan_rule", "source": "page", "commitment": {}, "consumes": "rate"}
    return Stage(**(usual | {"eligible": ({"SkuId": "^x$"},)} | given))


def pool(of: Stage, provider: str | None = "p", **given: Any) -> Pool:
    usual: dict[str, Any] = {"commitment_id": "plan", "place": 0, "unit": "USD", "terms": None}
    return Pool(provider=provider, stage=of, **(usual | given))


def profile(**given: Any) -> Profile:
    """2 GPU-hours of SKU x on demand, in region r."""
    usual = {
        "key": 1,
        "columns": {"x_Provider": "p", "SkuId": "x", "RegionId": "r"},
        "unit": "GPU-Hours",
        "currency": "USD",
        "commitment_id": None,
        "q": Fraction(2),
        "billed": Fraction(8),
        "effective": Fraction(8),
        "listed": Fraction(8),
        "first": day(3),
        "last": day(4),
        "lines": 1,
    }
    blank = dict.fromkeys(Profile.__dataclass_fields__)
    return Profile(**(blank | usual | given))  # type: ignore[arg-type]


def found(
    monkeypatch: pytest.MonkeyPatch, one: Pool, price: int = 4, *profiles: Profile
) -> Eligible:
    """What may draw on the pool where a unit costs so much on demand."""
    rating = Rating(stages=(one.stage,))
    monkeypatch.setattr(eligibility, "rating_of", lambda name: rating if name == "p" else None)
    of = profiles or (profile(),)
    prices: dict[object, Fraction] = {each.sku: Fraction(price) for each in of}
    return eligible(of, [one], prices, RateBook(read_rules({"rate": [RATE]})))


@pytest.mark.parametrize(
    ("price", "rates"),
    [
        (4, [3]),
        (3, []),  # it would save nothing
        (2, []),
    ],
)
def test_a_rate_that_saves_nothing_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch, price: int, rates: list[int]
) -> None:
    """The plan's rate is 3.00 for what costs 4.00, 3.00 or 2.00 on demand."""
    result = found(monkeypatch, pool(stage()), price)
    assert [pair.rate.price for pair in result.pairs] == rates
    assert result.unrated == []


def test_a_commitment_of_a_provider_without_rules_is_applied_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody publishes how it is applied."""
    assert found(monkeypatch, pool(stage(), provider=None)) == Eligible()


def test_a_scope_that_nothing_shows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It serves one region, and nothing on the bill tells which: x may be in scope."""
    regional = pool(stage(same=("RegionId",)))
    result = found(monkeypatch, regional)
    assert (result.pairs, result.unscoped) == ([], [regional])


def test_a_scope_that_nothing_on_the_bill_could_meet_is_not_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is eligible is y alone; x is none of it, in whatever region."""
    result = found(monkeypatch, pool(stage(same=("RegionId",), eligible=({"SkuId": "^y$"},))))
    assert (result.pairs, result.unscoped) == ([], [])


@pytest.mark.parametrize(("region", "pairs"), [("^r$", 1), ("^s$", 0)])
def test_a_contract_says_itself_what_it_applies_to(
    monkeypatch: pytest.MonkeyPatch, region: str, pairs: int
) -> None:
    """Usage of region r: the contract's own words come before the provider's rule."""
    said = terms(applies_to=f'{{"RegionId": "{region}"}}')
    result = found(monkeypatch, pool(stage(same=("RegionId",)), terms=said))
    assert len(result.pairs) == pairs
    assert result.unscoped == []


@pytest.mark.parametrize(
    ("unit", "rates", "unrated"),
    [
        ("GPU-Minutes", [60], 0),  # an hour of usage draws 60 minutes of the commitment
        ("gpu-hours", [1], 0),
        ("Tokens", [], 1),
        (None, [], 1),
    ],
)
def test_usage_is_counted_in_the_unit_of_the_commitment(
    monkeypatch: pytest.MonkeyPatch, unit: str | None, rates: list[int], unrated: int
) -> None:
    """Without a ratio between the two it is eligible, and nothing says how much it draws."""
    result = found(monkeypatch, pool(stage(consumes="units", order=()), unit=unit))
    assert [pair.rate.price for pair in result.pairs] == rates
    assert len(result.unrated) == unrated


def test_what_the_bill_shows_is_drawn_before_any_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bill shows 3 of the commitment drawn for 2 of x: 1.5 each, for what is not covered too."""
    covered = profile(commitment_id="plan", drawn=Fraction(3))
    plan = pool(stage(consumes="units", order=()), unit="GPU-Hours")
    result = found(monkeypatch, plan, 4, profile(key=2), covered)
    assert [pair.rate.price for pair in result.pairs] == [Fraction(3, 2)] * 2


def test_rates_that_leave_a_gap_leave_it() -> None:
    """The first rate holds from the 1st to the 3rd, the other from the 5th to the 7th."""
    first = DatedRate(day(1), day(3), Fraction(1))
    then = DatedRate(day(5), day(7), Fraction(2))
    assert flat([first], [then]) == [first, then]
    over = DatedRate(day(2), day(6), Fraction(9))
    assert [(one.start, one.end, int(one.price)) for one in flat([first], [over])] == [
        (day(1), day(2), 1),
        (day(2), day(3), 1),
        (day(3), day(6), 9),
    ]


def test_a_unit_that_is_not_stated_has_no_ratio() -> None:
    """Of nothing nobody knows how many hours it is."""
    assert unit_ratio(None, "Hours") is unit_ratio("Hours", None) is None
    assert unit_ratio("Hours", "Tokens") is None
    assert unit_ratio("Hours", "Minutes") == 60


def test_rules_without_a_rate_price_nothing() -> None:
    """And a rate of tiers gives a charge no price: it depends on the month's whole."""
    assert RateBook(Rules()).on_demand(profile()) == []
    tiers = {"price": "4.00", "tiers": [{"price": "4.00", "up_to": "5"}, {"price": "1.00"}]}
    with_tiers = {name: value for name, value in RATE.items() if not name.startswith("commit")}
    book = RateBook(read_rules({"rate": [with_tiers | tiers]}))
    assert book.on_demand(profile()) == []
    plain = RateBook(read_rules({"rate": [with_tiers]}))
    assert [rate.price for rate in plain.on_demand(profile())] == [Decimal(4)]
