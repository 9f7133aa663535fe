"""Statements that follow from answers: integers of 10^-18, cents dealt out one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

UNITS = 10**18
CENT = 10**16  # every currency of the world has cents
BUSINESS_UNITS = {"CC-520": "customers", "CC-700": "engineering"}
UNIT_OF_AGENT = {"route-planner": "operations"}  # the company's own map, before its cost centre's
RENAMED = {"platform": "tools"}  # teams, the same
NOBODY = ("(no business unit)", "(no cost centre)", "(nobody)")

Rows = Sequence[Mapping[str, Any]]
Payer = tuple[str | None, str | None, str | None]  # team, cost centre, business unit


def statements(answers: Mapping[str, Rows], policy: str) -> dict[tuple[Any, ...], Decimal]:
    """Amount by (currency, business unit, cost centre, team), units above with null below."""
    used: dict[tuple[str, str], dict[Payer, int]] = defaultdict(lambda: defaultdict(int))
    costs: dict[str, dict[tuple[str, ...], int]] = defaultdict(lambda: defaultdict(int))
    for row in answers["allocations"]:
        payer = _payer(row)
        units = _units(row["cost"])
        if row["team"] is not None:
            used[row["currency"], row["provider"]][payer] += units
        costs[row["currency"]][_path(payer)] += units
    for row in answers["unattributed"]:
        costs[row["currency"]][NOBODY] += _units(row["cost"])
    for row in answers["commitments"]:
        if row["layer"] == "benefit" and row["unused_cost"]:
            payers = {
                payer: 1 if policy == "even" else units
                for payer, units in used[row["currency"], row["provider"]].items()
                if units > 0
            }
            if policy == "apart" or not payers:
                payers = {(None, None, None): 1}
            for payer, part in _dealt(_units(row["unused_cost"]), payers).items():
                costs[row["currency"]][_path(payer)] += part
    found: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for currency, leaves in costs.items():
        for path, cents in _rounded(leaves).items():
            for depth in range(4):
                place = (*path[:depth], *[None] * (3 - depth))
                found[(currency, *place)] += Decimal(cents) / 100
    return dict(found)


def _units(text: object) -> int:
    return int(Fraction(str(text)) * UNITS)


def _payer(row: Mapping[str, Any]) -> Payer:
    team = RENAMED.get(row["team"], row["team"])
    return team, row["cost_centre"], UNIT_OF_AGENT.get(row["agent"])


def _path(payer: Payer) -> tuple[str, ...]:
    team, centre, unit = payer
    names = unit or BUSINESS_UNITS.get(centre or ""), centre, team
    return tuple(name or other for name, other in zip(names, NOBODY, strict=True))


def _dealt(units: int, weights: Mapping[Payer, int]) -> dict[Payer, int]:
    """By weight, what is left one each to those who lack most; of equals the first by name."""
    whole = sum(weights.values())
    names = sorted(weights, key=lambda payer: [(part is None, part) for part in payer])
    parts = {name: units * weights[name] // whole for name in names}
    lacking = {name: Fraction(units * weights[name], whole) - parts[name] for name in names}
    for _ in range(units - sum(parts.values())):
        most = max(lacking, key=lambda name: lacking[name])
        parts[most] += 1
        lacking[most] -= 1
    return parts


def _rounded(leaves: Mapping[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    """Cents that add up to the whole's, rounded half to even."""
    whole = round(Fraction(sum(leaves.values()), CENT))
    cents = {path: leaves[path] // CENT for path in sorted(leaves)}
    lacking = {path: leaves[path] % CENT for path in sorted(leaves)}
    for _ in range(whole - sum(cents.values())):
        most = max(lacking, key=lambda path: lacking[path])
        cents[most] += 1
        lacking[most] -= CENT
    return cents
