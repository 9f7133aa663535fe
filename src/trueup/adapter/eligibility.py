"""Which charges count towards an agreement: what a provider publishes, declared by its adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

CATEGORIES = ("Usage", "Purchase", "Credit", "Adjustment")  # tax never counts


@dataclass(frozen=True)
class Eligibility:
    """What counts, on billed cost: purchases when they are billed, not as they are amortised.

    ``include``, ``exclude`` and ``marketplace`` are charge columns with regular expressions that
    are searched case-insensitively: all of ``include`` must match, any of ``exclude`` must not, and
    a charge that any of ``marketplace`` matches is a marketplace charge. Of those, only the part
    ``marketplace_share`` counts, together at most ``marketplace_limit`` of what is agreed.
    """

    source: str  # the provider's page
    categories: tuple[str, ...] = CATEGORIES
    include: Mapping[str, str] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)
    marketplace: Mapping[str, str] = field(default_factory=dict)
    marketplace_share: Fraction = Fraction(1)
    marketplace_limit: Fraction | None = None  # share of the target
