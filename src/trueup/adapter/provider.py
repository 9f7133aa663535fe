"""The contract of a provider adapter: plain declarations, no behaviour beyond what files need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from trueup.adapter.eligibility import Eligibility
from trueup.adapter.native import NativeExport

if TYPE_CHECKING:
    from trueup.adapter.feed import Connector
    from trueup.adapter.rating import Rating


@dataclass(frozen=True)
class CapacityFactor:
    """How many capacity units one billed instance holds, and who says so."""

    instance_type: str
    meter: str  # gpu | tpu_chip | vcpu
    count: int
    valid_from: str  # ISO date
    source: str  # the provider's page


@dataclass(frozen=True)
class MeterPattern:
    """How one of the provider's SKUs is metered: the first pattern that matches decides.

    ``column`` is a FOCUS column (or an x_ column) of the charge, ``pattern`` a regular expression
    searched case-insensitively in it. Named groups ``model`` and ``tier`` are taken over.
    """

    column: str
    pattern: str
    meter: str
    tier: str | None = None


@dataclass(frozen=True)
class ProviderAdapter:
    """Everything trueup knows about a provider without asking it."""

    name: str  # the slug under which the entry point is registered
    title: str
    bill_names: tuple[str, ...]  # ServiceProviderName / ProviderName / PublisherName prefixes
    telemetry_names: tuple[str, ...]  # gen_ai.provider.name, custom_llm_provider ...
    arrives_within: timedelta  # how late a charge may be without being missing
    final_after: timedelta  # after BillingPeriodEnd, when the month is final
    extra: str | None  # of trueup, that installs its SDK; None: the adapter's own package needs it
    sdk_modules: tuple[str, ...]  # import names `trueup doctor` looks for
    configuration_template: str  # the commented block that `trueup init` writes
    meters: tuple[MeterPattern, ...] = ()
    factors: tuple[CapacityFactor, ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)  # commitment type (lower case) -> layer
    native: tuple[NativeExport, ...] = ()  # bulk exports in its own columns
    eligibility: Eligibility | None = None  # what counts towards its agreements
    credential_variables: tuple[str, ...] = ()  # environment variables `trueup doctor` looks at
    # How it is asked; imports no SDK before it is connected. None: its bills are read from files.
    connector: Callable[[], Connector] | None = None
    # Its published rules for applying commitments; None: nothing is rated again.
    rating: Callable[[], Rating] | None = None
