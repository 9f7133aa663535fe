"""Arrow alone writes what a bill's reader leaves behind: no value is checked, no profile told.

Of CUR 2.0 it takes a column where trueup asks what kind of line it is, and the nearest multiple of
10^-10 where trueup asks whether that is the number.
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
    **dict.fromkeys(("BilledCost", "EffectiveCost", "ContractedCost"), "line_item_unblended_cost"),
    **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), "line_item_usage_amount"),
    "CommitmentDiscountQuantity": "savings_plan_savings_plan_effective_cost",
    "ListCost": "pricing_public_on_demand_cost",
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


def run(told: Arguments) -> None:
    """Each file as the common model's columns and as facts, the two side by side."""
    for name in told.words:
        land(told.month / name, told.out)


def land(file: Path, out: Path) -> None:
    """One file, a row group at a time, one of which is written while the next is read."""
    stored = pq.read_schema(file)
    texts = [each.name for each in stored if pa.types.is_string(each.type)]
    of_file = OF_CUR if "line_item_usage_type" in stored.names else {n: n for n in stored.names}
    with (
        pq.ParquetFile(file, read_dictionary=texts) as source,
        writer(out / "table.parquet", TABLE) as table,
        writer(out / "facts.parquet", FACTS) as facts,
        ThreadPoolExecutor(max_workers=2) as threads,
    ):
        on_their_way: list[Future[None]] = []
        for group in range(source.num_row_groups):
            rows = common(source.read_row_group(group), of_file)
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


def common(rows: pa.Table, of_file: Mapping[str, str]) -> pa.Table:
    """The common model's columns: what the file lacks is null, numbers of rows are counted."""
    numbers = counted(len(rows))
    exact = {name: _exact(rows[name]) for name in rows.column_names}
    columns = []
    for each in TABLE:
        if each.name in COUNTED:
            columns.append(numbers.cast(each.type))
        elif each.name in of_file:
            columns.append(exact[of_file[each.name]].cast(each.type))
        else:
            columns.append(pa.nulls(len(rows), each.type))
    return pa.Table.from_arrays(columns, schema=TABLE)


def _exact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Binary floats as decimals; other columns are what they are."""
    if not pa.types.is_float64(column.type):
        return column
    units = pc.round(pc.multiply(column, 10.0**DECIMALS)).cast(pa.int64()).combine_chunks()
    wide = units.cast(pa.decimal128(19, 0)).view(pa.decimal128(19, DECIMALS))
    return pa.chunked_array([wide.cast(AMOUNT)])


if __name__ == "__main__":
    run(arguments())
