"""The first provider's bill: FOCUS 1.2, one CSV.gz a day, US dollars."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.world.ledger import HOUR, Charge, Ledger, Malformed, Value, month_of

PROVIDER = "aws"
CURRENCY = "USD"
PAYER = "410000000009"
ACCOUNT = "410000000017"
OTHER_ACCOUNT = "410000000025"
NAMES = {ACCOUNT: "brackenmoor-production", OTHER_ACCOUNT: "brackenmoor-europe"}


def day_file(start: datetime) -> str:
    return f"bills/aws/focus-1.2-{start:%Y-%m-%d}.csv.gz"


def bill_row(start: datetime, end: datetime, cost: Decimal, **more: Value) -> Charge:
    """A Usage charge on demand; ``more`` says what is different."""
    first, last = month_of(start)
    values: dict[str, Value] = {
        "BilledCost": cost,
        "BillingAccountId": PAYER,
        "BillingAccountName": "Brackenmoor payer",
        "BillingAccountType": "Management account",
        "BillingCurrency": CURRENCY,
        "BillingPeriodStart": first,
        "BillingPeriodEnd": last,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": cost,
        "PricingCategory": "Standard",
        "ProviderName": "AWS",
        "PublisherName": "AWS",
        "RegionId": "us-east-1",
        "RegionName": "US East (N. Virginia)",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Amazon SageMaker",
        "SubAccountId": ACCOUNT,
        "Tags": {},
    }
    values.update(more)
    account = values["SubAccountId"]
    values["SubAccountName"] = NAMES.get(str(account))
    return Charge(PROVIDER, day_file(start), values)


def add_other_charges(ledger: Ledger) -> None:
    """Charges no telemetry could confirm: one of each kind, in the first and last files."""
    start, end, first = ledger.start, ledger.end, ledger.at(0, 0)

    def outside(reason: str, cost: str, begin: datetime, finish: datetime, **more: Value) -> None:
        plain: dict[str, Value] = {"PricingCategory": None, "RegionId": None, "RegionName": None}
        ledger.put_outside(bill_row(begin, finish, Decimal(cost), **(plain | more)), reason)

    outside(
        "tax",
        "231.40",
        start,
        end,
        ChargeCategory="Tax",
        ChargeFrequency="Recurring",
        ChargeDescription="Sales tax",
        ServiceCategory="Other",
        ServiceName="Tax",
    )
    outside(
        "support",
        "100.00",
        start,
        end,
        ChargeFrequency="Recurring",
        ChargeDescription="Business support",
        ServiceCategory="Management and Governance",
        ServiceName="AWS Support (Business)",
    )
    outside(
        "credit",
        "-25.00",
        start,
        end,
        ChargeCategory="Credit",
        ChargeFrequency="One-Time",
        ChargeDescription="Promotional credit",
        ServiceCategory="Other",
    )
    outside(
        "purchase",
        "18.75",
        first,
        first + HOUR,
        ChargeCategory="Purchase",
        ChargeFrequency="One-Time",
        ChargeDescription="Domain of the claims portal",
        ServiceCategory="Networking",
        ServiceName="Amazon Registrar",
    )
    outside(
        "marketplace",
        "12.50",
        ledger.at(1, 9),
        ledger.at(1, 10),
        PublisherName="Quarrelsome Maps Ltd",
        InvoiceIssuerName="AWS Marketplace",
        ChargeDescription="Road closures feed",
        ServiceCategory="Other",
        ServiceName="Road closures feed",
        ConsumedQuantity=Decimal(5),
        ConsumedUnit="Units",
        PricingQuantity=Decimal(5),
        PricingUnit="Units",
    )
    outside(
        "rounding",
        "-0.004",
        ledger.at(2, 0),
        ledger.at(2, 1),
        ChargeCategory="Adjustment",
        ChargeFrequency="One-Time",
        ChargeDescription="Rounding",
        ServiceCategory="Other",
    )
    outside(
        "correction",
        "1.20",
        ledger.at(2, 0),
        ledger.at(2, 1),
        ChargeCategory="Adjustment",
        ChargeFrequency="One-Time",
        ChargeDescription="Adjustment of last month",
        ServiceCategory="Other",
    )
    outside(
        "refund",
        "-3.20",
        ledger.at(1, 4),
        ledger.at(1, 5),
        ChargeClass="Correction",
        ChargeDescription="Goodwill refund of an outage",
    )
    outside(
        "no_rule", "0.92", ledger.at(1, 0), ledger.at(2, 0), ServiceCategory="Storage",
        ServiceName="Amazon Simple Storage Service", ConsumedQuantity=Decimal(40),
        ConsumedUnit="GB-Months", PricingQuantity=Decimal(40), PricingUnit="GB-Months",
        PricingCategory="Standard", ResourceId="arn:aws:s3:::brackenmoor-tiles",
    )  # fmt: skip


def add_malformed(ledger: Ledger) -> None:
    """Rows that cannot be read, each for one reason, in two of the files."""
    at = ledger.at(0, 7)
    spoilt = bill_row(at, at + HOUR, Decimal("4.10"), ChargeDescription="Spoilt on its way")
    ledger.malformed += [
        Malformed(spoilt, "EffectiveCost", "4,1o"),
        Malformed(spoilt, "ChargePeriodStart", "2026-13-45T07:00:00Z"),
    ]
    at = ledger.at(1, 7)
    spoilt = bill_row(at, at + HOUR, Decimal("0.10"), ChargeDescription="Spoilt on its way")
    ledger.malformed.append(Malformed(spoilt, "BilledCost", "0.1000000000000000000000001"))
