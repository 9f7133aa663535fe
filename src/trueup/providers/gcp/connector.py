"""What Google Cloud can be asked for."""

from __future__ import annotations

from trueup.adapter.feed import Connector, Setting
from trueup.providers.gcp import catalog, client, compute, export, faults, spend_cuds, utilization


def connector() -> Connector:
    """All feeds and exports of this provider."""
    return Connector(
        connect=client.connect,
        fault=faults.fault,
        feeds=(
            compute.commitments,
            spend_cuds.subscriptions,
            utilization.spend_cuds,
            catalog.prices,
        ),
        exports=(export.charges,),
        settings=(
            Setting(
                "billing_project", "the project in which queries run and are paid", identifies=True
            ),
            Setting("location", "where BigQuery keeps the export; default: found by BigQuery"),
            Setting(
                "billing_table",
                "the billing export to read charges from, FOCUS or detailed: project.dataset.table",
                identifies=True,
                joins=".",
            ),
            Setting(
                "detailed_table",
                "the detailed billing export, from which the use of spend-based commitments is "
                "added up: project.dataset.table",
                identifies=True,
                joins=".",
            ),
            Setting(
                "cud_table",
                "the export of spend-based commitments: project.dataset.cud_subscriptions_export",
                identifies=True,
                joins=".",
            ),
            Setting(
                "commitment_projects",
                "the projects whose Compute Engine commitments are read",
                list,
                identifies=True,
            ),
            Setting(
                "catalog_services",
                'the services whose list prices are read, by id or name, as "Vertex AI"',
                list,
            ),
        ),
        hosts=(r"(?:bigquery|cloudbilling|compute)\.googleapis\.com",),
        token_hosts=(
            r"oauth2\.googleapis\.com",
            r"sts\.googleapis\.com",
            r"iamcredentials\.googleapis\.com",
            r"accounts\.google\.com",
            r"metadata(?:\.google\.internal)?",
            r"169\.254\.169\.254",
        ),
        volatile=("requestId",),
    )
