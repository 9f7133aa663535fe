"""Columns of CUR 2.0 as the common model's, by hand: the four kinds of lines of this month.

It ends where there is another kind of line, a binary float of more than 15 digits, or a net column.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.distinct import translated
from trueup.model.arrays import whole
from trueup.model.places import places

KIND = "line_item_line_item_type"
USAGE, COVERED = "Usage", "SavingsPlanCoveredUsage"
UNUSED, FEE = "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee"
BY_KIND: dict[str, dict[str, str]] = {
    "ChargeCategory": {USAGE: "Usage", COVERED: "Usage", UNUSED: "Usage", FEE: "Purchase"},
    "ChargeFrequency": {
        USAGE: "Usage-Based",
        COVERED: "Usage-Based",
        UNUSED: "Recurring",
        FEE: "One-Time",
    },
    "PricingCategory": {
        USAGE: "Standard",
        COVERED: "Committed",
        UNUSED: "Committed",
        FEE: "Standard",
    },
    "CommitmentDiscountCategory": {COVERED: "Spend", UNUSED: "Spend", FEE: "Spend"},
    "CommitmentDiscountStatus": {COVERED: "Used", UNUSED: "Unused"},
    "CommitmentDiscountUnit": {COVERED: "USD", UNUSED: "USD"},
    "ServiceProviderName": dict.fromkeys((USAGE, COVERED, UNUSED, FEE), "Amazon Web Services"),
    "x_Provider": dict.fromkeys((USAGE, COVERED, UNUSED, FEE), "aws"),
}
AS_IT_IS = {
    "BillingPeriodStart": "bill_billing_period_start_date",
    "BillingPeriodEnd": "bill_billing_period_end_date",
    "ChargePeriodStart": "line_item_usage_start_date",
    "ChargePeriodEnd": "line_item_usage_end_date",
    "InvoiceId": "bill_invoice_id",
    "InvoiceIssuerName": "bill_invoicing_entity",
    "BillingAccountId": "bill_payer_account_id",
    "BillingAccountName": "bill_payer_account_name",
    "SubAccountId": "line_item_usage_account_id",
    "SubAccountName": "line_item_usage_account_name",
    "x_PublisherName": "line_item_legal_entity",
    "SkuMeter": "line_item_usage_type",
    "ChargeDescription": "line_item_line_item_description",
    "BillingCurrency": "line_item_currency_code",
    "PricingCurrency": "pricing_currency",
    "RegionId": "product_region_code",
    "RegionName": "product_location",
    "SkuId": "product_sku",
    "SkuPriceId": "pricing_rate_code",
    "CommitmentDiscountType": "savings_plan_offering_type",
    "CommitmentDiscountId": "savings_plan_savings_plan_a_r_n",
    "x_LineItemType": KIND,
    "x_ServiceCode": "line_item_product_code",
    "x_UsageType": "line_item_usage_type",
    "x_Operation": "line_item_operation",
}
OWN = ("x_LineItemType", "x_ServiceCode", "x_UsageType", "x_Operation")
DECIMALS = 10
LARGE, LARGE_DECIMALS = 10.0**5, 5
DIGITS_15 = 10.0**15
EXACT = pa.decimal128(19, DECIMALS)
NONE, NOTHING = pa.scalar(None, EXACT), pa.scalar(0, EXACT)


def columns(rows: pa.Table) -> dict[str, pa.ChunkedArray | pa.Array]:
    """What the reader makes of rows of the export, but for their numbers as rows."""
    kind = whole(rows[KIND])
    if not set(kind.dictionary.to_pylist()) <= BY_KIND["ChargeCategory"].keys():
        raise ValueError("a kind of line that this month has not")
    if any("_net_" in name for name in rows.column_names):
        raise ValueError("net columns, which this month has not")
    is_usage = pc.is_in(kind, pa.array([USAGE, COVERED]))
    unit = whole(rows["pricing_unit"])
    units = pa.DictionaryArray.from_arrays(
        pc.if_else(is_usage, unit.indices, pa.scalar(None, pa.int32())), unit.dictionary
    )
    return {
        **{name: rows[source] for name, source in AS_IT_IS.items()},
        **{name: translated(kind, told.get) for name, told in BY_KIND.items()},
        "ServiceName": _told(rows["product"], lambda product: product["product_name"]),
        "Tags": _told(rows["resource_tags"], lambda tags: json.dumps(tags, separators=(",", ":"))),
        "PricingUnit": units,
        "ConsumedUnit": units,
        "ResourceId": rows["line_item_resource_id"],
        **_amounts(rows, kind, is_usage),
    }


def _told(maps: pa.ChunkedArray, say: Callable[[dict[str, str]], str]) -> pa.DictionaryArray:
    """Each distinct map said as text."""
    array = whole(maps)
    found = places(array)
    said = [say(dict(pairs)) for pairs in array.take(found.first()).to_pylist()]
    return pa.DictionaryArray.from_arrays(found.of_rows.cast(pa.int32()), pa.array(said))


def _amounts(rows: pa.Table, kind: pa.Array, is_usage: pa.Array) -> dict[str, pa.Array]:
    """Amounts by the kind of line."""
    covered, unused, fee = (pc.equal(kind, each) for each in (COVERED, UNUSED, FEE))
    cost = exact(rows["line_item_unblended_cost"])
    quantity = pc.if_else(is_usage, exact(rows["line_item_usage_amount"]), NONE)
    used = exact(rows["savings_plan_savings_plan_effective_cost"])
    due, drawn = (
        exact(rows[name])
        for name in ("savings_plan_total_commitment_to_date", "savings_plan_used_commitment")
    )
    left = pc.subtract(due, drawn).cast(EXACT)
    of_plan = pc.if_else(covered, used, pc.if_else(unused, left, NONE))
    paid = pc.if_else(fee, NOTHING, cost)
    return {
        "BilledCost": cost,
        "EffectiveCost": pc.if_else(pc.or_(covered, unused), of_plan, paid),
        "ContractedCost": pc.if_else(unused, NONE, cost),
        "ListCost": pc.if_else(is_usage, exact(rows["pricing_public_on_demand_cost"]), NONE),
        "ConsumedQuantity": quantity,
        "PricingQuantity": quantity,
        "CommitmentDiscountQuantity": of_plan,
    }


def exact(column: pa.ChunkedArray) -> pa.Array:
    """Binary floats as decimals (see ``trueup.focus.amounts``); ValueError where one has more."""
    array = whole(column)
    is_large = pc.greater_equal(pc.abs(array), LARGE)
    scale = pc.if_else(is_large, 10.0**LARGE_DECIMALS, 10.0**DECIMALS)
    units = pc.round(pc.multiply(array, scale))
    is_one = pc.and_(pc.equal(pc.divide(units, scale), array), pc.less(pc.abs(units), DIGITS_15))
    if not pc.all(is_one).as_py():
        raise ValueError("a number of this month has more digits than are read here")
    more = pc.if_else(is_large, 10 ** (DECIMALS - LARGE_DECIMALS), 1)
    return pc.multiply(units.cast(pa.int64()), more).cast(pa.decimal128(19, 0)).view(EXACT)
