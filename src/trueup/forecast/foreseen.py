"""What a run foresaw, for its report; kept with the run: another machine may estimate otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.errors import TrueupError
from trueup.model.forecast_schema import FORECAST_DAYS, FORECASTS
from trueup.model.table import Table
from trueup.workspace.canonical import canonical

if TYPE_CHECKING:
    from trueup.forecast.histories import Known

DRAWN_MAX = 6  # commitments whose days are kept


@dataclass(frozen=True)
class Foreseen:
    """Rows of ``FORECASTS``, most money at risk first, and the days to draw of the first few.

    ``reason`` says why nothing is forecast at all.
    """

    commitments: Table
    days: Table
    reason: str | None = None

    def to_bytes(self) -> bytes:
        """All of it as JSON; amounts are text."""
        rows = {"commitments": self.commitments.rows(), "days": self.days.rows()}
        return canonical({**rows, "reason": self.reason})

    @classmethod
    def from_bytes(cls, content: bytes) -> Foreseen:
        """What ``to_bytes`` gave."""
        told = json.loads(content)
        days = _table(FORECAST_DAYS, told["days"])
        return cls(_table(FORECASTS, told["commitments"]), days, told["reason"])


def foreseen(runs: Sequence[Known]) -> Foreseen:
    """What is to come of the commitments in runs of successive periods.

    Raises nothing that is raised on purpose: why there is no forecast is a reason, of all or in a
    row. Histories are not even read where all that is known is too short.
    """
    from trueup.forecast.forecaster import WEEKS_MIN
    from trueup.forecast.series import DAY

    start = min(run.start for run in runs)
    end = max(min(run.end, run.as_of) for run in runs)
    days = max((end - start) // DAY, 0)
    if days < 7 * WEEKS_MIN:
        return _nothing(
            f"{days} {'day' if days == 1 else 'days'} of use are known, from {start:%Y-%m-%d} to "
            f"{end:%Y-%m-%d}: a forecast needs {WEEKS_MIN} whole weeks"
        )
    try:
        return _told(runs)
    except TrueupError as error:
        return _nothing(f"{days} days of use are known, but {error}; then `trueup forecast`")


def _told(runs: Sequence[Known]) -> Foreseen:
    from trueup.forecast.outlook import Outlook

    outlook = Outlook(runs)
    rows = sorted(outlook.commitments, key=_order)
    drawn = [row for row in rows if row["expected"] is not None][:DRAWN_MAX]
    return Foreseen(Table.from_rows(FORECASTS, rows), outlook.pictures(drawn))


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        row["expected"] is None,
        row["at_risk"] is None,
        row["currency"] or "",
        -(row["at_risk"] or 0),
        row["commitment_id"],
    )


def _nothing(reason: str) -> Foreseen:
    return Foreseen(Table.from_rows(FORECASTS, []), Table.from_rows(FORECAST_DAYS, []), reason)


def _table(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> Table:
    def value(field: pa.Field, given: Any) -> Any:
        if given is None:
            return None
        if pa.types.is_timestamp(field.type):
            return datetime.fromisoformat(given)
        return Decimal(given) if pa.types.is_decimal(field.type) else given

    typed = [{field.name: value(field, row[field.name]) for field in schema} for row in rows]
    return Table.from_rows(schema, typed)
