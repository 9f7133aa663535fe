"""Who pays: the cost of every cell shared among its parties, and what nobody can be asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import IDLE, NOBODY, Ledger, Party
from tests.world.shares import decimals, in_units, split

UNATTRIBUTED = {"missing_in_usage", "unverified_capacity"}


def scale(ledger: Ledger) -> int:
    """The decimals of the finest cost on any bill."""
    every = ledger.charges + ledger.earlier
    return max(2, *(max(decimals(one.effective), decimals(one.billed)) for one in every))


def attribution(
    ledger: Ledger,
) -> tuple[list[Row], dict[str, Decimal], dict[tuple[str, str, str], Decimal]]:
    """Costs by party, their sum by currency; what is left by currency, reason and provider."""
    finest = scale(ledger)
    by_party: dict[tuple[Party, str, str | None, str], int] = defaultdict(int)
    left: dict[tuple[str, str, str], int] = defaultdict(int)
    for outside in ledger.outside:
        left[(outside.currency, outside.reason, outside.provider)] += in_units(outside.cost, finest)
    for cell in ledger.cells:
        cost = in_units(cell.cost, finest)
        if cell.verdict in UNATTRIBUTED:
            left[(cell.currency, cell.verdict, cell.provider)] += cost
            continue
        if not cost:
            continue
        for who, share in split(cost, cell.weights).items():
            if isinstance(who, str):
                left[(cell.currency, IDLE, cell.provider)] += share
            elif who == NOBODY:
                left[(cell.currency, "no_rule", cell.provider)] += share
            else:
                by_party[(who, cell.provider, cell.model, cell.currency)] += share
    rows: list[Row] = []
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (party, provider, model, currency), units in by_party.items():
        cost_of_party = Decimal(units).scaleb(-finest)
        totals[currency] += cost_of_party
        rows.append(
            {
                **dict(
                    zip(("session", "agent", "tool", "team", "cost_centre"), party, strict=True)
                ),
                "provider": provider,
                "model": model,
                "currency": currency,
                "cost": text(cost_of_party),
            }
        )
    return rows, totals, {key: Decimal(units).scaleb(-finest) for key, units in left.items()}


def identity(
    ledger: Ledger,
    allocated: Mapping[str, Decimal],
    unattributed: Mapping[tuple[str, str, str], Decimal],
) -> list[Row]:
    rows: list[Row] = []
    for currency in sorted({charge.currency for charge in ledger.charges}):
        billed = total(one.effective for one in ledger.charges if one.currency == currency)
        unused = total(one.unused_cost for one in ledger.covered if one.currency == currency)
        rest = total(cost for (of, *_), cost in unattributed.items() if of == currency)
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
