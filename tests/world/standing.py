"""Where each commitment stands: used and unused by the hour, or drawn and remaining of a term."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.world.contracts import Contract, contracts
from tests.world.figures import Row, known, ratio, total
from tests.world.focus import text
from tests.world.ledger import HOUR, ZERO, Covered, Ledger


def utilization(ledger: Ledger) -> list[Row]:
    by_id = {one.id: one for one in contracts(ledger)}
    in_money = _without_quantity(ledger)
    return [
        {
            "commitment_id": one.commitment,
            "interval_start": text(one.start),
            "interval_end": text(one.start + HOUR),
            "unit": by_id[one.commitment].unit,
            "committed_quantity": text(by_id[one.commitment].figure),
            "used_quantity": text(one.used),
            "unused_quantity": text(one.unused),
            "currency": one.currency,
            "committed_cost": text(one.used_cost + one.unused_cost),
            "used_cost": text(one.used_cost),
            "unused_cost": text(one.unused_cost),
            "utilization": ratio(one.used, by_id[one.commitment].figure),
            **_off_bill(by_id[one.commitment], [one], one.commitment not in in_money),
        }
        for one in ledger.covered
    ]


def _without_quantity(ledger: Ledger) -> set[str]:
    """The commitments of which the bill states money only."""
    return {
        str(one.values["CommitmentDiscountId"])
        for one in ledger.charges
        if one.values.get("CommitmentDiscountStatus")
        and one.values.get("CommitmentDiscountQuantity") is None
    }


def _off_bill(contract: Contract, covered: Sequence[Covered], compared: bool) -> Row:
    """What the contract commits in covered hours and the bill does not show, hour by hour.

    No contract states a fee that would price it.
    """
    if not compared:
        return dict.fromkeys(("unused_off_bill_quantity", "unused_off_bill_cost"))
    quantity = total(max(contract.figure - one.used - one.unused, ZERO) for one in covered)
    return {
        "unused_off_bill_quantity": text(quantity),
        "unused_off_bill_cost": None if quantity else "0",
    }


def commitments(ledger: Ledger) -> list[Row]:
    in_money = _without_quantity(ledger)
    return [
        _benefit(ledger, one, in_money) if one.hourly else _term(ledger, one)
        for one in contracts(ledger)
    ]


def _benefit(ledger: Ledger, contract: Contract, in_money: set[str]) -> Row:
    """A commitment by the hour, summed over the hours that the bill covers."""
    covered = [one for one in ledger.covered if one.commitment == contract.id]
    missing = 24 * ledger.days - len(covered)
    row: Row = {
        "commitment_id": contract.id,
        "provider": contract.provider,
        "category": contract.category,
        "layer": contract.layer,
        "unit": contract.unit,
        "currency": contract.currency,
        **_off_bill(contract, covered, bool(covered) and contract.id not in in_money),
        "not_covered_quantity": text(contract.figure * missing),
    }
    if not covered:
        nothing = ("used_quantity", "unused_quantity", "used_cost", "unused_cost", "utilization")
        return row | dict.fromkeys(nothing) | {"status": "not_covered"}
    used, unused = total(one.used for one in covered), total(one.unused for one in covered)
    used_cost = total(one.used_cost for one in covered)
    unused_cost = total(one.unused_cost for one in covered)
    return row | {
        "committed_quantity": text(contract.figure * len(covered)),
        "used_quantity": text(used),
        "unused_quantity": text(unused),
        "committed_cost": text(used_cost + unused_cost),
        "used_cost": text(used_cost),
        "unused_cost": text(unused_cost),
        "purchased_cost": text(ledger.purchased[contract.id]),
        "utilization": ratio(used, contract.figure * len(covered)),
        "status": "partial" if missing else "complete",
        "provisional": True,
    }


def _term_figures(ledger: Ledger, contract: Contract) -> dict[str, str | None]:
    """Opening, drawn, expired and remaining over the period."""
    drawings = [one for one in ledger.drawings if one.commitment == contract.id]
    drawn = total(one.quantity for one in drawings if one.start >= ledger.start)
    opening: Decimal | None = None
    if contract.opening is not None:
        before = total(one.quantity for one in drawings if one.start < ledger.start)
        opening = contract.opening - before
    elif contract.start >= ledger.start:
        opening = contract.figure
    ended = contract.end <= ledger.end
    left = None if opening is None else opening - drawn
    if left is None:  # whether nothing expired is then known is a matter of words: left unsaid
        return {"opening": None, "drawn": text(drawn), "remaining": None}
    return {
        "opening": known(opening),
        "drawn": text(drawn),
        "expired": text(left) if ended else "0",
        "remaining": "0" if ended else text(left),
    }


def _term(ledger: Ledger, contract: Contract) -> Row:
    """A commitment of a whole term: what was drawn in the period, and what is left of it."""
    return {
        "commitment_id": contract.id,
        "provider": contract.provider,
        "layer": contract.layer,
        "unit": contract.unit,
        "currency": contract.currency,
        **_term_figures(ledger, contract),
        "expires_at": text(contract.end),
    }


def lots(ledger: Ledger) -> list[Row]:
    """Lots and contracts of a term: granted - drawn - expired = remaining, since the grant."""
    rows: list[Row] = []
    for contract in contracts(ledger):
        if contract.hourly:
            continue
        figures = _term_figures(ledger, contract)
        figures.pop("opening")
        figures["drawn"] = None
        left, expired = figures["remaining"], figures.get("expired")
        if left is not None and expired is not None:
            figures["drawn"] = text(contract.figure - Decimal(left) - Decimal(expired))
        rows.append(
            {
                "commitment_id": contract.id,
                "provider": contract.provider,
                "unit": contract.unit,
                "granted": text(contract.figure),
                **figures,
                "expires_at": text(contract.end),
                "compute_unit": contract.compute_unit,
                "compute_units_per_credit": known(contract.compute_units_per_credit),
                "cost_per_credit": known(contract.cost_per_credit),
                "currency": contract.currency,
            }
        )
    return rows
