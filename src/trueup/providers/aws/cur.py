"""Cost and Usage Report 2.0: which columns say so, and which an export may leave out."""

from __future__ import annotations

from trueup.providers.declarations import read_native

OPTIONAL = """
bill_billing_period_end_date bill_billing_period_start_date bill_invoice_id
bill_invoicing_entity bill_payer_account_id bill_payer_account_name
capacity_reservation_capacity_reservation_arn
capacity_reservation_capacity_reservation_status
line_item_availability_zone line_item_legal_entity line_item_line_item_description
line_item_net_unblended_cost line_item_net_unblended_rate
line_item_normalized_usage_amount line_item_operation line_item_product_code
line_item_resource_id line_item_unblended_rate line_item_usage_account_id
line_item_usage_account_name line_item_usage_amount line_item_usage_type
pricing_currency pricing_public_on_demand_cost pricing_public_on_demand_rate
pricing_rate_code pricing_unit
product product_instance_type product_location product_region_code product_sku
reservation_effective_cost reservation_net_effective_cost
reservation_net_unused_amortized_upfront_fee_for_billing_period
reservation_net_unused_recurring_fee reservation_reservation_a_r_n
reservation_total_reserved_normalized_units
reservation_unused_amortized_upfront_fee_for_billing_period
reservation_unused_normalized_unit_quantity reservation_unused_quantity
reservation_unused_recurring_fee resource_tags
savings_plan_amortized_upfront_commitment_for_billing_period
savings_plan_net_amortized_upfront_commitment_for_billing_period
savings_plan_net_recurring_commitment_for_billing_period
savings_plan_net_savings_plan_effective_cost savings_plan_offering_type
savings_plan_recurring_commitment_for_billing_period savings_plan_region
savings_plan_savings_plan_a_r_n savings_plan_savings_plan_effective_cost
savings_plan_total_commitment_to_date savings_plan_used_commitment
"""

cur = read_native(
    __package__,
    "aws-cur",
    "cur.sql",
    identified_by=(
        "line_item_line_item_type",
        "line_item_unblended_cost",
        "line_item_currency_code",
        "line_item_usage_start_date",
        "line_item_usage_end_date",
    ),
    optional=tuple(OPTIONAL.split()),
)
