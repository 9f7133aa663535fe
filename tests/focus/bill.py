"""Small bills for the tests: rows as text, written as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

ROW: Mapping[str, str] = {
    "BilledCost": "1.25",
    "EffectiveCost": "1.00",
    "ListCost": "2",
    "ContractedCost": "1.25",
    "BillingCurrency": "USD",
    "BillingAccountId": "acc-1",
    "BillingAccountName": "Example",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargePeriodStart": "2026-10-03T14:00:00Z",
    "ChargePeriodEnd": "2026-10-03T15:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeDescription": "an hour",
    "InvoiceIssuerName": "Example Cloud",
    "ProviderName": "Example Cloud",
    "PublisherName": "Example Publisher",
    "ServiceCategory": "Compute",
    "ServiceName": "Machines",
    "PricingQuantity": "1",
    "PricingUnit": "Hours",
    "Tags": '{"team": "a"}',
}


def row(**values: str) -> dict[str, str]:
    """A charge that is accepted, with some of its values replaced or added."""
    return {**ROW, **values}


def as_csv(rows: Sequence[Mapping[str, str]], **options: str) -> str:
    """Rows as CSV text; the first one says which columns there are."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        list(rows[0]),
        delimiter=options.get("delimiter", ","),
        lineterminator=options.get("lineterminator", "\n"),
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(path: Path, *rows: Mapping[str, str], **options: str) -> Path:
    """Write rows (by default one good charge) as a CSV file."""
    path.write_text(as_csv(rows or [row()], **options), encoding="utf-8", newline="")
    return path
