"""Cost details, amortized or actual: which columns say so, and which a file may leave out.

Enterprise Agreements write PascalCase, Customer Agreements camelCase; SQL does not mind.
"""

from __future__ import annotations

from trueup.providers.declarations import read_native

IDENTIFIED_BY = ("ChargeType", "PricingModel", "CostInBillingCurrency", "Date")
OPTIONAL = """
AdditionalInfo AvailabilityZone BenefitId BenefitName BillingAccountId BillingAccountName
BillingCurrency BillingCurrencyCode BillingPeriodEndDate BillingPeriodStartDate BillingProfileId
BillingProfileName ConsumedService CostCenter CostInPricingCurrency Frequency InvoiceId
MeterCategory MeterId MeterName MeterSubCategory PartNumber PartnerName PayGPrice
PaygCostInBillingCurrency PricingCurrency Product ProductId ProductName PublisherName
PublisherType Quantity ReservationId ReservationName ResourceGroup ResourceId ResourceLocation
ResourceName ServiceFamily SubscriptionId SubscriptionName Tags UnitOfMeasure UnitPrice
"""


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


cost_details = tuple(
    read_native(
        __package__,
        "azure-cost-details",
        "cost_details.sql",
        identified_by=tuple(map(spelt, IDENTIFIED_BY)),
        optional=tuple(map(spelt, OPTIONAL.split())),
    )
    for spelt in (str, _camel)
)
