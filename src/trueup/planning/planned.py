"""The plan: offers held against the use that the commitments in force leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from trueup.engine.engine import Engine
from trueup.errors import UsageError
from trueup.forecast.commitment_level import regret
from trueup.model.dataset import Dataset
from trueup.model.plan_schema import CURVE, IN_FORCE, LEFT_OUT, OFFERS
from trueup.model.rules import Rules
from trueup.model.table import Table
from trueup.planning.in_force import InForce, beyond, of_contracts, told_by_runs
from trueup.planning.offers import Held, held_against, offers_of
from trueup.planning.use import Use, Wanted, use_of
from trueup.planning.what_if import changed, changes
from trueup.reconcile.commitment_leg import edge_decimal

SHARE = Fraction(8, 10)  # of the draws that an interval holds
DRAWS = 200
SEED = 1  # the same history gives the same interval
POINTS = 60


@dataclass(frozen=True)
class Question:
    """What is asked: which use, which offers, what is in force, what if."""

    wanted: Wanted
    offers: Sequence[str] = ()
    what_if: Mapping[str, str] = field(default_factory=dict)
    commitments: Dataset | None = None
    utilization: Iterable[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Planned:
    """The tables of ``model.plan_schema``, and the use that they are of."""

    use: Use  # as it was used, before anything in force served it
    offers: Table
    curve: Table
    in_force: Table
    left_out: Table
    what_if: Mapping[str, str]


def planned(usage: Dataset, rules: Rules, question: Question, engine: Engine) -> Planned:
    """What each offer would have cost over the hours of the usage, the largest saving first.

    Raises UsageError where no usage, no offer or no price is left to plan with.
    """
    by = changes(question.what_if)
    offers = offers_of(rules, question.offers)
    rules = rules.model_copy(update={"offer": tuple(offers)})
    use = changed(use_of(usage, rules, question.wanted, engine), by)
    begins = datetime.combine(use.day + timedelta(days=1), time(), UTC)
    contracts = {} if question.commitments is None else of_contracts(question.commitments, begins)
    in_force = list(told_by_runs(question.utilization, contracts).values())
    left = beyond(use, in_force)
    held = {offer.name: held_against(offer, left) for offer in offers}
    found = [one for one in held.values() if one is not None]
    unfit = ((name, "no usage that it may serve", None) for name, one in held.items() if not one)
    out = [*left.left_out, *unfit]
    if not found:
        raise UsageError(
            f"no usage that {', '.join(held)} may serve: an offer serves what its match finds, "
            "priced in its currency; in money at a discount or at the rate's commitment_price, "
            "else in its unit"
        )
    rows = sorted(map(_offer_row, found), key=lambda row: (row["currency"], -row["saving"]))
    return Planned(
        use,
        Table.from_rows(OFFERS, rows),
        Table.from_rows(CURVE, [point for one in found for point in _curve(one)]),
        Table.from_rows(IN_FORCE, [_in_force_row(one) for one in in_force]),
        Table.from_rows(LEFT_OUT, [dict(zip(LEFT_OUT.names, each, strict=True)) for each in out]),
        question.what_if,
    )


def _offer_row(held: Held) -> dict[str, Any]:
    offer, history = held.offer, held.history
    best = history.best
    level = Fraction(best, held.parts)
    cost, without = history.cost(best), history.cost(0)
    row: dict[str, Any] = {
        "offer": offer.name,
        "unit": offer.unit or offer.currency,
        "currency": offer.currency,
        "payment": offer.payment,
        "term_start": held.term.start,
        "term_end": held.term.end,
        "price": edge_decimal(held.price),
        "level": edge_decimal(level),
        "cost": edge_decimal(cost),
        "cost_without": edge_decimal(without),
        "saving": edge_decimal(without - cost),
        "utilization": edge_decimal(
            Fraction(history.served(best), best * history.hours) if best else None
        ),
        "upfront": None if offer.unit is None else edge_decimal(level * Fraction(offer.upfront)),
    }
    try:
        found = regret(history, SHARE, DRAWS, SEED)
    except UsageError as error:
        return {**row, "reason": str(error)}
    return {
        **row,
        "low": edge_decimal(Fraction(found.low, held.parts)),
        "high": edge_decimal(Fraction(found.high, held.parts)),
        "regret": edge_decimal(found.cost),
    }


def _curve(held: Held) -> list[dict[str, Any]]:
    offer = held.offer
    return [
        {
            "offer": offer.name,
            "level": edge_decimal(Fraction(level, held.parts)),
            "unit": offer.unit or offer.currency,
            "cost": edge_decimal(cost),
            "currency": offer.currency,
        }
        for level, cost in held.history.curve(POINTS)
    ]


def _in_force_row(one: InForce) -> dict[str, Any]:
    return {
        "commitment_id": one.commitment_id,
        "unit": one.unit,
        "committed": edge_decimal(one.committed),
        "served": edge_decimal(one.served),
        "ends": one.ends,
        "reason": one.reason,
    }
