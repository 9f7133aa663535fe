"""What AWS can be asked for."""

from __future__ import annotations

from trueup.adapter.feed import Connector, Setting
from trueup.providers.aws import (
    capacity,
    client,
    export,
    faults,
    plan_use,
    reservation_use,
    reservations,
    savings_plans,
)

SETTINGS = (
    Setting("profile", "the profile in ~/.aws/config; default: the environment's", identifies=True),
    Setting("account", "the account's 12 digits, of which EC2 reservations are named"),
    Setting("regions", "where reservations, training plans and provisioned throughput are", list),
    Setting("cost_explorer", '"day" (the default), "period" or "never"; each request is billed'),
    Setting("reserved_services", "whose reservations Cost Explorer is asked about", list),
    Setting("rate_services", "whose rates under Savings Plans are asked for", list),
    Setting(
        "export_bucket", "the S3 bucket that the FOCUS export is delivered to", identifies=True
    ),
    Setting("export_prefix", "the export's folder in the bucket, with its name"),
    Setting("export_region", "the bucket's region; default us-east-1"),
)


def connector() -> Connector:
    """All feeds and exports of this provider."""
    return Connector(
        connect=client.connect,
        fault=faults.fault,
        feeds=(
            savings_plans.plans,
            savings_plans.rates,
            reservations.ec2,
            reservations.rds,
            capacity.training_plans,
            capacity.provisioned_throughput,
            plan_use.feed,
            reservation_use.feed,
        ),
        exports=(export.focus,),
        settings=SETTINGS,
        hosts=(r".*\.amazonaws\.com", r".*\.api\.aws"),
        asking_headers=("x-amz-target",),
        answering_headers=("etag",),
        token_hosts=(r"sts\..*", r"169\.254\.169\.254", r"portal\.sso\..*", r"oidc\..*"),
    )
