"""What the answers mean, case by case, where the twin's world has only one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest
from tests.providers.azure.conftest import Stage, world_of
from tests.providers.azure.plans import PLANS
from tests.twin import azure, azure_export
from tests.twin.azure_export import Kept
from tests.twin.exchange import Request, Response, as_json
from tests.twin.faults import Fault

from trueup.adapter.feed import Answer, BrokenAnswer, Changed, Row
from trueup.providers.azure import lots, reservations, reserved_hours, savings_plans


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def answered(operation: str, items: Sequence[Any], **asked: str) -> Answer:
    return Answer(operation, asked, 1, as_json({"value": list(items)}).body)


# Reservations


def reservation(state: str, **more: Any) -> dict[str, Any]:
    """A reservation of a year, last changed in the middle of October."""
    properties = {
        "provisioningState": state,
        "quantity": 4,
        "benefitStartTime": "2026-03-01T10:20:30.1234567Z",
        "expiryDateTime": "2027-03-01T10:20:30.1234567Z",
        "expiryDate": "2027-03-01",
        "lastUpdatedDateTime": "2026-10-15T00:00:00Z",
        "reservedResourceType": "VirtualMachines",
        "billingPlan": "Upfront",
        **more,
    }
    return {
        "id": "/providers/microsoft.capacity/reservationOrders/77aa/reservations/r1",
        "properties": {name: value for name, value in properties.items() if value is not None},
    }


def committed(*items: dict[str, Any], order: Any = None) -> list[Row]:
    body = as_json(order or {"properties": {}}).body
    schedule = Answer(reservations.ORDER, {"order": "77aa"}, 1, body)
    listed = answered(reservations.LIST, items, order="77aa")
    return list(reservations.reservations.normalise([schedule, listed]))


@pytest.mark.parametrize(
    ("state", "status", "end"),
    [
        ("Succeeded", "Active", "2027-03-01T10:20:30.123456Z"),
        ("Expired", "Expired", "2027-03-01T10:20:30.123456Z"),
        ("Cancelled", "Canceled", "2026-10-15T00:00:00Z"),
        ("Split", "Superseded", "2026-10-15T00:00:00Z"),
        ("Merged", "Superseded", "2026-10-15T00:00:00Z"),
    ],
)
def test_a_reservation_ends_when_it_is_returned_split_or_merged(
    state: str, status: str, end: str
) -> None:
    """At its last change; the parts it was split into are reservations of their own."""
    (row,) = committed(reservation(state))
    assert row["ContractCommitmentLifecycleStatus"] == status
    assert row["ContractCommitmentPeriodEnd"] == end


@pytest.mark.parametrize(
    "state", ["Creating", "PendingBilling", "ConfirmedBilling", "BillingFailed", "Failed", "New"]
)
def test_what_is_not_bought_commits_to_nothing(state: str) -> None:
    """Not yet, or the payment failed."""
    assert committed(reservation(state)) == []


@pytest.mark.parametrize(
    ("kind", "unit"), [("OpenAIPTU", "PTU-Hours"), ("VirtualMachines", "Hours"), (None, "Hours")]
)
def test_provisioned_throughput_is_told_by_its_type(kind: str | None, unit: str) -> None:
    """Its unit is a provisioned unit's hour; that of others an instance's."""
    (row,) = committed(reservation("Succeeded", reservedResourceType=kind))
    assert (row["ContractCommitmentQuantity"], row["ContractCommitmentUnit"]) == ("4", unit)


def test_a_reservation_of_older_apis() -> None:
    """Without times of its benefit: from when it took effect to the day it expires."""
    old = reservation(
        "Succeeded", benefitStartTime=None, effectiveDateTime="2026-03-01T00:00:00Z",
        expiryDateTime=None,
    )  # fmt: skip
    (row,) = committed(old)
    assert row["ContractCommitmentPeriodStart"] == "2026-03-01T00:00:00Z"
    assert row["ContractCommitmentPeriodEnd"] == "2027-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("plan", "currency"),
    [
        (None, None),
        ({"pricingCurrencyTotal": {"currencyCode": "USD", "amount": 1}}, "USD"),
        (
            {
                "pricingCurrencyTotal": {"currencyCode": "USD", "amount": 1},
                "transactions": [
                    {"status": "Scheduled"},
                    {"billingCurrencyTotal": {"currencyCode": "EUR", "amount": 2}},
                ],
            },
            "EUR",
        ),
    ],
)
def test_the_currency_is_that_of_the_payments(plan: Any, currency: str | None) -> None:
    """Of billing before that of pricing; not known where the order has no schedule."""
    order = {"properties": {"planInformation": plan} if plan else {}}
    (row,) = committed(reservation("Succeeded"), order=order)
    assert row["BillingCurrency"] == currency


@pytest.mark.parametrize(
    ("plan", "interval", "percent"), [("Upfront", "One-Time", "1"), ("Monthly", "Monthly", "0")]
)
def test_how_it_is_paid(plan: str, interval: str, percent: str) -> None:
    """At once or by the month."""
    (row,) = committed(reservation("Succeeded", billingPlan=plan))
    assert row["ContractCommitmentPaymentInterval"] == interval
    assert row["ContractCommitmentPaymentUpfrontPercentage"] == percent


# Hours of reservations


def hours(operation: str, day: str, used: Any, reserved: Any = 96) -> dict[str, Any]:
    return {
        "properties": {
            "reservationOrderId": "77aa",
            "reservationId": "r1",
            "usageDate": day,
            "usedHours": used,
            "reservedHours": reserved,
        }
    }


def checked(summaries: list[Any], details: list[Any]) -> None:
    check = reserved_hours.hours.check
    assert check is not None
    check(
        [answered(reserved_hours.SUMMARIES, summaries), answered(reserved_hours.DETAILS, details)]
    )


def test_days_are_the_days_that_are_named() -> None:
    """Whatever zone stands behind them: a day of usage is one in UTC."""
    item = hours(reserved_hours.SUMMARIES, "2026-10-01T00:00:00-07:00", 90)
    (row,) = reserved_hours.hours.normalise([answered(reserved_hours.SUMMARIES, [item])])
    assert row["interval_start"] == "2026-10-01T00:00:00Z"
    assert (row["committed"], row["used"], row["unused"]) == ("96", "90", "6")


def test_hours_may_be_rounded_by_instance() -> None:
    """Three instances with a third of an hour make 0.99; 0.9 is something else."""
    day = "2026-10-01T00:00:00Z"
    third = [hours("", day, 0.33)] * 3
    checked([hours("", day, 1.0)], third)
    with pytest.raises(Changed, match=r"1\.0 hours, its instances make 0\.9$"):
        checked([hours("", day, 1.0)], [hours("", day, 0.3)] * 3)


def test_a_day_told_twice_or_only_by_its_instances_is_noticed() -> None:
    """Neither a summary that comes twice nor one that is missing passes."""
    day = hours("", "2026-10-01T00:00:00Z", 24)
    with pytest.raises(Changed, match="two summaries"):
        checked([day, day], [day])
    with pytest.raises(Changed, match="1 days have details and no summary"):
        checked([], [day])
    checked([hours("", "2026-10-01T00:00:00Z", 0)], [])


# Savings plans


def test_savings_plans_are_commitments_by_the_hour(stage: Stage) -> None:
    """Amount, currency and term of each."""
    found = rows(stage.one("savings-plans", azure.answerer(world_of(7), PLANS)))
    terms = ("ContractCommitmentCost", "BillingCurrency", "ContractCommitmentPeriodStart")
    assert {row["ContractId"]: tuple(row[name] for name in terms) for row in found} == {
        "5d10": ("3.25", "EUR", "2026-03-01T00:00:00Z"),
        "5d11": ("1.10", "EUR", "2026-10-02T18:00:00Z"),
    }
    assert {row["x_Layer"] for row in found} == {"benefit"}


def test_used_and_unused_of_a_plan_are_shares_of_its_commitment(stage: Stage) -> None:
    """3.25 x 24 = 78.00; 80.5 % of it are 62.79. The late plan has 6 hours on its first day.

    1.10 x 6 = 6.60, half of it 3.30; then 1.10 x 24 = 26.40, of which 75 % are 19.80.
    """
    found = rows(stage.one("savings-plan-utilization", azure.answerer(world_of(7), PLANS)))
    assert [
        (row["commitment_id"][-12:], row["interval_start"][8:10], *plain(row)) for row in found
    ] == [
        ("compute-2026", "01", 78, 62.79, 15.21),
        ("compute-2026", "02", 78, 78, 0),
        ("compute-2026", "03", 78, 9.6252, 68.3748),
        ("ns/late-2026", "02", 6.6, 3.3, 3.3),
        ("ns/late-2026", "03", 26.4, 19.8, 6.6),
    ]


def plain(row: dict[str, str]) -> tuple[float, ...]:
    return tuple(float(row[name]) for name in ("committed", "used", "unused"))


def test_a_utilization_of_a_plan_that_is_not_listed_is_a_broken_answer() -> None:
    """A percentage of an amount that is not known says nothing."""
    used = {
        "properties": {
            "benefitOrderId": "/providers/Microsoft.BillingBenefits/savingsPlanOrders/5d10",
            "benefitId": "gone",
            "usageDate": "2026-10-01T00:00:00Z",
            "avgUtilizationPercentage": 5,
        }
    }
    answers = [answered(savings_plans.LIST, []), answered(savings_plans.USED, [used])]
    with pytest.raises(BrokenAnswer, match="5d10/savingsPlans/gone has a utilization"):
        list(savings_plans.utilization.normalise(answers))


# Lots


def lot(**more: Any) -> dict[str, Any]:
    properties = {
        "source": "PurchasedCredit",
        "originalAmount": {"currency": "EUR", "value": 100},
        "closedBalance": {"currency": "EUR", "value": 60},
        "startDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2027-01-01T00:00:00Z",
        **more,
    }
    return {"name": "L1", "properties": properties}


def event(kind: str, day: str, balance: Any, **more: Any) -> dict[str, Any]:
    return {
        "properties": {
            "lotId": "/providers/Microsoft.Billing/billingAccounts/1/lots/L1",
            "eventType": kind,
            "transactionDate": f"{day}T00:00:00Z",
            "closedBalance": {"currency": "EUR", "value": balance},
            **more,
        }
    }


def checked_lot(one: dict[str, Any], *events: dict[str, Any]) -> None:
    check = lots.balances.check
    assert check is not None
    check([answered(lots.LOTS, [one]), answered(lots.EVENTS, events)])


def test_a_balance_is_held_against_the_last_settled_event() -> None:
    """Not against earlier or pending ones, nor where either is an estimate."""
    settled = event("SettledCharges", "2026-09-30", 60)
    checked_lot(lot(), event("NewCredit", "2026-01-01", 100), settled)
    checked_lot(lot(), settled, event("PendingCharges", "2026-10-02", 55))
    checked_lot(lot(isEstimatedBalance=True), event("SettledCharges", "2026-09-30", 7))
    checked_lot(lot(), event("SettledCharges", "2026-09-30", 7, isEstimatedBalance=True))
    checked_lot(lot())
    with pytest.raises(Changed, match="lot L1: balance 60, its last event left 61"):
        checked_lot(lot(), event("SettledCharges", "2026-09-30", 61))


def test_events_of_one_date_have_no_order() -> None:
    """One of them left the balance: that is enough."""
    same = [event("SettledCharges", "2026-09-30", value) for value in (80, 60, 70)]
    checked_lot(lot(), *same)


def test_a_lot_in_two_currencies_is_a_broken_answer() -> None:
    """Its amounts could not be set against each other."""
    mixed = lot(closedBalance={"currency": "USD", "value": 60})
    with pytest.raises(BrokenAnswer, match="in 2 currencies"):
        list(lots.balances.normalise([answered(lots.LOTS, [mixed])]))


def test_a_lot_that_both_lists_have_is_one() -> None:
    """An account lists it, and its profile does."""
    answers = [answered(lots.LOTS, [lot()]), answered(lots.LOTS_OF_PROFILE, [lot()])]
    (row,) = lots.balances.normalise(answers)
    assert (row["granted"], row["remaining"], row["expired"], row["at"]) == (
        "100",
        "60",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("status", "lifecycle"),
    [("Active", "Active"), ("Complete", "Exhausted"), ("Canceled", "Canceled"), ("None", None)],
)
def test_where_an_agreement_stands(status: str, lifecycle: str | None) -> None:
    """In FOCUS's words, where it has one."""
    one = lot(source="ConsumptionCommitment", status=status)
    (row,) = lots.agreements.normalise([answered(lots.LOTS, [one], account="A")])
    assert row["ContractCommitmentLifecycleStatus"] == lifecycle
    assert (row["x_Layer"], row["x_Per"], row["ContractId"]) == ("agreement", "term", "A")


