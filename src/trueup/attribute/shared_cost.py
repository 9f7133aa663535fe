"""Who pays for what no user can be named for: unused commitment, idle capacity, tax ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from trueup.attribute.cost_line import CostLine, Payer, in_order
from trueup.attribute.weights import Weights
from trueup.model.rules import Policy, UnusedPolicy
from trueup.money import allocate

SCALE = 18  # of costs, as tables have them


@dataclass(frozen=True)
class Sharing:
    """The policy of unused commitment, and of unattributed cost by its reason.

    ``apart`` leaves it with nobody. ``owner`` charges whom ``owners`` names for the commitment. The
    others share it among the payers of ``Weights``.
    """

    unused: UnusedPolicy = "apart"
    owners: Mapping[str, Payer] = field(default_factory=dict)
    unattributed: Mapping[str, Policy] = field(default_factory=dict)

    def policy_of(self, line: CostLine) -> UnusedPolicy:
        """The policy of a line; usage stays where it is."""
        if line.kind == "usage":
            return "apart"
        if line.kind == "unused":
            return self.unused
        return self.unattributed.get(line.about or "", "apart")


def shared_cost(lines: Sequence[CostLine], sharing: Sharing, weights: Weights) -> list[CostLine]:
    """The lines with shared cost charged; the sum of each stays as it is, to the unit.

    Where a policy finds nobody (no owner named, nothing used, or only refunds) it stays apart.
    """
    weigh = cache(weights.of)
    found: list[CostLine] = []
    for line in lines:
        policy = sharing.policy_of(line)
        if policy == "owner":
            found.append(line.charged(sharing.owners.get(line.about or "", Payer()), line.cost))
        elif policy == "apart":
            found.append(line)
        else:
            found += _spread(line, weigh(policy, line.currency, line.provider))
    return found


def _spread(line: CostLine, weights: Mapping[Payer, Fraction]) -> list[CostLine]:
    if not weights:
        return [line]
    order = sorted(weights, key=in_order)
    parts = allocate(line.cost, [weights[payer] for payer in order], SCALE)
    return [
        line.charged(payer, part) for payer, part in zip(order, parts, strict=True) if part
    ] or [line]
