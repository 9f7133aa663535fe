"""What OCI can be asked for."""

from __future__ import annotations

from trueup.adapter.feed import Connector, Setting
from trueup.providers.oci import (
    client,
    computed_usage,
    export,
    rate_cards,
    subscriptions,
    usage_api,
)

PERSONAL = (  # of a subscribed service: who bought it, pays for it, uses it, and where they are
    *(
        f"{party}{what}"
        for party in ("billTo", "serviceTo", "soldTo", "endUser", "reseller")
        for what in ("Customer", "Contact", "Address")
    ),
    "overageBillTo",
    "adminEmail",
    "buyerEmail",
    "createdBy",
    "updatedBy",
)


def connector() -> Connector:
    """All feeds and exports of this provider."""
    return Connector(
        connect=client.connect,
        fault=client.fault,
        feeds=(
            subscriptions.universal_credits,
            subscriptions.balances,
            computed_usage.drawdown,
            usage_api.cost,
            usage_api.adjustments,
            rate_cards.rates,
        ),
        exports=(export.reports,),
        settings=(
            Setting("auth", "api_key (a profile, the default) or instance_principal"),
            Setting("profile", "the profile in ~/.oci/config; default: DEFAULT"),
            Setting("tenancy", "the tenancy's OCID; default: that of the credentials"),
            Setting("compartment", "the root compartment's OCID; default: the tenancy's"),
            Setting("region", "the home region; default: that of the credentials"),
            Setting("export", "which cost reports to fetch: focus or legacy; default: none"),
        ),
        hosts=(r".*\.oraclecloud\.com",),
        token_hosts=(r"auth\..*", r"169\.254\.169\.254", r"\[?fd00:c1::a9fe:a9fe\]?"),
        answering_headers=("opc-next-page",),
        personal=PERSONAL,
    )
