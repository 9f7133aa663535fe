"""Oracle Cloud Infrastructure. Sources, quirks and gaps: README.md in this folder."""

from __future__ import annotations

from datetime import timedelta

from trueup.adapter.feed import Connector
from trueup.adapter.provider import ProviderAdapter
from trueup.providers.declarations import (
    read_factors,
    read_meters,
    read_native,
    read_rating,
    read_template,
)

BENEFIT = ("capacity reservation", "dedicated ai cluster", "reservation")
FUNDING = (
    "annual commitment",
    "annual flex",
    "annual universal credit",
    "credit",
    "monthly flex",
    "monthly universal credit",
    "prepayment",
    "promotional credit",
    "universal credit",
)
AGREEMENT = ("enterprise agreement", "private pricing")
LEGACY = read_native(
    __name__,
    "oci-cost-report",
    "legacy.sql",
    identified_by=(
        "lineItem/referenceNo",
        "lineItem/tenantId",
        "lineItem/intervalUsageStart",
        "lineItem/intervalUsageEnd",
        "cost/myCost",
        "cost/currencyCode",
    ),
    optional=(
        "product/service",
        "product/compartmentId",
        "product/compartmentName",
        "product/region",
        "product/availabilityDomain",
        "product/resourceId",
        "product/Description",
        "usage/billedQuantity",
        "usage/billedQuantityOverage",
        "usage/attributedUsage",
        "cost/subscriptionId",
        "cost/productSku",
        "cost/unitPrice",
        "cost/unitPriceOverage",
        "cost/myCostOverage",
        "cost/billingUnitReadable",
        "cost/skuUnitDescription",
        "cost/overageFlag",
        "cost/attributedCost",
        "lineItem/isCorrection",
        "lineItem/backreferenceNo",
    ),
)


def _connector() -> Connector:
    from trueup.providers.oci.connector import connector

    return connector()


adapter = ProviderAdapter(
    name="oci",
    title="Oracle Cloud Infrastructure",
    bill_names=("Oracle",),
    telemetry_names=("oci_genai", "oci_generative_ai", "oracle_genai"),
    # Cost reports are written every six hours and hold usage up to a day late.
    arrives_within=timedelta(hours=24),
    # No date is published, and corrections come as new rows: a week after the month's end.
    final_after=timedelta(days=7),
    extra="oci",
    sdk_modules=("oci",),
    configuration_template=read_template(__name__),
    connector=_connector,
    meters=read_meters(__name__),
    factors=read_factors(__name__),
    rating=read_rating(__name__),
    layers={
        **{name: "benefit" for kind in BENEFIT for name in (kind, f"{kind}s")},
        **{name: "funding" for kind in FUNDING for name in (kind, f"{kind}s")},
        **{name: "agreement" for kind in AGREEMENT for name in (kind, f"{kind}s")},
    },
    native=(LEGACY,),
    credential_variables=("OCI_CONFIG_FILE", "OCI_RESOURCE_PRINCIPAL_VERSION"),
)
