"""Single answers: what commits, what is broken, what a refusal says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from trueup.adapter.feed import Answer, BrokenAnswer, FaultKind
from trueup.providers.azure import export, faults, lots, savings_plans

PLAN_ID = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/o/savingsPlans/p"


def plan(state: str = "Succeeded", grain: str = "Hourly") -> dict[str, Any]:
    return {
        "id": PLAN_ID,
        "systemData": {"lastModifiedAt": "2026-11-15T00:00:00Z"},
        "properties": {
            "provisioningState": state,
            "effectiveDateTime": "2026-10-01T00:00:00Z",
            "expiryDateTime": "2027-10-01T00:00:00Z",
            "billingPlan": "P1M",
            "commitment": {"grain": grain, "amount": 5.0, "currencyCode": "EUR"},
        },
    }


def planned(*plans: dict[str, Any]) -> list[Any]:
    body = json.dumps({"value": plans}).encode()
    return list(savings_plans._normalise([Answer(savings_plans.LIST, {}, 1, body)]))


def test_a_plan_that_is_only_asked_for_commits_nothing() -> None:
    """Of one that is created and one that is being created, one row."""
    assert [row["ContractCommitmentCost"] for row in planned(plan(), plan("Creating"))] == ["5.0"]


def test_a_plan_that_was_cancelled_ends_then() -> None:
    """When it was last changed, not when it would have expired."""
    whole, cancelled = planned(plan(), plan("Cancelled"))
    assert whole["ContractCommitmentPeriodEnd"] == "2027-10-01T00:00:00Z"
    assert cancelled["ContractCommitmentPeriodEnd"] == "2026-11-15T00:00:00Z"


def test_a_commitment_by_another_time_is_a_broken_answer() -> None:
    """Its amount would be taken for that of an hour."""
    with pytest.raises(BrokenAnswer, match="a savings plan's commitment is Daily, not Hourly"):
        planned(plan(grain="Daily"))


def asked(monkeypatch: pytest.MonkeyPatch, listed: list[Any], **settings: str) -> list[str]:
    """The operations that the balances' feed asks."""
    operations: list[str] = []

    def pages(operation: str, _ask: object, **asked: str) -> list[Answer]:
        operations.append(operation)
        return [Answer(operation, asked, 1, json.dumps({"value": listed}).encode())]

    monkeypatch.setattr(lots, "_lots", lambda _: [])
    period = SimpleNamespace(end=datetime(2026, 11, 1, tzinfo=UTC))
    asking: Any = SimpleNamespace(
        settings={"billing_account": "a", **settings}, pages=pages, period=period
    )
    list(lots._fetch(asking))
    return operations


def test_credits_of_a_profile_are_asked_for_where_one_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without credits there is no first day from which to ask for their events."""
    lot = {"properties": {"startDate": "2026-01-01T00:00:00Z"}}
    profile = [lots.EVENTS, lots.LOTS_OF_PROFILE]
    assert asked(monkeypatch, [lot]) == [lots.EVENTS]
    assert asked(monkeypatch, [], billing_profile="p") == profile
    assert asked(monkeypatch, [lot], billing_profile="p") == [*profile, lots.EVENTS_OF_PROFILE]


def test_what_the_sdk_refuses_itself_is_a_refusal() -> None:
    """Neither of the network nor of an answer; what is no error of the SDK has no meaning."""
    sdk = pytest.importorskip("azure.core.exceptions")
    found = faults.fault(sdk.AzureError("no such host"))
    assert found is not None
    assert (found.kind, found.said) == (FaultKind.REFUSED, "no such host")
    assert faults.fault(ZeroDivisionError()) is None


@pytest.mark.parametrize(
    ("text", "header", "found"),
    [
        ('{"error": {"code": "A", "message": "m"}}', "", ("A", "m")),
        ('{"code": "A", "message": "m"}', "", ("A", "m")),
        ('{"error": "invalid_grant"}', "", ("invalid_grant", "")),
        ('{"error": "invalid_grant"}', "B", ("B", "")),
        ("[]", "B", ("B", "")),
        ("<html>", "B", ("B", "")),
    ],
)
def test_a_refusal_is_read_in_each_of_its_forms(
    text: str, header: str, found: tuple[str, str]
) -> None:
    """The code in the body counts, else that of the header."""
    response = SimpleNamespace(headers={"x-ms-error-code": header}, text=lambda: text)
    assert faults.said(response) == found


BLOB = (
    "<Name>a.csv</Name><Properties><Etag>{etag}</Etag><Content-Length>{size}</Content-Length>"
    "<Last-Modified>Sun, 01 Nov 2026 00:00:00 GMT</Last-Modified></Properties>"
)


def blobs(etag: str = '"0x1"', size: str = "5") -> list[Any]:
    blob = BLOB.format(etag=etag, size=size)
    return list(export._listed(f"<R><Blobs><Blob>{blob}</Blob></Blobs></R>".encode()))


def test_a_blob_that_lacks_something_is_a_broken_answer() -> None:
    """Without an ETag a change would not be seen; a size is a number."""
    (blob,) = blobs()
    assert (blob.name, blob.etag, blob.size_bytes) == ("a.csv", "0x1", 5)
    with pytest.raises(BrokenAnswer, match="a blob without name, Etag, Content-Length or date"):
        blobs(etag="")
    with pytest.raises(BrokenAnswer, match=r"a\.csv: invalid literal"):
        blobs(size="many")
