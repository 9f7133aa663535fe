"""Compute Engine's commitments: how much of which resource, where and how long.

https://cloud.google.com/compute/docs/reference/rest/v1/regionCommitments/aggregatedList
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueup.adapter.feed import (
    COMMITMENTS,
    Answer,
    Asking,
    BrokenAnswer,
    Changed,
    Feed,
    Page,
    Row,
    exact_json,
)
from trueup.providers.gcp.client import SECONDS

LIST = "compute.regionCommitments.aggregatedList"
PAGE_ROWS = 500  # the most there are
UNITS = {
    "ACCELERATOR": "GPU-Hours",
    "LOCAL_SSD": "GB-Hours",
    "MEMORY": "MB-Hours",
    "VCPU": "vCPU-Hours",
}
LIFECYCLE = {
    "ACTIVE": "Active",
    "CANCELLED": "Canceled",
    "CREATING": "Pending",
    "EXPIRED": "Expired",
    "NOT_YET_ACTIVE": "Pending",
}
COUNTED = frozenset({"Active", "Expired"})  # the others commit to nothing (yet, or any more)


def _fetch(asking: Asking) -> Iterator[Answer]:
    connection = asking.connection
    for project in asking.settings["commitment_projects"]:

        def page(token: str | None, project: str = project) -> Page:
            asked = {"project": project, "max_results": PAGE_ROWS}
            asked |= {"page_token": token} if token else {}
            body = connection.raw(
                lambda: connection.commitments.aggregated_list(
                    request=asked, retry=None, timeout=SECONDS
                )
            )
            found = exact_json(body)
            _refuse_partial(found)
            return Page(body, found.get("nextPageToken"))

        yield from asking.pages(LIST, page, project=project)


def _refuse_partial(found: Mapping[str, Any]) -> None:
    """Google answers with what it could reach, and names what it could not."""
    missing = list(found.get("unreachables", ()))
    missing += [
        scope
        for scope, listed in found.get("items", {}).items()
        if listed.get("warning", {}).get("code", "NO_RESULTS_ON_PAGE") != "NO_RESULTS_ON_PAGE"
    ]
    if missing:
        raise BrokenAnswer(f"not reached: {', '.join(missing)}")


def _listed(answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        for listed in answer.json().get("items", {}).values():
            yield from listed.get("commitments", ())


def _check(answers: Sequence[Answer]) -> None:
    """A commitment that is listed twice moved from one page to another."""
    counted = Counter(item.get("selfLink") for item in _listed(answers))
    twice = [link for link, count in counted.items() if count > 1]
    if twice:
        raise Changed(f"listed twice: {twice[0]}")


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for item in _listed(answers):
        try:
            if LIFECYCLE[item["status"]] in COUNTED:
                yield from _rows(item)
        except KeyError as error:
            raise BrokenAnswer(f"a commitment without {error}, or of that kind") from error


def _rows(item: Mapping[str, Any]) -> Iterator[Row]:
    """One row for each resource: vCPUs, memory and GPUs of a commitment are used apart."""
    path = item["selfLink"].partition("/projects/")[2]
    for resource in item.get("resources", ()):
        kind, accelerator = resource["type"], resource.get("acceleratorType", "")
        place = "/".join(filter(None, ["projects", path, kind, accelerator.rpartition("/")[2]]))
        yield _row(item, place, resource["amount"], UNITS[kind])
    if "licenseResource" in item:
        place = f"projects/{path}/LICENSE"
        yield _row(item, place, item["licenseResource"]["amount"], "License-Hours")


def _row(item: Mapping[str, Any], place: str, amount: str, unit: str) -> Row:
    return {
        "ContractCommitmentBenefitCategory": "Discount",
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentCreated": item.get("creationTimestamp"),
        "ContractCommitmentDescription": item.get("description") or item["name"],
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Hourly",
        "ContractCommitmentId": place,
        "ContractCommitmentLifecycleStatus": LIFECYCLE[item["status"]],
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentPaymentInterval": "Monthly",
        "ContractCommitmentPaymentModel": "No Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": "0",
        "ContractCommitmentPeriodStart": item["startTimestamp"],
        "ContractCommitmentPeriodEnd": item["endTimestamp"],
        "ContractCommitmentQuantity": str(amount),
        "ContractCommitmentType": "Resource-based committed use discount",
        "ContractCommitmentUnit": unit,
        "ContractId": item["id"],
        "ContractPeriodStart": item["startTimestamp"],
        "ContractPeriodEnd": item["endTimestamp"],
        "InvoiceIssuerName": "Google Cloud",
        "ServiceProviderName": "Google Cloud",
        "x_Layer": "benefit",
        "x_QuantityBasis": "unit_hours",
        "x_Per": "interval",
    }


commitments = Feed(
    name="compute-commitments",
    gives=COMMITMENTS,
    operations={LIST: "compute.commitments.list"},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
    needs=("commitment_projects",),
    unknown=(
        "ContractCommitmentApplicability",
        "ContractCommitmentLastUpdated",
        "ContractCommitmentOfferCategory",
        "PricingCurrency",
    ),
)
