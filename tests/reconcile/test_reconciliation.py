"""Over which time a run goes: full hours, of files that have a row and more than an instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from trueup.engine.engine import open_engine
from trueup.errors import UsageError
from trueup.period import Period
from trueup.reconcile.reconciliation import _check_full_hours, _span


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(("start", "end"), [(at(3, 14, 30), at(3, 16)), (at(3, 14), at(3, 15, 1))])
def test_a_period_of_half_hours_is_refused(start: datetime, end: datetime) -> None:
    """Bills and meters are cut at full hours."""
    with pytest.raises(UsageError, match="it starts and ends at a full hour"):
        _check_full_hours(Period(start, end))


def test_a_period_of_full_hours_passes() -> None:
    """From 14:00 to 16:00."""
    _check_full_hours(Period(at(3, 14), at(3, 16)))


def span(*rows: tuple[str, datetime, datetime]) -> Period:
    instants = pa.timestamp("us", tz="UTC")
    schema = pa.schema([("category", pa.string()), ("start", instants), ("end", instants)])
    names = ("category", "start", "end")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema)
    with open_engine("duckdb") as engine:
        return _span(engine.load(table), engine)


def test_files_read_whole_span_their_usage() -> None:
    """A purchase of a year beside usage of two days says nothing of the time to look at."""
    year = ("Purchase", at(1), datetime(2027, 10, 1, tzinfo=UTC))
    usage = [("Usage", at(3), at(4)), ("Usage", at(4), at(5))]
    assert span(year, *usage) == Period(at(3), at(5))
    assert span(("Tax", at(1), at(2)), ("Tax", at(5), at(6))) == Period(at(1), at(6))


def test_files_without_an_accepted_row_have_no_span() -> None:
    """Nothing can be reconciled."""
    with pytest.raises(UsageError, match="the charges have no accepted row"):
        span()


def test_charges_of_one_instant_have_no_span() -> None:
    """A refund that starts and ends at once: which time it is of, the caller has to say."""
    with pytest.raises(UsageError, match=r"all charges are of one instant, .*: give a period"):
        span(("Credit", at(3), at(3)))
