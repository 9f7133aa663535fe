"""Which profiles of charges may draw on which commitments, at what rate, in which order.

Pure functions over the distinct profiles of a bill and its commitments; the charges themselves are
poured over the result in ``waterfall``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from trueup.adapter.rating import Rating, Stage
from trueup.reconcile.profiles import Profile
from trueup.reconcile.rates import (
    BEGIN,
    END,
    DatedRate,
    RateBook,
    flat,
    matches,
    rating_of,
    unit_ratio,
)
from trueup.reconcile.terms import Terms

DYNAMIC = "Dynamic"  # FOCUS's PricingCategory of spot capacity, which no commitment covers


@dataclass(frozen=True)
class Pool:
    """A commitment under the rule by which it is applied."""

    commitment_id: str
    provider: str | None
    place: int  # of the stage among the provider's stages
    stage: Stage
    unit: str | None
    terms: Terms | None


@dataclass
class Pair:
    """A profile that may draw on a pool: ``rate`` units of the commitment per unit of quantity."""

    profile: Profile
    pool: Pool
    rate: DatedRate
    by_evidence: bool  # the bill shows the same SKU covered by the same commitment
    lacking: str | None  # what a claim on it would still need
    order: tuple[object, ...] = ()
    rank: int = 0
    round: int = 0


@dataclass
class Eligible:
    """All pairs of a run, and the profiles that are eligible but have no rate."""

    pairs: list[Pair] = field(default_factory=list)
    unrated: list[tuple[Profile, Pool]] = field(default_factory=list)
    unscoped: list[Pool] = field(default_factory=list)


def on_demand_prices(found: Iterable[Profile], book: RateBook) -> dict[object, Fraction]:
    """SKU -> what a unit costs without a commitment.

    What charges that none covered were billed; else the contracted unit price, the list price or
    the list cost of covered ones, where it is above what they drew; else the rule's price.
    """
    plain: dict[object, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    stated: dict[object, Fraction] = {}
    for one in found:
        if one.commitment_id is None:
            if one.q > 0 and one.billed > 0:
                plain[one.sku][0] += one.billed
                plain[one.sku][1] += one.q
            continue
        low = one.effective / one.q if one.q > 0 else Fraction(0)
        listed = one.listed / one.q if one.q > 0 else None
        ruled = [rate.price for rate in book.on_demand(one)]
        options = (one.contracted_price, one.list_price, listed, *ruled)
        price = next((option for option in options if option is not None and option > low), None)
        if price is not None:
            stated.setdefault(one.sku, price)
    return stated | {sku: money / q for sku, (money, q) in plain.items()}


def stage_of(rating: Rating, facts: Mapping[str, str | None]) -> int | None:
    """The first stage whose commitments these facts describe."""
    places = (at for at, stage in enumerate(rating.stages) if matches(facts, stage.commitment))
    return next(places, None)


def eligible(
    found: Sequence[Profile],
    pools: Iterable[Pool],
    prices: Mapping[object, Fraction],
    book: RateBook,
) -> Eligible:
    """Every pair of a profile and a pool, ranked, each with the round in which it is poured."""
    result = Eligible()
    # One of each key; where a key was covered in part, the one that was not.
    distinct = {one.key: one for one in sorted(found, key=lambda one: one.commitment_id is None)}
    for pool in pools:
        rating = rating_of(pool.provider)
        if rating is None:
            continue
        own = [one for one in found if one.commitment_id == pool.commitment_id]
        scope = _Scope(pool, rating, own)
        for profile in distinct.values():
            _take(result, pool, rating, profile, scope, prices, book)
        if scope.wanted and not own:
            result.unscoped.append(pool)
    _schedule(result.pairs)
    return result


@dataclass
class _Scope:
    """What a commitment covers elsewhere on the bill, or what its contract says it applies to."""

    pool: Pool
    rating: Rating
    own: Sequence[Profile]
    wanted: bool = False  # a charge matched, and nothing tells whether it is in scope

    def __post_init__(self) -> None:
        self.drawn: dict[object, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
        self.unclear: set[object] = set()
        for one in self.own:
            if one.drawn is None or one.q <= 0:
                self.unclear.add(one.sku)
                continue
            self.drawn[one.sku][0] += one.drawn
            self.drawn[one.sku][1] += one.q
        names = self.pool.stage.same
        self.same = {values_of(one, self.rating, names) for one in self.own}
        self.said = json.loads(self.pool.terms.applies_to or "{}") if self.pool.terms else {}
        self.skus = {one.sku for one in self.own}

    def observed(self, profile: Profile) -> Fraction | None:
        """Units of the commitment per unit of a SKU, as the bill shows them."""
        drawn, q = self.drawn.get(profile.sku, (Fraction(0), Fraction(0)))
        return drawn / q if q and drawn > 0 else None

    def admits(self, profile: Profile) -> tuple[bool, str | None]:
        """Whether a charge may draw on the commitment, and what is not known about that."""
        stage = self.pool.stage
        if self.said:
            return matches(profile.columns, self.said), None
        if not any(matches(profile.columns, match) for match in stage.eligible):
            return False, None
        if not stage.same:
            return True, None
        if not self.own:
            self.wanted = True
            return False, None
        values = values_of(profile, self.rating, stage.same)
        if values not in self.same:
            return False, None
        blank = [name for name, value in zip(stage.same, values, strict=True) if value is None]
        return True, f"the bill does not tell {' and '.join(blank)}" if blank else None


def parts_of(profile: Profile, rating: Rating) -> dict[str, str | None]:
    """The named parts of a charge, and the group and size that a factor stands for."""
    parts: dict[str, str | None] = {}
    for column, pattern in rating.parts:
        found = re.search(pattern, profile.columns.get(column) or "", re.IGNORECASE)
        if found:
            parts = {**found.groupdict(), **parts}
    for group, sizes in rating.sizes.items():
        if parts.get("size") in sizes:
            parts["group"] = group
    return parts


def size_of(profile: Profile, rating: Rating) -> Fraction | None:
    """How many normalised units an hour of this size counts."""
    parts = parts_of(profile, rating)
    return rating.sizes.get(parts.get("group") or "", {}).get(parts.get("size") or "")


def values_of(profile: Profile, rating: Rating, names: Sequence[str]) -> tuple[str | None, ...]:
    """What a profile says under each name, a column or a part."""
    said = {**profile.columns, **parts_of(profile, rating)}
    return tuple(said.get(name) or None for name in names)


def _take(
    result: Eligible,
    pool: Pool,
    rating: Rating,
    profile: Profile,
    scope: _Scope,
    prices: Mapping[object, Fraction],
    book: RateBook,
) -> None:
    if profile.provider != pool.provider or (profile.unit is None and not profile.q):
        return
    free = profile.commitment_id is None
    if free and profile.columns.get("PricingCategory") == DYNAMIC:
        return
    shown = profile.sku in scope.skus
    admitted, lacking = (True, None) if shown else scope.admits(profile)
    if not admitted:
        return
    price = prices.get(profile.sku)
    rates = _rates(pool, rating, profile, scope, price, book)
    if not rates:
        if free:
            result.unrated.append((profile, pool))
        return
    in_money = pool.stage.consumes == "rate"
    for rate in rates:
        if in_money and not shown and price is not None and rate.price >= price:
            continue  # it would save nothing
        pair = Pair(profile, pool, rate, shown, lacking)
        pair.order = _order(pair, rating, price)
        result.pairs.append(pair)


def _rates(
    pool: Pool,
    rating: Rating,
    profile: Profile,
    scope: _Scope,
    price: Fraction | None,
    book: RateBook,
) -> list[DatedRate]:
    """Units of the commitment per unit of the profile's quantity, over time."""
    observed = scope.observed(profile)
    always = [DatedRate(BEGIN, END, observed)] if observed else []
    consumes = pool.stage.consumes
    if consumes == "rate":
        return flat(book.of_commitment(profile, pool.commitment_id, pool.terms), always)
    if consumes == "on_demand":
        return [] if price is None else [DatedRate(BEGIN, END, price)]
    size = size_of(profile, rating) if consumes == "normalized_units" else None
    if size is not None:
        return [DatedRate(BEGIN, END, size)]
    if always:
        return always
    ratio = unit_ratio(profile.unit, pool.unit) if consumes == "units" else None
    return [] if ratio is None else [DatedRate(BEGIN, END, ratio)]


