"""What the contract says a unit costs, from when to when: rules first, then what providers tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from trueup.adapter.rating import Match, Rating
from trueup.adapter.registry import providers
from trueup.errors import UnitError
from trueup.model.rules import OF_USAGE, Rate, Rules
from trueup.reconcile.metering import Metering, base_factor, metering_of
from trueup.reconcile.profiles import Profile
from trueup.reconcile.terms import Terms
from trueup.units import factor, parse_unit

BEGIN, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
ON_DEMAND, OF_COMMITMENT, OVERAGE = "on_demand", "commitment", "overage"


@dataclass(frozen=True)
class DatedRate:
    """The price of one unit of a profile while ``start`` <= time < ``end``."""

    start: datetime
    end: datetime
    price: Fraction


@dataclass(frozen=True)
class Offered:
    """A row of ``provider_rates``: for what it is, and the words by which charges find it."""

    row: Mapping[str, Any]
    use: str
    term: str | None
    words: frozenset[str]


@dataclass
class RateBook:
    """All rates of a run; lookups are per profile."""

    rules: Rules
    offered: dict[str, list[Offered]] = field(default_factory=lambda: defaultdict(list))
    by_sku: dict[tuple[str, str], list[Offered]] = field(default_factory=lambda: defaultdict(list))
    by_word: dict[tuple[str, str], list[Offered]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_empty(self) -> bool:
        return not self.rules.rate and not self.offered

    def on_demand(self, profile: Profile) -> list[DatedRate]:
        """What a unit costs where no commitment covers it."""
        use = ON_DEMAND
        rating = rating_of(profile.provider)
        if rating and rating.overage and matches(profile.columns, rating.overage):
            use = OVERAGE
        said = [self._by_rule(profile, rate, rate.price) for rate in self._rules(profile)]
        offered = self._offered(profile, use, None, None)
        if use == OVERAGE and not offered:  # told only where it is another price
            offered = self._offered(profile, ON_DEMAND, None, None)
        return flat([*filter(None, said)], offered)

    def of_commitment(
        self, profile: Profile, commitment_id: str, terms: Terms | None
    ) -> list[DatedRate]:
        """What a unit draws from a commitment that counts in money."""
        said = [
            self._by_rule(profile, rate, rate.commitment_price)
            for rate in self._rules(profile)
            if rate.commitment_id == commitment_id and rate.commitment_price is not None
        ]
        offered = self._offered(profile, OF_COMMITMENT, commitment_id, terms)
        return flat([*filter(None, said)], offered)

    def _rules(self, profile: Profile) -> list[Rate]:
        """Those of its currency. Tiers are of a month's whole, so they give a charge no price."""
        same = [rate for rate in self.rules.rate if rate.currency == profile.currency]
        return [rate for rate in same if not rate.tiers]

    def _by_rule(self, profile: Profile, rate: Rate, price: Any) -> DatedRate | None:
        """The rule's price for one unit of the profile, if the rule speaks of it."""
        metering = self._metering(profile)
        if metering is None or metering.meter != rate.meter:
            return None
        said = {"model": metering.model, "meter": metering.meter, "tier": metering.tier}
        said |= {"service_tier": metering.tier}
        facts = {
            column: said.get(column) or profile.columns.get(OF_USAGE.get(column, column))
            for column in rate.match
        }
        if not matches(facts, rate.match):
            return None
        try:
            parts = base_factor(parse_unit(rate.unit), rate.meter)
        except UnitError:
            return None
        return DatedRate(
            _midnight(rate.valid_from, BEGIN),
            _midnight(rate.valid_to, END),
            Fraction(price) * metering.factor / parts,
        )

    def _metering(self, profile: Profile) -> Metering | None:
        adapter = providers().get(profile.provider or "")
        span = (profile.first, profile.last)
        found = metering_of(profile.columns, profile.unit or "", adapter, self.rules, span)
        return found if isinstance(found, Metering) else None

    def _offered(
        self, profile: Profile, use: str, commitment_id: str | None, terms: Terms | None
    ) -> list[DatedRate]:
        rows = [
            one
            for one in self._found(profile)
            if one.use == use
            and one.row["currency"] == profile.currency
            and (one.row["commitment_id"] or commitment_id) == commitment_id
            and (one.term is None or one.term == _term(terms))
        ]
        priced = [
            DatedRate(
                one.row["valid_from"] or BEGIN,
                one.row["valid_to"] or END,
                Fraction(one.row["price"]) * ratio,
            )
            for one in rows
            if (ratio := unit_ratio(profile.unit, one.row["unit"])) is not None
        ]
        return successive(priced)

    def _found(self, profile: Profile) -> list[Offered]:
        provider = profile.provider or ""
        for column in ("SkuPriceId", "SkuId"):
            found = self.by_sku.get((provider, profile.columns.get(column) or ""))
            if found:
                return found
        rating = rating_of(provider)
        for names in rating.rate_names if rating else ():
            texts = [profile.columns.get(name) for name in names]
            words = {word for text in texts if text for word in text.lower().split()}
            if not words or not all(texts):
                continue
            candidates = self.by_word.get((provider, min(words)), [])
            found = [one for one in candidates if words <= one.words]
            if found:
                return found
        return []


