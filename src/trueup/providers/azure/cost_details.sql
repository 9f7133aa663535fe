-- Cost details, amortized or actual, record by record, as FOCUS 1.4. README.md has the table, the
-- pages, and which of the two files to give. Names are found whatever their case.
WITH line AS (
    SELECT *,
        replace(PricingModel, ' ', '') IN ('Reservation', 'SavingsPlan') AS committed,
        exact_decimal(CostInBillingCurrency) AS cost,
        exact_decimal(Quantity) AS amount,
        coalesce(BillingCurrencyCode, BillingCurrency) AS currency,
        coalesce(BenefitId, ReservationId) AS benefit,
        coalesce(json_object_text(AdditionalInfo), '{}') AS info,
        -- "1 Hour", "100 Hours", "10K": a power of ten, and what it counts.
        regexp_full_match(UnitOfMeasure, '10*[KMB]?( .*)?') AS readable,
        length(regexp_extract(UnitOfMeasure, '^1(0*)', 1)) + CASE
            regexp_extract(UnitOfMeasure, '^10*([KMB]?)', 1)
            WHEN 'K' THEN 3 WHEN 'M' THEN 6 WHEN 'B' THEN 9 ELSE 0 END AS zeros,
        coalesce(nullif(trim(regexp_extract(UnitOfMeasure, '^10*[KMB]?( .*)?$', 1)), ''), 'Units')
            AS word
    FROM export
), known AS (
    SELECT *,
        CASE WHEN ChargeType IN ('UnusedReservation', 'UnusedSavingsPlan') THEN 'Unused'
            WHEN ChargeType = 'Usage' AND committed THEN 'Used' END AS status,
        ChargeType IN ('Purchase', 'Refund') AND committed AS is_commitment,
        -- Amounts of an actual file are not amortised: it says 0 of usage that a benefit covers.
        ChargeType = 'Usage' AND committed AND cost = 0 AND amount <> 0 AS is_actual,
        CASE WHEN contains(lower(benefit), '/microsoft.capacity/') THEN 'Usage'
            WHEN contains(lower(benefit), '/microsoft.billingbenefits/') THEN 'Spend'
            WHEN benefit IS NULL THEN NULL
            WHEN ChargeType = 'UnusedSavingsPlan' OR PricingModel LIKE 'Savings%Plan' THEN 'Spend'
            WHEN ChargeType = 'UnusedReservation' OR PricingModel = 'Reservation' THEN 'Usage'
            END AS category
    FROM line
)
SELECT
    record,
    CASE WHEN ChargeType IN ('Usage', 'UnusedReservation', 'UnusedSavingsPlan') THEN 'Usage'
        WHEN ChargeType IN ('Purchase', 'Refund') THEN 'Purchase'
        WHEN ChargeType IN ('Tax', 'Credit') THEN ChargeType
        WHEN ChargeType = 'RoundingAdjustment' THEN 'Adjustment'
        ELSE 'unknown charge type ' || ChargeType END AS ChargeCategory,
    CASE WHEN ChargeType = 'Refund' THEN 'Correction' END AS ChargeClass,
    CASE Frequency WHEN 'OneTime' THEN 'One-Time' WHEN 'UsageBased' THEN 'Usage-Based'
        WHEN 'Recurring' THEN Frequency END AS ChargeFrequency,
    coalesce(ProductName, Product) AS ChargeDescription,
    CASE WHEN status IS NOT NULL THEN exact_decimal('0') ELSE cost END AS BilledCost,
    CASE WHEN is_commitment THEN exact_decimal('0') WHEN NOT is_actual THEN cost
        END AS EffectiveCost,
    CASE WHEN is_commitment THEN exact_decimal('0')
        WHEN NOT is_actual THEN exact_decimal(CostInPricingCurrency)
        END AS PricingCurrencyEffectiveCost,
    CASE WHEN ChargeType = 'Usage' THEN PaygCostInBillingCurrency END AS ListCost,
    CASE WHEN status IS NULL THEN cost END AS ContractedCost,
    CASE WHEN coalesce(PricingCurrency, currency) = currency THEN PayGPrice END AS ListUnitPrice,
    CASE WHEN coalesce(PricingCurrency, currency) = currency THEN UnitPrice
        END AS ContractedUnitPrice,
    CASE WHEN PricingCurrency IS NOT NULL THEN PayGPrice END AS PricingCurrencyListUnitPrice,
    CASE WHEN PricingCurrency IS NOT NULL THEN UnitPrice
        END AS PricingCurrencyContractedUnitPrice,
    currency AS BillingCurrency,
    PricingCurrency,
    CASE WHEN status IS NOT NULL THEN 'Committed'
        WHEN ChargeType IN ('Usage', 'Purchase') THEN CASE replace(PricingModel, ' ', '')
            WHEN 'OnDemand' THEN 'Standard' WHEN 'Spot' THEN 'Dynamic'
            WHEN 'Reservation' THEN 'Standard' WHEN 'SavingsPlan' THEN 'Standard' END
        END AS PricingCategory,
    CASE WHEN ChargeType = 'Usage' AND readable THEN exact_decimal(amount || 'E-' || zeros)
        END AS PricingQuantity,
    CASE WHEN ChargeType = 'Usage' THEN UnitOfMeasure END AS PricingUnit,
    CASE WHEN ChargeType = 'Usage' THEN Quantity END AS ConsumedQuantity,
    CASE WHEN ChargeType = 'Usage' AND readable THEN word END AS ConsumedUnit,
    CASE WHEN status IS NOT NULL OR is_commitment THEN benefit END AS CommitmentDiscountId,
    CASE WHEN status IS NOT NULL OR is_commitment THEN coalesce(BenefitName, ReservationName)
        END AS CommitmentDiscountName,
    CASE WHEN status IS NOT NULL OR is_commitment THEN category END AS CommitmentDiscountCategory,
    CASE WHEN status IS NOT NULL OR is_commitment THEN
        CASE category WHEN 'Usage' THEN 'Reservation' WHEN 'Spend' THEN 'Savings Plan' END
        END AS CommitmentDiscountType,
    status AS CommitmentDiscountStatus,
    -- Hours of the reservation's own size; a savings plan burns in the currency it is priced in.
    CASE WHEN status IS NULL OR is_actual THEN NULL
        WHEN category = 'Spend' THEN exact_decimal(coalesce(
            CASE WHEN PricingCurrency IS NOT NULL THEN CostInPricingCurrency END,
            CostInBillingCurrency))
        WHEN status = 'Unused' THEN amount
        ELSE (TRY_CAST(amount AS DECIMAL(24, 18)) * TRY_CAST(exact_decimal(coalesce(
            json_extract_string(info, '$.RINormalizationRatio'), '1')) AS DECIMAL(14, 10))
            )::DECIMAL(38, 18)
        END AS CommitmentDiscountQuantity,
    CASE WHEN status IS NULL OR is_actual THEN NULL
        WHEN category = 'Spend' THEN CASE WHEN CostInPricingCurrency IS NOT NULL
            THEN coalesce(PricingCurrency, currency) ELSE currency END
        WHEN contains(concat_ws(' ', MeterName, ProductName, Product), 'Provisioned Managed')
            THEN 'PTU-Hours'
        WHEN regexp_full_match(word, 'Hours?') THEN 'Hours'
        ELSE word END AS CommitmentDiscountUnit,
    BillingPeriodStartDate AS BillingPeriodStart,
    (instant(BillingPeriodEndDate) + INTERVAL 1 DAY)::VARCHAR AS BillingPeriodEnd,
    Date AS ChargePeriodStart,
    (instant(Date) + INTERVAL 1 DAY)::VARCHAR AS ChargePeriodEnd,
    CASE WHEN BillingCurrencyCode IS NULL THEN coalesce(BillingProfileId, BillingAccountId)
        ELSE BillingAccountId END AS BillingAccountId,
    CASE WHEN BillingCurrencyCode IS NULL THEN coalesce(BillingProfileName, BillingAccountName)
        ELSE BillingAccountName END AS BillingAccountName,
    SubscriptionId AS SubAccountId,
    SubscriptionName AS SubAccountName,
    InvoiceId,
    coalesce(PartnerName, 'Microsoft') AS InvoiceIssuerName,
    'Microsoft' AS ServiceProviderName,
    CASE WHEN PublisherType IN ('Azure', 'Microsoft') THEN 'Microsoft' ELSE PublisherName
        END AS PublisherName,
    coalesce(MeterCategory, ConsumedService) AS ServiceName,
    CASE WHEN status = 'Unused' THEN benefit ELSE ResourceId END AS ResourceId,
    CASE WHEN status IS DISTINCT FROM 'Unused'
        THEN coalesce(ResourceName, nullif(regexp_extract(ResourceId, '[^/]+$'), ''))
        END AS ResourceName,
    AvailabilityZone,
    lower(replace(ResourceLocation, ' ', '')) AS RegionId,
    ResourceLocation AS RegionName,
    coalesce(ProductId, PartNumber) AS SkuId,
    MeterName AS SkuMeter,
    nullif(json_merge_patch('{}', json_object(
        'InstanceType', json_extract_string(info, '$.ServiceType')))::VARCHAR, '{}')
        AS SkuPriceDetails,
    CASE WHEN Tags IS NULL OR starts_with(trim(Tags), '{') THEN Tags
        ELSE '{' || Tags || '}' END AS Tags,
    ChargeType AS x_ChargeType,
    ServiceFamily AS x_ServiceFamily,
    MeterId AS x_SkuMeterId,
    MeterSubCategory AS x_SkuMeterSubcategory,
    ResourceGroup AS x_ResourceGroupName,
    CostCenter AS x_CostCenter
FROM known
