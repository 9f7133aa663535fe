"""What there is to do after a run, in one wording for every face of the report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import findings, holdings, leg_actions
from trueup.report.action import Action, cut, tail
from trueup.report.advice import EXPIRED, EXPIRING, Advice, advice_for
from trueup.report.names import short
from trueup.report.numbers import NOT_KNOWN, amount, count, quantity

if TYPE_CHECKING:
    from trueup.report.result import Result

_TEXT_MAX = 300


def of_breaks(result: Result) -> list[Action]:
    """The breaks to look at first, and what is left to the report."""
    chosen = findings.first_findings(result)
    found = [
        Action(
            amount(item.amount.known, item.currency),
            legible(item.row["class"] or ""),
            ", ".join(filter(None, [short(item.where), item.when])),
            advice_for(item.row["class"], item.row["leg"]).next_step,
        )
        for item in chosen.shown
    ]
    said = []
    if chosen.left:
        gross = " and ".join(amount(sum_.known, code) for code, sum_ in chosen.left_gross.items())
        noun = "smaller one" if found else "break"
        said.append(f"{count(chosen.left, noun)}, {gross} gross together")
    if chosen.unpriced:
        said.append(f"{chosen.unpriced:,} whose amount is not known")
    return [*found, *([tail(", ".join(said))] if said else [])]


def of_off_bill(result: Result) -> list[Action]:
    """What contracts commit and no bill shows."""
    step = advice_for("missing_in_billing", "commitment").next_step
    found = [
        Action(
            _worth(item),
            "not on any bill",
            f"{short(item.title)}, {'the whole period' if item.whole else 'part of the period'}",
            step,
        )
        for item in holdings.off_bill(result)
    ]
    return cut(found, "commitment")


def of_credits(result: Result) -> list[Action]:
    """What expired, then what expires soon."""
    return [
        *_lots(holdings.expired(result), "expired", EXPIRED),
        *_lots(holdings.expiring(result), "expires", EXPIRING),
    ]


def of_notes(result: Result) -> list[Action]:
    """What a reader of the figures has to know, and what to do about it."""
    found = [
        Action(
            "",
            "note",
            (f"{short(row['subject'])}: " if row["subject"] else "")
            + legible(row["text"] or "", _TEXT_MAX),
            legible(row["remedy"] or "", _TEXT_MAX),
        )
        for row in result.notes
    ]
    return cut(found, "note")


def to_do(result: Result) -> list[Action]:
    """All of it, causes and money first; a note that asks for nothing is not among it."""
    notes = [action for action in of_notes(result) if action.step or not action.what]
    return [
        *leg_actions.of_causes(result),
        *leg_actions.of_claims(result),
        *of_breaks(result),
        *of_off_bill(result),
        *leg_actions.of_agreements(result),
        *leg_actions.of_true_ups(result),
        *of_credits(result),
        *notes,
    ]


def _lots(found: Iterable[holdings.Held], what: str, advice: Advice) -> list[Action]:
    lots = [
        Action(
            _worth(lot),
            what,
            _of_what(lot) + (f", {lot.at:%Y-%m-%d}" if lot.at else ""),
            advice.next_step,
        )
        for lot in found
    ]
    return cut(lots, "lot")


def _of_what(lot: holdings.Held) -> str:
    """Its name, behind the quantity where that is not the money itself."""
    name = short(lot.title)
    return f"{_held(lot)} of {name}" if lot.cost not in (None, lot.quantity) else name


def _worth(item: holdings.Held) -> str:
    """The money of it; without any known, the quantity."""
    return _held(item) if item.cost is None else amount(item.cost, item.currency)


def _held(item: holdings.Held) -> str:
    if item.quantity is None:
        return NOT_KNOWN
    return f"{quantity(item.quantity)} {legible(item.unit or '', 20)}".rstrip()
