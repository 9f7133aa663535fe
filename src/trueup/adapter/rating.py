"""How a provider says that it applies commitments of the benefit layer to usage: declarations.

``trueup.reconcile.price_leg`` applies them to the usage on the bill. Every rule names the page of
the provider that publishes it; what the columns of a bill cannot tell stands in ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

# In what usage is counted against the commitment: at the commitment's own rate for it; in units as
# they are; in units weighted by size; at what it would have cost on demand.
Consumes = Literal["rate", "units", "normalized_units", "on_demand"]
# Which usage comes first: the highest share saved; the lowest rate; the smallest size.
Order = Literal["savings", "rate", "smallest"]
Match = Mapping[str, str]  # column -> regular expression, searched without case; all must match


@dataclass(frozen=True)
class Stage:
    """One rule: which commitments are applied at this point, to which charges, in which order.

    ``commitment`` is matched against the commitment's own charges, with the contract's
    ``x_QuantityBasis`` and, where the bill has none, its ``CommitmentDiscountType``. A charge is
    eligible if one of ``eligible`` matches it, or if the bill shows the same SKU covered by the
    same commitment. In ``same``, columns or named parts (see ``Rating.parts``), it must agree with
    what the commitment covers elsewhere, unless the contract itself says what it applies to.
    """

    rule: str  # the name of the rule in breaks and claims
    source: str  # the provider's page
    commitment: Match
    consumes: Consumes
    eligible: tuple[Match, ...] = ()
    same: tuple[str, ...] = ()
    order: tuple[Order, ...] = ("savings", "rate")
    interval: Literal["hour", "day"] = "hour"  # in which it is used or lost
    # The owner's usage comes first. What is left goes to the accounts of the same payer unless they
    # turned that off ("on"), or only where the commitment was bought so ("as_bought").
    sharing: Literal["on", "as_bought"] = "on"
    unknown: str | None = None  # what a bill's columns do not tell, said in a note


@dataclass(frozen=True)
class Rating:
    """A provider's rules in the order in which it applies them, and how its rates are named.

    ``parts`` are pairs of a charge column and a regular expression whose named groups become parts
    of the charge, such as ``family`` and ``size``. ``sizes`` gives, by group and size, how many
    normalised units an hour of a size counts; the group becomes the part ``group``.

    ``rate_names`` are charge columns whose texts, together, are words of the ``sku`` of a row of
    ``provider_rates``; a row with a ``sku_id`` is found by SkuId or SkuPriceId. ``rate_uses`` says,
    by a regular expression on ``sku``, what a rate is for; the first that matches decides. The
    group ``term`` (P1Y ...) limits a rate to commitments of that length.
    """

    stages: tuple[Stage, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    sizes: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)
    owner: str | None = None  # regular expression on a commitment's id; group ``owner``: an account
    rate_names: tuple[tuple[str, ...], ...] = ()
    rate_uses: tuple[tuple[str, Literal["commitment", "overage", "none"]], ...] = ()
    overage: Match = field(default_factory=dict)  # charges beyond what was prepaid
    contract_rates: tuple[str, ...] = ()  # operations that tell contract prices, not list prices
