"""What providers say of lots: a grant that is lacking, a charge drawn twice, a lot lost too early.

The roll-forward of every lot is added up here from the ledger's drawings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.world import gcp, oci
from tests.world.contracts import Contract, contracts
from tests.world.dice import Dice
from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import DAY, ZERO, Drawing, Ledger, Value
from tests.world.rewriting import with_values

BONUS, BONUS_CONTRACT = "UC-2026-4410927-EXTRA", "US-4410927-2"
MISSING, DOUBLE, EARLY = "missing_credit", "double_drawdown", "early_expiry"
ABSENT, SMALLER = "absent", "smaller"


@dataclass(frozen=True)
class Said:
    """A lot of the provider's statement: ``figures`` as it states them; ``row`` None: no such lot.

    ``taken`` is what it took too much, ``rule`` why; nothing of a sound lot.
    """

    lot: Contract
    at: datetime
    row: dict[str, Value] | None
    rule: str | None = None
    taken: Decimal = ZERO


@dataclass(frozen=True)
class LotFaults:
    said: Sequence[Said]


def add_lot(ledger: Ledger) -> None:
    """A second lot of the prepaid provider, on which some of its charges draw instead."""
    dice = Dice(ledger.seed, "second lot")
    granted = Decimal(50 * dice.between(8, 18))
    end = ledger.start + dice.between(60, 200) * DAY
    ledger.lots.append(
        Contract(
            BONUS, BONUS_CONTRACT, oci.PROVIDER, "Oracle", "Annual Universal Credits", "funding",
            "Spend", granted, oci.CURRENCY, oci.CURRENCY, ledger.start, end,
        )
    )  # fmt: skip
    places = [
        place
        for place, charge in enumerate(ledger.charges)
        if charge.values.get("ContractApplied")
        and charge.provider == oci.PROVIDER
        and charge.start != ledger.at(1, 4)  # drawn twice already, by a copy
    ]
    for _ in range(dice.between(3, 6)):
        place = places.pop(dice.between(0, len(places) - 1))
        charge = ledger.charges[place]
        element: dict[str, object] = {
            "ContractId": BONUS_CONTRACT,
            "ContractCommitmentId": BONUS,
            "ContractCommitmentAppliedCost": charge.effective,
        }
        ledger.charges[place] = with_values(charge, ContractApplied={"Elements": [element]})
        ledger.drawings.remove(Drawing(oci.POOL, charge.start, charge.effective))
        ledger.draw(BONUS, charge.start, charge.effective)


def lots_of(ledger: Ledger) -> list[Contract]:
    return [one for one in contracts(ledger) if one.layer == "funding"]


def held(ledger: Ledger, lot: Contract, at: datetime) -> Decimal:
    """What is left of a lot at an instant, before it expires."""
    opening = lot.figure if lot.opening is None else lot.opening
    drawn = total(
        one.quantity for one in ledger.drawings if one.commitment == lot.id and one.start < at
    )
    return opening - drawn


def misstate(ledger: Ledger) -> LotFaults:
    """Statements of every lot; one lacks a grant, one drew a charge twice, one expired too early."""
    dice = Dice(ledger.seed, "statements")
    left = lots_of(ledger)
    said = []
    for rule in (MISSING, DOUBLE, EARLY):
        lot = left.pop(dice.between(0, len(left) - 1))
        said.append(_misstated(ledger, dice, lot, rule))
    said += [_sound(ledger, lot, ledger.end) for lot in left]
    heard = {
        provider: max(one.at for one in said if one.lot.provider == provider and one.row)
        for provider in (oci.PROVIDER, gcp.PROVIDER)
    }
    return LotFaults([_heard(ledger, one, heard[one.lot.provider]) for one in said])


def _heard(ledger: Ledger, one: Said, at: datetime) -> Said:
    """A lot that is not in the list is missed when its provider spoke of the others."""
    if one.row is not None:
        return one
    return Said(one.lot, at, None, one.rule, held(ledger, one.lot, at))


def _instant(ledger: Ledger, lot: Contract) -> datetime:
    """When the provider speaks of a lot: at the end of the period, or while the lot lasts."""
    return ledger.at(1, 12) if lot.id == gcp.BURST else ledger.end


def _sound(ledger: Ledger, lot: Contract, at: datetime) -> Said:
    left = held(ledger, lot, at)
    row = _row(lot, at, left)
    if lot.end <= at:
        row |= {"expired": left, "remaining": ZERO}
    return Said(lot, at, row)


def _row(lot: Contract, at: datetime, left: Decimal) -> dict[str, Value]:
    return {
        "provider": lot.provider,
        "lot_id": lot.id,
        "commitment_id": lot.id,
        "kind": "prepaid",
        "granted": lot.figure,
        "drawn": lot.figure - left,
        "expired": ZERO,
        "remaining": left,
        "unit": lot.unit,
        "currency": lot.currency,
        "starts_at": lot.start,
        "expires_at": lot.end,
        "at": at,
        "operation": "GetBalance",
    }


def _misstated(ledger: Ledger, dice: Dice, lot: Contract, rule: str) -> Said:
    at = _instant(ledger, lot)
    left = held(ledger, lot, at)
    row = _row(lot, at, left)
    if rule == MISSING:
        if lot.id != gcp.BURST and dice.percent(50):
            return Said(lot, at, None, rule)
        taken = left * dice.between(1, 7) / 8
        row |= {"granted": lot.figure - taken, "remaining": left - taken}
    elif rule == DOUBLE:
        taken = dice.one_of(_drawn_until(ledger, lot, at))
        row |= {"drawn": lot.figure - left + taken, "remaining": left - taken}
    elif dice.percent(50):  # it says what expired
        taken = left * dice.between(2, 8) / 8
        row |= {"expired": taken, "remaining": left - taken}
    else:  # it only says when
        taken = left
        sooner = ledger.at(1, dice.between(0, 11))
        row |= {"expired": None, "remaining": ZERO, "expires_at": sooner}
    return Said(lot, at, row, rule, taken)


def _drawn_until(ledger: Ledger, lot: Contract, at: datetime) -> list[Decimal]:
    """What single charges of the period drew."""
    return [
        one.quantity
        for one in ledger.drawings
        if one.commitment == lot.id and ledger.start <= one.start < at
    ]


def statements(planted: LotFaults) -> list[dict[str, Value]]:
    """The providers' balances, as rows of their table."""
    return [one.row for one in planted.said if one.row is not None]


