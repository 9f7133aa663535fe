-- The cost report in the provider's own columns, one FOCUS 1.4 row for each of its records.
-- Columns: https://docs.oracle.com/en-us/iaas/Content/Billing/Concepts/costusagereportsoverview.htm
WITH line AS (
  SELECT *,
    CASE lower(coalesce(
        "lineItem/isCorrection", ("lineItem/backreferenceNo" IS NOT NULL)::VARCHAR))
      WHEN 'true' THEN true
      WHEN 'false' THEN false
    END AS is_correction,
    list_filter(map_entries(from_json(to_json(export), '"MAP(VARCHAR, VARCHAR)"')),
      lambda cell: starts_with(cell.key, 'tags/') AND cell.value IS NOT NULL) AS tags
  FROM export
)
SELECT
  record,
  "cost/myCost" AS BilledCost,
  "cost/myCost" AS EffectiveCost,
  "cost/myCost" AS ContractedCost,
  "cost/currencyCode" AS BillingCurrency,
  "lineItem/tenantId" AS BillingAccountId,
  'Tenancy' AS BillingAccountType,
  "product/compartmentId" AS SubAccountId,
  "product/compartmentName" AS SubAccountName,
  CASE WHEN "product/compartmentId" IS NOT NULL THEN 'Compartment' END AS SubAccountType,
  -- A report holds usage and corrections of it; of anything else it is not known what it is.
  CASE WHEN is_correction IS NULL THEN 'lineItem/isCorrection ' || "lineItem/isCorrection"
    ELSE 'Usage' END AS ChargeCategory,
  CASE WHEN is_correction THEN 'Correction' END AS ChargeClass,
  'Usage-Based' AS ChargeFrequency,
  "product/Description" AS ChargeDescription,
  "lineItem/intervalUsageStart" AS ChargePeriodStart,
  "lineItem/intervalUsageEnd" AS ChargePeriodEnd,
  'Standard' AS PricingCategory,
  "usage/billedQuantity" AS PricingQuantity,
  coalesce("cost/skuUnitDescription", "cost/billingUnitReadable") AS PricingUnit,
  "cost/unitPrice" AS ContractedUnitPrice,
  "cost/productSku" AS SkuId,
  "product/service" AS ServiceName,
  "product/resourceId" AS ResourceId,
  "product/region" AS RegionId,
  "product/availabilityDomain" AS AvailabilityZone,
  'Oracle Cloud Infrastructure' AS ServiceProviderName,
  'Oracle' AS HostProviderName,
  'Oracle' AS InvoiceIssuerName,
  CASE WHEN len(tags) > 0 THEN to_json(map_from_entries(
    list_transform(tags, lambda tag: {'key': tag.key[6:], 'value': tag.value}))) END AS Tags,
  "lineItem/referenceNo" AS x_ReferenceNo,
  "lineItem/backreferenceNo" AS x_BackreferenceNo,
  "cost/subscriptionId" AS x_SubscriptionId,
  "cost/overageFlag" AS x_OverageFlag,
  "cost/myCostOverage" AS x_OverageCost,
  "usage/billedQuantityOverage" AS x_OverageQuantity,
  "cost/unitPriceOverage" AS x_OverageUnitPrice,
  "cost/attributedCost" AS x_AttributedCost,
  "usage/attributedUsage" AS x_AttributedUsage
FROM line
