"""What the later legs add to the sample: causes, claims, balances, invoices, closed months."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.report.sample import break_rows
from tests.report.sample_commitments import (
    AGREEMENT,
    CONTROL,
    DAY,
    END,
    FORMULA,
    HOUR,
    LOT,
    PLAN,
    SCRIPT,
    START,
    TPU,
    dec,
)

RULE_PAGE = "https://docs.example/savings-plans/applying"


def figures(**given: str | None) -> dict[str, Any]:
    return {name: None if text is None else dec(text) for name, text in given.items()}


def causes() -> list[dict[str, Any]]:
    """A unit that explains 312 breaks, a stopped meter, and a tag that no break carries."""
    return [
        {
            "cause_id": "c-unit",
            "cause": "unit_factor",
            "breaks": 312,
            **figures(amount="1204.50", net_amount="-1204.50"),
            "currency": "USD",
            "explanation": "312 breaks of gcp gemini-flash output_tokens: what is metered is 1,000 "
            "times what is billed, 12 billed against 12,000 metered in all, as a wrong unit gives.",
            "remedy": "compare the unit of the SKU with that of the meter",
        },
        {
            "cause_id": "c-silent",
            "cause": "telemetry_missing",
            "breaks": 24,
            **figures(amount="310.25", net_amount="310.25"),
            "currency": "EUR",
            "explanation": f"24 breaks: no usage row of azure arrived. {SCRIPT}",
            "remedy": FORMULA,
        },
        {
            "cause_id": "c-tag",
            "cause": "tag_renamed",
            "breaks": 0,
            **figures(amount="95.10", net_amount="95.10"),
            "currency": "USD",
            "explanation": f"From 2026-10-20 on usage names no team. {CONTROL}",
            "remedy": "map the tag in that usage source",
        },
        {
            "cause_id": "c-unit",
            "cause": "unit_factor",
            "breaks": 2,
            **figures(amount=None, net_amount=None),
            "currency": None,
            "explanation": "2 of them have no price.",
            "remedy": "compare the unit of the SKU with that of the meter",
        },
    ]


def claim(number: int, status: str, amount: str, missing: str | None = None) -> dict[str, Any]:
    at = START + number * HOUR
    expected = "100.00"
    return {
        "claim_id": f"claim-{number}",
        "provider": "aws",
        "commitment_id": PLAN,
        "rule": "spend_plan",
        "source": RULE_PAGE,
        "interval_start": at,
        "interval_end": at + HOUR,
        "status": status,
        "missing_evidence": missing,
        "billed": dec(expected) + dec(amount),
        "expected": dec(expected),
        "amount": dec(amount),
        "currency": "USD",
        "lines": 3,
        "arithmetic": f"billed {dec(expected) + dec(amount)} - by the rules {expected} = {amount}",
    }


def claims() -> list[dict[str, Any]]:
    """Claimable 40.00 + 2.50, indicated 7.00, and 5.00 that the payer was billed too little."""
    return [
        claim(0, "claimable", "40.00"),
        claim(1, "claimable", "2.50"),
        claim(2, "indicated", "7.00", "usage of the other accounts"),
        claim(3, "claimable", "-5.00"),
    ]


def claim_lines() -> list[dict[str, Any]]:
    return [
        {
            "claim_id": "claim-0",
            "source_id": 1,
            "source_row": 17 + number,
            "account_id": "123456789012",
            "resource_id": SCRIPT if number else "endpoint/e1",
            "sku": FORMULA if number else "ml.p5",
            "interval_start": START,
            "unit": "GPU-Hours",
            **figures(quantity="2", billed="8.00", expected="6.20", difference="1.80"),
            "currency": "USD",
            "billed_commitment": None,
            "expected_commitment": PLAN,
            "expected_covered": dec(2),
            "arithmetic": "2 x 3.10 = 6.20, billed 2 x 4.00 = 8.00",
        }
        for number in range(2)
    ]


def roll(lot: str, unit: str, span: str, **given: str | None) -> dict[str, Any]:
    day = span == "day"
    return {
        "lot_id": lot,
        "commitment_id": lot,
        "provider": "oci",
        "span": span,
        "start": START,
        "end": START + DAY if day else END,
        "unit": unit,
        **figures(**given),
        "reason": None if given["closing"] is not None else "the opening is not known",
    }


def roll_forward() -> list[dict[str, Any]]:
    """1,000 + 50 - 200 + 10 - 5 - 45 = 810, which the provider has as 800; and one unknown."""
    steps = {"granted": "50", "drawn": "200", "refunded": "10", "adjusted": "-5", "expired": "45"}
    none = dict.fromkeys(("granted", "refunded", "adjusted", "expired", "overage"), "0")
    return [
        roll(
            *(LOT, "USD", "period"), opening="1000", **steps, closing="810", overage="0",
            provider_closing="800", difference="10",
        ),
        roll(
            *(LOT, "USD", "day"), **none, opening="1000", drawn="6", closing="994",
            provider_closing=None, difference=None,
        ),
        roll(
            *(TPU, "TPU-Chip-Hours", "period"), **none, opening=None, drawn="3", closing=None,
            provider_closing="12", difference=None,
        ),
    ]  # fmt: skip


def movements() -> list[dict[str, Any]]:
    return [
        {
            "lot_id": LOT,
            "commitment_id": LOT,
            "provider": "oci",
            "at": START,
            "kind": kind,
            "quantity": dec(quantity),
            "unit": "USD",
            "rows": rows,
        }
        for kind, quantity, rows in (("grant", "50", 0), ("drawdown", "-200", 12))
    ]


def invoice(number: str, status: str, invoiced: str | None) -> dict[str, Any]:
    """80 + 100 + 19 + 5 + 2 - 1 - 10 - 80 + 0.01 = 115.01 due."""
    parts = figures(
        charges="80.00", purchases="100.00", tax="19.00", support="5.00", marketplace="2.00",
        corrections="-1.00", credits="-10.00", prepaid_drawdown="-80.00", rounding="0.01",
        amount_due="115.01",
    )  # fmt: skip
    said = None if invoiced is None else dec(invoiced)
    return {
        "invoice_id": number,
        "issuer": "Example Cloud, Inc.",
        "billing_account_id": "payer",
        "billing_period_start": START,
        "billing_period_end": END,
        "currency": "EUR",
        **parts,
        "invoiced": said,
        "difference": None if said is None else said - dec("115.01"),
        "rows": 120,
        "status": status,
    }


def invoices() -> list[dict[str, Any]]:
    return [
        invoice("INV-1", "agreed", "115.01"),
        invoice("INV-2", "differs", "120.01"),
        invoice(FORMULA, "no_invoice", None),
    ]


def invoice_bridge() -> list[dict[str, Any]]:
    """200.00 - 20.00 + 100.00 - 44.98 = 235.02, the invoiced."""
    steps = (
        ("effective cost of the usage period", "200.00"),
        ("rows of other billing periods", "-20.00"),
        ("purchases", "100.00"),
        ("amortisation", "-44.98"),
        ("invoiced", "235.02"),
    )
    return [
        {
            "issuer": "Example Cloud, Inc.",
            "currency": "EUR",
            "step": number,
            "item": item,
            "amount": dec(amount),
            "explanation": f"step {number}",
        }
        for number, (item, amount) in enumerate(steps, start=1)
    ]


def agreements() -> list[dict[str, Any]]:
    """One milestone missed by 20,000, one due in December, one in two years."""
    due = (
        ("year 1", datetime(2026, 10, 31, tzinfo=UTC), "80000", "missed", "20000"),
        ("year 2", datetime(2026, 12, 15, tzinfo=UTC), "90000", "on_the_way", None),
        ("year 4", datetime(2028, 12, 15, tzinfo=UTC), "10000", "on_the_way", None),
    )
    return [
        {
            "commitment_id": AGREEMENT,
            "provider": "azure",
            "milestone": name,
            "due_at": at,
            "basis": "eligible billed cost",
            **figures(target="100000", counted=counted, excluded="1200", shortfall=shortfall),
            "progress": dec(counted) / 100000,
            "unit": "USD",
            "status": status,
            "reason": None,
        }
        for name, at, counted, status, shortfall in due
    ]


def conversions() -> list[dict[str, Any]]:
    return [
        {
            "provider": "azure",
            "pricing_currency": "USD",
            "billing_currency": "EUR",
            "day": START,
            **figures(priced="100", billed="93", rate="0.92", expected="92", difference="1"),
            "rate_source": "rates.csv",
            "rows": 4,
        }
    ]


def three_sources() -> list[dict[str, Any]]:
    return [
        {
            "commitment_id": PLAN,
            "provider": "aws",
            "figure": figure,
            "interval_start": START,
            "interval_end": START + DAY,
            "unit": "USD",
            **figures(contract="240", bill="240", provider_says=said),
            "verdict": verdict,
            "compared": 3,
            "explanation": "bill and contract agree",
        }
        for figure, said, verdict in (
            ("committed", "240", "agree"),
            ("used", "230.5", "provider_differs"),
        )
    ]


def change(**given: Any) -> dict[str, Any]:
    return {
        "provider": "aws",
        "kind": "changed",
        "account_id": "123456789012",
        "service": "Training",
        "sku": "ml.p5",
        "resource_id": "endpoint/e1",
        "category": "Usage",
        "period_start": START,
        "period_end": START + HOUR,
        "currency": "USD",
        **figures(effective_before="10", effective_after="12.5", effective_delta="2.5"),
        **figures(billed_before="0", billed_after="0", billed_delta="0"),
        "rows_before": 1,
        "rows_after": 1,
        **given,
    }


def break_states() -> list[dict[str, Any]]:
    breaks = break_rows()
    return [
        {
            "id": breaks[number]["id"],
            "state": state,
            "first_seen": START,
            "last_seen": END,
            "age_days": age,
            "age_bucket": bucket,
            "owner": "finops",
            "note": SCRIPT,
        }
        for number, (state, age, bucket) in enumerate(
            (("open", 0, "0-1"), ("open", 40, "31-60"), ("open", 1, "0-1"), ("deferred", 3, "2-7"))
        )
    ]


def legs() -> dict[str, list[dict[str, Any]]]:
    """The tables of the later legs, and the sample's breaks, two of them explained."""
    breaks = break_rows()
    breaks[2] |= {"cause_id": "c-unit", "subject": "lot-7", "leg": "balance"}
    breaks[6] |= {"cause_id": "c-silent"}
    return {
        "breaks": breaks,
        "causes": causes(),
        "claims": claims(),
        "claim_lines": claim_lines(),
        "movements": movements(),
        "roll_forward": roll_forward(),
        "invoices": invoices(),
        "invoice_bridge": invoice_bridge(),
        "agreements": agreements(),
        "conversions": conversions(),
        "figures": three_sources(),
        "break_rows": [
            {"break_id": breaks[2]["id"], "side": "billed", "source_id": 1, "source_row": 17}
        ],
        "restatements": [change(break_id=breaks[2]["id"])],
        "break_states": break_states(),
        "true_ups": [change(closed_period="2026-09"), change(closed_period="2026-09")],
    }
