"""The FOCUS datasets trueup reads, as typed columns, and what changed between their versions.

Source: the FOCUS specification (focus.finops.org), versions 1.0 to 1.4. A column is described once;
``introduced`` and ``removed`` say in which versions it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from trueup.model.columns import AMOUNT, INSTANT, TEXT

Kind = Literal["text", "decimal", "time", "json"]

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")

COST_AND_USAGE = "Cost and Usage"
CONTRACT_COMMITMENT = "Contract Commitment"
INVOICE_DETAIL = "Invoice Detail"


@dataclass(frozen=True)
class Column:
    """One column of a dataset: its type, its versions and what it may hold."""

    name: str
    kind: Kind = "text"
    introduced: str = "1.0"
    removed: str | None = None  # the first version without it
    mandatory: bool = False  # must be present in a file that conforms
    nullable: bool = True
    values: tuple[str, ...] = ()  # the allowed values, empty where any will do

    def stands_in(self, version: str) -> bool:
        """Say whether a version of the specification has this column."""
        return self.introduced <= version and (self.removed is None or version < self.removed)


def _of(kind: Kind, version: str, names: str) -> list[Column]:
    """Columns from words: ``!`` after a name means never null, ``*`` mandatory."""
    columns = []
    for word in names.split():
        name = word.rstrip("!*")
        columns.append(Column(name, kind, version, None, "*" in word, "!" not in word))
    return columns


def _one_of(name: str, values: str, version: str = "1.0", marks: str = "") -> Column:
    return Column(
        name, "text", version, None, "*" in marks, "!" not in marks, tuple(values.split("|"))
    )


SERVICE_CATEGORIES = (
    "AI and Machine Learning|Analytics|Business Applications|Compute|Databases|Developer Tools|"
    "Identity|Integration|Internet of Things|Management and Governance|Media|Migration|Mobile|"
    "Multicloud|Networking|Other|Security|Storage|Web"
)

_CHARGE_COLUMNS = [
    *_of(
        "text", "1.0", "AvailabilityZone BillingAccountId!* BillingAccountName* BillingCurrency!*"
    ),
    *_of("text", "1.0", "ChargeDescription* CommitmentDiscountId CommitmentDiscountName"),
    *_of("text", "1.0", "CommitmentDiscountType ConsumedUnit InvoiceIssuerName!* PricingUnit*"),
    *_of("text", "1.0", "RegionId RegionName ResourceId ResourceName ResourceType ServiceName!*"),
    *_of("text", "1.0", "SkuId SkuPriceId SubAccountId SubAccountName"),
    *_of(
        "text", "1.1", "CapacityReservationId CommitmentDiscountUnit ServiceSubcategory! SkuMeter"
    ),
    *_of("text", "1.2", "BillingAccountType! InvoiceId PricingCurrency! SubAccountType"),
    *_of("text", "1.3", "AllocatedMethodId AllocatedResourceId AllocatedResourceName"),
    *_of("text", "1.3", "HostProviderName* ServiceProviderName!*"),
    *_of("text", "1.4", "InvoiceDetailId"),
    *_of("decimal", "1.0", "BilledCost!* ContractedCost!* EffectiveCost!* ListCost!*"),
    *_of("decimal", "1.0", "ConsumedQuantity ContractedUnitPrice ListUnitPrice PricingQuantity*"),
    *_of("decimal", "1.1", "CommitmentDiscountQuantity"),
    *_of("decimal", "1.2", "PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost!"),
    *_of("decimal", "1.2", "PricingCurrencyListUnitPrice"),
    *_of("time", "1.0", "BillingPeriodStart!* BillingPeriodEnd!*"),
    *_of("time", "1.0", "ChargePeriodStart!* ChargePeriodEnd!*"),
    *_of("json", "1.0", "Tags"),
    *_of("json", "1.1", "SkuPriceDetails"),
    *_of("json", "1.3", "AllocatedMethodDetails AllocatedTags ContractApplied"),
    *_of("json", "1.4", "CommitmentProgramEligibilityDetails"),
    _one_of("CapacityReservationStatus", "Used|Unused", "1.1"),
    _one_of("ChargeCategory", "Usage|Purchase|Tax|Credit|Adjustment", marks="!*"),
    _one_of("ChargeClass", "Correction", marks="*"),
    _one_of("ChargeFrequency", "One-Time|Recurring|Usage-Based", marks="!"),
    _one_of("CommitmentDiscountCategory", "Spend|Usage"),
    _one_of("CommitmentDiscountStatus", "Used|Unused"),
    _one_of("PricingCategory", "Standard|Dynamic|Committed|Other"),
    _one_of("ServiceCategory", SERVICE_CATEGORIES, marks="!*"),
    Column("ProviderName", removed="1.4", mandatory=True, nullable=False),
    Column("PublisherName", removed="1.4", mandatory=True, nullable=False),
]

_COMMITMENT_COLUMNS = [
    *_of("text", "1.3", "BillingCurrency* ContractCommitmentDescription* ContractCommitmentId!*"),
    *_of("text", "1.3", "ContractCommitmentType!* ContractCommitmentUnit* ContractId!*"),
    *_of("text", "1.4", "ContractCommitmentDurationType!* InvoiceIssuerName!* PricingCurrency!"),
    *_of("text", "1.4", "ServiceProviderName!*"),
    *_of("decimal", "1.3", "ContractCommitmentCost* ContractCommitmentQuantity*"),
    *_of("decimal", "1.4", "ContractCommitmentDiscountPercentage*"),
    *_of("decimal", "1.4", "ContractCommitmentPaymentUpfrontPercentage!"),
    *_of("decimal", "1.4", "PricingCurrencyContractCommitmentCost"),
    *_of("time", "1.3", "ContractCommitmentPeriodStart!* ContractCommitmentPeriodEnd!*"),
    *_of("time", "1.3", "ContractPeriodStart!* ContractPeriodEnd!*"),
    *_of("time", "1.4", "ContractCommitmentCreated!* ContractCommitmentLastUpdated!*"),
    *_of("json", "1.4", "ContractCommitmentApplicability!*"),
    _one_of("ContractCommitmentCategory", "Spend|Usage", "1.3", "!*"),
    _one_of(
        "ContractCommitmentBenefitCategory", "Discount|Entitlement|Availability|Other", "1.4", "!*"
    ),
    _one_of(
        "ContractCommitmentFulfillmentInterval",
        "Hourly|Daily|Weekly|Monthly|Quarterly|Semi-Annual|Annual|Full Period|Transactional|Custom",
        "1.4",
        "!*",
    ),
    _one_of(
        "ContractCommitmentLifecycleStatus",
        "Proposed|Pending|Active|Exhausted|Expired|Canceled|Superseded",
        "1.4",
        "!*",
    ),
    _one_of("ContractCommitmentModel", "Continuous|Discontinuous", "1.4", "!*"),
    _one_of("ContractCommitmentOfferCategory", "Negotiated|Public", "1.4", "!*"),
    _one_of(
        "ContractCommitmentPaymentInterval",
        "One-Time|Monthly|Quarterly|Semi-Annual|Annual|Custom",
        "1.4",
        "!*",
    ),
    _one_of(
        "ContractCommitmentPaymentModel", "No Upfront|Partial Upfront|All Upfront", "1.4", "!*"
    ),
]

_INVOICE_COLUMNS = [
    *_of("text", "1.4", "BillingAccountId!* BillingCurrency!* InvoiceDetailDescription*"),
    *_of("text", "1.4", "InvoiceDetailId!* InvoiceId!* InvoiceIssuerName!* PaymentCurrency!"),
    *_of("text", "1.4", "PaymentCurrencyInvoiceDetailId! PaymentTerms!* PurchaseOrderNumber"),
    *_of("text", "1.4", "ReferenceInvoiceId!*"),
    *_of("decimal", "1.4", "BilledCost!* PaymentCurrencyBilledCost!"),
    *_of("time", "1.4", "BillingPeriodStart!* BillingPeriodEnd!* InvoiceDetailCreated!*"),
    *_of("time", "1.4", "InvoiceDetailLastUpdated!* InvoiceIssueDate* PaymentDueDate*"),
    *_of("json", "1.4", "InvoiceDetailGrain*"),
    _one_of("ChargeCategory", "Usage|Purchase|Tax|Credit|Adjustment", "1.4", "!*"),
    _one_of("InvoiceIssueStatus", "Open|Issued|Voided", "1.4", "!*"),
]

DATASETS: dict[str, tuple[Column, ...]] = {
    COST_AND_USAGE: tuple(sorted(_CHARGE_COLUMNS, key=lambda column: column.name)),
    CONTRACT_COMMITMENT: tuple(sorted(_COMMITMENT_COLUMNS, key=lambda column: column.name)),
    INVOICE_DETAIL: tuple(sorted(_INVOICE_COLUMNS, key=lambda column: column.name)),
}

# What trueup adds to a dataset, in the order in which it stands after FOCUS's own columns.
CHARGE_ADDITIONS: dict[str, pa.DataType] = {
    "x_Provider": TEXT,
    "x_PublisherName": TEXT,
    "x_SourceId": pa.int32(),
    "x_SourceRow": pa.int64(),
    "x_ChargeId": pa.int64(),
}

COMMITMENT_ADDITIONS: dict[str, pa.DataType] = {
    "x_Provider": TEXT,
    "x_Layer": TEXT,  # benefit | funding | agreement
    "x_QuantityBasis": TEXT,
    "x_Per": TEXT,  # interval | term
    "x_Fee": AMOUNT,  # net fee per fulfilment interval
    "x_OpeningQuantity": AMOUNT,  # what remained at x_OpeningAt
    "x_OpeningAt": INSTANT,
    "x_ComputeUnit": TEXT,
    "x_ComputeUnitsPerCredit": AMOUNT,
    "x_CostPerCredit": AMOUNT,
    "x_AppliesTo": TEXT,  # JSON object: charge column -> regular expression
    "x_Pool": TEXT,  # lots of one pool are drawn in turn; charges may name the pool
    "x_Priority": AMOUNT,  # the lower is drawn first
    "x_DrawOrder": TEXT,  # JSON array: priority, expiry, start; with a minus the other way round
    "x_Rollover": AMOUNT,  # share of what is left at the end that the pool's next lot takes over
    "x_Adjustments": TEXT,  # JSON array of {at, quantity}
    "x_OverageRate": AMOUNT,  # price of one unit beyond the lot
    "x_Milestones": TEXT,  # JSON array of {due, amount}
    "x_Eligibility": TEXT,  # JSON object: what counts towards an agreement
    "x_Document": TEXT,
    "x_SourceId": pa.int32(),
    "x_SourceRow": pa.int64(),
}

INVOICE_ADDITIONS: dict[str, pa.DataType] = {
    "x_Tax": AMOUNT,  # of the amount due, where a row is a whole invoice and says so
    "x_Credits": AMOUNT,  # the same, negative
    "x_SourceId": pa.int32(),
    "x_SourceRow": pa.int64(),
}

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": TEXT,
    "json": TEXT,
    "decimal": AMOUNT,
    "time": INSTANT,
}


def columns_of(dataset: str, version: str = VERSIONS[-1]) -> tuple[Column, ...]:
    """The columns of a dataset in one version of the specification, by name."""
    return tuple(column for column in DATASETS[dataset] if column.stands_in(version))


def _schema(columns: Iterable[Column], additions: dict[str, pa.DataType]) -> pa.Schema:
    fields = [pa.field(column.name, ARROW_TYPES[column.kind]) for column in columns]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in additions.items())])


CHARGES = _schema(columns_of(COST_AND_USAGE), CHARGE_ADDITIONS)
COMMITMENTS = _schema(columns_of(CONTRACT_COMMITMENT), COMMITMENT_ADDITIONS)
INVOICES = _schema(columns_of(INVOICE_DETAIL), INVOICE_ADDITIONS)
