"""Tables of the workbook that are made from those of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.errors import UsageError
from trueup.model.plan_schema import OFFERS
from trueup.model.spend_schema import ANOMALIES, DRIVERS, EFFICIENCY
from trueup.model.table import Table
from trueup.report import sessions
from trueup.report.allocations import largest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from trueup.report.result import Result

ALLOCATIONS_MAX = 10_000  # of each currency; the others are added up without their session
SESSIONS_MAX = 1_000  # of each currency; all others are one row
NAMES = (
    *("session_costs", "drivers", "efficiency", "anomalies"),
    *("burn", "runway", "forecast", "plan"),
)


def made(result: Result, name: str) -> Table:
    """The table of a sheet, made for it or the result's own."""
    make: dict[str, Callable[[], Table]] = {
        "allocations": lambda: largest(result.allocations, ALLOCATIONS_MAX),
        "session_costs": lambda: sessions.table(result.session_costs, SESSIONS_MAX),
        "drivers": lambda: _where_known(result.drivers, DRIVERS),
        "efficiency": lambda: _efficiency(result),
        "anomalies": lambda: _where_known(result.anomalies, ANOMALIES),
        "burn": lambda: result.burn().rates,
        "runway": lambda: result.burn().runway,
        "forecast": lambda: result.foreseen.commitments,
        "plan": lambda: _plan(result),
    }
    found: Table = make[name]() if name in make else getattr(result, name)
    return found


def _efficiency(result: Result) -> Table:
    """None where nothing was metered."""
    return result.efficiency() if len(result.activity) else Table.from_rows(EFFICIENCY, [])


def _where_known(make: Callable[[], Table], schema: pa.Schema) -> Table:
    """No rows where the period is too short to say what is usual, or what changed."""
    try:
        return make()
    except UsageError:
        return Table.from_rows(schema, [])


def _plan(result: Result) -> Table:
    """The offers; none where there is nothing to plan with."""
    if not result.outcome.rules.offer:
        return Table.from_rows(OFFERS, [])
    return _where_known(lambda: result.plan().offers, OFFERS)
