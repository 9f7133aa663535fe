"""A table of the result out of an expression: in memory, or as a file where its rows are many."""

from __future__ import annotations

from itertools import chain

import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.engine.integers import as_decimal
from trueup.model.folder import OwnedFolder
from trueup.model.table import Table
from trueup.model.table_file import TableFile

MEMORY_ROWS = 200_000


def result_table(expression: ir.Table, schema: pa.Schema, engine: Engine) -> Table:
    """The rows under ``schema``, whole numbers as the decimals that it declares.

    Memory is bounded whatever their number: more than MEMORY_ROWS are in a temporary file that
    goes with the table.
    """
    chunks = (as_decimal(each, schema) for each in engine.chunks(expression))
    held = [schema.empty_table()]
    rows = 0
    for each in chunks:
        held.append(each)
        rows += each.num_rows
        if rows > MEMORY_ROWS:
            break
    else:
        return Table(schema, arrow=pa.concat_tables(held).combine_chunks())
    folder = OwnedFolder("trueup-result-")
    file = TableFile(folder.path / "rows.parquet", schema)
    for each in chain(held[1:], chunks):
        file.write(each)
    file.close()
    return Table(schema, files=[file.path], keep=folder)
