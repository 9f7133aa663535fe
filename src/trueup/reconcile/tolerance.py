"""Tolerances as expressions: a provider's own limits, else the leg's, else the default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import ibis
import ibis.expr.types as ir

from trueup.engine.integers import WHOLE, magnitude, whole
from trueup.model.rules import Leg, Rules, Tolerance


@dataclass(frozen=True)
class Limits:
    """The tolerances of one leg, looked up by provider inside an expression."""

    default: Tolerance
    own: tuple[tuple[str, Tolerance], ...]

    def days(self, provider: ir.Value) -> ir.Value:
        """Days apart within which equal quantities are a matter of timing."""
        return self._pick(provider, lambda limit: ibis.literal(limit.days, type="int64"))

    def fraction(self, provider: ir.Value, field: str) -> tuple[ir.Value, ir.Value]:
        """A relative limit as whole numerator and denominator."""

        def part(name: str) -> ir.Value:
            return self._pick(
                provider,
                lambda limit: whole(getattr(Fraction(getattr(limit, field)), name)),
            )

        return part("numerator"), part("denominator")

    def absolute(self, provider: ir.Value, scale: int) -> ir.Value:
        """The absolute limit in whole units of money rounded down; null where there is none."""

        def units(limit: Tolerance) -> ir.Value:
            if limit.absolute is None:
                return ibis.null(WHOLE)
            return whole(int(Fraction(limit.absolute) * 10**scale))

        return self._pick(provider, units)

    def _pick(self, provider: ir.Value, value: Callable[[Tolerance], ir.Value]) -> ir.Value:
        branches = [(provider == name, value(limit)) for name, limit in self.own]
        return ibis.cases(*branches, else_=value(self.default)) if branches else value(self.default)


def limits_of(leg: Leg, rules: Rules) -> Limits:
    """The limits that the rules give a leg."""
    own = tuple(
        (entry.provider, entry)
        for entry in rules.tolerance
        if entry.leg == leg and entry.provider is not None
    )
    return Limits(rules.tolerance_of(leg, None), own)


def within(
    billed: ir.Value, metered: ir.Value, provider: ir.Value, limits: Limits
) -> ir.BooleanValue:
    """|billed - metered| <= relative x |billed|, compared by cross-multiplication."""
    numerator, denominator = limits.fraction(provider, "relative")
    return magnitude(billed - metered) * denominator <= magnitude(billed) * numerator
