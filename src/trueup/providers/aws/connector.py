"""What AWS can be asked for."""

from __future__ import annotations

from trueup.adapter.feed import Connector, Setting
from trueup.providers.aws import client, cost_explorer, export, savings_plans


def connector() -> Connector:
    """All feeds and exports of this provider."""
    return Connector(
        connect=client.connect,
        fault=client.fault,
        feeds=(savings_plans.plans, cost_explorer.savings_plans),
        exports=(export.focus,),
        settings=(
            Setting("profile", "the profile in ~/.aws/config; default: the environment's"),
            Setting("export_bucket", "the S3 bucket that the FOCUS export is delivered to"),
            Setting("export_prefix", "the export's folder in the bucket, with its name"),
            Setting("export_region", "the bucket's region; default us-east-1"),
        ),
        hosts=(r".*\.amazonaws\.com", r".*\.api\.aws"),
        asking_headers=("x-amz-target",),
        token_hosts=(r"sts\..*", r"169\.254\.169\.254", r"portal\.sso\..*", r"oidc\..*"),
    )
