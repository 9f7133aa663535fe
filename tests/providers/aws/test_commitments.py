"""Plans, reservations, training plans, throughput and rates: one answer each, read to its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.providers.aws.holdings import (
    CAPACITY,
    DATABASE,
    HELD,
    OCTOBER,
    STRETCHES,
    THROUGHPUT,
    TRAINING,
    WEB,
    database,
    instance,
    stretch,
    throughput,
    training,
)
from tests.twin import aws
from tests.twin.faults import Fault
from tests.world.aws_bill import PAYER
from tests.world.world import World

import trueup
from trueup.adapter.feed import COMMITMENTS
from trueup.errors import ProviderError
from trueup.fetch.feeds import csv_text
from trueup.providers.aws.reservations import units

Made = Callable[..., Any]


@pytest.fixture
def held(cloud: Any, worlds: Callable[[int], World]) -> Made:
    """The twin with other holdings."""

    def with_(**others: Any) -> Any:
        cloud.answers = aws.answerer(worlds(1), replace(HELD, **others))
        return cloud

    return with_


def picked(row: Any, *names: str) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in names)


FIGURE = (
    "ContractCommitmentQuantity",
    "ContractCommitmentUnit",
    "x_QuantityBasis",
    "ContractCommitmentCost",
)
TERM = ("ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd")


def plan(name: str, **other: object) -> dict[str, object]:
    return {
        "savingsPlanId": name,
        "savingsPlanArn": f"arn:aws:savingsplans::{PAYER}:savingsplan/{name}",
        "description": "",
        "start": "2026-10-02T03:00:00.000Z",
        "end": "2027-10-02T02:59:59.000Z",
        "state": "active",
        "savingsPlanType": "Database",
        "paymentOption": "Partial Upfront",
        "currency": "USD",
        "commitment": "0.00100000",
    } | other


def test_a_plan_keeps_its_figures_as_they_are_written(held: Made) -> None:
    """Commitment by the hour with all its digits, instants, kind; partly upfront says no share."""
    rows = held(plans=(plan("third"),)).rows("savings-plans")
    [row] = [row for row in rows if row["ContractId"] == "third"]
    assert picked(
        row, "ContractCommitmentCost", *TERM, "ContractCommitmentType",
        "ContractCommitmentDescription", "ContractCommitmentPaymentUpfrontPercentage",
    ) == (
        "0.00100000", "2026-10-02T03:00:00.000Z", "2027-10-02T02:59:59.000Z",
        "Database Savings Plan", "Database Savings Plan", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("active", "Active"),
        ("pending-return", "Active"),
        ("retired", "Expired"),
        ("returned", None),
        ("queued", None),
        ("queued-deleted", None),
        ("payment-pending", None),
        ("payment-failed", None),
    ],
)
def test_what_a_plans_state_commits(
    state: str, status: str | None, cloud: Any, worlds: Callable[[int], World]
) -> None:
    """Returned: void from its start. Queued or unpaid: nothing. Retired: as it was, until its end."""
    account = aws.Account(worlds(1), HELD)
    told = {**account.plans[0], "state": state}
    account.plans[:] = [told]
    cloud.answers = lambda _: account.describe_plans({})  # whatever states are asked for
    rows = cloud.rows("savings-plans")
    assert [row["ContractCommitmentLifecycleStatus"] for row in rows] == (
        [status] if status else []
    )
    for row in rows:
        assert row["ContractCommitmentPeriodEnd"] == told["end"]


def test_an_unknown_state_is_not_passed_over(held: Made) -> None:
    """A state that a later API may have is an error, not a plan that is left out."""
    with pytest.raises(ProviderError, match=r"aws: savings-plans: .*state 'paused' is not known"):
        _with_state(held, "paused").rows("savings-plans")


def _with_state(held: Made, state: str) -> Any:
    cloud = held()
    account = aws.Account.__new__(aws.Account)
    account.plans = [plan("odd", state=state)]
    cloud.answers = lambda _: account.describe_plans({})
    return cloud


def test_only_what_counts_is_asked_for(cloud: Any) -> None:
    """The states are named, since what is given without them is not documented."""
    cloud.rows("savings-plans")
    assert cloud.asked('"states": ["active", "pending-return", "retired"]') == 2


@pytest.mark.parametrize(
    ("feed", "twice"),
    [
        ("savings-plans", {"plans": (plan("third"), plan("third", description="again"))}),
        ("savings-plan-rates", {"plans": (plan("third"), plan("third", description="again"))}),
        ("reserved-databases", {"databases": (database(), database(State="retired"))}),
        ("training-plans", {"training_plans": (training(TRAINING), training(TRAINING))}),
        ("provisioned-throughput", {"throughputs": (throughput(), throughput())}),
    ],
)
def test_what_is_on_two_pages_is_a_list_that_changed(
    feed: str, twice: dict[str, Any], held: Made
) -> None:
    """A list that shifts while it is read names something twice: it is read again, then refused."""
    with pytest.raises(ProviderError, match=r"changed while it was read, 3 times: .*listed twice"):
        held(**twice).rows(feed)


def test_rates_of_a_plan_stand_for_its_term(held: Made) -> None:
    """Each plan's rates with their digits, for the services that are named."""
    cloud = held()
    rows = cloud.rows("savings-plan-rates")
    assert [
        picked(row, "commitment_id", "sku", "unit", "price", "currency", "valid_from")
        for row in rows
        if str(row["commitment_id"]).endswith("tideline")
    ] == [
        (
            "arn:aws:savingsplans::410000000009:savingsplan/5f0c1a52-tideline",
            f"AmazonSageMaker USE1-Host:ml.g6.{size} RunInstance",
            "Hrs", price, "USD", "2026-03-01T00:00:00.000Z",
        )
        for size, price in (("4xlarge", "0.8123456789"), ("2xlarge", "0.5"))
    ]  # fmt: skip
    assert cloud.asked('"name": "serviceCode", "values": ["AmazonSageMaker"]') == 4


