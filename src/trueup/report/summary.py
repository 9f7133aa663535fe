"""The nightly job's summary: one screen of plain text, the figures one acts on first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import actions, figures, holdings, leg_actions, rejects, statements
from trueup.report.names import short
from trueup.report.numbers import (
    NOT_KNOWN,
    amount,
    code,
    count,
    day,
    exact,
    money,
    percent,
    quantity,
)

if TYPE_CHECKING:
    from trueup.report.action import Action
    from trueup.report.result import Result

WIDTH = 100
LINES_MAX = 6  # per section
REASONS_MAX = 4
_INDENT = "  "
_STEP = "       → "


def summary_text(result: Result) -> str:
    """The whole screen; sections without anything to say are one line."""
    sections = [
        _head(result),
        _commitments(result),
        _drift(result),
        _titled("Causes (one of them explains many breaks)", leg_actions.of_causes(result)),
        _titled("Claims (by the provider's own rules)", leg_actions.of_claims(result)),
        _titled("To look at first", actions.of_breaks(result)),
        _titled("Not on any bill (known from the contract alone)", actions.of_off_bill(result)),
        _balances(result),
        _invoices(result),
        _titled("Agreements", leg_actions.of_agreements(result)),
        _titled("Closed periods", leg_actions.of_true_ups(result)),
        _waiting(result),
        _credits(result),
        _controls(result),
        _notes(result),
        _files(result),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines)


def state(result: Result) -> str:
    """Provisional, and until when, or final, in words."""
    known = figures.provisional(result)
    words = "finality not known" if known is None else "PROVISIONAL" if known else "FINAL"
    until = figures.provisional_until(result)
    if until:
        dates = (f"{day(at)} ({legible(', '.join(names), 60)})" for at, names in until.items())
        words += f" until {', '.join(dates)}"
    elif known:
        words += " (usage or commitments are on no bill yet)"
    return f"PARTIAL RUN · {words}" if figures.is_partial(result) else words


def _wrapped(text: str, first: str = _INDENT, further: str | None = None) -> list[str]:
    """A text on as many lines as it needs; ``first`` and ``further`` stand before them."""
    further = " " * len(first) if further is None else further
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=further)


def _head(result: Result) -> Iterator[str]:
    period = figures.period_text(result.start, result.end)
    as_of = f"{result.as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield from _wrapped(f"{period} (UTC) · {state(result)} · as of {as_of}", "", _INDENT)


def _commitments(result: Result) -> Iterator[str]:
    found = figures.benefit_by_currency(result)
    if not found:
        yield "Commitments   none on this bill"
        return
    yield f"{'Commitments':<14}{'committed':>18}{'used':>18}{'unused':>18}{'utilization':>14}"
    lacking: list[str] = []
    for currency, item in found.items():
        sums = (item.committed, item.used, item.unused)
        texts = "".join(f"{money(part.known):>18}" for part in sums)
        yield f"{_INDENT}{code(currency):<12}{texts}{percent(item.utilization):>14}"
        named = zip(("committed", "used", "unused"), sums, strict=True)
        without = [f"{name} of {part.unknown}" for name, part in named if part.unknown]
        if without:
            every = f"of {count(item.rows, 'commitment')} in {code(currency)}"
            lacking.append(f"{', '.join(without)} {every}")
    if lacking:
        text = f"Not in these sums, as it is {NOT_KNOWN}: {'; '.join(lacking)}."
        yield from _wrapped(f"{text} Utilization is of those of which used and unused are known.")
    yield from _unused(holdings.unused(result))


def _unused(found: list[holdings.Unused]) -> Iterator[str]:
    shown = figures.largest(found, LINES_MAX)
    if shown:
        yield f"{_INDENT}Unused, the largest first"
    for item in shown:
        worst = ""
        if item.worst_day is not None:
            worst = f", worst {day(item.worst_day)}: {money(item.worst)}"
        head = (
            f"{_INDENT}{amount(item.size, item.currency):>16}  {percent(item.utilization):>7} used"
        )
        yield f"{head}  {short(item.name, 34)}{worst}"
    if len(found) > len(shown):
        yield f"{_INDENT}and {count(len(found) - len(shown), 'more commitment')}, in the report"


def _drift(result: Result) -> Iterator[str]:
    drift = figures.drift_by_currency(result)
    why = figures.not_compared(result)
    label = f"{'Drift':<14}"
    if not drift:
        if why is None:
            yield f"{label}no breaks"
        else:
            contract = " Bill and contract agree." if figures.contract_compared(result) else ""
            yield from _wrapped(f"not compared: {why}.{contract}", label)
        return
    yield f"{label}{'gross':>18}{'net':>18}{'billed over':>18}{'billed under':>18}  breaks"
    for currency, item in drift.items():
        if currency is None:
            yield f"{_INDENT}{'amount not known':<84}  {item.count:>6,}"
            continue
        parts = (item.gross, item.net, item.over, item.under)
        texts = "".join(f"{money(part):>18}" for part in parts)
        yield f"{_INDENT}{code(currency):<12}{texts}  {item.count:>6,}"
    classes = figures.classes(drift)
    listed = (f"{name} {n:,}" + (" (no money)" if name == "timing" else "") for name, n in classes)
    yield from _wrapped(legible(", ".join(listed)))
    if why is not None:
        yield from _wrapped(f"Bill and telemetry were not compared: {why}.")


def _titled(title: str, found: list[Action]) -> list[str]:
    return [title, *_lines(found)] if found else []


def _lines(found: Iterable[Action]) -> Iterator[str]:
    """Each action, and below it the next step where the one before has another."""
    said = ""
    for action in found:
        if action.step != said and said:
            yield from _wrapped(said, _STEP)
        said = action.step
        if not action.what:
            yield from _wrapped(f"{action.about}, in the report")
            continue
        yield from _wrapped(
            action.about, f"{_INDENT}{action.amount:>16}  {action.what:<18}  ", " " * 40
        )
    if said:
        yield from _wrapped(said, _STEP)


def _balances(result: Result) -> Iterator[str]:
    """Lots whose closing the provider states otherwise."""
    found = statements.balances_that_differ(result)
    if found:
        yield f"{'Balances':<36}{'opening':>16}{'closing':>16}{'provider':>16}{'difference':>14}"
    columns = (("opening", 16), ("closing", 16), ("provider_closing", 16), ("difference", 14))
    for row in found[:LINES_MAX]:
        parts = "".join(f"{quantity(row[name]):>{width}}" for name, width in columns)
        yield f"{_INDENT}{short(row['title'], 32):<34}{parts}"
    if len(found) > LINES_MAX:
        yield f"{_INDENT}and {count(len(found) - LINES_MAX, 'more lot')}, in the report"


def _invoices(result: Result) -> Iterator[str]:
    """Invoices that are not what their charges make."""
    found = statements.invoices_that_differ(result)
    if found:
        yield f"{'Invoices':<50}{'amount due':>16}{'invoiced':>16}{'difference':>16}"
    for row in found[:LINES_MAX]:
        parts = "".join(
            f"{money(row[name]):>16}" for name in ("amount_due", "invoiced", "difference")
        )
        unnumbered = " ".join(filter(None, (row["issuer"], row["billing_account_id"])))
        name = short(row["invoice_id"] or unnumbered, 26)
        status = legible(row["status"] or "", 14).replace("_", " ")
        yield f"{_INDENT}{code(row['currency']):<6}{name:<27}{status:<15}{parts}"
    if len(found) > LINES_MAX:
        yield f"{_INDENT}and {count(len(found) - LINES_MAX, 'more invoice')}, in the report"


def _waiting(result: Result) -> Iterator[str]:
    if len(result.pending):
        rows = result.pending.rows()
        due = min((row["expected_by"] for row in rows if row["expected_by"]), default=None)
        until = f", the first expected by {due:%Y-%m-%d %H:%M}" if due else ""
        yield f"Pending       {count(len(rows), 'item')} inside the provider's usual delay{until}"
        for currency, total in figures.amounts_by_currency(rows).items():
            lacking = f" ({total.unknown:,} without a known price)" if total.unknown else ""
            yield f"{_INDENT}{code(currency):<12}{money(total.known):>18}{lacking}"
    else:
        yield "Pending       nothing"
    rows = [row for row in result.unattributed_by_reason.rows() if row["cost"]]
    yield "Unattributed" if rows else "Unattributed  nothing"
    for currency in sorted({row["currency"] or "" for row in rows}):
        parts = (
            f"{legible(row['reason'] or '')} {money(row['cost'])}"
            for row in rows
            if (row["currency"] or "") == currency
        )
        yield from _wrapped(", ".join(parts), f"{_INDENT}{code(currency):<12}")


def _credits(result: Result) -> Iterator[str]:
    found = actions.of_credits(result)
    none = f"none expires within {holdings.EXPIRY_HORIZON.days} days"
    held = holdings.balances(result)
    if not held:
        yield "Credits" if found else f"Credits       {none}"
    else:
        yield f"{'Credits':<38}{'opening':>16}{'drawn':>16}{'remaining':>16}"
    for row in held[:LINES_MAX]:
        parts = "".join(f"{quantity(row[name]):>16}" for name in ("opening", "drawn", "remaining"))
        yield f"{_INDENT}{short(row['title'], 35):<36}{parts} {short(row['unit'], 12)}".rstrip()
    if len(held) > LINES_MAX:
        yield f"{_INDENT}and {count(len(held) - LINES_MAX, 'more balance')}, in the report"
    if held and not found:
        yield f"{_INDENT}{none}"
    yield from _lines(found)


def _controls(result: Result) -> Iterator[str]:
    read, accepted, rejected = figures.rows_in_and_out(result)
    verdict = "holds" if read == accepted + rejected else "DOES NOT HOLD"
    yield f"Rows          {read:,} in = {accepted:,} accepted + {rejected:,} rejected: {verdict}"
    found = rejects.rejects_summary(result)
    repeated = rejects.repeats(found)
    if repeated:
        yield f"{_INDENT}{count(repeated, 'repeat')} of rows already read, counted once"
    unread = rejects.unread(found)
    for group in unread[:REASONS_MAX]:
        yield from _wrapped(_not_read(group), _INDENT, " " * 6)
    left = unread[REASONS_MAX:]
    if left:
        rows = count(sum(group.rows for group in left), "more row")
        yield f"{_INDENT}{rows} not read for {count(len(left), 'other reason')}"
    for row in result.identity.rows():
        difference: Decimal | None = row["difference"]
        held = "holds" if difference == 0 else f"OFF BY {exact(difference)}"
        parts = [exact(row[name]) for name in ("allocated", "unused", "unattributed", "billed")]
        line = (
            f"{code(row['currency'])} {parts[0]} allocated + {parts[1]} unused"
            f" + {parts[2]} unattributed = {parts[3]} billed: {held}"
        )
        yield from _wrapped(line, f"{'Identity':<14}", " " * 18)


def _not_read(group: rejects.Unread) -> str:
    first = group.first
    where = [short(first.column)] if first.column else []
    where.append(short(first.source.rpartition("/")[2]))
    if first.first_rows:
        where.append(f"row {first.first_rows[0]:,}")
    others = f" and in {count(group.sources - 1, 'more file')}" if group.sources > 1 else ""
    said = f"{count(group.rows, 'row')} not read: {legible(group.reason, 120)}"
    return f"{said}: {', '.join(where)}{others}"


def _notes(result: Result) -> Iterator[str]:
    for note in actions.of_notes(result):
        yield from _wrapped(note.about, f"{'Note':<14}")
        if note.step:
            yield from _wrapped(note.step, f"{'':<12}→ ")


def _files(result: Result) -> Iterator[str]:
    for position, path in enumerate(result.written):
        label = "Report" if position == 0 else ""
        yield f"{label:<14}{legible(str(path))}"
