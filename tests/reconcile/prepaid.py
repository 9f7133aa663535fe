"""A vendor's prepaid bill for tests: one charge an hour or a day, what it drew, what is asserted."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import trueup
from tests.test_worked_hour import CHARGE_COLUMNS, charge
from trueup.api import outcome_of, parsed_period
from trueup.model.inputs import Inputs
from trueup.model.rules import Rules
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table
from trueup.period import add_months
from trueup.report.result import Result

VENDOR = "Nimbus"
COLUMNS = [*CHARGE_COLUMNS, "ContractApplied", "CommitmentProgramEligibilityDetails"]
LATE = datetime(2026, 12, 15, tzinfo=UTC)
D = Decimal


def at(day: int, hour: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def cost(amount: str, start: datetime, drew: Any = None, **more: str) -> Any:
    """A charge of an hour from ``start``; ``drew`` is what it drew in money, by lot."""
    row = charge("api", amount, "1") | {
        "BilledCost": amount,
        "BillingPeriodStart": text(start.replace(day=1, hour=0)),
        "BillingPeriodEnd": text(add_months(start.replace(day=1, hour=0), 1)),
        "ChargePeriodStart": text(start),
        "ChargePeriodEnd": text(start + timedelta(hours=1)),
        "CommitmentDiscountId": "",
        "CommitmentDiscountCategory": "",
        "CommitmentDiscountStatus": "",
        "CommitmentDiscountType": "",
        "CommitmentDiscountQuantity": "",
        "CommitmentDiscountUnit": "",
        "ProviderName": VENDOR,
        "PublisherName": VENDOR,
        "InvoiceIssuerName": VENDOR,
        "ServiceName": "Tokens",
        "SkuPriceDetails": "",
        "ContractApplied": applied(drew or {}),
    }
    return row | more


def applied(drew: Mapping[str, str]) -> str:
    """ContractApplied with an element for each lot; amounts are numbers, digit for digit."""
    elements = ",".join(
        f'{{"ContractId":"c","ContractCommitmentId":"{lot}","ContractCommitmentAppliedCost":{sum_}}}'
        for lot, sum_ in drew.items()
    )
    return f'{{"Elements":[{elements}]}}' if elements else ""


def balance(lot: str, when: datetime, remaining: str, **more: Any) -> dict[str, Any]:
    """A statement of the vendor: what remains of a lot."""
    row: dict[str, Any] = dict.fromkeys(RESULT_TABLES["provider_balances"].names)
    row |= {"provider": VENDOR, "lot_id": lot, "at": when, "remaining": D(remaining)}
    row |= {"unit": "USD", "currency": "USD"}
    return row | {
        name: D(value) if name in ("granted", "drawn", "expired") else value
        for name, value in more.items()
    }


def reconciled(
    folder: Path,
    charges: Sequence[Mapping[str, str]],
    contract: str,
    *,
    period: str | None = "2026-10",
    as_of: datetime = LATE,
    balances: Sequence[Mapping[str, Any]] = (),
    utilization: Sequence[Mapping[str, Any]] = (),
    engine: str = "duckdb",
) -> Result:
    with (folder / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(charges)
    (folder / "contract.toml").write_text(contract)
    given = {"provider_balances": balances, "provider_utilization": utilization}
    inputs = Inputs(
        trueup.read_charges(folder / "bill.csv"),
        trueup.read_commitments(folder / "contract.toml"),
        asserted={
            name: Table.from_rows(RESULT_TABLES[name], list(rows))
            for name, rows in given.items()
            if rows
        },
    )
    when = None if period is None else parsed_period(period)
    return Result(outcome_of(inputs, period=when, rules=Rules(), as_of=as_of, engine=engine))


def of_leg(result: Result, leg: str = "balance") -> list[dict[str, Any]]:
    return [row for row in result.breaks.rows() if row["leg"] == leg]


def rolled(result: Result, lot: str) -> dict[str, Any]:
    """The roll-forward of the period."""
    [row] = [
        row
        for row in result.roll_forward.rows()
        if row["lot_id"] == lot and row["span"] == "period"
    ]
    return row


def moved(result: Result, lot: str) -> list[tuple[object, str, object]]:
    return [
        (row["at"], row["kind"], row["quantity"])
        for row in result.movements.rows()
        if row["lot_id"] == lot
    ]
