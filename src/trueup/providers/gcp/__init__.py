"""Google Cloud. Sources, quirks and gaps: README.md in this folder."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trueup.adapter.eligibility import Eligibility
from trueup.adapter.provider import ProviderAdapter
from trueup.providers.declarations import (
    read_factors,
    read_meters,
    read_native,
    read_rating,
    read_template,
)

if TYPE_CHECKING:
    from trueup.adapter.feed import Connector

BENEFIT = (
    "compute flexible committed use discount",
    "committed use discount",
    "committed_usage_discount",
    "committed_usage_discount_dollar_base",
    "cud",
    "flexible committed use discount",
    "flexible cud",
    "future reservation",
    "generative ai scale unit",
    "provisioned throughput",
    "reservation",
    "resource-based committed use discount",
    "resource-based cud",
    "spend-based committed use discount",
    "spend-based cud",
)
FUNDING = ("credit", "prepayment", "promotion", "promotional credit", "tpu credit")
AGREEMENT = ("commit", "enterprise agreement", "google commit", "private pricing")
DETAILED = read_native(
    __name__,
    "gcp-billing-export",
    "detailed.sql",
    identified_by=(
        "billing_account_id",
        "invoice",
        "cost_type",
        "sku",
        "usage_start_time",
        "usage_end_time",
        "cost",
        "currency",
        "credits",
    ),
    optional=(
        "service",
        "project",
        "labels",
        "system_labels",
        "location",
        "resource",
        "currency_conversion_rate",
        "usage",
        "adjustment_info",
        "cost_at_list",
        "transaction_type",
        "seller_name",
        # Columns of the later model of commitments.
        "price",
        "subscription",
        "consumption_model",
        "cost_at_effective_price_default",
    ),
)


def _connector() -> Connector:
    from trueup.providers.gcp.connector import connector

    return connector()


adapter = ProviderAdapter(
    name="gcp",
    title="Google Cloud",
    bill_names=("Google",),
    telemetry_names=("vertex", "vertex_ai", "vertexai", "gemini", "palm"),
    # The export gives no guarantee; most services report within a day.
    arrives_within=timedelta(hours=24),
    # No date is published: the invoice is drawn up in the first week, and the month's rows in the
    # export are taken as final after it.
    final_after=timedelta(days=7),
    extra="gcp",
    sdk_modules=("google.cloud.billing", "google.cloud.bigquery", "google.cloud.compute_v1"),
    connector=_connector,
    configuration_template=read_template(__name__),
    meters=read_meters(__name__),
    factors=read_factors(__name__),
    layers={
        **{name: "benefit" for kind in BENEFIT for name in (kind, f"{kind}s")},
        **{name: "funding" for kind in FUNDING for name in (kind, f"{kind}s")},
        **{name: "agreement" for kind in AGREEMENT for name in (kind, f"{kind}s")},
    },
    native=(DETAILED,),
    eligibility=Eligibility(
        # All spend on marketplace services counts, but for what this page excludes.
        "https://cloud.google.com/marketplace/docs/commit-drawdown",
        exclude={"ServiceName": r"\bgoogle maps\b|professional services"},
    ),
    rating=read_rating(__name__),
    credential_variables=(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_QUOTA_PROJECT",
    ),
)
