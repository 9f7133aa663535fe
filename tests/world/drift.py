"""What a run must find: breaks of both legs, and what may still arrive."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tests.world import gcp
from tests.world.contracts import Contract, contracts
from tests.world.figures import Row, exact, total
from tests.world.focus import text
from tests.world.ledger import HOUR, ZERO, Cell, Covered, Ledger

BREAKS = {"quantity", "duplicate", "timing", "missing_in_usage", "missing_in_billing"}


def _usage_row(cell: Cell) -> Row:
    """A break of the usage leg, or what is pending, in the bill's unit."""
    amount = {
        "quantity": lambda: _at_stake(cell),
        "duplicate": lambda: cell.extra_cost,
        "timing": lambda: ZERO,
        "missing_in_usage": lambda: cell.cost,
        "missing_in_billing": lambda: -cell.metered * (cell.price or ZERO),
        "pending": lambda: -cell.metered * (cell.price or ZERO),
    }[cell.verdict]()
    expected = cell.billed - cell.extra if cell.verdict == "duplicate" else cell.metered
    return {
        "class": cell.verdict,
        "leg": "usage",
        "provider": cell.provider,
        "commitment_id": None,
        "resource_id": cell.resource,
        "model": cell.model,
        "meter": cell.meter,
        "period_start": text(cell.start),
        "period_end": text(cell.end),
        "billed": text(cell.billed),
        "expected": text(expected),
        "unit": cell.unit,
        "amount": text(amount),
        "currency": cell.currency,
    }


def pending_row(cell: Cell) -> Row:
    """What may still arrive: by the sign of a break, billed less than expected."""
    left_out = {"class", "leg", "commitment_id", "billed"}
    return {name: value for name, value in _usage_row(cell).items() if name not in left_out}


def _at_stake(cell: Cell) -> Decimal:
    part = Fraction(cell.billed - cell.metered) / Fraction(cell.billed)
    return exact(Fraction(cell.cost) * part)


def breaks(ledger: Ledger) -> list[Row]:
    rows = [_usage_row(cell) for cell in ledger.cells if cell.verdict in BREAKS]
    rows.append(_accumulated(ledger))
    for contract in contracts(ledger):
        if contract.hourly:
            rows += _commitment_breaks(ledger, contract)
    return rows


def _accumulated(ledger: Ledger) -> Row:
    """The small overbilling of every row of one model's output, as one break of the period."""
    small = [
        cell
        for cell in ledger.cells
        if (cell.provider, cell.model, cell.meter)
        == (gcp.PROVIDER, gcp.FLASH.name, "output_tokens")
    ]
    whole = Cell(
        verdict="quantity",
        provider=gcp.PROVIDER,
        meter="output_tokens",
        start=ledger.start,
        end=ledger.end,
        unit=gcp.FLASH.unit,
        currency=gcp.CURRENCY,
        billed=total(cell.billed for cell in small),
        metered=total(cell.metered for cell in small),
        cost=total(cell.cost for cell in small),
        model=gcp.FLASH.name,
    )
    return _usage_row(whole)


def _commitment_row(contract: Contract, start: datetime, end: datetime, **figures: object) -> Row:
    return {
        "class": "commitment",
        "leg": "commitment",
        "provider": contract.provider,
        "commitment_id": contract.id,
        "resource_id": None,
        "model": None,
        "meter": None,
        "period_start": text(start),
        "period_end": text(end),
        "unit": contract.unit,
        "currency": contract.currency,
        **figures,
    }


def _commitment_breaks(ledger: Ledger, contract: Contract) -> list[Row]:
    """Runs of hours in which the bill and the contract differ by the same figure."""
    covered = [one for one in ledger.covered if one.commitment == contract.id]
    if not covered:
        whole = contract.figure * 24 * ledger.days
        row = _commitment_row(
            contract, ledger.start, ledger.end, billed="0", expected=text(whole),
            amount=text(-whole),
        )  # fmt: skip
        return [row | {"class": "missing_in_billing"}]
    runs: list[list[Covered]] = []
    for one in covered:
        difference = one.used + one.unused - contract.figure
        if not difference:
            continue
        last = runs[-1][-1] if runs else None
        same = last and last.used + last.unused - contract.figure == difference
        if last and same and last.start + HOUR == one.start:
            runs[-1].append(one)
        else:
            runs.append([one])
    rows = []
    for run in runs:
        billed = total(one.used + one.unused for one in run)
        expected = contract.figure * len(run)
        rows.append(
            _commitment_row(
                contract,
                run[0].start,
                run[-1].start + HOUR,
                billed=text(billed),
                expected=text(expected),
                amount=text(billed - expected),
            )
        )
    return rows
