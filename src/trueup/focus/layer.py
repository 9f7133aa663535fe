"""On which layer a commitment stands: it changes the price, it pays, or it only counts."""

from __future__ import annotations

from collections.abc import Callable

BENEFIT = "benefit"  # changes what a charge costs: a plan, a reservation, provisioned capacity
FUNDING = "funding"  # pays for charges: prepaid credits, a lot
AGREEMENT = "agreement"  # only counts them: a minimum spend

FULL_PERIOD = "Full Period"

AGREEMENT_WORDS = ("agreement", "enterprise", "minimum spend", "private pricing")
FUNDING_WORDS = ("credit", "prepaid", "prepay", "prepayment")

LayerOf = Callable[[str | None, str], str | None]  # provider, commitment type -> layer


def layer(
    provider: str | None,
    commitment_type: str | None,
    category: str | None,
    interval: str | None,
    declared: LayerOf,
) -> str:
    """The layer of a commitment that does not state it.

    The provider's adapter decides by the type. Where it does not know it, plain words in the type
    do ("minimum spend" is an agreement, "credits" are funding), then the interval: spend over the
    full period is funding. All else, and every FOCUS 1.3 row, which has no interval, is a benefit.
    """
    kind = " ".join((commitment_type or "").lower().replace("-", " ").split())
    found = declared(provider, commitment_type or "") if kind else None
    if found is not None:
        return found
    if any(word in kind for word in AGREEMENT_WORDS):
        return AGREEMENT
    if any(word in kind for word in FUNDING_WORDS):
        return FUNDING
    if interval == FULL_PERIOD and category == "Spend":
        return FUNDING
    return BENEFIT
