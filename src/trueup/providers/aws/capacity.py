"""Capacity paid for ahead: SageMaker training plans, Bedrock provisioned throughput.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingPlans.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListProvisionedModelThroughputs.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trueup.adapter.feed import COMMITMENTS, Answer, Asking, BrokenAnswer, Feed, Row, once_each
from trueup.providers.aws import commitments
from trueup.providers.aws.reading import amount, items_of, meaning, need, pages

TRAINING = "sagemaker:ListTrainingPlans"
THROUGHPUT = "bedrock:ListProvisionedModelThroughputs"
VOID = "Canceled"
# A plan that is scheduled commits nothing yet; it is read again when it has begun.
TRAINING_STATES = {
    "Active": "Active",
    "Expired": "Expired",
    "Pending": VOID,
    "Scheduled": VOID,
    "Failed": VOID,
}
THROUGHPUT_STATES = {
    "InService": "Active",
    "Updating": "Active",
    "Creating": VOID,
    "Failed": VOID,
}


def _fetch_training(asking: Asking) -> Iterator[Answer]:
    for region in asking.settings["regions"]:
        call = "sagemaker", "list_training_plans", region
        asked = {"region": region}
        yield from pages(
            asking, TRAINING, call, "TrainingPlanSummaries", asked, next_key="NextToken"
        )


def _normalise_training(answers: Sequence[Answer]) -> Iterator[Row]:
    """One row for each stretch of reserved capacity: a plan may have several, with gaps.

    A single stretch bears the plan's id and fee. Of a plan that tells none, it is the whole of it.
    """
    for _, plan in items_of(answers, TRAINING, "TrainingPlanSummaries"):
        if meaning(TRAINING_STATES, plan, "Status") == VOID:
            continue
        stretches = plan.get("ReservedCapacitySummaries") or [plan]
        alone = len(stretches) == 1
        fee = amount(need(plan, "UpfrontFee"))
        for stretch in stretches:
            status = meaning(TRAINING_STATES, stretch, "Status")
            if status == VOID:
                continue
            common = commitments.Commitment(
                name=need(plan, "TrainingPlanArn")
                if alone
                else need(stretch, "ReservedCapacityArn"),
                contract=need(plan, "TrainingPlanArn"),
                kind="SageMaker training plan",
                start=_instant(need(stretch, "StartTime")),
                end=_instant(need(stretch, "EndTime")),
                status=status,
                currency=need(plan, "CurrencyCode"),
                payment="All Upfront",
                benefit="Availability",
                about=f"{need(plan, 'TrainingPlanName')} {stretch.get('InstanceType', '')}".strip(),
            )
            count = amount(need(stretch, "TotalInstanceCount"))
            yield common.held(count, commitments.INSTANCES, fee if alone else None)


def _instant(seconds: Any) -> str:
    """Seconds since 1970, as this API writes instants, as text; exact to the microsecond."""
    found = amount(seconds)
    if found != found.quantize(Decimal("0.000001")):
        raise BrokenAnswer(f"{seconds} is finer than a microsecond")
    whole, part = divmod(found, 1)
    at = datetime.fromtimestamp(int(whole), UTC).replace(microsecond=int(part * 1_000_000))
    return at.replace(tzinfo=None).isoformat() + "Z"


def _fetch_throughput(asking: Asking) -> Iterator[Answer]:
    for region in asking.settings["regions"]:
        call = "bedrock", "list_provisioned_model_throughputs", region
        yield from pages(asking, THROUGHPUT, call, "provisionedModelSummaries", {"region": region})


def _normalise_throughput(answers: Sequence[Answer]) -> Iterator[Row]:
    """Those with a term; without one it is paid by the hour and may be ended at any time."""
    for _, held in items_of(answers, THROUGHPUT, "provisionedModelSummaries"):
        status = meaning(THROUGHPUT_STATES, held, "status")
        if status != VOID and held.get("commitmentDuration"):
            yield _throughput(held, status)


def _throughput(held: Mapping[str, Any], status: str) -> Row:
    model = str(need(held, "foundationModelArn")).rpartition("/")[2]
    common = commitments.Commitment(
        name=need(held, "provisionedModelArn"),
        contract=need(held, "provisionedModelArn"),
        kind="Provisioned throughput",
        start=need(held, "creationTime"),
        end=need(held, "commitmentExpirationTime"),
        status=status,
        currency=None,
        payment="No Upfront",
        benefit="Availability",
        about=f"{need(held, 'provisionedModelName')} {model} {need(held, 'commitmentDuration')}",
    )
    return common.held(amount(need(held, "modelUnits")), commitments.MODEL_UNITS)


training_plans = Feed(
    name="training-plans",
    gives=COMMITMENTS,
    operations={TRAINING: TRAINING},
    fetch=_fetch_training,
    normalise=_normalise_training,
    check=lambda answers: once_each(
        need(plan, "TrainingPlanArn")
        for _, plan in items_of(answers, TRAINING, "TrainingPlanSummaries")
    ),
    needs=("regions",),
    unknown=commitments.UNKNOWN,
)
provisioned_throughput = Feed(
    name="provisioned-throughput",
    gives=COMMITMENTS,
    operations={THROUGHPUT: THROUGHPUT},
    fetch=_fetch_throughput,
    normalise=_normalise_throughput,
    check=lambda answers: once_each(
        need(held, "provisionedModelArn")
        for _, held in items_of(answers, THROUGHPUT, "provisionedModelSummaries")
    ),
    needs=("regions",),
    unknown=(*commitments.UNKNOWN, "BillingCurrency", "PricingCurrency"),
)
