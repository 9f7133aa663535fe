"""What the scope of a budget spent in its window: actual, accrued and forecast.

All rows are added at once, as decimals of 76 digits, so that no sum is rounded or runs over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from trueup.budgets.budget import BudgetTerms
from trueup.budgets.outlay import Outlay
from trueup.budgets.projection import Days, Projection
from trueup.money import EXACT, plain
from trueup.period import Period, iso

if TYPE_CHECKING:
    import pyarrow as pa

_DAY = timedelta(days=1)
_SHOWN_MAX = 5


@dataclass(frozen=True)
class Measured:
    """The figures of one budget in its window, and what is to be known beside them.

    ``short`` says why more may have been spent: of some rows no cost is known, or a run could not
    read all; else it is empty. A figure that is not known is None; ``accrued`` includes ``actual``,
    and ``forecast`` both.
    """

    window: Period
    actual: Decimal | None
    accrued: Decimal | None
    forecast: Decimal | None
    notes: list[str] = field(default_factory=list)
    short: str = ""

    def value(self, on: str) -> Decimal | None:
        """The figure that a threshold is on."""
        return {"actual": self.actual, "accrued": self.accrued, "forecast": self.forecast}[on]


def measure(
    terms: BudgetTerms, spent: Outlay, project: Projection | None, window: Period | None = None
) -> Measured:
    """The figures of a budget in a window: by default the one that is known last.

    Without ``project`` there is no forecast.
    """
    import pyarrow.compute as pc

    window = window or terms.window(spent.known_until)
    rows = _in_scope(terms, spent)
    if "commitment" in terms.scope and not len(rows):
        name = terms.scope["commitment"]
        note = f"what commitment {name!r} cost, or what was drawn from it, is not known"
        return Measured(window, None, None, None, [f"{note}{_near(terms, spent)}"])
    inside = _within(rows, window)
    lacking = [*_unpriced(inside), *_unread(spent, window)]
    notes = [*_not_counted(terms, inside), *_edges(inside, window), *_gaps(spent, window), *lacking]
    if terms.scope and not len(rows):
        notes.append(f"no row is of this scope{_near(terms, spent)}")
    counted = inside.filter(pc.equal(inside["currency"], terms.currency))
    actual = _total(counted.filter(pc.equal(counted["state"], "billed")))
    accrued = _total(counted)
    forecast = None
    if terms.rolling is None and project is not None:
        own = rows.filter(pc.equal(rows["currency"], terms.currency))
        forecast, more = _forecast(accrued, own, spent, window, project)
        notes += more
    return Measured(window, actual, accrued, forecast, notes, "; ".join(lacking))


def _in_scope(terms: BudgetTerms, spent: Outlay) -> pa.Table:
    """The rows that all keys of the scope match; a name that a row lacks matches nothing."""
    import pyarrow.compute as pc

    rows = _rows_for(terms, spent)
    for name, value in terms.scope.items():
        rows = rows.filter(pc.equal(rows[_column(name)], value))
    return rows


def _rows_for(terms: BudgetTerms, spent: Outlay) -> pa.Table:
    return spent.commitments if "commitment" in terms.scope else spent.spend


def _column(name: str) -> str:
    return "commitment_id" if name == "commitment" else name


def _near(terms: BudgetTerms, spent: Outlay) -> str:
    """Which names of the scope no row has, each with those that are nearly the same."""
    rows, found = _rows_for(terms, spent), ""
    for name, value in terms.scope.items():
        known = {one for one in rows[_column(name)].unique().to_pylist() if one is not None}
        if value not in known:
            close = get_close_matches(value, sorted(known))
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            found += f"; no run knows {name} {value!r}{hint}"
    return found


def _within(rows: pa.Table, span: Period) -> pa.Table:
    """The rows that begin in a span of time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start, end = (pa.scalar(at, rows["start"].type) for at in (span.start, span.end))
    return rows.filter(pc.and_(pc.greater_equal(rows["start"], start), pc.less(rows["start"], end)))


