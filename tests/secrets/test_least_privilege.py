"""What is asked of providers is read, and needs what the documented policies grant, no more.

Which permission an operation needs stands here by hand, from each provider's reference; requests are
those of the recordings, in which every feed and export is asked.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from trueup.adapter.registry import providers
from trueup.fetch.cassette.provenance import recorded_text, recordings
from trueup.fetch.settings import connector_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "least-privilege.md"
AZURE = "GET management.azure.com .*/providers/Microsoft"
OCI = r"GET identity\.[^ ]*\.oraclecloud\.com /20190111"

# A request, as method, host, path and operation -> the permissions that it needs. Whatever is no GET
# stands here one by one: each of these operations only reads.
READS: dict[str, dict[str, str]] = {
    "aws": {
        r"POST savingsplans\S* /DescribeSavingsPlans": "savingsplans:DescribeSavingsPlans",
        r"POST savingsplans\S* /DescribeSavingsPlanRates": "savingsplans:DescribeSavingsPlanRates",
        r"POST ce\.\S* / GetSavingsPlansUtilization": "ce:GetSavingsPlansUtilization",
        r"POST ce\.\S* / GetSavingsPlansUtilizationDetails": "ce:GetSavingsPlansUtilizationDetails",
        r"POST ce\.\S* / GetReservationUtilization": "ce:GetReservationUtilization",
        r"POST ec2\.\S* / DescribeReservedInstances": "ec2:DescribeReservedInstances",
        r"POST rds\.\S* / DescribeReservedDBInstances": "rds:DescribeReservedDBInstances",
        r"POST api\.sagemaker\S* / ListTrainingPlans": "sagemaker:ListTrainingPlans",
        r"GET bedrock\S* /provisioned-model-throughputs": "bedrock:ListProvisionedModelThroughputs",
        r"GET \S+\.s3\.\S* / list": "s3:ListBucket",
        r"GET \S+\.s3\.\S* /.+": "s3:GetObject",
    },
    "azure": {
        rf"{AZURE}\.Capacity/reservationOrders(/[^/]+)?": "Microsoft.Capacity/reservationOrders/read",
        rf"{AZURE}\.Capacity/reservationOrders/[^/]+/reservations": "Microsoft.Capacity/reservationOrders/reservations/read",
        rf"{AZURE}\.BillingBenefits/savingsPlans": "Microsoft.BillingBenefits/savingsPlanOrders/savingsPlans/read",
        rf"{AZURE}\.CostManagement/benefitUtilizationSummaries": "Microsoft.CostManagement/benefitUtilizationSummaries/read",
        **{
            rf"{AZURE}\.Consumption/{name}(/default)?": f"Microsoft.Consumption/{name}/read"
            for name in ("balances", "events", "lots", "pricesheets", "reservationDetails", "reservationSummaries")
        },
        r"GET \S+\.blob\.core\.windows\.net /.*": "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
    },
    "gcp": {
        r"POST bigquery\S* /bigquery/v2/projects/[^/]+/queries (SELECT|WITH)": "bigquery.jobs.create bigquery.tables.getData",
        r"GET bigquery\S* /bigquery/v2/projects/[^/]+/queries/[^/]+": "bigquery.jobs.create",
        r"GET bigquery\S* /bigquery/v2/.*/tables/[^/]+": "bigquery.tables.get",
        r"GET cloudbilling\S* /v1/services(/[^/]+/skus)?": "serviceusage.services.use",
        r"GET compute\S* /compute/v1/projects/[^/]+/aggregated/commitments": "compute.commitments.list",
    },
    "oci": {
        rf"{OCI}/organizationSubscriptions?": "read subscription in tenancy",
        rf"{OCI}/(subscribedServices(/[^/]+)?|commitments)": "read subscribed-services in tenancy",
        rf"{OCI}/aggregatedComputedUsages": "read computed-usages in tenancy",
        rf"{OCI}/ratecards": "read rate-cards in tenancy",
        r"POST usageapi\S* /20200107/usage": "read usage-report in tenancy",  # RequestSummarizedUsages
        r"GET objectstorage\S* /n/bling/b/[^/]+/o(/.+)?": "read objects in tenancy usage-report",
    },
}  # fmt: skip


def granted(provider: str) -> set[str]:
    """What the policy of a provider's folder grants."""
    (policy,) = (
        one
        for one in files(f"trueup.providers.{provider}").iterdir()
        if one.name.startswith("policy.")
    )
    text = policy.read_text("utf-8")
    if provider == "aws":
        return {one for part in json.loads(text)["Statement"] for one in part["Action"]}
    if provider == "azure":
        (role,) = json.loads(text)["properties"]["permissions"]
        assert role["notActions"] == role["notDataActions"] == []
        return {*role["actions"], *role["dataActions"]}
    if provider == "gcp":
        return set(re.findall(r"(?m)^ +- (\S+)$", text))
    return set(re.findall(r"(?m)^(?:allow|endorse) group TrueupReaders to (.+)$", text))