def rate_book(rules: Rules, asserted: Iterable[Mapping[str, Any]]) -> RateBook:
    """The rates of a run: its rules, and rows of ``provider_rates``."""
    book = RateBook(rules)
    for row in asserted:
        rating = rating_of(row["provider"])
        use, term = _use(row, rating)
        if use == "none" or row["price"] is None:
            continue
        one = Offered(row, use, term, frozenset((row["sku"] or "").lower().split()))
        book.offered[row["provider"]].append(one)
        if row["sku_id"]:
            book.by_sku[row["provider"], row["sku_id"]].append(one)
        for word in one.words:
            book.by_word[row["provider"], word].append(one)
    return book


def _use(row: Mapping[str, Any], rating: Rating | None) -> tuple[str, str | None]:
    """For what a rate is: list prices of a provider that negotiates are for nothing here."""
    if row["commitment_id"]:
        return OF_COMMITMENT, None
    if rating is None:
        return ON_DEMAND, None
    if row["operation"] not in rating.contract_rates:
        return "none", None
    for pattern, use in rating.rate_uses:
        found = re.search(pattern, row["sku"] or "", re.IGNORECASE)
        if found:
            return use, found.groupdict().get("term")
    return ON_DEMAND, None


def rating_of(provider: str | None) -> Rating | None:
    """A provider's declared rules, None where it has none."""
    adapter = providers().get(provider or "")
    return adapter.rating() if adapter and adapter.rating else None


def matches(facts: Mapping[str, str | None], match: Match) -> bool:
    """Whether every pattern is found in its column; a column that is not known is empty."""
    return all(
        re.search(pattern, facts.get(column) or "", re.IGNORECASE)
        for column, pattern in match.items()
    )


def unit_ratio(unit: str | None, rate_unit: str | None) -> Fraction | None:
    """How many rate units one unit is; None where they are different things."""
    if unit is None or rate_unit is None:
        return None
    if unit.casefold() == rate_unit.casefold():
        return Fraction(1)
    try:
        return factor(parse_unit(unit), rate_unit)
    except UnitError:
        return None


def successive(rates: Iterable[DatedRate]) -> list[DatedRate]:
    """Rates that do not overlap: a later one ends those before it.

    Different prices from the same instant on leave that time without a rate: which holds is not
    known.
    """
    by_start: dict[datetime, list[DatedRate]] = defaultdict(list)
    for rate in rates:
        by_start[rate.start].append(rate)
    starts = sorted(by_start)
    found = []
    for start, following in pairwise([*starts, END]):
        same = by_start[start]
        if len({rate.price for rate in same}) == 1:
            end = min(following, max(rate.end for rate in same))
            found.append(DatedRate(start, end, same[0].price))
    return found


def flat(first: Sequence[DatedRate], then: Sequence[DatedRate]) -> list[DatedRate]:
    """Rates that do not overlap; in each stretch of time the first that holds."""
    ordered = [*first, *then]
    edges = sorted({edge for rate in ordered for edge in (rate.start, rate.end)})
    found = []
    for start, end in pairwise(edges):
        holds = next((rate for rate in ordered if rate.start <= start and end <= rate.end), None)
        if holds is not None:
            found.append(DatedRate(start, end, holds.price))
    return found


def _midnight(day: date | None, otherwise: datetime) -> datetime:
    return otherwise if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _term(terms: Terms | None) -> str | None:
    return None if terms is None else f"P{round((terms.end - terms.start).days / 365)}Y"