def _total(rows: pa.Table) -> Decimal:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: Decimal = pc.sum(rows["cost"].cast(pa.decimal256(76, 18)), min_count=0).as_py()
    return found


def _not_counted(terms: BudgetTerms, inside: pa.Table) -> Iterator[str]:
    """Rows of the scope that are in no figure, as they are of another currency."""
    import pyarrow as pa
    import pyarrow.compute as pc

    others = inside.filter(pc.not_equal(inside["currency"], terms.currency))
    found = others.append_column("wide", others["cost"].cast(pa.decimal256(76, 18)))
    for row in found.group_by("currency").aggregate([("wide", "sum")]).to_pylist():
        amount = plain(row["wide_sum"] or Decimal(0), 2)
        other = f"{amount} {row['currency']} of its scope is not counted"
        yield f"{other}: the budget is in {terms.currency}"


def _unpriced(inside: pa.Table) -> Iterator[str]:
    """Rows of the scope of which no cost is known."""
    import pyarrow.compute as pc

    unknown = inside.filter(pc.or_(pc.is_null(inside["cost"]), pc.is_null(inside["currency"])))
    if not len(unknown):
        return
    names = {
        " ".join(text for text in row.values() if text)
        for row in unknown.group_by(["provider", "model", "meter"]).aggregate([]).to_pylist()
    }
    shown = ", ".join(sorted(names)[:_SHOWN_MAX]) + (" ..." if len(names) > _SHOWN_MAX else "")
    yield f"of {len(unknown):,} rows no cost is known, so more was spent than this: {shown}"


def _edges(inside: pa.Table, window: Period) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    end = pa.scalar(window.end, inside["end"].type)
    over = pc.sum(pc.greater(inside["end"], end), min_count=0).as_py()
    if over:
        yield f"{over:,} rows reach beyond the window; each counts where it begins"


def _gaps(spent: Outlay, window: Period) -> Iterator[str]:
    """The time of the window up to now that no run knows."""
    at = window.start
    for span in spent.known:
        if at < span.start and at < window.end:
            yield f"no run covers {iso(at)} to {iso(min(span.start, window.end))}"
        at = max(at, span.end)


def _unread(spent: Outlay, window: Period) -> Iterator[str]:
    """Runs in the window that could not read a source."""
    for period, run in spent.partial:
        if period.start < window.end and window.start < period.end:
            yield f"{run} was partial: what it could not read is in no figure"


def _forecast(
    accrued: Decimal, rows: pa.Table, spent: Outlay, window: Period, project: Projection
) -> tuple[Decimal | None, list[str]]:
    """What the window will have cost at its end, an estimate, and what it leaves out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    now = spent.known_until
    if now >= window.end:
        return accrued, []
    long = pc.greater(pc.subtract(rows["end"], rows["start"]), pa.scalar(_DAY, pa.duration("us")))
    days = _days(rows.filter(pc.invert(long)), spent.known[-1])
    rest = project(days, now, window.end)
    if rest is None:
        return None, [f"no forecast: {len(days)} whole days of history are too short"]
    count = pc.sum(long, min_count=0).as_py()
    note = f"the forecast expects no more of the {count:,} rows that are longer than a day"
    return EXACT.add(accrued, rest), [note] if count else []


def _days(rows: pa.Table, span: Period) -> Days:
    """Every whole day of a span with its cost; a day without a row cost nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = -(-_since(span.start) // _DAY)
    count = _since(span.end) // _DAY - first
    days = [date(1970, 1, 1) + (first + number) * _DAY for number in range(max(0, count))]
    day = pc.floor_temporal(rows["start"], unit="day")
    wide = rows["cost"].cast(pa.decimal256(76, 18))
    sums = pa.table({"day": day, "cost": wide}).group_by("day").aggregate([("cost", "sum")])
    cost: dict[date, Any] = {
        row["day"].date(): row["cost_sum"] for row in sums.to_pylist() if row["cost_sum"]
    }
    return [(one, cost.get(one, Decimal(0))) for one in days]


def _since(at: datetime) -> timedelta:
    return at - datetime(1970, 1, 1, tzinfo=UTC)