def _order(pair: Pair, rating: Rating, price: Fraction | None) -> tuple[object, ...]:
    rate = pair.rate.price
    keys: dict[str, object] = {
        "savings": Fraction(0),
        "rate": Fraction(0),
        "smallest": size_of(pair.profile, rating) or Fraction(0),
    }
    if pair.pool.stage.consumes == "rate":
        keys["savings"] = rate / price if price else Fraction(1)  # the least paid of each unit
        keys["rate"] = rate
    return tuple(keys[name] for name in pair.pool.stage.order)


def _schedule(pairs: list[Pair]) -> None:
    """Rank the pairs of each stage; rounds let pools that share no charge be poured at once.

    A pair's round comes after every better pair of the same profile with another pool, and not
    before those of its own pool.
    """
    by_stage: dict[tuple[str | None, int], list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_stage[pair.pool.provider, pair.pool.place].append(pair)
    for of_stage in by_stage.values():
        of_stage.sort(key=lambda one: (one.order, one.pool.commitment_id, one.profile.sku[1] or ""))
        last_of_pool: dict[str, int] = {}
        taken: dict[int, dict[str, int]] = defaultdict(dict)
        places: dict[tuple[object, ...], int] = {}
        for pair in of_stage:
            name, key = pair.pool.commitment_id, pair.profile.key
            others = [at + 1 for other, at in taken[key].items() if other != name]
            pair.round = max([last_of_pool.get(name, 0), *others])
            pair.rank = places.setdefault(pair.order, len(places))
            last_of_pool[name] = taken[key][name] = pair.round


def clusters(pairs: Iterable[Pair]) -> dict[str, str]:
    """Commitment -> the name of those it shares charges with, over however many steps."""
    names: dict[str, str] = {}
    by_profile: dict[int, list[str]] = defaultdict(list)
    for pair in pairs:
        by_profile[pair.profile.key].append(pair.pool.commitment_id)

    def root(name: str) -> str:
        while names.setdefault(name, name) != name:
            name = names[name]
        return name

    for linked in by_profile.values():
        for name in linked:
            low, high = sorted((root(linked[0]), root(name)))
            names[high] = low
    return {name: root(name) for name in list(names)}
