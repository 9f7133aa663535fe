"""Arrow alone writes what a bill's reader leaves behind: no value is checked, no profile told.

Of CUR 2.0 it knows the four kinds of lines that are in this month, and the columns that it has, and
ends where there is another, or a binary float of more than 15 digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.contestants.arguments import Arguments, arguments
from trueup.focus.columns import CHARGES
from trueup.model.columns import AMOUNT, numbers_stored
from trueup.model.places import counted
from trueup.model.splits import SPLITS

SPLIT = SPLITS["charges"]
AMOUNTS = (*SPLIT.money, *SPLIT.quantities)
TEXTS = frozenset(each.name for each in CHARGES if pa.types.is_string(each.type))
COUNTED = ("x_SourceId", "x_SourceRow", "x_ChargeId")
BY_VALUE = pa.dictionary(pa.int32(), pa.string())
TABLE = pa.schema([each.with_type(BY_VALUE) if each.name in TEXTS else each for each in CHARGES])
FACTS = pa.schema([*map(CHARGES.field, SPLIT.own), *(pa.field(name, AMOUNT) for name in AMOUNTS)])


OF_CUR = {
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
    "PublisherName": "line_item_legal_entity",
    "ServiceName": "line_item_product_code",
    "SkuMeter": "line_item_usage_type",
    "ResourceId": "line_item_resource_id",
    "ChargeDescription": "line_item_line_item_description",
    "BillingCurrency": "line_item_currency_code",
    "PricingCurrency": "pricing_currency",
    "ConsumedUnit": "pricing_unit",
    "PricingUnit": "pricing_unit",
    "RegionId": "product_region_code",
    "RegionName": "product_location",
    "SkuId": "product_sku",
    "CommitmentDiscountId": "savings_plan_savings_plan_a_r_n",
    "CommitmentDiscountType": "savings_plan_offering_type",
    "ChargeCategory": "line_item_line_item_type",
}
DECIMALS = 10
LARGE, LARGE_DECIMALS = 10.0**5, 5
DIGITS_15 = 10.0**15
EXACT = pa.decimal128(19, DECIMALS)
NONE, NOTHING = pa.scalar(None, EXACT), pa.scalar(0, EXACT)


def run(told: Arguments) -> None:
    """Each file as the common model's columns and as facts, the two side by side."""
    for name in told.words:
        land(told.month / name, told.out)


def land(file: Path, out: Path) -> None:
    """One file, a row group at a time, one of which is written while the next is read."""
    stored = pq.read_schema(file)
    texts = [each.name for each in stored if pa.types.is_string(each.type)]
    common = cur if "line_item_usage_type" in stored.names else focus
    with (
        pq.ParquetFile(file, read_dictionary=texts) as source,
        writer(out / "table.parquet", TABLE) as table,
        writer(out / "facts.parquet", FACTS) as facts,
        ThreadPoolExecutor(max_workers=2) as threads,
    ):
        on_their_way: list[Future[None]] = []
        for group in range(source.num_row_groups):
            rows = tabled(common(source.read_row_group(group)))
            for each in on_their_way:
                each.result()
            on_their_way = [
                threads.submit(table.write_table, rows),
                threads.submit(facts.write_table, rows.select(FACTS.names)),
            ]
        for each in on_their_way:
            each.result()


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Written as the reader writes: text by its values, statistics of instants only."""
    times = [each.name for each in schema if pa.types.is_timestamp(each.type)]
    return pq.ParquetWriter(
        path,
        schema,
        use_dictionary=[*times, *(name for name in schema.names if name in TEXTS)],
        column_encoding=numbers_stored(schema),
        write_statistics=times,
    )


def tabled(found: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """The common model's columns: what is not there is null, numbers of rows are counted."""
    rows = len(next(iter(found.values())))
    numbers = counted(rows)
    columns = []
    for each in TABLE:
        if each.name in COUNTED:
            columns.append(numbers.cast(each.type))
        elif each.name in found:
            columns.append(found[each.name].cast(each.type))
        else:
            columns.append(pa.nulls(rows, each.type))
    return pa.Table.from_arrays(columns, schema=TABLE)


def focus(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns of FOCUS are what they are."""
    return {name: rows[name] for name in rows.column_names}


def cur(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns of CUR 2.0 under FOCUS names, amounts by the kind of line."""
    kind = rows["line_item_line_item_type"]
    covered, unused, fee = (
        pc.equal(kind, each)
        for each in ("SavingsPlanCoveredUsage", "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee")
    )
    is_usage = pc.or_(covered, pc.equal(kind, "Usage"))
    if not pc.all(pc.or_(is_usage, pc.or_(unused, fee))).as_py():
        raise ValueError("a kind of line that this month has not")
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
    amounts = {
        "BilledCost": cost,
        "EffectiveCost": pc.if_else(pc.or_(covered, unused), of_plan, paid),
        "ContractedCost": pc.if_else(unused, NONE, cost),
        "ListCost": pc.if_else(is_usage, exact(rows["pricing_public_on_demand_cost"]), NONE),
        "ConsumedQuantity": quantity,
        "PricingQuantity": quantity,
        "CommitmentDiscountQuantity": of_plan,
    }
    return amounts | {name: rows[source] for name, source in OF_CUR.items()}


def exact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Binary floats as decimals (see ``trueup.focus.amounts``); ValueError where one has more."""
    is_large = pc.greater_equal(pc.abs(column), LARGE)
    scale = pc.if_else(is_large, 10.0**LARGE_DECIMALS, 10.0**DECIMALS)
    units = pc.round(pc.multiply(column, scale))
    is_one = pc.and_(pc.equal(pc.divide(units, scale), column), pc.less(pc.abs(units), DIGITS_15))
    if not pc.all(is_one).as_py():
        raise ValueError("a number of this month has more digits than are read here")
    more = pc.if_else(is_large, 10 ** (DECIMALS - LARGE_DECIMALS), 1)
    whole = pc.multiply(units.cast(pa.int64()), more).combine_chunks()
    return pa.chunked_array([whole.cast(pa.decimal128(19, 0)).view(EXACT)])


if __name__ == "__main__":
    run(arguments())
