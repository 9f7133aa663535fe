"""The nightly job's summary: one screen of plain text, the figures one acts on first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from trueup.model.display import legible
from trueup.report import figures
from trueup.report.advice import advice_for
from trueup.report.numbers import NOT_KNOWN, count, exact, money, percent, quantity

if TYPE_CHECKING:
    from trueup.report.result import Result

WIDTH = 100
BREAKS_SHOWN = 5
LINES_MAX = 6  # per section
_ID_MAX = 42
_CENT = Decimal("0.01")
_NOTE_MAX = 300
_INDENT = "  "
_STEP = "       → "


def summary_text(result: Result) -> str:
    """The whole screen; sections without anything to say are one line."""
    sections = [
        _head(result),
        _commitments(result),
        _drift(result),
        _waiting(result),
        _credits(result),
        _controls(result),
        _notes(result),
        _files(result),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines)


def state(result: Result) -> str:
    """Provisional or final, in words."""
    known = figures.provisional(result)
    words = "finality not known" if known is None else "PROVISIONAL" if known else "FINAL"
    return f"PARTIAL RUN · {words}" if figures.is_partial(result) else words


def short(text: str | None, length_max: int = _ID_MAX) -> str:
    """An identifier cut in its middle, harmless to a terminal."""
    shown = legible(text or "")
    if len(shown) <= length_max:
        return shown
    half = (length_max - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"


def subject(row: dict[str, Any]) -> str:
    """Who or what a break is about: the finest thing that it names."""
    names = ("commitment_id", "resource_id", "model", "account_id")
    found = next((row[name] for name in names if row[name]), None)
    meter = row["meter"] if row["commitment_id"] is None else None
    return " ".join(filter(None, [row["provider"], found, meter]))


def _code(currency: str | None) -> str:
    """A currency as a bill wrote it, harmless to a terminal."""
    return legible(currency, 11) if currency else "no currency"


def _head(result: Result) -> Iterator[str]:
    period = figures.period_text(result.start, result.end)
    as_of = f"{result.as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"{period} (UTC) · {state(result)} · as of {as_of}"
    if not result.outcome.usage_leg_ran:
        yield "No telemetry was given: bill and usage were not compared."


def _commitments(result: Result) -> Iterator[str]:
    found = figures.benefit_by_currency(result)
    if not found:
        yield "Commitments   none on this bill"
        return
    yield (f"{'Commitments':<14}{'committed':>18}{'used':>18}{'unused':>18}{'utilization':>14}")
    lacking: list[str] = []
    for code, item in found.items():
        sums = (item.committed, item.used, item.unused)
        texts = "".join(f"{money(part.known):>18}" for part in sums)
        yield f"{_INDENT}{_code(code):<12}{texts}{percent(item.utilization):>14}"
        unknown = max(part.unknown for part in sums)
        if unknown:
            lacking.append(f"{unknown} of {count(item.rows, 'commitment')} in {_code(code)}")
    if lacking:
        yield f"{_INDENT}Not in these sums, as a figure is {NOT_KNOWN}: {', '.join(lacking)}."


def _drift(result: Result) -> Iterator[str]:
    drift = figures.drift_by_currency(result)
    if not drift:
        yield "Drift         no breaks"
        return
    yield f"{'Drift':<14}{'gross':>18}{'net':>18}{'billed over':>18}{'billed under':>18}  breaks"
    for code, item in drift.items():
        if code is None:
            yield f"{_INDENT}{'amount not known':<84}  {item.count:>6,}"
            continue
        parts = (item.gross, item.net, item.over, item.under)
        texts = "".join(f"{money(part):>18}" for part in parts)
        yield f"{_INDENT}{_code(code):<12}{texts}  {item.count:>6,}"
    classes: dict[str, int] = {}
    for item in drift.values():
        for name, part in item.by_class.items():
            classes[name] = classes.get(name, 0) + part.count
    listed = ", ".join(f"{name} {n:,}" for name, n in sorted(classes.items(), key=_by_count))
    yield from wrap(legible(listed), WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    yield from _first_breaks(result)


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def first_breaks(result: Result, shown: int) -> list[dict[str, Any]]:
    """The breaks with the most money at stake, taken from each currency in turn.

    Amounts of different currencies have no common order, so each currency's largest comes first.
    What is less than 0.01 is no one's first concern.
    """
    by_currency: dict[str, list[dict[str, Any]]] = {}
    for row in result.breaks:
        if row["currency"] is not None and row["amount"] and abs(row["amount"]) >= _CENT:
            mine = by_currency.setdefault(row["currency"], [])
            if len(mine) < shown:
                mine.append(row)
    found: list[dict[str, Any]] = []
    for rank in range(shown):
        found += [rows[rank] for rows in by_currency.values() if rank < len(rows)]
    return found[:shown]


def _first_breaks(result: Result) -> Iterator[str]:
    rows = first_breaks(result, BREAKS_SHOWN)
    if rows:
        yield ""
        yield "To look at first"
    for rank, row in enumerate(rows, start=1):
        amount = f"{_code(row['currency'])} {money(row['amount'])}"
        head = f"{_INDENT}{rank} {amount:>18}  {legible(row['class'] or ''):<18}"
        at = f"{row['period_start']:%d %b %H:%M}" if row["period_start"] else ""
        yield f"{head}  {short(subject(row))}  {at}".rstrip()
        step = advice_for(row["class"]).next_step
        yield from wrap(step, WIDTH, initial_indent=_STEP, subsequent_indent=" " * 9)


def _waiting(result: Result) -> Iterator[str]:
    if len(result.pending):
        rows = result.pending.rows()
        due = min((row["expected_by"] for row in rows if row["expected_by"]), default=None)
        until = f", the first expected by {due:%Y-%m-%d %H:%M}" if due else ""
        yield f"Pending       {count(len(rows), 'item')} inside the provider's usual delay{until}"
        for code, total in figures.amounts_by_currency(rows).items():
            lacking = f" ({total.unknown:,} without a known price)" if total.unknown else ""
            yield f"{_INDENT}{_code(code):<12}{money(total.known):>18}{lacking}"
    else:
        yield "Pending       nothing"
    rows = [row for row in result.unattributed_by_reason.rows() if row["cost"]]
    yield "Unattributed" if rows else "Unattributed  nothing"
    for code in sorted({row["currency"] or "" for row in rows}):
        parts = [
            f"{legible(row['reason'] or '')} {money(row['cost'])}"
            for row in rows
            if (row["currency"] or "") == code
        ]
        yield from wrap(
            ", ".join(parts),
            WIDTH,
            initial_indent=f"{_INDENT}{_code(code):<12}",
            subsequent_indent=" " * 14,
        )


def _credits(result: Result) -> Iterator[str]:
    rows = figures.expiring(result)
    days = figures.EXPIRY_HORIZON.days
    if not rows:
        yield f"Credits       none expires within {days} days"
        return
    yield f"Credits       expiring within {days} days"
    for row in rows[:LINES_MAX]:
        left = quantity(row["remaining"])
        head = f"{_INDENT}{row['expires_at']:%Y-%m-%d}  {left:>16}"
        yield f"{head} {legible(row['unit'] or ''):<10} left  {short(row['lot_id'])}"
    if len(rows) > LINES_MAX:
        yield f"{_INDENT}and {len(rows) - LINES_MAX:,} more"


def _controls(result: Result) -> Iterator[str]:
    read, accepted, rejected = figures.rows_in_and_out(result)
    verdict = "holds" if read == accepted + rejected else "DOES NOT HOLD"
    yield f"Rows          {read:,} in = {accepted:,} accepted + {rejected:,} rejected: {verdict}"
    for item in figures.rejects_summary(result)[:3]:
        where = f"{item.column}: " if item.column else ""
        said = f"{short(where + item.reason, 50)} in {short(item.source, 30)}"
        yield f"{_INDENT}{item.rows:>7,} rows: {said}"
    for row in result.identity.rows():
        difference: Decimal | None = row["difference"]
        held = "holds" if difference == 0 else f"OFF BY {exact(difference)}"
        parts = [exact(row[name]) for name in ("allocated", "unused", "unattributed", "billed")]
        line = (
            f"{_code(row['currency'])} {parts[0]} allocated + {parts[1]} unused"
            f" + {parts[2]} unattributed = {parts[3]} billed: {held}"
        )
        yield from wrap(line, WIDTH, initial_indent=f"{'Identity':<14}", subsequent_indent=" " * 18)


def _notes(result: Result) -> Iterator[str]:
    rows = result.notes.rows()
    for row in rows[:LINES_MAX]:
        about = f"{short(row['subject'])}: " if row["subject"] else ""
        said = f"{about}{legible(row['text'] or '', _NOTE_MAX)}"
        yield from wrap(said, WIDTH, initial_indent="Note          ", subsequent_indent=" " * 14)
    if len(rows) > LINES_MAX:
        yield f"{_INDENT}and {len(rows) - LINES_MAX:,} more notes in the report"


def _files(result: Result) -> Iterator[str]:
    for position, path in enumerate(result.written):
        label = "Report" if position == 0 else ""
        yield f"{label:<14}{legible(str(path))}"
