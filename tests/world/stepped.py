"""What parties drew of commitments, what is accrued of them, and how much they used."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from tests.world.attribution import UNATTRIBUTED, scale
from tests.world.burnt import UNBILLED
from tests.world.figures import Row
from tests.world.focus import text
from tests.world.ledger import NOBODY, ZERO, Cell, Ledger, Party
from tests.world.shares import in_units, split

SERVED = {"instance": "output_tokens"}  # what the weights of capacity count
PARTS = {"oci": 100}  # weights that are hundredths of an hour
Names = tuple[Party, str, str | None, str]  # with provider, model and currency
NAMES = ("session", "agent", "tool", "team", "cost_centre", "provider", "model", "currency")


def committed(ledger: Ledger) -> list[Row]:
    """By party: of what it is billed, what commitments paid for, shared as the cost is."""
    used: dict[tuple[object, object], Decimal] = defaultdict(Decimal)
    for one in ledger.charges:
        if one.values.get("CommitmentDiscountStatus") == "Used":
            used[one.values["ResourceId"], one.start] += one.effective
    finest = scale(ledger)
    found: dict[Names, int] = defaultdict(int)
    for cell in ledger.cells:
        if cell.verdict not in UNATTRIBUTED and cell.cost:
            for who in _named(cell):
                found[who, cell.provider, cell.model, cell.currency] += 0
            covered = used[cell.resource, cell.start] if cell.resource else ZERO
            _share(found, cell, in_units(covered, finest))
    return _rows(found, finest)


def accrued(ledger: Ledger) -> list[Row]:
    """By party: what was metered and is not billed, at the price of its unit."""
    finest = scale(ledger)
    found: dict[Names, int] = defaultdict(int)
    for cell in ledger.cells:
        if cell.verdict in UNBILLED and cell.price is not None:
            owed = Fraction(cell.metered) * Fraction(cell.price) * 10**finest
            _share(found, cell, round(owed))  # half to even
    return _rows(found, finest)


def quantities(ledger: Ledger) -> dict[tuple[str | None, str, str], Decimal]:
    """By basis, provider and meter: what named parties used.

    What is shared by busy time, or by the tokens that capacity served, has no basis here: parties
    work in billed hours and in others.
    """
    found: dict[tuple[str | None, str, str], Decimal] = defaultdict(Decimal)
    for cell in ledger.cells:
        of_tokens = cell.meter.endswith("_tokens")
        basis = ("accrued" if cell.verdict in UNBILLED else "billed") if of_tokens else None
        key = basis, cell.provider, SERVED.get(cell.meter, cell.meter)
        for who in _named(cell):
            found[key] += Decimal(cell.weights[who]) / PARTS.get(cell.provider, 1)
    return {key: amount for key, amount in found.items() if amount}


def _named(cell: Cell) -> list[Party]:
    return [who for who in cell.weights if not isinstance(who, str) and who != NOBODY]


def _share(found: dict[Names, int], cell: Cell, units: int) -> None:
    if units:
        shares = split(units, cell.weights)
        for who in _named(cell):
            found[who, cell.provider, cell.model, cell.currency] += shares[who]


def _rows(found: dict[Names, int], finest: int) -> list[Row]:
    return [
        {
            **dict(zip(NAMES, (*party, *about), strict=True)),
            "cost": text(Decimal(units).scaleb(-finest)),
        }
        for (party, *about), units in found.items()
    ]
