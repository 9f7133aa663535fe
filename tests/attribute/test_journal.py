"""The entries of a journal, each whole: day, account, unit, currency, sides and text."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from trueup.attribute.cost_line import CostLine
from trueup.attribute.journal import Accounts, Entry, journal
from trueup.attribute.statement import statements

D = Decimal
DAY = date(2026, 10, 31)
NOTHING = D(0)
ADS = CostLine("USD", "usage", "ads", "4711", "aws", "large", D("2.006"), "retail")
OPS = CostLine("EUR", "usage", "ops", None, "aws", "large", D("-1.50"))


def test_every_entry_says_when_where_whose_and_how_much() -> None:
    """Ops gets 1.50 EUR back; ads bears 2.006 USD, rounded to 2.01."""
    found = journal(statements([ADS, OPS]), Accounts("6520", "1480", "6590"), DAY)
    charged = "AI compute charged to units"
    assert found == [
        Entry(DAY, "6520", None, "ops", "EUR", NOTHING, D("1.50"), "AI compute of ops"),
        Entry(DAY, "1480", None, None, "EUR", D("1.50"), NOTHING, charged),
        Entry(DAY, "6520", "4711", "ads", "USD", D("2.01"), NOTHING, "AI compute of ads, retail"),
        Entry(
            *(DAY, "1480", None, None, "USD", NOTHING, D("2.01")),
            f"{charged}: 2.006, rounded by 0.004",
        ),
    ]