def answers(ledger: Ledger, planted: LotFaults) -> list[Row]:
    """A break for each lot of which the provider took more than the roll-forward."""
    rows: list[Row] = []
    for one in planted.said:
        if one.rule is None:
            continue
        lot = one.lot
        price = Decimal(1) if lot.unit == lot.currency else lot.cost_per_credit
        if price is None:
            raise ValueError(f"{lot.id}: a credit has no price")
        expected = lot.figure - held(ledger, lot, one.at)
        rows.append(
            {
                "class": "balance",
                "leg": "balance",
                "rule": one.rule,
                "provider": lot.provider,
                "commitment_id": lot.id,
                "account_id": None,
                "subject": lot.id,
                "period_start": text(ledger.start),
                "period_end": text(ledger.end),
                "billed": text(expected + one.taken),
                "expected": text(expected),
                "unit": lot.unit,
                "amount": text(one.taken * price),
                "currency": lot.currency,
            }
        )
    return rows


def roll_forward(ledger: Ledger, planted: LotFaults) -> list[Row]:
    """Opening + granted - drawn - expired = closing of the period, beside the provider's balance."""
    said = {one.lot.id: one for one in planted.said}
    rows: list[Row] = []
    for lot in lots_of(ledger):
        granted = lot.figure if lot.start >= ledger.start else ZERO
        opening = ZERO if granted else held(ledger, lot, ledger.start)
        drawn = total(_drawn_until(ledger, lot, ledger.end))
        left = opening + granted - drawn
        expired = left if lot.end <= ledger.end else ZERO
        closing = left - expired
        row = said[lot.id].row
        known = row["remaining"] if row is not None and row["at"] == ledger.end else None
        there = known if isinstance(known, Decimal) else None
        rows.append(
            {
                "lot_id": lot.id,
                "provider": lot.provider,
                "unit": lot.unit,
                "opening": text(opening),
                "granted": text(granted),
                "drawn": text(drawn),
                "refunded": "0",
                "adjusted": "0",
                "expired": text(expired),
                "closing": text(closing),
                "overage": "0",
                "provider_closing": None if there is None else text(there),
                "difference": None if there is None else text(closing - there),
            }
        )
    return rows
