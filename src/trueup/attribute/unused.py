"""Who pays for commitment that was not used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from trueup.attribute.cost_line import CostLine, total
from trueup.money import allocate

UnusedPolicy = Literal["apart", "owner", "proportional", "even"]
SCALE = 18  # of costs, as tables have them

Payer = tuple[str | None, str | None]  # team and cost centre


def shared_unused(
    lines: Sequence[CostLine], policy: UnusedPolicy, owners: Mapping[str, str]
) -> list[CostLine]:
    """The lines with what is unused charged by ``policy``; every sum stays as it is, to the unit.

    ``apart`` leaves it with nobody. ``owner`` charges the team that ``owners`` names for the
    commitment. ``proportional`` shares it by what each team used of the same provider in the same
    currency, ``even`` in equal parts among the same teams. Where a policy finds nobody (no owner
    named, nothing used, or only refunds) it stays apart.
    """
    used = _used(lines)
    found: list[CostLine] = []
    for line in lines:
        payers = used.get((line.currency, line.provider), {})
        if line.kind != "unused" or policy == "apart":
            found.append(line)
        elif policy == "owner":
            found.append(replace(line, team=owners.get(line.about or ""), cost_centre=None))
        elif not payers:
            found.append(line)
        else:
            found += _spread(line, payers, even=policy == "even")
    return found


def _used(lines: Sequence[CostLine]) -> dict[tuple[str, str | None], dict[Payer, Decimal]]:
    """What each payer used, by currency and provider: those with a cost above zero."""
    costs: dict[tuple[str, str | None], dict[Payer, list[Decimal]]] = {}
    for line in lines:
        if line.kind == "usage" and line.team is not None:
            payers = costs.setdefault((line.currency, line.provider), {})
            payers.setdefault((line.team, line.cost_centre), []).append(line.cost)
    sums = {
        place: {payer: total(each) for payer, each in payers.items()}
        for place, payers in costs.items()
    }
    return {
        place: {payer: cost for payer, cost in payers.items() if cost > 0}
        for place, payers in sums.items()
    }


def _spread(line: CostLine, payers: Mapping[Payer, Decimal], *, even: bool) -> list[CostLine]:
    order = sorted(payers, key=lambda payer: [(name is None, name or "") for name in payer])
    weights = [Decimal(1) if even else payers[payer] for payer in order]
    parts = allocate(line.cost, weights, SCALE)
    return [
        replace(line, team=team, cost_centre=centre, cost=part)
        for (team, centre), part in zip(order, parts, strict=True)
        if part
    ]