def test_a_regional_reservation_counts_normalised_units(held: Made) -> None:
    """3 x m5.2xlarge: 3 x 16 units an hour; 3 x (1000.10 + 8760 x 0.123456) = 6244.72368."""
    [row] = held().rows("reserved-instances")
    assert row["ContractCommitmentId"] == WEB
    assert picked(row, *FIGURE) == (
        "48", "Normalized Unit-Hours", "normalized_units", "6244.723680",
    )  # fmt: skip
    assert picked(row, *TERM) == ("2026-03-01T10:15:30.086000Z", "2027-03-01T10:15:29Z")
    assert picked(row, "ContractCommitmentDescription", "ContractCommitmentPaymentModel") == (
        "3 x m5.2xlarge", "Partial Upfront",
    )  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        {"scope": "Availability Zone"},
        {"instanceTenancy": "dedicated"},
        {"productDescription": "Windows"},
        {"instanceType": "g5.2xlarge"},
        {"instanceType": "m5.metal"},
    ],
)
def test_a_reservation_of_one_size_counts_instances(held: Made, other: dict[str, str]) -> None:
    """Zonal, dedicated, Windows, a family without flexibility, a size without units: 3 an hour."""
    [row] = held(instances=(instance(**other),)).rows("reserved-instances")
    assert picked(row, *FIGURE)[:3] == ("3", "Instance-Hours", "unit_hours")


def test_a_reservation_that_ended_early_ends_then(held: Made) -> None:
    """Modified, exchanged or sold: it ends at the event, and its fee is not known."""
    early = instance(state="retired", end="2026-06-01T00:00:00.000Z")
    [row] = held(instances=(early,)).rows("reserved-instances")
    assert picked(row, "ContractCommitmentPeriodEnd", "ContractCommitmentLifecycleStatus") == (
        "2026-06-01T00:00:00Z", "Expired",
    )  # fmt: skip
    assert row["ContractCommitmentCost"] is None


