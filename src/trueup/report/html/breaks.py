"""The breaks section: totals by class, then per currency the largest findings and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import figures, numbers, statements
from trueup.report.advice import advice_for
from trueup.report.findings import Finding, findings
from trueup.report.html import view
from trueup.report.html.section import Block, Section, grid, listing, note
from trueup.report.html.view import Cell, Column, Grid
from trueup.report.names import subject_of

if TYPE_CHECKING:
    from trueup.report.result import Result

FINDINGS_SHOWN = 25  # over all currencies
FINDINGS_MAX = 100  # per currency, folded away
CURRENCIES_MAX = 6
_COLUMNS = (
    Column("What"),
    Column("Where", "id"),
    Column("When"),
    Column("Billed", "number"),
    Column("Amount", "number"),
    Column("What to do next", "prose"),
)
_WIDTHS = (15, 25, 12, 14, 13, 21)


def breaks(result: Result) -> Section:
    """Drift, largest amounts first."""
    drift = figures.drift_by_currency(result)
    why = figures.not_compared(result)
    if not drift:
        reason = "Contract, bill and telemetry agree within tolerance."
        if why is not None:
            agree = " Bill and contract agree." if figures.contract_compared(result) else ""
            reason = f"Not compared: {why}.{agree}"
        return Section("breaks", "Breaks", [], [grid(Grid("Breaks", _COLUMNS, [], reason))])
    lead = (
        "Where contract, bill and telemetry do not agree. An amount is billed less expected: "
        "positive is billed too much, negative is a liability that may still be billed. The two "
        "are never set off against each other: gross adds their sizes. What repeats is one line."
    )
    found = findings(result)
    shown = [item for item in drift.items() if item[0] is None or item[1].count]
    known = shown[:CURRENCIES_MAX] + [item for item in shown[CURRENCIES_MAX:] if item[0] is None]
    blocks = [note(f"Bill and telemetry were not compared: {why}.")] if why else []
    blocks.append(grid(_by_class(drift)))
    ages = statements.ages(result)
    if ages:
        columns = (Column("State"), Column("Age in days"), Column("Breaks", "number"))
        rows = [[view.text(s), view.text(a), view.rows_counted(n)] for s, a, n in ages]
        blocks.append(grid(Grid("Breaks by state and age", columns, rows)))
    for code, item in known:
        blocks += _largest(code, item, found, FINDINGS_SHOWN // len(known))
    return Section("breaks", "Breaks", [lead], blocks)


def _by_class(drift: dict[str | None, figures.Drift]) -> Grid:
    columns = (Column("Class"), Column("Breaks", "number"), Column("Gross and net", "number"))
    rows = []
    for code, item in drift.items():
        for name, part in sorted(item.by_class.items(), key=lambda pair: (-pair[1].gross, pair[0])):
            gross = view.money(None if code is None else part.gross, code, "no price is known")
            net = None if code is None else f"net {view.money(part.net, code).text}"
            amounts = Cell(gross.text, net or gross.sub, gross.exact, gross.muted)
            rows.append([_class_name(name, None), view.rows_counted(part.count), amounts])
    return Grid("Breaks by class", columns, rows)


def _largest(
    code: str | None, item: figures.Drift, found: list[Finding], shown: int
) -> list[Block]:
    mine = [finding for finding in found if finding.currency == code]
    title = view.text(code).text if code else "Amount or currency not known"
    caption = f"{title}: {numbers.count(item.count, 'break')}"
    if code:
        caption += f", gross {numbers.money(item.gross)}, net {numbers.money(item.net)}"
    form = Grid(caption, _COLUMNS, stacked=True, widths=_WIDTHS)
    return listing(form, mine, _row, "breaks", shown, FINDINGS_MAX)


def _row(item: Finding) -> list[Cell]:
    row = item.row
    subject = subject_of(row)
    around = " · ".join(
        str(row[name])
        for name in ("provider", "account_id", "region_id", "meter")
        if row[name] and row[name] != subject
    )
    where = view.text(item.name, around)
    amount = view.money(item.amount.known, row["currency"], "no price for it in bill or rules")
    set_off = item.amount.known is not None and item.size != abs(item.amount.known)
    sub = f"gross {numbers.money(item.size)}" if set_off else amount.sub
    tone = None
    if item.amount.known:
        tone = "over" if item.amount.known > 0 else "under"
    return [
        _class_name(row["class"], row["leg"]),
        Cell(where.text, where.sub, view.text(subject).text, where.muted),
        view.text(item.when),
        _billed(item),
        Cell(amount.text, sub, amount.exact, amount.muted, tone),
        view.text(advice_for(row["class"], row["leg"]).next_step, row["explanation"]),
    ]


def _class_name(name: str | None, leg: str | None) -> Cell:
    return view.text((name or "").replace("_", " "), advice_for(name, leg).title)


def _billed(item: Finding) -> Cell:
    billed = view.quantity(item.billed.known, item.row["unit"])
    expected = view.quantity(item.expected.known, item.row["unit"])
    exact = f"billed {billed.exact or billed.text}, expected {expected.exact or expected.text}"
    return Cell(billed.text, f"expected {expected.text}", exact, billed.muted)
