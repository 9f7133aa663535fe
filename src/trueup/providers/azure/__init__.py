"""Microsoft Azure. Sources, quirks and gaps: README.md in this folder."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from trueup.adapter.eligibility import Eligibility
from trueup.adapter.feed import Connector
from trueup.adapter.provider import ProviderAdapter
from trueup.providers.azure.cost_details import cost_details
from trueup.providers.declarations import read_factors, read_meters, read_rating, read_template

BENEFIT = (
    "azure savings plan for compute",
    "capacity reservation",
    "provisioned throughput",
    "provisioned throughput reservation",
    "provisioned throughput unit",
    "ptu",
    "ptu reservation",
    "reservation",
    "reserved capacity",
    "reserved instance",
    "savings plan",
)
FUNDING = (
    "azure credit",
    "azure prepayment",
    "credit",
    "monetary commitment",
    "prepayment",
    "promotional credit",
    "promotionalcredit",
    "purchasedcredit",
)
AGREEMENT = (
    "azure consumption commitment",
    "consumptioncommitment",
    "macc",
    "microsoft azure consumption commitment",
)


def _connector() -> Connector:
    from trueup.providers.azure.connector import connector

    return connector()


adapter = ProviderAdapter(
    name="azure",
    title="Microsoft Azure",
    bill_names=("Microsoft", "Azure"),
    telemetry_names=("az.ai.openai", "az.ai.inference", "azureopenai"),
    # Late usage of a day may be added for up to three days.
    arrives_within=timedelta(hours=72),
    # The provider closes a month on its fifth day; corrections and marketplace rows still follow
    # for up to two weeks.
    final_after=timedelta(days=14),
    extra="azure",
    sdk_modules=(
        "azure.identity",
        "azure.mgmt.billingbenefits",
        "azure.mgmt.consumption",
        "azure.mgmt.costmanagement",
        "azure.mgmt.reservations",
        "azure.storage.blob",
    ),
    configuration_template=read_template(__name__),
    connector=_connector,
    meters=read_meters(__name__),
    factors=read_factors(__name__),
    layers={
        **{name: "benefit" for kind in BENEFIT for name in (kind, f"{kind}s")},
        **{name: "funding" for kind in FUNDING for name in (kind, f"{kind}s")},
        **{name: "agreement" for kind in AGREEMENT for name in (kind, f"{kind}s")},
    },
    native=cost_details,
    eligibility=Eligibility(
        "https://learn.microsoft.com/azure/cost-management-billing/manage/track-consumption-commitment",
        # Only marketplace offers that are "Azure benefit eligible" count, with all of their price
        # before tax (https://docs.microsoft.com/en-us/marketplace/macc-frequently-asked-questions);
        # which these are the bill says by ContractApplied alone, else the contract.
        marketplace_share=Fraction(0),
    ),
    rating=read_rating(__name__),
    credential_variables=(
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    ),
)
