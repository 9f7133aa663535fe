"""A realistic result of October 2026, made without the core, hostile texts included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.report.sample_commitments import (
    AS_OF,
    CONTROL,
    DAY,
    END,
    FORMULA,
    HOUR,
    LONG,
    PLAN,
    SCRIPT,
    START,
    UNKNOWN_PLAN,
    burn_down_rows,
    commitment_rows,
    credit_rows,
    dec,
    utilization_rows,
)
from tests.report.sample_inputs import charges, contracts, table_of
from trueup.model import schema
from trueup.model.inputs import Inputs
from trueup.model.outcome import Outcome

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
    made["provider_utilization"] = [
        {
            "provider": "aws",
            "commitment_id": UNKNOWN_PLAN,
            "interval_start": START,
            "interval_end": START + DAY,
            "committed": dec("24"),
            "used": dec("23.5"),
            "unused": dec("0.5"),
            "unit": "USD",
            "currency": "USD",
            "operation": "ce:GetSavingsPlansUtilizationDetails",
        }
    ]
    made["provider_balances"] = []
    made["provider_rates"] = []
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


def make_outcome(**changed: list[dict[str, Any]]) -> Outcome:
    """The sample outcome, any table replaced by the given rows."""
    rows = tables() | changed
    return Outcome(
        start=START,
        end=END,
        as_of=AS_OF,
        tables={name: table_of(name, rows.get(name, [])) for name in schema.RESULT_TABLES},
        inputs=Inputs(charges(), contracts(), charges()),
    )


def empty_outcome() -> Outcome:
    """A run in which nothing was found and only charges were given."""
    full = make_outcome(**{name: [] for name in schema.RESULT_TABLES})
    return replace(full, inputs=Inputs(charges()))
