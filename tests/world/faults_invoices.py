"""What issuers ask for: most of it agrees, one invoice is wrong, one was rounded line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tests.world import oci
from tests.world.dice import Dice
from tests.world.faults_lots import BONUS
from tests.world.figures import Row, total
from tests.world.focus import csv_text, text
from tests.world.ledger import Charge, Ledger, month_of
from tests.world.rewriting import rewrite, with_values

CENT = Decimal("0.01")
ERROR, LINES = "error", "lines"
COLUMNS = [
    "invoice_id", "issuer", "billing_account_id", "billing_period", "currency", "amount_due",
]  # fmt: skip
PREPAID = (oci.POOL, BONUS)
NUMBERED = ("aws", "azure")  # providers whose bill names the invoice


@dataclass(frozen=True)
class Invoice:
    """One invoice, what its charges come to, and how it was made: None as it should be."""

    id: str
    issuer: str
    provider: str
    account: str
    currency: str
    due: Decimal
    asked: Decimal
    made: str | None


def number(issuer: str) -> str:
    """What an issuer calls its invoice of the month."""
    return f"{''.join(word[0] for word in issuer.split())}-20261017"


def add_numbers(ledger: Ledger) -> None:
    """Name the invoice on every charge of the bills that do so."""

    def numbered(charge: Charge) -> Charge:
        if charge.provider not in NUMBERED:
            return charge
        return with_values(charge, InvoiceId=number(str(charge.values["InvoiceIssuerName"])))

    rewrite(ledger, numbered)


def invoices(ledger: Ledger) -> list[Invoice]:
    """One of each issuer."""
    dice = Dice(ledger.seed, "invoices")
    of_issuer: dict[str, list[Charge]] = defaultdict(list)
    for charge in ledger.charges:
        of_issuer[str(charge.values["InvoiceIssuerName"])].append(charge)
    names = sorted(of_issuer)
    wrong = names.pop(dice.between(0, len(names) - 1))
    rounded = [name for name in names if _rounding_shows(of_issuer[name])]
    by_line = dice.one_of(rounded) if rounded else None
    error = Decimal(dice.between(300, 8000)).scaleb(-2) * (1 if dice.percent(70) else -1)
    found = []
    for name, charges in sorted(of_issuer.items()):
        due = due_of(ledger, charges)
        asked, made = rounded_up(due), None
        if name == wrong:
            asked, made = asked + error, ERROR
        elif name == by_line:
            asked, made = total(rounded_up(charge.billed) for charge in charges), LINES
        first = charges[0]
        account = str(first.values["BillingAccountId"])
        found.append(
            Invoice(number(name), name, first.provider, account, first.currency, due, asked, made)
        )
    return found


def rounded_up(cost: Decimal) -> Decimal:
    """To the cent, half away from nought."""
    return cost.quantize(CENT, ROUND_HALF_UP)


def due_of(ledger: Ledger, charges: Sequence[Charge]) -> Decimal:
    """What is billed, less what was paid for beforehand."""
    due = total(charge.billed for charge in charges)
    if charges[0].provider == oci.PROVIDER:
        due -= total(one.quantity for one in ledger.drawings if one.commitment in PREPAID)
    return due


def _rounding_shows(charges: Sequence[Charge]) -> bool:
    """Whether rounding line by line makes more than half a cent of each service.

    Services are told apart more finely here than by any reader: so much is beyond all doubt.
    """
    if charges[0].provider == oci.PROVIDER:
        return False
    services: dict[object, Decimal] = defaultdict(Decimal)
    names = ("ChargeCategory", "ChargeClass", "PublisherName", "ServiceName", "ChargeDescription")
    for charge in charges:
        values = charge.values
        coarse = names if values["ChargeCategory"] != "Usage" else names[:-1]
        services[tuple(values.get(name) for name in coarse)] += charge.billed
    unrounded = sum(1 for cost in services.values() if cost != cost.quantize(CENT))
    by_line = total(rounded_up(charge.billed) for charge in charges)
    whole = total(charge.billed for charge in charges)
    return abs(by_line - whole) > unrounded * CENT / 2


def invoices_csv(ledger: Ledger) -> str:
    return csv_text(
        COLUMNS,
        [
            {
                "invoice_id": one.id,
                "issuer": one.issuer,
                "billing_account_id": one.account,
                "billing_period": f"{ledger.start:%Y-%m}",
                "currency": one.currency,
                "amount_due": one.asked,
            }
            for one in invoices(ledger)
        ],
    )


def stated(ledger: Ledger) -> list[Row]:
    """Every invoice beside its charges; what agrees within rounding is due as it is asked for."""
    return [
        {
            "issuer": one.issuer,
            "invoice_id": one.id,
            "currency": one.currency,
            "amount_due": text(one.due if one.made else one.asked),
            "invoiced": text(one.asked),
            "difference": text(one.asked - one.due if one.made else Decimal(0)),
            "status": "differs" if one.made else "agreed",
        }
        for one in invoices(ledger)
    ]


def answers(ledger: Ledger) -> list[Row]:
    """A break for the wrong invoice, and one for what rounding made."""
    first, last = month_of(ledger.start)
    return [
        {
            "class": "invoice" if one.made == ERROR else "rounding",
            "leg": "invoice",
            "rule": "invoice" if one.made == ERROR else "rounding",
            "provider": one.provider,
            "commitment_id": None,
            "account_id": one.account,
            "subject": one.id,
            "period_start": text(first),
            "period_end": text(last),
            "billed": text(one.asked),
            "expected": text(one.due),
            "unit": one.currency,
            "amount": text(one.asked - one.due),
            "currency": one.currency,
        }
        for one in invoices(ledger)
        if one.made
    ]
