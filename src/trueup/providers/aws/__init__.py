"""Amazon Web Services. Sources, quirks and gaps: README.md in this folder."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from trueup.adapter.eligibility import Eligibility
from trueup.adapter.feed import Connector
from trueup.adapter.provider import ProviderAdapter
from trueup.providers.aws.cur import cur
from trueup.providers.declarations import read_factors, read_meters, read_rating, read_template

BENEFIT = (
    "capacity block",
    "capacity reservation",
    "compute savings plan",
    "database savings plan",
    "ec2 instance savings plan",
    "ml savings plan",
    "model unit",
    "provisioned throughput",
    "reservation",
    "reserved capacity",
    "reserved instance",
    "reserved node",
    "reserved tier",
    "sagemaker savings plan",
    "savings plan",
    "training plan",
)
FUNDING = ("credit", "prepayment", "promotional credit")
AGREEMENT = (
    "edp",
    "enterprise discount program",
    "private pricing",
    "private pricing addendum",
    "private pricing agreement",
)


def _connector() -> Connector:
    from trueup.providers.aws.connector import connector

    return connector()


adapter = ProviderAdapter(
    name="aws",
    title="Amazon Web Services",
    bill_names=("Amazon", "AWS"),
    telemetry_names=("bedrock", "sagemaker"),
    # Cost and usage data is refreshed at least daily; rows arrive up to two days late.
    arrives_within=timedelta(hours=48),
    # Support fees reach the month on its 6th or 7th. BillingPeriodEnd is the 1st at 00:00, so
    # seven days later is the 8th at 00:00: the whole of the 7th has passed.
    final_after=timedelta(days=7),
    extra="aws",
    sdk_modules=("boto3", "botocore"),
    configuration_template=read_template(__name__),
    connector=_connector,
    meters=read_meters(__name__),
    factors=read_factors(__name__),
    layers={
        **{name: "benefit" for kind in BENEFIT for name in (kind, f"{kind}s")},
        **{name: "funding" for kind in FUNDING for name in (kind, f"{kind}s")},
        **{name: "agreement" for kind in AGREEMENT for name in (kind, f"{kind}s")},
    },
    native=(cur,),
    eligibility=Eligibility(
        # Private pricing is agreed one by one and published nowhere: by practice, marketplace
        # purchases count up to a quarter of the commitment. The contract's `eligible` decides.
        "https://aws.amazon.com/pricing/enterprise/",
        marketplace_limit=Fraction(1, 4),
    ),
    rating=read_rating(__name__),
    credential_variables=(
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ),
)
