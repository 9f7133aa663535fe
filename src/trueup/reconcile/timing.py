"""Timing: the same quantity on both sides, in different hours within the tolerance's days."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import INSTANT, instant, lasting
from trueup.engine.integers import WHOLE, total
from trueup.reconcile.cascade import Keys, Pairing
from trueup.reconcile.cells import past_hour
from trueup.reconcile.matching_rules import RULES, MatchingRule
from trueup.reconcile.things import OURS, THEIRS
from trueup.reconcile.tolerance import Limits, within

PREFIX = "timing "
DAY_SECONDS = 86400


def pair_in_time(
    pairing: Pairing, keys: Keys, things: ir.Table, limits: Limits, engine: Engine
) -> Pairing:
    """Pair what the cascade left of hourly charges with usage of other hours, one to one.

    A pair must be each other's nearest; whatever is not stays left over.
    """
    for rule in RULES:
        if not (engine.count(pairing.billed_left) and engine.count(pairing.metered_left)):
            break
        pairs = engine.keep(_pairs(pairing, rule, keys, things, limits))
        if engine.count(pairs) == 0:
            continue
        pairing = _accept(pairing, rule, pairs, keys, engine)
    return pairing


def _pairs(
    pairing: Pairing, rule: MatchingRule, keys: Keys, things: ir.Table, limits: Limits
) -> ir.Table:
    providers = things.select("thing", "provider")
    billed = keys.of(_hourly(pairing), rule, OURS, "thing", "bucket", "q").join(providers, "thing")
    ours = billed.group_by("key", "bucket").aggregate(provider=_.provider.min(), q=total(_.q))
    metered = keys.of(pairing.metered_left, rule, THEIRS, "hour", "q")
    theirs = metered.group_by("key", metered_bucket=metered.hour).aggregate(metered_q=total(_.q))
    both = ours.join(theirs, "key")
    apart = (both.bucket.epoch_seconds() - both.metered_bucket.epoch_seconds()).abs()
    candidates = both.mutate(apart=apart)
    near = candidates.filter(
        (candidates.apart <= limits.days(candidates.provider) * DAY_SECONDS)
        & (candidates.q != ibis.literal(0).cast(WHOLE))
        & within(candidates.q, candidates.metered_q, candidates.provider, limits)
    )
    ranked = near.mutate(
        of_billed=ibis.row_number().over(
            group_by=["key", "bucket"], order_by=["apart", "metered_bucket"]
        ),
        of_metered=ibis.row_number().over(
            group_by=["key", "metered_bucket"], order_by=["apart", "bucket"]
        ),
    )
    mutual = ranked.filter((ranked.of_billed == 0) & (ranked.of_metered == 0))
    return mutual.select("key", "bucket", "metered_bucket")


def _hourly(pairing: Pairing) -> ir.Table:
    billed = pairing.billed_left
    return billed.filter((billed.grain == "hour") & ~billed.correction)


def _accept(
    pairing: Pairing, rule: MatchingRule, pairs: ir.Table, keys: Keys, engine: Engine
) -> Pairing:
    metered = pairing.metered_left.mutate(metered_bucket=pairing.metered_left.hour)
    ours = keys.of(_hourly(pairing), rule, OURS, "cell", "bucket")
    theirs = keys.of(metered, rule, THEIRS, "cell", "metered_bucket")
    full = (past_hour(pairs.bucket) == 0) & (past_hour(pairs.metered_bucket) == 0)
    places = pairs.mutate(
        rule=ibis.literal(PREFIX + rule.name),
        grain=ibis.literal("hour"),
        until=ibis.ifelse(full, ibis.null(INSTANT), instant(pairs.bucket + lasting(hours=1))),
    )
    return pairing.with_places(places, ours, theirs, engine)
