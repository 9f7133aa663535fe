"""One answer of each operation, made by hand, with what its rows must say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.twin.aws import Holdings
from tests.world.aws_bill import PAYER

EC2 = "Amazon Elastic Compute Cloud - Compute"
RESERVED = f"arn:aws:ec2:us-east-1:{PAYER}:reserved-instances/"
WEB, GPU = f"{RESERVED}11111111-1111-1111-1111-000000000001", f"{RESERVED}2222"
DATABASE = f"arn:aws:rds:us-east-1:{PAYER}:ri:claims-archive"
TRAINING = f"arn:aws:sagemaker:us-east-1:{PAYER}:training-plan/tide-model"
STRETCHES = f"arn:aws:sagemaker:us-east-1:{PAYER}:training-plan/in-two-parts"
CAPACITY = f"arn:aws:sagemaker:us-east-1:{PAYER}:reserved-capacity/"
THROUGHPUT = f"arn:aws:bedrock:us-east-1:{PAYER}:provisioned-model/steady0001"
FOUNDATION = "arn:aws:bedrock:us-east-1::foundation-model/"


def instance(**other: str) -> str:
    """Three m5.2xlarge of Linux, paid in part ahead: 1000.10 each, and 0.123456 an hour."""
    said = {
        "reservedInstancesId": WEB.removeprefix(RESERVED),
        "instanceType": "m5.2xlarge",
        "start": "2026-03-01T10:15:30.086Z",
        "end": "2027-03-01T10:15:29.000Z",
        "duration": "31536000",
        "usagePrice": "0.0",
        "fixedPrice": "1000.10",
        "instanceCount": "3",
        "productDescription": "Linux/UNIX",
        "state": "active",
        "instanceTenancy": "default",
        "currencyCode": "USD",
        "offeringType": "Partial Upfront",
        "recurringCharges": "<item><frequency>Hourly</frequency><amount>0.123456</amount></item>",
        "offeringClass": "standard",
        "scope": "Region",
    } | other
    return f"<item>{''.join(f'<{name}>{text}</{name}>' for name, text in said.items())}</item>"


def database(**other: str) -> str:
    """Two db.r6g.large of PostgreSQL in two zones, nothing ahead, 0.2 an hour."""
    said = {
        "ReservedDBInstanceId": "claims-archive",
        "ReservedDBInstancesOfferingId": "649fd0c8-cf6d-47a0-bfa6-000000000001",
        "DBInstanceClass": "db.r6g.large",
        "StartTime": "2026-01-31T00:00:00Z",
        "Duration": "31536000",
        "FixedPrice": "0.0",
        "UsagePrice": "0.0",
        "CurrencyCode": "USD",
        "DBInstanceCount": "2",
        "ProductDescription": "postgresql",
        "OfferingType": "No Upfront",
        "MultiAZ": "true",
        "State": "active",
        "RecurringCharges": "<RecurringCharge><RecurringChargeAmount>0.2</RecurringChargeAmount>"
        "<RecurringChargeFrequency>Hourly</RecurringChargeFrequency></RecurringCharge>",
        "ReservedDBInstanceArn": DATABASE,
    } | other
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in said.items())
    return f"<ReservedDBInstance>{inner}</ReservedDBInstance>"


def stretch(number: int, start: int, hours: int, **other: object) -> dict[str, object]:
    """Reserved capacity from an instant, in seconds, for some hours."""
    return {
        "ReservedCapacityArn": f"{CAPACITY}{number}",
        "ReservedCapacityType": "Instance",
        "InstanceType": "ml.p5.48xlarge",
        "TotalInstanceCount": 4,
        "Status": "Active",
        "DurationHours": hours,
        "StartTime": start,
        "EndTime": start + 3600 * hours,
    } | other


OCTOBER = 1790812800  # 2026-10-01T00:00:00Z


def training(name: str, *stretches: dict[str, object], **other: object) -> dict[str, object]:
    """A training plan, paid ahead with 12345.678901."""
    return {
        "TrainingPlanArn": name,
        "TrainingPlanName": name.rpartition("/")[2],
        "Status": "Active",
        "DurationHours": 48,
        "StartTime": OCTOBER,
        "EndTime": OCTOBER + 48 * 3600,
        "UpfrontFee": "12345.678901",
        "CurrencyCode": "USD",
        "TotalInstanceCount": 4,
        "TargetResources": ["training-job"],
        "ReservedCapacitySummaries": list(stretches),
    } | other


def throughput(**other: object) -> dict[str, object]:
    """Two model units for a month."""
    return {
        "provisionedModelName": "claims-steady",
        "provisionedModelArn": THROUGHPUT,
        "modelArn": f"{FOUNDATION}amazon.nova-pro-v1:0",
        "desiredModelArn": f"{FOUNDATION}amazon.nova-pro-v1:0",
        "foundationModelArn": f"{FOUNDATION}amazon.nova-pro-v1:0",
        "modelUnits": 2,
        "desiredModelUnits": 2,
        "status": "InService",
        "commitmentDuration": "OneMonth",
        "commitmentExpirationTime": "2026-10-21T09:30:00Z",
        "creationTime": "2026-09-21T09:30:00Z",
        "lastModifiedTime": "2026-09-21T09:40:00Z",
    } | other


def rate(**other: object) -> dict[str, object]:
    """What an endpoint's instance costs under a SageMaker plan."""
    return {
        "rate": "0.8123456789",
        "currency": "USD",
        "unit": "Hrs",
        "productType": "SageMaker",
        "serviceCode": "AmazonSageMaker",
        "usageType": "USE1-Host:ml.g6.4xlarge",
        "operation": "RunInstance",
        "properties": [{"name": "region", "value": "us-east-1"}],
    } | other


FIRST = date(2026, 10, 1)
HELD = Holdings(
    rates=(rate(), rate(usageType="USE1-Host:ml.g6.2xlarge", rate="0.5")),
    instances=(instance(),),
    databases=(database(), database(ReservedDBInstanceArn=f"{DATABASE}-2", MultiAZ="false")),
    training_plans=(
        training(TRAINING, stretch(1, OCTOBER, 48)),
        training(STRETCHES, stretch(2, OCTOBER, 24), stretch(3, OCTOBER + 2 * 86400, 24)),
    ),
    throughputs=(throughput(), throughput(provisionedModelArn=f"{THROUGHPUT}2")),
    reservations=(
        (EC2, WEB, FIRST, 16, (Decimal("20.5"), Decimal(24), Decimal(0))),
        (EC2, GPU, FIRST, 16, (Decimal(1), Decimal(2), Decimal(3))),
    ),
)
