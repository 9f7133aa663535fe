-- The billing export in Google's own columns, one FOCUS 1.4 row for each of its records. What
-- nests there is JSON text here; its numbers are made texts, as the engine would read them as
-- floating point. README.md says why each column is as it is. Columns of the export:
-- https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/detailed-usage
WITH line AS (
  SELECT *,
    replace(lower(cost_type), ' ', '_') AS cost_kind,
    instant(usage_start_time) AS start,
    try_strptime(json_if_valid(invoice) ->> '$.month', '%Y%m') AS month,
    json_if_valid(sku) ->> '$.description' AS sku_name,
    json_if_valid(subscription) ->> '$.instance_id' AS subscription_id,
    coalesce(json_if_valid(consumption_model) ->> '$.description', 'Default') AS model,
    regexp_replace(json_if_valid(usage),
      '("[a-z_]+"\s*:\s*)(-?\d[\d.eE+-]*)', '\1"\2"', 'g') AS used,
    regexp_replace(json_if_valid(price),
      '("[a-z_]+"\s*:\s*)(-?\d[\d.eE+-]*)', '\1"\2"', 'g') AS prices,
    from_json(regexp_replace(json_if_valid(coalesce(credits, '[]')),
      '("[a-z_]+"\s*:\s*)(-?\d[\d.eE+-]*)', '\1"\2"', 'g'),
      '[{"type": "VARCHAR", "amount": "VARCHAR"}]') AS credit_texts,
    CASE WHEN starts_with(labels, '[') THEN '{' || array_to_string(
        [to_json(one.key) || ':' || to_json(one.value) FOR one IN
          from_json(json_if_valid(labels), '[{"key": "VARCHAR", "value": "VARCHAR"}]')], ',') || '}'
      ELSE labels END AS label,
    CASE WHEN starts_with(system_labels, '[') THEN [one.value FOR one IN
        from_json(json_if_valid(system_labels), '[{"key": "VARCHAR", "value": "VARCHAR"}]')
        IF one.key = 'compute.googleapis.com/machine_spec'][1]
      ELSE json_if_valid(system_labels) ->> '$."compute.googleapis.com/machine_spec"'
    END AS machine
  FROM export
), credited AS (
  SELECT *,
    [{'type': one.type, 'amount': exact_decimal(one.amount)} FOR one IN credit_texts] AS credit,
    [coalesce(one.amount, 'a credit without an amount') FOR one IN credit_texts
      IF exact_decimal(one.amount) IS NULL][1] AS unread_amount,
    [coalesce(one.type, 'unnamed') FOR one IN credit_texts IF CASE one.type
      WHEN 'COMMITTED_USAGE_DISCOUNT' THEN false
      WHEN 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE' THEN false
      WHEN 'DISCOUNT' THEN false
      WHEN 'FEE_UTILIZATION_OFFSET' THEN false
      WHEN 'FREE_TIER' THEN false
      WHEN 'PROMOTION' THEN false
      WHEN 'RESELLER_MARGIN' THEN false
      WHEN 'SUBSCRIPTION_BENEFIT' THEN false
      WHEN 'SUSTAINED_USAGE_DISCOUNT' THEN false
      ELSE true END][1] AS unknown_type
  FROM line
), totalled AS (
  SELECT *,
    TRY(exact_decimal(cost) + coalesce(list_sum([one.amount FOR one IN credit]), 0)) AS billed,
    -list_sum([one.amount FOR one IN credit IF one.type = 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE'])
      AS covered,
    -- A legacy fee has the committed on-demand spend as its quantity, in hundredths of USD.
    CASE WHEN starts_with(sku_name, 'Commitment - dollar based') THEN exact_decimal((
      TRY_CAST(used ->> '$.amount_in_pricing_units' AS DECIMAL(19, 9))
      * TRY_CAST(coalesce(currency_conversion_rate, CASE currency WHEN 'USD' THEN '1' END)
        AS DECIMAL(19, 9)))::DECIMAL(38, 16)::VARCHAR || 'e-2') END AS committed
  FROM credited
), told AS MATERIALIZED (
  SELECT *,
    -- Which model of commitments a record is of is told by the record, not by its date.
    CASE
      WHEN cost_kind IS DISTINCT FROM 'regular' THEN NULL
      WHEN unknown_type IS NOT NULL OR unread_amount IS NOT NULL THEN NULL
      WHEN list_contains([one.type FOR one IN credit], 'FEE_UTILIZATION_OFFSET') THEN 'fee'
      WHEN covered IS NOT NULL THEN 'legacy usage'
      WHEN list_contains([one.type FOR one IN credit], 'COMMITTED_USAGE_DISCOUNT')
        THEN 'resource usage'
      WHEN regexp_matches(sku_name, '^Commitment v\d') THEN 'resource fee'
      WHEN starts_with(sku_name, 'Commitment - dollar based') THEN 'legacy fee'
      WHEN model <> 'Default' THEN 'usage'
      WHEN subscription_id IS NOT NULL THEN 'fee'
    END AS part
  FROM totalled
-- The legacy model: the fee of an hour is shared by the usage that it covered. A credit that names
-- no commitment is of the only one whose fee is of that hour; where there are more, none is shared.
), legacy AS (
  SELECT record, part, billed, committed,
    (part = 'legacy fee') AS is_fee,
    {'account': billing_account_id, 'currency': currency, 'hour': start} AS clock,
    coalesce(subscription_id, CASE WHEN NOT is_fee THEN CASE WHEN
      min(subscription_id) FILTER (is_fee) OVER hour = max(subscription_id) FILTER (is_fee) OVER hour
      THEN min(subscription_id) FILTER (is_fee) OVER hour END END) AS commitment_id,
    -- In billionths: integers divide without rounding twice.
    replace(TRY_CAST(CASE WHEN is_fee THEN committed ELSE covered END
      AS DECIMAL(19, 9))::VARCHAR, '.', '')::HUGEINT AS weight,
    replace(TRY_CAST(billed AS DECIMAL(19, 9))::VARCHAR, '.', '')::HUGEINT AS cost
  FROM told
  WHERE part IN ('legacy fee', 'legacy usage')
  WINDOW hour AS (PARTITION BY billing_account_id, currency, start)
), pooled AS (
  SELECT *,
    sum(cost) FILTER (is_fee) OVER pool AS fee,
    sum(weight) FILTER (is_fee) OVER pool AS all_committed,
    coalesce(sum(weight) FILTER (NOT is_fee) OVER pool, 0) AS all_covered,
    sum(weight) OVER so_far AS weight_to,
    sum(cost) OVER so_far AS cost_to,
    bool_or(commitment_id IS NULL) OVER (PARTITION BY clock) AS is_unclear,
    bool_or(weight IS NULL OR cost IS NULL) OVER pool AS is_unknown
  FROM legacy
  WINDOW pool AS (PARTITION BY clock, commitment_id),
    so_far AS (PARTITION BY clock, commitment_id, is_fee ORDER BY record)
), shared AS (
  SELECT record AS shared_record, commitment_id,
    -- What is drawn up to a record less what is drawn up to the one before: the sum is exact.
    fee * all_covered // all_committed AS spent,
    CASE WHEN is_fee THEN spent * cost_to // fee - spent * (cost_to - cost) // fee
      ELSE fee * weight_to // all_committed - fee * (weight_to - weight) // all_committed
    END AS moved,
    all_covered * weight_to // all_committed
      - all_covered * (weight_to - weight) // all_committed AS drawn
  FROM pooled
  WHERE commitment_id IS NOT NULL AND NOT is_unclear AND NOT is_unknown
    AND all_committed > 0 AND all_covered BETWEEN 0 AND all_committed
    AND fee < 10000000000000000000 AND all_committed < 10000000000000000000
), owned AS (
  SELECT *,
    coalesce(exact_decimal(moved::VARCHAR || 'e-9'), 0) AS share,
    coalesce(subscription_id, commitment_id) AS commitment,
    CASE
      WHEN coalesce(subscription_id, commitment_id) IS NULL THEN NULL
      WHEN part = 'fee' THEN 'Unused'
      WHEN part = 'usage' THEN 'Used'
      WHEN shared_record IS NULL THEN NULL
      WHEN part = 'legacy fee' THEN 'Unused'
      WHEN part = 'legacy usage' THEN 'Used'
    END AS status
  FROM told LEFT JOIN shared ON record = shared_record
)
SELECT
  record,
  CASE
    WHEN exact_decimal(cost) IS NULL THEN cost
    WHEN credit_texts IS NULL THEN credits
    ELSE coalesce(unread_amount, billed::VARCHAR, cost || ' with credits')
  END AS BilledCost,
  CASE
    WHEN part = 'legacy usage' THEN billed + share
    WHEN part = 'legacy fee' THEN billed - share
    ELSE billed
  END::VARCHAR AS EffectiveCost,
  coalesce(cost_at_effective_price_default, CASE WHEN model = 'Default' THEN cost END)
    AS ContractedCost,
  cost_at_list AS ListCost,
  currency AS BillingCurrency,
  billing_account_id AS BillingAccountId,
  'Billing Account' AS BillingAccountType,
  timezone('America/Los_Angeles', month)::VARCHAR AS BillingPeriodStart,
  timezone('America/Los_Angeles', month + INTERVAL 1 MONTH)::VARCHAR AS BillingPeriodEnd,
  json_if_valid(project) ->> '$.id' AS SubAccountId,
  json_if_valid(project) ->> '$.name' AS SubAccountName,
  CASE WHEN (json_if_valid(project) ->> '$.id') IS NOT NULL THEN 'Project' END AS SubAccountType,
  -- What is not known is named, so that the row is rejected by that name.
  CASE
    WHEN unknown_type IS NOT NULL THEN 'credit type ' || unknown_type
    WHEN cost_kind = 'tax' THEN 'Tax'
    WHEN cost_kind = 'adjustment' OR cost_kind = 'rounding_error' THEN 'Adjustment'
    WHEN cost_kind <> 'regular' THEN 'cost_type ' || cost_type
    WHEN part = 'resource fee' OR (part = 'legacy fee' AND status IS NULL) THEN 'Purchase'
    WHEN cost_kind = 'regular' THEN 'Usage'
  END AS ChargeCategory,
  CASE WHEN coalesce(json_if_valid(adjustment_info) ->> '$.id',
      json_if_valid(adjustment_info) ->> '$.type', json_if_valid(adjustment_info) ->> '$.mode')
    IS NOT NULL THEN 'Correction' END AS ChargeClass,
  CASE
    WHEN cost_kind IS DISTINCT FROM 'regular' THEN 'One-Time'
    WHEN part LIKE '%fee' THEN 'Recurring'
    ELSE 'Usage-Based'
  END AS ChargeFrequency,
  sku_name AS ChargeDescription,
  usage_start_time AS ChargePeriodStart,
  usage_end_time AS ChargePeriodEnd,
  CASE WHEN part IS NOT NULL THEN commitment END AS CommitmentDiscountId,
  CASE WHEN part LIKE 'resource%' THEN 'Usage' WHEN part IS NOT NULL THEN 'Spend'
    END AS CommitmentDiscountCategory,
  CASE WHEN part LIKE 'resource%' THEN 'Resource-based committed use discount'
    WHEN part IS NOT NULL THEN 'Spend-based committed use discount' END AS CommitmentDiscountType,
  status AS CommitmentDiscountStatus,
  CASE
    WHEN status IS NULL THEN NULL
    WHEN part = 'legacy usage' THEN covered
    WHEN part = 'legacy fee' THEN committed - exact_decimal(drawn::VARCHAR || 'e-9')
    WHEN part = 'usage' THEN exact_decimal(cost)
    ELSE billed
  END::VARCHAR AS CommitmentDiscountQuantity,
  CASE WHEN status IS NOT NULL THEN currency END AS CommitmentDiscountUnit,
  CASE WHEN part LIKE '%fee' THEN NULL ELSE used ->> '$.amount' END AS ConsumedQuantity,
  CASE WHEN part LIKE '%fee' THEN NULL ELSE used ->> '$.unit' END AS ConsumedUnit,
  used ->> '$.amount_in_pricing_units' AS PricingQuantity,
  used ->> '$.pricing_unit' AS PricingUnit,
  CASE
    WHEN cost_kind IS DISTINCT FROM 'regular' THEN NULL
    WHEN part IS NOT NULL THEN 'Committed'
    WHEN regexp_matches(sku_name, '\b(Spot|Preemptible)\b') THEN 'Dynamic'
    ELSE 'Standard'
  END AS PricingCategory,
  CASE WHEN exact_decimal(coalesce(prices ->> '$.pricing_unit_quantity', '1')) = 1
    THEN prices ->> '$.list_price' END AS ListUnitPrice,
  CASE WHEN exact_decimal(coalesce(prices ->> '$.pricing_unit_quantity', '1')) = 1
    THEN coalesce(prices ->> '$.effective_price_default',
      CASE WHEN model = 'Default' THEN prices ->> '$.effective_price' END)
    END AS ContractedUnitPrice,
  json_if_valid(sku) ->> '$.id' AS SkuId,
  sku_name AS SkuMeter,
  CASE WHEN machine IS NOT NULL THEN json_object('InstanceType', machine) END AS SkuPriceDetails,
  json_if_valid(service) ->> '$.description' AS ServiceName,
  CASE WHEN status = 'Unused' THEN commitment
    ELSE json_if_valid(resource) ->> '$.global_name' END AS ResourceId,
  json_if_valid(resource) ->> '$.name' AS ResourceName,
  json_if_valid(location) ->> '$.region' AS RegionId,
  json_if_valid(location) ->> '$.zone' AS AvailabilityZone,
  label AS Tags,
  'Google Cloud' AS ServiceProviderName,
  'Google Cloud' AS InvoiceIssuerName,
  CASE WHEN starts_with(transaction_type, 'THIRD_PARTY') THEN seller_name
    ELSE 'Google Cloud' END AS PublisherName,
  cost_type AS x_CostType,
  credits AS x_Credits,
  list_sum([one.amount FOR one IN credit IF one.type = 'PROMOTION']) AS x_PromotionCredit,
  list_sum([one.amount FOR one IN credit IF one.type = 'RESELLER_MARGIN']) AS x_ResellerMargin,
  CASE WHEN part = 'legacy usage' AND status IS NOT NULL THEN 'allocated_by_ratio' END
    AS x_FeeShare,
  model AS x_ConsumptionModel,
  adjustment_info AS x_AdjustmentInfo
FROM owned
ORDER BY record