@pytest.mark.parametrize("state", ["payment-pending", "payment-failed", "queued", "queued-deleted"])
def test_a_reservation_that_is_not_paid_commits_nothing(held: Made, state: str) -> None:
    """Neither of EC2 nor of RDS."""
    cloud = held(instances=(instance(state=state),), databases=(database(State=state),))
    assert cloud.rows("reserved-instances") == cloud.rows("reserved-databases") == []


def test_reservations_of_several_regions(held: Made) -> None:
    """Each region is asked, and named in what it gives."""
    cloud = held()
    cloud.settings["regions"] = ["us-east-1", "eu-central-1"]
    assert {row["ContractCommitmentId"] for row in cloud.rows("reserved-instances")} == {
        WEB, WEB.replace("us-east-1", "eu-central-1"),
    }  # fmt: skip
    assert cloud.asked("ec2.eu-central-1.amazonaws.com") == 1


def test_a_database_in_two_zones_counts_twice(held: Made) -> None:
    """2 x db.r6g.large: 2 x 4 units, doubled in two zones; 2 x 8760 x 0.2 = 3504.0; ends after 365 days."""
    two_zones, one_zone = held().rows("reserved-databases")
    assert two_zones["ContractCommitmentId"] == DATABASE
    assert picked(two_zones, *FIGURE) == (
        "16", "Normalized Unit-Hours", "normalized_units", "3504.0",
    )  # fmt: skip
    assert picked(two_zones, *TERM) == ("2026-01-31T00:00:00Z", "2027-01-31T00:00:00Z")
    assert one_zone["ContractCommitmentQuantity"] == "8"


@pytest.mark.parametrize(
    ("engine", "unit"),
    [
        ("mysql", "Normalized Unit-Hours"),
        ("aurora-postgresql", "Normalized Unit-Hours"),
        ("oracle-se2(byol)", "Normalized Unit-Hours"),
        ("oracle-se2(li)", "Instance-Hours"),
        ("sqlserver-ee(li)", "Instance-Hours"),
    ],
)
def test_engines_whose_reservations_cover_other_sizes(held: Made, engine: str, unit: str) -> None:
    """As the page on reserved databases lists them."""
    [row] = held(databases=(database(ProductDescription=engine),)).rows("reserved-databases")
    assert row["ContractCommitmentUnit"] == unit


@pytest.mark.parametrize(
    ("size", "found"),
    [("nano", "0.25"), ("micro", "0.5"), ("large", "4"), ("xlarge", "8"), ("24xlarge", "192"),
     ("metal", "None"), ("metal-48xl", "None")],
)  # fmt: skip
def test_units_of_a_size(size: str, found: str) -> None:
    """Eight for each xlarge; metal has none of its own."""
    assert str(units(size)) == found


def test_a_training_plan_counts_its_instances_while_it_has_them(held: Made) -> None:
    """One stretch bears the plan's id and fee; of several each bears its own, and no fee is known."""
    one, first, second = held().rows("training-plans")
    assert picked(one, "ContractCommitmentId", *FIGURE, "BillingCurrency") == (
        TRAINING, "4", "Instance-Hours", "unit_hours", "12345.678901", "USD",
    )  # fmt: skip
    assert picked(one, *TERM) == ("2026-10-01T00:00:00Z", "2026-10-03T00:00:00Z")
    assert picked(first, "ContractCommitmentId", "ContractId", *FIGURE) == (
        f"{CAPACITY}2", STRETCHES, "4", "Instance-Hours", "unit_hours", None,
    )  # fmt: skip
    assert picked(second, *TERM) == ("2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z")


