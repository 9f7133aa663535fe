"""What Azure can be asked for."""

from __future__ import annotations

from trueup.adapter.feed import Connector, Setting
from trueup.providers.azure import (
    client,
    export,
    faults,
    lots,
    prepayment,
    prices,
    reservations,
    reserved_hours,
    savings_plans,
)


def connector() -> Connector:
    """All feeds and exports of this provider."""
    return Connector(
        connect=client.connect,
        fault=faults.fault,
        feeds=(
            reservations.reservations,
            savings_plans.plans,
            lots.agreements,
            reserved_hours.hours,
            savings_plans.utilization,
            lots.balances,
            prepayment.prepayment,
            prices.sheet,
        ),
        exports=(export.focus,),
        settings=(
            Setting(
                "billing_account",
                "the billing account, for commitments (MACC) and their events",
                identifies=True,
            ),
            Setting("billing_profile", "its billing profile, for Azure credits", identifies=True),
            Setting(
                "enrollment",
                "the number of an Enterprise Agreement, for its prepayment",
                identifies=True,
            ),
            Setting("subscription", "a subscription, for its price sheet", identifies=True),
            Setting("export_account", "the storage account that exports go to", identifies=True),
            Setting("export_container", "the container in it", identifies=True),
            Setting("export_prefix", "the export's folder in it, with the export's name"),
        ),
        hosts=client.HOSTS,
        answering_headers=("content-range", "etag", "last-modified"),
        token_hosts=(
            r"login\.microsoftonline\.com",
            r".*\.identity\.azure\.net",
            r"169\.254\.169\.254",
        ),
    )
