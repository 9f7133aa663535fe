"""The order in which a result's tables are read and written: fixed, so bytes are, too."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from trueup.model.table import Table

MEMORY_LIMIT = "1GB"  # for tables on disk, which may not fit

# Columns by which each table is sorted first; "-" is descending, "|" is by size, largest first.
# Every remaining column follows ascending, so that the order is total.
READING_ORDER: dict[str, tuple[str, ...]] = {
    "commitments": ("currency", "|committed_cost", "commitment_id"),
    "utilization": ("commitment_id", "currency", "interval_start"),
    "breaks": ("currency", "|amount", "id"),
    "pending": ("currency", "|amount", "expected_by"),
    "allocations": ("currency", "-cost"),
    "spend": ("start", "state", "currency", "-cost"),
    "activity": ("start",),
    "session_costs": ("session",),
    "rated": ("start", "currency", "-cost"),
    "credits": ("expires_at", "lot_id"),
    "control_totals": ("source", "currency"),
    "identity": ("currency",),
    "billed_identity": ("currency",),
    "straddling": ("source_id", "source_row"),
    "unattributed_by_reason": ("currency", "|cost", "reason"),
    "buckets": ("side", "bucket", "reason"),
    "burn_down": ("commitment_id", "day"),
    "sources": ("source_id",),
    "rejects": ("source_id", "row_number", "column", "reason"),
    "provider_utilization": ("provider", "commitment_id", "interval_start"),
    "provider_balances": ("provider", "lot_id", "at"),
    "provider_rates": ("provider", "commitment_id", "sku_id", "valid_from"),
    "movements": ("lot_id", "at", "kind"),
    "roll_forward": ("lot_id", "-span", "start"),
    "claims": ("currency", "|amount", "claim_id"),
    "claim_lines": ("claim_id", "source_id", "source_row"),
    "invoices": ("issuer", "currency", "billing_period_start", "invoice_id"),
    "invoice_bridge": ("issuer", "currency", "step"),
    "agreements": ("commitment_id", "due_at", "milestone"),
    "conversions": ("provider", "pricing_currency", "billing_currency", "day"),
    "figures": ("commitment_id", "figure", "interval_start"),
    "causes": ("currency", "|amount", "cause_id"),
    "break_rows": ("break_id", "side", "source_id", "source_row"),
    "restatements": ("currency", "|effective_delta", "break_id"),
    "break_states": ("state", "first_seen", "id"),
    "true_ups": ("closed_period", "currency", "|effective_delta"),
    "unused": ("currency", "-unused_cost", "-unused_quantity"),
}


def ordered(name: str, table: Table) -> Table:
    """The table in its reading order; what is null comes last. Notes stay as they were given."""
    keys = READING_ORDER.get(name)
    if keys is None:
        return table
    if table.files:
        return _ordered_on_disk(table, keys)
    return _ordered_in_memory(table, keys)


def _terms(schema: pa.Schema, keys: tuple[str, ...]) -> list[tuple[str, str]]:
    named = [(key.lstrip("-|"), key[0] if key[0] in "-|" else "") for key in keys]
    return named + [(column, "") for column in schema.names if column not in dict(named)]


def _ordered_in_memory(table: Table, keys: tuple[str, ...]) -> Table:
    arrow = table.to_arrow()
    sorting: list[tuple[str, str]] = []
    work: dict[str, pa.ChunkedArray] = {}
    for position, (column, how) in enumerate(_terms(table.schema, keys)):
        values = arrow[column]
        label = f"k{position}"
        work[label] = pc.abs(values) if how == "|" else values
        sorting.append((label, "descending" if how else "ascending"))
    indices = pc.sort_indices(pa.table(work), sort_keys=sorting)  # null: at the end
    return Table(table.schema, arrow=arrow.take(indices).combine_chunks())


def _ordered_on_disk(table: Table, keys: tuple[str, ...]) -> Table:
    import duckdb
    import pyarrow.parquet as pq

    directory = TemporaryDirectory(prefix="trueup-report-")
    target = Path(directory.name) / "ordered.parquet"
    clauses = []
    for column, how in _terms(table.schema, keys):
        quoted = '"' + column.replace('"', '""') + '"'
        term = f"abs({quoted})" if how == "|" else quoted
        clauses.append(f"{term} {'DESC' if how else 'ASC'} NULLS LAST")
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": directory.name,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        relation = connection.read_parquet([str(file) for file in table.files])
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in table.columns)
        batches = relation.project(names).order(", ".join(clauses)).to_arrow_reader(100_000)
        with pq.ParquetWriter(target, table.schema, write_statistics=False) as writer:
            for batch in batches:
                columns = [
                    column.cast(field.type)
                    for column, field in zip(batch.columns, table.schema, strict=True)
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=table.schema))
    return Table(table.schema, files=[target], keep=(directory, table))
