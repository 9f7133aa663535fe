"""FOCUS 1.4 files from what went in: Cost and Usage, and Contract Commitment where there was one.

Billing Period and Invoice Detail are not written: neither is derived from charges and contracts
alone (a period's status and an invoice's lines are the issuer's to state).

Every file has the columns of its dataset under their FOCUS names, then ``x_`` columns. A value
that the input did not state stays null, also where FOCUS asks for one; ``FocusFiles.notes`` lists
those columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.focus.columns import CONTRACT_COMMITMENT, COST_AND_USAGE, columns_of
from trueup.report.atomic import replacing

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.model.table import Table
    from trueup.report.result import Result

VERSION = "1.4"
FILE_NAMES = {
    COST_AND_USAGE: "CostAndUsage.parquet",
    CONTRACT_COMMITMENT: "ContractCommitment.parquet",
}


@dataclass(frozen=True)
class FocusFiles:
    """What was written, and in words what is missing for a conforming dataset."""

    files: list[Path]
    notes: list[str]


def write_focus(result: Result, directory: Path) -> FocusFiles:
    """Write what went into a result."""
    contracts = None if result.contracts is None else result.contracts.table
    return write_datasets(result.charges.table, contracts, directory)


def write_datasets(charges: Table, contracts: Table | None, directory: Path) -> FocusFiles:
    """Write the datasets into a folder; memory use does not grow with the number of rows."""
    inputs = [(COST_AND_USAGE, charges)]
    if contracts is not None:
        inputs.append((CONTRACT_COMMITMENT, contracts))
    files, notes = [], []
    for dataset, table in inputs:
        path = directory / FILE_NAMES[dataset]
        lacking = _write(table, dataset, path)
        files.append(path)
        notes += [
            f"{path.name}: {column} is null in {count:,} rows; FOCUS {VERSION} wants a value"
            for column, count in lacking.items()
        ]
    return FocusFiles(files, notes)


def _write(table: Table, dataset: str, path: Path) -> dict[str, int]:
    """Write one dataset; return how many rows lack a value in each column that must have one."""
    import pyarrow.parquet as pq

    columns = columns_of(dataset, VERSION)
    names = [column.name for column in columns]
    names += [name for name in table.columns if name.startswith("x_")]
    required = [column.name for column in columns if not column.nullable]
    lacking = dict.fromkeys(required, 0)
    schema = _described(table, names, dataset)
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for batch in table.reader():
            for name in required:
                lacking[name] += batch.column(name).null_count
            writer.write_batch(batch.select(names).replace_schema_metadata(schema.metadata))
    return {name: count for name, count in lacking.items() if count}


def _described(table: Table, names: list[str], dataset: str) -> pa.Schema:
    import pyarrow as pa

    fields = [table.schema.field(name) for name in names]
    return pa.schema(fields, metadata={"focus_dataset": dataset, "focus_version": VERSION})