def operation(request: Any) -> str:
    """Method, host and path of a request, and what else says which operation it is."""
    url = urlsplit(request.uri)
    headers = {name.lower(): value for name, value in request.headers.items()}
    target = headers.get("x-amz-target", "")
    target = target[0] if isinstance(target, list) else target
    body = (request.body or b"").decode()
    parts = [request.method, url.hostname or "", url.path, str(target).rpartition(".")[2]]
    if body.startswith("Action="):
        parts.append(parse_qs(body)["Action"][0])
    elif url.path.endswith("/queries"):
        query = json.loads(body)["query"]
        assert not re.search(r"(?i)\b(insert|update|delete|merge|create|drop|export|call)\b", query)
        parts.append(query.split()[0])
    elif "list-type" in url.query:
        parts.append("list")
    return " ".join(filter(None, parts))


def asked(provider: str) -> set[str]:
    """Every operation in the recordings of a provider."""
    pytest.importorskip("vcr", reason="recordings are read by vcrpy")
    from vcr.serialize import deserialize
    from vcr.serializers import yamlserializer

    texts = [
        recorded_text(file)
        for case in sorted((ROOT / "cassettes" / provider).iterdir())
        for file in recordings(case)
    ]
    return {operation(one) for text in texts for one in deserialize(text, yamlserializer)[0]}


def needed(provider: str, of: str) -> set[str]:
    """The permissions that an operation needs; none: it is not among those that read."""
    return {
        permission
        for pattern, permissions in READS[provider].items()
        if re.fullmatch(pattern, of, re.IGNORECASE)
        for permission in ([permissions] if " in " in permissions else permissions.split())
    }


@pytest.mark.parametrize("provider", providers())
def test_everything_that_is_asked_reads_and_the_policy_grants_it_and_no_more(provider: str) -> None:
    """No request is of an operation that is not listed as reading; the sum of them is the policy."""
    by_operation = {one: needed(provider, one) for one in asked(provider)}
    assert [one for one, permissions in by_operation.items() if not permissions] == []
    # Listed, and asked only where an account has what the twin has not.
    unseen = {"Microsoft.CostManagement/benefitUtilizationSummaries/read"}
    assert granted(provider) - set().union(*by_operation.values()) <= unseen
    assert set().union(*by_operation.values()) <= granted(provider)


@pytest.mark.parametrize("provider", providers())
def test_every_declared_permission_is_in_the_policy(provider: str) -> None:
    """What a failure tells to grant, the policy grants: nobody has to add to it."""
    declared = " ".join(
        permission
        for source in connector_of(provider).sources
        for permission in source.operations.values()
    ).replace("endorse group ... to ", "")
    assert [one for one in granted(provider) if one not in declared] == []
    for source in connector_of(provider).sources:
        for permission in source.operations.values():
            assert any(one in permission for one in granted(provider)), permission


def test_every_policy_is_on_the_page() -> None:
    """The page shows each provider's own file, not a copy of it."""
    page = PAGE.read_text("utf-8")
    for provider in providers():
        assert f"../../src/trueup/providers/{provider}/policy." in page
