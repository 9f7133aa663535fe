"""What commitments in force serve: as their contracts say, and as runs found it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trueup.focus.columns import COMMITMENTS
from trueup.model.dataset import Dataset
from trueup.model.schema import REJECTS, SOURCES
from trueup.model.table import Table
from trueup.planning.in_force import InForce, of_contracts, told_by_runs

BEGINS = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
D = Decimal


def contract(name: str, **given: Any) -> dict[str, Any]:
    """5.00 USD an hour for the year."""
    row: dict[str, Any] = dict.fromkeys(COMMITMENTS.names)
    row |= {"ContractCommitmentId": name, "ContractCommitmentCategory": "Spend"}
    row |= {"ContractCommitmentCost": D(5), "BillingCurrency": "USD", "x_Per": "interval"}
    row |= {"ContractCommitmentFulfillmentInterval": "Hourly", "x_Layer": "benefit"}
    row |= {"ContractCommitmentPeriodStart": datetime(2026, 1, 1, tzinfo=UTC)}
    return row | {"ContractCommitmentPeriodEnd": END, "x_SourceId": 1, "x_SourceRow": 1} | given


def held(*rows: dict[str, Any]) -> dict[str, InForce]:
    none = Table.from_rows(SOURCES, []), Table.from_rows(REJECTS, [])
    dataset = Dataset("commitments", Table.from_rows(COMMITMENTS, list(rows)), *none)
    return of_contracts(dataset, BEGINS)


def test_a_benefit_in_force_serves_its_figure_in_each_hour() -> None:
    """Lots, agreements and what is only proposed serve nothing by the hour: they are left out."""
    found = held(
        contract("plan"),
        contract("lot", x_Layer="funding"),
        contract("floor", x_Layer="agreement"),
        contract("asked", ContractCommitmentLifecycleStatus="Proposed"),
    )
    assert found == {"plan": InForce("plan", "USD", Fraction(5), END)}


def test_what_serves_nothing_says_why() -> None:
    """One is over, one begins later; of one nobody states a figure, one is used by the day."""
    found = held(
        contract("over", ContractCommitmentPeriodEnd=BEGINS),
        contract("later", ContractCommitmentPeriodStart=BEGINS + HOUR),
        contract("card", ContractCommitmentCost=None),
        contract("daily", ContractCommitmentFulfillmentInterval="Daily"),
    )
    assert {name: one.reason for name, one in found.items()} == {
        "over": "not in force when the plan begins",
        "later": "not in force when the plan begins",
        "card": "its contract states no figure for an hour",
        "daily": "its contract states no figure for an hour",
    }


def hour(number: int, used: int | None, committed: int | None, length: int = 1) -> dict[str, Any]:
    start = BEGINS + number * HOUR
    row = {"commitment_id": "plan", "unit": "USD", "interval_start": start}
    row |= {"used_quantity": None if used is None else D(used)}
    row |= {"committed_quantity": None if committed is None else D(committed)}
    return row | {"interval_end": start + length * HOUR}


def test_runs_tell_what_was_served_within_the_commitment() -> None:
    """3 of 5, and 5 where 7 were used; not what is not known, and no interval of a day."""
    rows = [
        hour(1, 7, 5),
        hour(0, 3, 5),
        hour(2, None, 5),
        hour(3, 4, None),
        hour(4, 9, 120, length=24),
    ]
    found = told_by_runs(rows, {})["plan"]
    assert found.told == {BEGINS: Fraction(3), BEGINS + HOUR: Fraction(5)}
    assert found.committed == 5
    known = {"plan": InForce("plan", "USD", Fraction(6), END)}
    assert told_by_runs(rows, known)["plan"].committed == 6  # the contract's own word
    assert told_by_runs([hour(2, None, 5)], {}) == {}