# Exports


def contained(blobs: dict[str, Kept], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_export, "blobs", lambda _: blobs)


def test_without_a_manifest_the_newest_folder_counts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yesterday's run lies beside it and is not read: the month would be there twice."""
    kept = {
        name: one for name, one in azure_export.blobs(world_of(7)).items() if "manifest" not in name
    }
    contained(kept, monkeypatch)
    newest = [one.content for name, one in kept.items() if "/7e51/" in name]
    assert stage.one("export").encode() == b"".join(newest)


def test_an_export_that_was_never_delivered_is_an_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty container is no bill of nothing."""
    contained({}, monkeypatch)
    with pytest.raises(Exception, match="the export holds no file for 2026-10"):
        stage.one("export")


def test_a_blob_of_another_size_than_listed_is_broken(stage: Stage) -> None:
    """A byte less, with a range to match: noticed by the size in the listing."""

    def shorter(_: Request, response: Response) -> Response:
        body = response.body[:-1]
        ranged = f"bytes 0-{len(body) - 1}/{len(body)}"
        return Response(body, 206, {**response.headers, "content-range": ranged})

    answerer = Fault(shorter, "part_0_0001", 1).over(azure.answerer(world_of(7)))
    waited: list[float] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("time.sleep", waited.append)
        assert stage.one("export", answerer)
    assert len(waited) == 1


def test_restated_files_are_downloaded_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that overwrites its blobs: other ETags, only those are asked for again."""
    kept = azure_export.blobs(world_of(7))
    stage.one("export")
    name = next(one for one in kept if one.endswith("7e51/part_0_0002.csv"))
    restated = kept[name].content.replace(b"Brackenmoor AI", b"BRACKENMOOR AI")
    contained({**kept, name: Kept(restated, kept[name].modified)}, monkeypatch)
    stage.asked.clear()
    stage.one("export")
    assert [one.path[-8:] for one in stage.asked if one.path.endswith(".csv")] == ["0002.csv"]
