"""Capacity paid for ahead, answer by answer."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml
from decimal import Decimal
from typing import Any

import pytest

from trueup.adapter.feed import Answer, BrokenAnswer, FaultKind
from trueup.providers.aws import capacity, faults, reservations

PLAN = {
    "TrainingPlanArn": "arn:plan",
    "TrainingPlanName": "autumn",
    "Status": "Active",
    "UpfrontFee": "100.00",
    "CurrencyCode": "USD",
}
STRETCH = {
    "ReservedCapacityArn": "arn:stretch-1",
    "Status": "Active",
    "InstanceType": "ml.p5.48xlarge",
    "StartTime": 1790812800,  # 2026-10-01T00:00:00Z
    "EndTime": 1793491200,
    "TotalInstanceCount": 4,
}


def rows(*stretches: dict[str, Any]) -> list[Any]:
    plan = {**PLAN, "ReservedCapacitySummaries": list(stretches)}
    body = json.dumps({"TrainingPlanSummaries": [plan]}).encode()
    answer = Answer(capacity.TRAINING, {"region": "north"}, 1, body)
    return list(capacity._normalise_training([answer]))


def test_a_stretch_that_failed_commits_nothing() -> None:
    """Of two, one is active: it has its own id, and no fee, which is that of the whole plan."""
    other = {**STRETCH, "ReservedCapacityArn": "arn:stretch-2", "Status": "Failed"}
    (row,) = rows(STRETCH, other)
    assert row["ContractCommitmentId"] == "arn:stretch-1"
    assert row["ContractCommitmentPeriodStart"] == "2026-10-01T00:00:00Z"
    assert row["ContractCommitmentCost"] is None


def test_an_instant_is_exact_or_broken() -> None:
    """Microseconds are kept; what is finer has no text."""
    assert capacity._instant(Decimal("1790812800.000001")) == "2026-10-01T00:00:00.000001Z"
    with pytest.raises(BrokenAnswer, match="finer than a microsecond"):
        capacity._instant(Decimal("1790812800.0000001"))


def charges(frequency: str) -> Xml.Element:
    found = Xml.Element("charges")
    for amount, each in (("0.25", "Hourly"), ("0.50", frequency)):
        charge = Xml.SubElement(found, "item")
        Xml.SubElement(charge, "Amount").text = amount
        Xml.SubElement(charge, "Each").text = each
    return found


def test_charges_of_a_reservation_are_hourly() -> None:
    """0.25 and 0.50 add up to 0.75; a charge by the month would be taken for one by the hour."""
    assert reservations._hourly(charges("Hourly"), "Amount", "Each") == Decimal("0.75")
    assert reservations._hourly(None, "Amount", "Each") == 0
    with pytest.raises(BrokenAnswer, match="a recurring charge that is Monthly, not Hourly"):
        reservations._hourly(charges("Monthly"), "Amount", "Each")


def test_what_the_sdk_refuses_itself_is_a_refusal() -> None:
    """A wrong parameter never reaches the service; what is no error of the SDK has no meaning."""
    sdk = pytest.importorskip("botocore.exceptions")
    found = faults.fault(sdk.ParamValidationError(report="no such region"))
    assert found is not None
    assert found.kind is FaultKind.REFUSED
    assert "no such region" in found.said
    assert faults.fault(ZeroDivisionError()) is None
