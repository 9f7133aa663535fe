"""What was committed and not used, taken from the utilization of a result."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from trueup.model.table import Table
from trueup.report.order import ordered


def unused(utilization: Table) -> Table:
    """Its rows with something unused, in their order."""
    kept = [
        batch.filter(
            pc.or_kleene(
                pc.greater(batch.column("unused_quantity"), 0),
                pc.greater(batch.column("unused_cost"), 0),
            )
        )
        for batch in utilization.reader()
    ]
    schema = utilization.schema
    return ordered("unused", Table(schema, arrow=pa.Table.from_batches(kept, schema=schema)))
