"""What a company keeps beside its bills: its invoices, and a price that a contract lowers.

One issuer asks for more than its charges come to, and one bill overlooks the new price. The bundled
month has both, so that it shows what each of the two legs says.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from tests.world import azure, oci
from tests.world.faults_invoices import due_of, rounded_up
from tests.world.figures import Row, total
from tests.world.focus import csv_text, text
from tests.world.ledger import Charge, Ledger, month_of

FILE = "invoices.csv"
COLUMNS = ["issuer", "billing_period", "currency", "amount_due"]
TOO_MUCH = Decimal("41.50")
WRONG = azure.PROVIDER
SKU = "B95909"
NEW_PRICE = Decimal("2.80")  # an hour of a GPU; before and on the bill 2.95
COMMITTED_PRICE = Decimal("2.24")  # with a commitment that could be bought
SINCE_DAY = 24  # the 25th

CONFIGURED = f"""
# What the issuers ask for.

[[invoices]]
paths = ["{FILE}"]
"""
RATE = """
# A price by contract, which the bill is held against.
[[rules.rate]]
match = {{ provider = "^oci$" }}
meter = "gpu"
unit = "GPU-Hours"
price = "{price}"
commitment_price = "{committed}"
currency = "USD"
valid_from = {since}
source = "rate amendment 2"

# What could be bought, for `trueup plan`.
[[rules.offer]]
name = "GPUs in money, 1 year"
match = {{ provider = "^oci$" }}
currency = "USD"

[[rules.offer]]
name = "GPUs by the hour, 1 year, partly upfront"
match = {{ provider = "^oci$" }}
unit = "GPU-Hours"
payment = "partial"
upfront = "8760.00"
hourly = "1.10"
currency = "USD"
"""


def rate_toml(ledger: Ledger) -> str:
    """The contract's price, as the rules have it."""
    since = f"{ledger.at(SINCE_DAY, 0):%Y-%m-%d}"
    return RATE.format(price=text(NEW_PRICE), committed=text(COMMITTED_PRICE), since=since)


def _of_issuers(ledger: Ledger) -> dict[str, list[Charge]]:
    found: dict[str, list[Charge]] = defaultdict(list)
    for charge in ledger.charges:
        found[str(charge.values["InvoiceIssuerName"])].append(charge)
    return dict(sorted(found.items()))


def _asked(ledger: Ledger, charges: list[Charge]) -> Decimal:
    asked = rounded_up(due_of(ledger, charges))
    return asked + TOO_MUCH if charges[0].provider == WRONG else asked


def invoices_csv(ledger: Ledger) -> str:
    """One invoice an issuer: no bill names a number, and accounts are pseudonyms where recorded."""
    return csv_text(
        COLUMNS,
        [
            {
                "issuer": issuer,
                "billing_period": f"{ledger.start:%Y-%m}",
                "currency": charges[0].currency,
                "amount_due": _asked(ledger, charges),
            }
            for issuer, charges in _of_issuers(ledger).items()
        ],
    )


def breaks(ledger: Ledger) -> list[Row]:
    """The invoice that asks for too much, and a week of GPUs at the old price."""
    first, last = month_of(ledger.start)
    [wrong] = [charges for charges in _of_issuers(ledger).values() if charges[0].provider == WRONG]
    since = ledger.at(SINCE_DAY, 0)
    week = [
        charge.values
        for charge in ledger.charges
        if charge.values.get("SkuId") == SKU
        and str(charge.values["ChargePeriodStart"]) >= str(since)
    ]
    hours = total(Decimal(str(values["PricingQuantity"])) for values in week)
    billed = total(Decimal(str(values["BilledCost"])) for values in week)
    return [
        _row("invoice", WRONG, (first, last), _asked(ledger, wrong), due_of(ledger, wrong), "EUR"),
        _row("price", oci.PROVIDER, (since, ledger.end), billed, hours * NEW_PRICE, "USD"),
    ]


def _row(
    leg: str,
    provider: str,
    span: tuple[datetime, datetime],
    billed: Decimal,
    due: Decimal,
    code: str,
) -> Row:
    return {
        "class": leg,
        "leg": leg,
        "provider": provider,
        **dict.fromkeys(("commitment_id", "resource_id", "model", "meter")),
        "period_start": text(span[0]),
        "period_end": text(span[1]),
        "billed": text(billed),
        "expected": text(due),
        "unit": code,
        "amount": text(billed - due),
        "currency": code,
    }
