"""The right answers, from the ledger and what was planted in it: no matching is done here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from tests.world import gcp
from tests.world.contracts import Contract, contracts
from tests.world.focus import text
from tests.world.ledger import (
    HOUR,
    IDLE,
    NOBODY,
    ZERO,
    Cell,
    Charge,
    Covered,
    Ledger,
    Party,
)
from tests.world.shares import decimals, in_units, split

Row = dict[str, object]
UNATTRIBUTED = {"missing_in_usage", "unverified_capacity"}
BREAKS = {"quantity", "duplicate", "timing", "missing_in_usage", "missing_in_billing"}
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def answers(ledger: Ledger) -> dict[str, object]:
    """Every table of answers; amounts and instants are text, what is not known is None."""
    given, allocated, unattributed = _attribution(ledger)
    tables: dict[str, object] = {
        "period": {"start": text(ledger.start), "end": text(ledger.end)},
        "as_of": text(ledger.as_of),
        "commitments": _commitments(ledger),
        "utilization": _utilization(ledger),
        "credits": _credits(ledger),
        "breaks": _breaks(ledger),
        "pending": [_pending_row(cell) for cell in ledger.cells if cell.verdict == "pending"],
        "allocations": given,
        "unattributed": [
            {"currency": currency, "reason": reason, "cost": text(cost)}
            for (currency, reason), cost in sorted(unattributed.items())
            if cost
        ],
        "identity": _identity(ledger, allocated, unattributed),
        "control_totals": _control_totals(ledger),
    }
    return tables


def exact(value: Fraction) -> Decimal:
    """A fraction as a decimal; raises ValueError where it has none."""
    found = WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    if Fraction(found) != value:
        raise ValueError(f"{value} is no finite decimal")
    return found


def known(value: Decimal | None) -> str | None:
    """A figure as text; one that is not known stays so."""
    return None if value is None else text(value)


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


# Attribution


def scale(ledger: Ledger) -> int:
    """The decimals of the finest cost on any bill."""
    every = ledger.charges + ledger.earlier
    return max(2, *(max(decimals(one.effective), decimals(one.billed)) for one in every))


def _attribution(
    ledger: Ledger,
) -> tuple[list[Row], dict[str, Decimal], dict[tuple[str, str], Decimal]]:
    """Costs by party, their sum by currency, and what is left by currency and reason."""
    finest = scale(ledger)
    by_party: dict[tuple[Party, str, str | None, str], int] = defaultdict(int)
    left: dict[tuple[str, str], int] = defaultdict(int)
    for outside in ledger.outside:
        left[(outside.currency, outside.reason)] += in_units(outside.cost, finest)
    for cell in ledger.cells:
        cost = in_units(cell.cost, finest)
        if cell.verdict in UNATTRIBUTED:
            left[(cell.currency, cell.verdict)] += cost
            continue
        if not cost:
            continue
        for who, share in split(cost, cell.weights).items():
            if isinstance(who, str):
                left[(cell.currency, IDLE)] += share
            elif who == NOBODY:
                left[(cell.currency, "no_rule")] += share
            else:
                by_party[(who, cell.provider, cell.model, cell.currency)] += share
    rows: list[Row] = []
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (party, provider, model, currency), units in by_party.items():
        cost_of_party = Decimal(units).scaleb(-finest)
        totals[currency] += cost_of_party
        rows.append(
            {
                **dict(zip(("session", "agent", "tool", "team", "cost_centre"), party, strict=True)),
                "provider": provider,
                "model": model,
                "currency": currency,
                "cost": text(cost_of_party),
            }
        )
    return rows, totals, {key: Decimal(units).scaleb(-finest) for key, units in left.items()}


def _identity(
    ledger: Ledger,
    allocated: Mapping[str, Decimal],
    unattributed: Mapping[tuple[str, str], Decimal],
) -> list[Row]:
    rows: list[Row] = []
    for currency in sorted({charge.currency for charge in ledger.charges}):
        billed = _sum(one.effective for one in ledger.charges if one.currency == currency)
        unused = _sum(one.unused_cost for one in ledger.covered if one.currency == currency)
        rest = _sum(cost for (of, _), cost in unattributed.items() if of == currency)
        rows.append(
            {
                "currency": currency,
                "billed": text(billed),
                "allocated": text(allocated[currency]),
                "unused": text(unused),
                "unattributed": text(rest),
                "difference": text(billed - allocated[currency] - unused - rest),
            }
        )
    return rows


# Breaks


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


def _pending_row(cell: Cell) -> Row:
    """What may still arrive: by the sign of a break, billed less than expected."""
    row = _usage_row(cell)
    return {name: row[name] for name in row.keys() - {"class", "leg", "commitment_id", "billed"}}


def _at_stake(cell: Cell) -> Decimal:
    part = Fraction(cell.billed - cell.metered) / Fraction(cell.billed)
    return exact(Fraction(cell.cost) * part)


def _breaks(ledger: Ledger) -> list[Row]:
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
        billed=_sum(cell.billed for cell in small),
        metered=_sum(cell.metered for cell in small),
        cost=_sum(cell.cost for cell in small),
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
        billed = _sum(one.used + one.unused for one in run)
        expected = contract.figure * len(run)
        rows.append(
            _commitment_row(
                contract, run[0].start, run[-1].start + HOUR, billed=text(billed),
                expected=text(expected), amount=text(billed - expected),
            )  # fmt: skip
        )
    return rows


# Commitments


def _utilization(ledger: Ledger) -> list[Row]:
    by_id = {one.id: one for one in contracts(ledger)}
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
            "utilization": ratio(one.used, one.used + one.unused),
        }
        for one in ledger.covered
    ]


def ratio(used: Decimal, whole: Decimal) -> str:
    """used / whole at 18 decimals, rounded half to even."""
    found = WIDE.divide(used, whole)
    return text(found.quantize(Decimal(1).scaleb(-18), context=WIDE))


def _commitments(ledger: Ledger) -> list[Row]:
    return [
        _benefit(ledger, one) if one.hourly else _term(ledger, one) for one in contracts(ledger)
    ]


def _benefit(ledger: Ledger, contract: Contract) -> Row:
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
        "not_covered_quantity": text(contract.figure * missing),
    }
    if not covered:
        nothing = ("used_quantity", "unused_quantity", "used_cost", "unused_cost", "utilization")
        return row | dict.fromkeys(nothing) | {"status": "not_covered"}
    used, unused = _sum(one.used for one in covered), _sum(one.unused for one in covered)
    used_cost = _sum(one.used_cost for one in covered)
    unused_cost = _sum(one.unused_cost for one in covered)
    return row | {
        "committed_quantity": text(contract.figure * len(covered)),
        "used_quantity": text(used),
        "unused_quantity": text(unused),
        "committed_cost": text(used_cost + unused_cost),
        "used_cost": text(used_cost),
        "unused_cost": text(unused_cost),
        "purchased_cost": text(ledger.purchased[contract.id]),
        "utilization": ratio(used, used + unused),
        "status": "partial" if missing else "complete",
        "provisional": True,
    }


def _term_figures(ledger: Ledger, contract: Contract) -> dict[str, str | None]:
    """Opening, drawn, expired and remaining over the period."""
    drawings = [one for one in ledger.drawings if one.commitment == contract.id]
    drawn = _sum(one.quantity for one in drawings if one.start >= ledger.start)
    opening: Decimal | None = None
    if contract.opening is not None:
        before = _sum(one.quantity for one in drawings if one.start < ledger.start)
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


def _credits(ledger: Ledger) -> list[Row]:
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


# Control totals


def _control_totals(ledger: Ledger) -> list[Row]:
    """Rows and sums of each bill's file by currency, also those outside the period."""
    accepted: dict[tuple[str, str], list[Charge]] = defaultdict(list)
    for charge in ledger.charges + ledger.earlier:
        accepted[(charge.file, charge.currency)].append(charge)
    rejected: dict[tuple[str, str], int] = defaultdict(int)
    for spoilt in ledger.malformed:
        rejected[(spoilt.charge.file, spoilt.charge.currency)] += 1
    return [
        {
            "source": file,
            "currency": currency,
            "rows_in": len(charges) + rejected[(file, currency)],
            "accepted": len(charges),
            "rejected": rejected[(file, currency)],
            "billed_cost": text(_sum(one.billed for one in charges)),
            "effective_cost": text(_sum(one.effective for one in charges)),
        }
        for (file, currency), charges in sorted(accepted.items())
    ]


__all__ = ["answers", "exact", "ratio", "scale"]
