"""How the tables of charges and of usage are split for computing; see ``model.split``."""

from __future__ import annotations

from trueup.model.split import Split

SPLITS = {
    "charges": Split(
        own=("x_ChargeId", "x_SourceId", "x_SourceRow", "ChargePeriodStart", "ChargePeriodEnd"),
        money=("EffectiveCost", "BilledCost", "ListCost"),
        quantities=("ConsumedQuantity", "PricingQuantity", "CommitmentDiscountQuantity"),
        shared=(
            *("x_Provider", "x_PublisherName", "ServiceProviderName", "ServiceName"),
            *("ServiceCategory", "BillingAccountId", "SubAccountId", "RegionId", "ResourceId"),
            *("ResourceName", "ResourceType", "BillingCurrency", "BillingPeriodEnd"),
            *("ChargeCategory", "ChargeClass", "ChargeDescription", "SkuId", "SkuPriceId"),
            *("SkuMeter", "SkuPriceDetails", "PricingCategory", "PricingUnit", "ConsumedUnit"),
            *("ContractedUnitPrice", "ListUnitPrice", "CommitmentDiscountId"),
            *("CommitmentDiscountName", "CommitmentDiscountCategory", "CommitmentDiscountType"),
            *("CommitmentDiscountStatus", "CommitmentDiscountUnit"),
        ),
        left_out=("Tags", "AllocatedTags", "AllocatedMethodDetails", "ContractApplied"),
    ),
    "usage": Split(
        own=("usage_id", "source_id", "source_row", "window_start", "window_end"),
        money=(),
        quantities=("quantity",),
        shared=(
            *("provider", "account_id", "region_id", "resource_id", "model", "service_tier"),
            *("meter", "capacity", "unit"),
        ),
        left_out=("tags", "sku_id"),
        parties=("session_id", "agent", "tool", "team", "cost_centre"),
    ),
}
