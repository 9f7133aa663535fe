"""Spend-based committed use discounts, from the daily snapshots of ``cud_subscriptions_export``.

https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/cud-export
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from trueup.adapter.feed import COMMITMENTS, Answer, Asking, BrokenAnswer, Feed, Row
from trueup.providers.gcp import query

LIFECYCLE = {
    "active": "Active",
    "canceled": "Canceled",
    "cancelled": "Canceled",
    "expired": "Expired",
    "pending": "Pending",
    "scheduled": "Pending",
}
COUNTED = frozenset({"Active", "Expired"})
UNIT = re.compile(r"(?P<money>\$|USD|[A-Z]{3})\s*/\s*(?:h|hr|hour)")

# `commitent_amount` is how the export spells it.
SQL = """\
SELECT{distinct}
  subscription.instance_id AS subscription_id,
  subscription.display_name AS name,
  cud_product.display_name AS product,
  consumption_model.id AS model,
  consumption_model.description AS model_name,
  region,
  CAST(commitent_amount.value AS STRING) AS amount,
  commitent_amount.unit AS unit,
  term,
  CAST(start_time AS STRING) AS starts,
  CAST(end_time AS STRING) AS ends,
  state
FROM {table}
{latest}ORDER BY subscription_id, starts, state"""
LATEST = """\
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY subscription.instance_id ORDER BY {by} DESC) = 1
"""


def _fetch(asking: Asking) -> Iterator[Answer]:
    name = asking.settings["cud_table"]
    described = query.table(asking, name)
    partitioned = described.get("timePartitioning")
    by = (partitioned or {}).get("field", "_PARTITIONTIME")
    sql = SQL.format(
        distinct="" if partitioned else " DISTINCT",
        table=query.quoted(name),
        latest=LATEST.format(by=by) if partitioned else "",
    )
    yield from query.rows(asking, sql, table=name)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    seen: set[str | None] = set()
    for cud in query.cells(answers):
        if cud["subscription_id"] in seen:
            raise BrokenAnswer(
                f"{cud['subscription_id']} stands there in several ways, and the table, not "
                "being partitioned, does not say which is the latest"
            )
        seen.add(cud["subscription_id"])
        lifecycle = LIFECYCLE.get((cud["state"] or "").lower())
        if lifecycle is None:
            raise BrokenAnswer(f"{cud['subscription_id']} is {cud['state']!r}")
        if lifecycle in COUNTED:
            yield _row(cud, lifecycle)


def is_new_model(cud: Mapping[str, str | None]) -> bool:
    """Whether the amount is what is paid (since 2025), not the on-demand spend it covers."""
    return cud["model"] is not None and (cud["model_name"] or "").lower() != "default"


def _row(cud: Mapping[str, str | None], lifecycle: str) -> Row:
    unit = UNIT.fullmatch(cud["unit"] or "")
    if unit is None:
        raise BrokenAnswer(f"{cud['subscription_id']} commits {cud['unit']!r}, no hourly money")
    money = {"$": "USD"}.get(unit["money"], unit["money"])
    return {
        "BillingCurrency": money,
        "ContractCommitmentBenefitCategory": "Discount",
        "ContractCommitmentCategory": "Spend",
        "ContractCommitmentCost": cud["amount"],
        "ContractCommitmentDescription": cud["name"] or cud["product"],
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Hourly",
        "ContractCommitmentId": cud["subscription_id"],
        "ContractCommitmentLifecycleStatus": lifecycle,
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentPaymentInterval": "Monthly",
        "ContractCommitmentPaymentModel": "No Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": "0",
        "ContractCommitmentPeriodStart": cud["starts"],
        "ContractCommitmentPeriodEnd": cud["ends"],
        "ContractCommitmentType": "Spend-based committed use discount",
        "ContractId": cud["subscription_id"],
        "ContractPeriodStart": cud["starts"],
        "ContractPeriodEnd": cud["ends"],
        "InvoiceIssuerName": "Google Cloud",
        "PricingCurrency": money,
        "PricingCurrencyContractCommitmentCost": cud["amount"],
        "ServiceProviderName": "Google Cloud",
        "x_Layer": "benefit",
        "x_QuantityBasis": "commitment_rate" if is_new_model(cud) else "on_demand_equivalent",
        "x_Per": "interval",
    }


subscriptions = Feed(
    name="spend-cuds",
    gives=COMMITMENTS,
    operations=query.PERMISSIONS,
    fetch=_fetch,
    normalise=_normalise,
    needs=("billing_project", "cud_table"),
    unknown=(
        "ContractCommitmentApplicability",
        "ContractCommitmentCreated",
        "ContractCommitmentLastUpdated",
        "ContractCommitmentOfferCategory",
    ),
)
