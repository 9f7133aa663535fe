"""Invoices typed by hand: the ``[[invoice]]`` tables of a TOML file, checked key by key."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from trueup.errors import ConfigurationError, UsageError
from trueup.focus.contract_values import Amount, Instant, Text
from trueup.model.mistakes import explain
from trueup.period import Period, parse_period
from trueup.toml import read_toml


def _period(value: object) -> object:
    try:
        return parse_period(str(value))
    except UsageError as error:
        raise ValueError(str(error)) from error


def _currency(value: object) -> object:
    """A code in capitals, as readers make it; other currencies (credits, tokens) as they stand."""
    is_code = isinstance(value, str) and len(value) == 3 and value.isalpha()
    return value.upper() if isinstance(value, str) and is_code else value


class InvoiceTotal(BaseModel):
    """One invoice as a person writes it; ``amount_due`` is its total."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    invoice_id: Text | None = None
    issuer: Text | None = None
    billing_account_id: Text | None = None
    billing_period: Annotated[Period | None, BeforeValidator(_period)] = None
    currency: Annotated[Text, BeforeValidator(_currency)]
    amount_due: Amount
    tax: Amount | None = None
    credits: Amount | None = None
    status: Literal["Open", "Issued", "Voided"] | None = None
    issue_date: Instant | None = None
    reference_invoice_id: Text | None = None
    description: str | None = None

    @model_validator(mode="after")
    def _identified(self) -> Self:
        if self.invoice_id is None and (self.issuer is None or self.billing_period is None):
            raise ValueError("give invoice_id, or else issuer and billing_period")
        return self

    @property
    def row(self) -> dict[str, Any]:
        """The row of the invoices table."""
        start: datetime | None = None
        end: datetime | None = None
        if self.billing_period is not None:
            start, end = self.billing_period.start, self.billing_period.end
        return {
            "InvoiceId": self.invoice_id,
            "InvoiceIssuerName": self.issuer,
            "BillingAccountId": self.billing_account_id,
            "BillingPeriodStart": start,
            "BillingPeriodEnd": end,
            "BillingCurrency": self.currency,
            "BilledCost": self.amount_due,
            "InvoiceIssueStatus": self.status,
            "InvoiceIssueDate": self.issue_date,
            "ReferenceInvoiceId": self.reference_invoice_id,
            "InvoiceDetailDescription": self.description,
            "x_Tax": self.tax,
            "x_Credits": self.credits,
        }


class InvoiceFile(BaseModel):
    """A file of ``[[invoice]]`` tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoice: tuple[InvoiceTotal, ...] = Field(default=())


def read_totals(source: str, path: Path) -> tuple[InvoiceTotal, ...]:
    """The invoices of a TOML file; ConfigurationError lists every mistake."""
    document = read_toml(path, source)
    try:
        return InvoiceFile.model_validate(document).invoice
    except ValidationError as error:
        raise ConfigurationError(explain(source, error, InvoiceFile)) from error
