"""How a provider applies benefit commitments to usage, by the rules it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

# In what a commitment is consumed: money at its own rate for the SKU; money at the on-demand
# price; or units: quantity, by size where sizes are flexible.
Consumes = Literal["rate", "on_demand", "units"]


@dataclass(frozen=True)
class Sizes:
    """Size flexibility: within a family a larger size takes more units of a reservation.

    ``pattern`` finds ``family`` and ``size`` in ``column``; ``units`` is what an hour of a size
    takes. A commitment's own family is that of the rows it is billed on.
    """

    column: str
    pattern: str
    units: Mapping[str, Fraction]
    source: str  # the provider's page


@dataclass(frozen=True)
class BenefitRule:
    """One kind of commitment. Rules of a lower ``stage`` are applied before those of a higher.

    Within a stage each commitment is applied to the usage of the account that owns it, where
    ``owner`` finds one in its id, then to all accounts of the payer: to the highest percentage
    saved first, then to the lowest rate.
    """

    name: str
    source: str  # the provider's page
    types: str  # regular expression searched in the commitment's type, whatever its case
    stage: int
    eligible: Mapping[str, str]  # charge column -> regular expression; all must match
    consumes: Consumes = "rate"
    owner: str | None = None  # regular expression with a group ``account``
    sizes: Sizes | None = None
