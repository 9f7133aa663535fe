"""What all commitments of this provider have in common, as rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trueup.adapter.feed import Row

# FOCUS wants these filled, and no API of the provider tells them.
UNKNOWN = (
    "ContractCommitmentApplicability",
    "ContractCommitmentCreated",
    "ContractCommitmentLastUpdated",
)
INSTANCES, NORMALIZED, MODEL_UNITS = "Instance-Hours", "Normalized Unit-Hours", "Model Unit-Hours"
UPFRONT = {"All Upfront": "1", "No Upfront": "0"}
ISSUER = "Amazon Web Services"


@dataclass(frozen=True)
class Commitment:
    """One that is used or lost by the hour."""

    name: str  # as bills name it
    contract: str
    kind: str
    start: str
    end: str
    status: str
    currency: str | None
    payment: str
    about: str
    benefit: str = "Discount"

    def spent(self, per_hour: str) -> Row:
        """Its row, where so much an hour is to be spent."""
        return self._common() | {
            "ContractCommitmentCategory": "Spend",
            "ContractCommitmentCost": per_hour,
            "PricingCurrencyContractCommitmentCost": per_hour,
            "x_QuantityBasis": "commitment_rate",
        }

    def held(self, per_hour: Decimal, unit: str, fee: Decimal | None = None) -> Row:
        """Its row, where so many units are held; ``fee`` is the whole term's, by the list."""
        cost = None if fee is None else format(fee, "f")
        return self._common() | {
            "ContractCommitmentCategory": "Usage",
            "ContractCommitmentCost": cost,
            "ContractCommitmentQuantity": format(per_hour, "f"),
            "ContractCommitmentUnit": unit,
            "PricingCurrencyContractCommitmentCost": cost,
            "x_QuantityBasis": "normalized_units" if unit == NORMALIZED else "unit_hours",
        }

    def _common(self) -> dict[str, str | None]:
        upfront = self.payment == "All Upfront"
        return {
            "BillingCurrency": self.currency,
            "ContractCommitmentBenefitCategory": self.benefit,
            "ContractCommitmentDescription": self.about,
            "ContractCommitmentDurationType": "Fixed",
            "ContractCommitmentFulfillmentInterval": "Hourly",
            "ContractCommitmentId": self.name,
            "ContractCommitmentLifecycleStatus": self.status,
            "ContractCommitmentModel": "Discontinuous",
            "ContractCommitmentOfferCategory": "Public",
            "ContractCommitmentPaymentInterval": "One-Time" if upfront else "Monthly",
            "ContractCommitmentPaymentModel": self.payment,
            "ContractCommitmentPaymentUpfrontPercentage": UPFRONT.get(self.payment),
            "ContractCommitmentPeriodStart": self.start,
            "ContractCommitmentPeriodEnd": self.end,
            "ContractCommitmentType": self.kind,
            "ContractId": self.contract,
            "ContractPeriodStart": self.start,
            "ContractPeriodEnd": self.end,
            "InvoiceIssuerName": ISSUER,
            "PricingCurrency": self.currency,
            "ServiceProviderName": ISSUER,
            "x_Layer": "benefit",
            "x_Per": "interval",
        }