def test_a_training_plan_that_tells_no_stretches_is_one(held: Made) -> None:
    """Its own instants and count: 48 hours of four instances."""
    [row] = held(training_plans=(training(TRAINING),)).rows("training-plans")
    assert picked(row, "ContractCommitmentId", *TERM, *FIGURE[:2]) == (
        TRAINING, "2026-10-01T00:00:00Z", "2026-10-03T00:00:00Z", "4", "Instance-Hours",
    )  # fmt: skip


@pytest.mark.parametrize("status", ["Pending", "Scheduled", "Failed"])
def test_a_training_plan_that_has_not_begun_commits_nothing(held: Made, status: str) -> None:
    """It is read again when it is active; a failed one never was."""
    plan = training(TRAINING, stretch(1, OCTOBER, 48), Status=status)
    assert held(training_plans=(plan,)).rows("training-plans") == []


def test_an_expired_training_plan_ends(held: Made) -> None:
    """It was committed until its end, to the microsecond."""
    ended = stretch(1, OCTOBER, 48, Status="Expired", EndTime=1790899200.123456)
    plan = training(TRAINING, ended, Status="Expired")
    [row] = held(training_plans=(plan,)).rows("training-plans")
    assert picked(row, TERM[1], "ContractCommitmentLifecycleStatus") == (
        "2026-10-02T00:00:00.123456Z", "Expired",
    )  # fmt: skip


def test_throughput_with_a_term_is_model_units_by_the_hour(held: Made) -> None:
    """From its creation to the end of its term."""
    row, _ = held().rows("provisioned-throughput")
    assert picked(row, "ContractCommitmentId", *FIGURE) == (
        THROUGHPUT, "2", "Model Unit-Hours", "unit_hours", None,
    )  # fmt: skip
    assert picked(row, *TERM) == ("2026-09-21T09:30:00Z", "2026-10-21T09:30:00Z")
    assert row["ContractCommitmentDescription"] == "claims-steady amazon.nova-pro-v1:0 OneMonth"


def test_throughput_without_a_term_or_not_in_service_commits_nothing(held: Made) -> None:
    """By the hour it may be ended at any time; while it is made nothing is held."""
    free = throughput()
    del free["commitmentDuration"], free["commitmentExpirationTime"]
    for one in (free, throughput(status="Creating"), throughput(status="Failed")):
        assert held(throughputs=(one,)).rows("provisioned-throughput") == []


@pytest.mark.parametrize(
    "feed", ["savings-plans", "reserved-instances", "reserved-databases", "training-plans",
             "provisioned-throughput"],
)  # fmt: skip
def test_trueup_reads_the_rows_as_commitments(feed: str, held: Made, tmp_path: Path) -> None:
    """No reject, the benefit layer, an hourly figure; only what is declared as unknown is empty."""
    cloud = held()
    path = tmp_path / "commitments.csv"
    path.write_text(csv_text(COMMITMENTS, cloud.rows(feed)), encoding="utf-8")
    read = trueup.read_commitments(path)
    assert read.rejects.rows() == []
    rows = read.table.rows()
    assert rows
    assert {row["x_Layer"] for row in rows} == {"benefit"}
    assert {row["x_Provider"] for row in rows} == {"aws"}


def test_the_world_holds_none_of_these(cloud: Any) -> None:
    """Empty lists are answers too: no row, no failure."""
    for feed in ("reserved-instances", "reserved-databases", "training-plans",
                 "provisioned-throughput", "savings-plan-rates", "reservations-utilization"):  # fmt: skip
        assert cloud.rows(feed) == []


def test_an_answer_of_rds_without_its_list_is_asked_again(held: Made) -> None:
    """Well-formed, in its wrapper, and not the whole."""
    cloud = held()
    right = cloud.rows("reserved-databases")
    empty = b"<R><DescribeReservedDBInstancesResult/></R>"
    fault = Fault(lambda _, response: replace(response, body=empty), "rds")
    cloud.answers = fault.over(cloud.answers)
    assert cloud.rows("reserved-databases") == right
    assert len(cloud.slept) == 1
