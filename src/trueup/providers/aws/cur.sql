-- Cost and Usage Report 2.0, record by record, as FOCUS 1.4. README.md has the table and the pages.
-- Numbers are taken as text and made exact once; what a record does not say stays null.
WITH line AS (
    SELECT *,
        line_item_line_item_type AS kind,
        -- Net columns hold the discounts, which then have no amount of their own.
        CASE WHEN line_item_line_item_type IN ('EdpDiscount', 'PrivateRateDiscount')
                AND line_item_net_unblended_cost IS NOT NULL
            THEN exact_decimal('0')
            ELSE exact_decimal(coalesce(line_item_net_unblended_cost, line_item_unblended_cost))
        END AS cost,
        coalesce(savings_plan_savings_plan_a_r_n, reservation_reservation_a_r_n) AS commitment,
        savings_plan_savings_plan_a_r_n IS NOT NULL AS is_plan,
        exact_decimal(savings_plan_total_commitment_to_date)
            - exact_decimal(savings_plan_used_commitment) AS plan_unused,
        -- A plan's fee before and after discounts, in billionths.
        (TRY_CAST(exact_decimal(
                coalesce(savings_plan_amortized_upfront_commitment_for_billing_period, '0'))
            + exact_decimal(coalesce(savings_plan_recurring_commitment_for_billing_period, '0'))
            AS DECIMAL(28, 9)) * 1000000000)::HUGEINT AS plan_fee,
        (TRY_CAST(exact_decimal(
                coalesce(savings_plan_net_amortized_upfront_commitment_for_billing_period,
                    savings_plan_amortized_upfront_commitment_for_billing_period, '0'))
            + exact_decimal(coalesce(savings_plan_net_recurring_commitment_for_billing_period,
                    savings_plan_recurring_commitment_for_billing_period, '0'))
            AS DECIMAL(28, 9)) * 1000000000)::HUGEINT AS plan_net_fee,
        coalesce(json_object_text(product), '{}') AS product_map
    FROM export
), known AS (
    SELECT *,
        kind IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') AS is_usage,
        CASE WHEN kind IN ('DiscountedUsage', 'SavingsPlanCoveredUsage') THEN 'Used'
            WHEN kind IN ('RIFee', 'SavingsPlanRecurringFee') THEN 'Unused' END AS status,
        -- A fee or refund that names a commitment is amortised elsewhere.
        kind = 'SavingsPlanUpfrontFee'
            OR (kind IN ('Fee', 'Refund') AND commitment IS NOT NULL) AS is_purchase,
        -- Units count where the record has them: size flexibility needs them.
        coalesce(exact_decimal(CASE kind WHEN 'RIFee'
            THEN reservation_total_reserved_normalized_units
            ELSE line_item_normalized_usage_amount END) > 0, false) AS in_units,
        -- What discounts leave of a plan's fee, to nine decimals: 1 without net columns. A net
        -- report without the net fee does not say: gross unused never stands beside net used.
        CASE WHEN line_item_net_unblended_cost IS NOT NULL AND coalesce(
                savings_plan_net_amortized_upfront_commitment_for_billing_period,
                savings_plan_net_recurring_commitment_for_billing_period) IS NULL THEN NULL
            WHEN plan_net_fee = plan_fee THEN 1.0
            WHEN plan_fee > 0 THEN TRY_CAST(
                (2 * plan_net_fee * 1000000000 + plan_fee) // (2 * plan_fee) AS DECIMAL(10, 0))
                * 0.000000001 END::DECIMAL(10, 9) AS plan_share
    FROM line
)
SELECT
    record,
    CASE WHEN is_usage OR status = 'Unused' OR kind = 'SavingsPlanNegation'
            OR ends_with(kind, 'Discount') THEN 'Usage'
        WHEN is_purchase OR kind = 'Fee' THEN 'Purchase'
        WHEN kind = 'Refund' THEN 'Usage'
        WHEN kind IN ('Tax', 'Credit') THEN kind
        ELSE 'unknown line item type ' || kind END AS ChargeCategory,
    CASE WHEN kind = 'Refund' THEN 'Correction' END AS ChargeClass,
    CASE WHEN is_usage OR kind = 'SavingsPlanNegation' OR ends_with(kind, 'Discount')
            THEN 'Usage-Based'
        WHEN status = 'Unused' THEN 'Recurring'
        WHEN kind IN ('Fee', 'SavingsPlanUpfrontFee', 'Credit', 'Refund') THEN 'One-Time'
        END AS ChargeFrequency,
    line_item_line_item_description AS ChargeDescription,
    cost AS BilledCost,
    CASE WHEN kind = 'SavingsPlanNegation' OR is_purchase THEN exact_decimal('0')
        WHEN kind = 'SavingsPlanCoveredUsage' THEN exact_decimal(coalesce(
            savings_plan_net_savings_plan_effective_cost, savings_plan_savings_plan_effective_cost))
        WHEN kind = 'SavingsPlanRecurringFee'
            THEN (TRY_CAST(plan_unused AS DECIMAL(28, 18)) * plan_share)::DECIMAL(38, 18)
        WHEN kind = 'DiscountedUsage'
            THEN exact_decimal(coalesce(reservation_net_effective_cost, reservation_effective_cost))
        WHEN kind = 'RIFee' THEN
            exact_decimal(coalesce(reservation_net_unused_amortized_upfront_fee_for_billing_period,
                reservation_unused_amortized_upfront_fee_for_billing_period))
            + exact_decimal(coalesce(
                reservation_net_unused_recurring_fee, reservation_unused_recurring_fee))
        ELSE cost END AS EffectiveCost,
    CASE WHEN is_usage THEN pricing_public_on_demand_cost END AS ListCost,
    CASE WHEN status IS DISTINCT FROM 'Unused'
        AND kind NOT IN ('DiscountedUsage', 'SavingsPlanNegation') THEN cost END AS ContractedCost,
    CASE WHEN is_usage THEN pricing_public_on_demand_rate END AS ListUnitPrice,
    CASE WHEN kind IN ('Usage', 'SavingsPlanCoveredUsage')
        THEN coalesce(line_item_net_unblended_rate, line_item_unblended_rate)
        END AS ContractedUnitPrice,
    line_item_currency_code AS BillingCurrency,
    pricing_currency AS PricingCurrency,
    CASE WHEN status IS NOT NULL THEN 'Committed'
        WHEN kind = 'Usage' AND contains(line_item_usage_type, 'SpotUsage') THEN 'Dynamic'
        WHEN kind IN ('Usage', 'Fee', 'SavingsPlanUpfrontFee') THEN 'Standard'
        END AS PricingCategory,
    CASE WHEN is_usage THEN line_item_usage_amount END AS PricingQuantity,
    CASE WHEN is_usage THEN pricing_unit END AS PricingUnit,
    CASE WHEN is_usage THEN line_item_usage_amount END AS ConsumedQuantity,
    CASE WHEN is_usage THEN pricing_unit END AS ConsumedUnit,
    CASE WHEN status IS NOT NULL OR is_purchase THEN commitment END AS CommitmentDiscountId,
    CASE WHEN status IS NOT NULL OR is_purchase THEN
        CASE WHEN is_plan THEN 'Spend' WHEN commitment IS NOT NULL THEN 'Usage' END
        END AS CommitmentDiscountCategory,
    CASE WHEN status IS NOT NULL OR is_purchase THEN
        CASE WHEN is_plan THEN coalesce(savings_plan_offering_type, 'Savings Plan')
            WHEN commitment IS NOT NULL THEN 'Reservation' END
        END AS CommitmentDiscountType,
    status AS CommitmentDiscountStatus,
    -- Gross of discounts, as the commitment is.
    CASE kind WHEN 'SavingsPlanCoveredUsage'
            THEN exact_decimal(savings_plan_savings_plan_effective_cost)
        WHEN 'SavingsPlanRecurringFee' THEN plan_unused
        WHEN 'DiscountedUsage' THEN exact_decimal(
            CASE WHEN in_units THEN line_item_normalized_usage_amount
                ELSE line_item_usage_amount END)
        WHEN 'RIFee' THEN exact_decimal(
            CASE WHEN in_units THEN reservation_unused_normalized_unit_quantity
                ELSE reservation_unused_quantity END)
        END AS CommitmentDiscountQuantity,
    CASE WHEN kind IN ('SavingsPlanCoveredUsage', 'SavingsPlanRecurringFee')
            THEN line_item_currency_code
        WHEN kind IN ('DiscountedUsage', 'RIFee')
            THEN CASE WHEN in_units THEN 'Normalized Unit-Hours' ELSE 'Instance-Hours' END
        END AS CommitmentDiscountUnit,
    capacity_reservation_capacity_reservation_arn AS CapacityReservationId,
    CASE WHEN capacity_reservation_capacity_reservation_status IN ('Used', 'Unused')
        THEN capacity_reservation_capacity_reservation_status END AS CapacityReservationStatus,
    bill_billing_period_start_date AS BillingPeriodStart,
    bill_billing_period_end_date AS BillingPeriodEnd,
    line_item_usage_start_date AS ChargePeriodStart,
    line_item_usage_end_date AS ChargePeriodEnd,
    bill_payer_account_id AS BillingAccountId,
    bill_payer_account_name AS BillingAccountName,
    line_item_usage_account_id AS SubAccountId,
    line_item_usage_account_name AS SubAccountName,
    bill_invoice_id AS InvoiceId,
    bill_invoicing_entity AS InvoiceIssuerName,
    'Amazon Web Services' AS ServiceProviderName,
    line_item_legal_entity AS PublisherName,
    coalesce(json_extract_string(product_map, '$.product_name'), line_item_product_code)
        AS ServiceName,
    CASE WHEN status = 'Unused' THEN commitment ELSE line_item_resource_id END AS ResourceId,
    line_item_availability_zone AS AvailabilityZone,
    coalesce(product_region_code, savings_plan_region) AS RegionId,
    product_location AS RegionName,
    product_sku AS SkuId,
    pricing_rate_code AS SkuPriceId,
    line_item_usage_type AS SkuMeter,
    nullif(json_merge_patch('{}', json_object(
        'InstanceType', product_instance_type,
        'GpuCount', json_extract_string(product_map, '$.gpu')))::VARCHAR, '{}') AS SkuPriceDetails,
    resource_tags AS Tags,
    kind AS x_LineItemType,
    line_item_product_code AS x_ServiceCode,
    line_item_usage_type AS x_UsageType,
    line_item_operation AS x_Operation
FROM known
