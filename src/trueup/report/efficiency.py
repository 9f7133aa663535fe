"""What was got for what a result's period cost, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.attribute.efficiency import Span, check, efficiency
from trueup.model.spend_schema import EFFICIENCY
from trueup.model.table import Table

if TYPE_CHECKING:
    from trueup.report.result import Result


def within(result: Result, by: str, over: str) -> Table:
    """See ``Result.efficiency``."""
    check(by, over)
    return result.once(_efficiency, by, over)


def _efficiency(result: Result, by: str, over: str) -> Table:
    span = Span(result.start, result.end, over)
    metered = (result.spend.reader(), result.activity.reader(), [result.allocations.reader()])
    return Table.from_rows(EFFICIENCY, efficiency(span, by, *metered))
