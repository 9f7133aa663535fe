"""The breaks section: totals by class, then per currency the largest amounts and what to do."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from trueup.report import figures, numbers
from trueup.report.advice import advice_for
from trueup.report.html import view
from trueup.report.html.section import Section, grid, more
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.report.result import Result

BREAKS_MAX = 50  # per currency
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
    if len(result.breaks) == 0:
        reason = _why_none(result)
        return Section("breaks", "Breaks", [], [grid(Grid("Breaks", _COLUMNS, [], reason))])
    drift = figures.drift_by_currency(result)
    lead = (
        "Where contract, bill and telemetry do not agree. An amount is billed less expected: "
        "positive is billed too much, negative is a liability that may still be billed. The two "
        "are never set off against each other: gross adds their sizes."
    )
    blocks = [grid(_by_class(drift))]
    blocks += [grid(_largest(result, code, item)) for code, item in _shown(drift)]
    return Section("breaks", "Breaks", [lead], blocks)


def _shown(
    drift: dict[str | None, figures.Drift],
) -> list[tuple[str | None, figures.Drift]]:
    known = [item for item in drift.items() if item[0] is not None and item[1].count]
    return known[:CURRENCIES_MAX] + [item for item in drift.items() if item[0] is None]


def _by_class(drift: dict[str | None, figures.Drift]) -> Grid:
    columns = (Column("Class"), Column("Breaks", "number"), Column("Gross and net", "number"))
    rows = []
    for code, item in drift.items():
        for name, part in sorted(item.by_class.items(), key=lambda pair: (-pair[1].gross, pair[0])):
            gross = view.money(None if code is None else part.gross, code, "no price is known")
            net = None if code is None else f"net {view.money(part.net, code).text}"
            amounts = Cell(gross.text, net or gross.sub, gross.exact, gross.muted)
            rows.append([_class_name(name), view.rows_counted(part.count), amounts])
    return Grid("Breaks by class", columns, rows)


def _largest(result: Result, code: str | None, item: figures.Drift) -> Grid:
    mine = (
        row
        for row in result.breaks
        if code == (row["currency"] if row["amount"] is not None else None)
    )
    rows = [_row(row) for row in islice(mine, BREAKS_MAX)]
    title = view.text(code).text if code else "Amount or currency not known"
    caption = f"{title}: {numbers.count(item.count, 'break')}"
    if code:
        caption += f", gross {numbers.money(item.gross)}, net {numbers.money(item.net)}"
    return Grid(caption, _COLUMNS, rows, more=more(item.count, len(rows), "breaks"),
                stacked=True, widths=_WIDTHS)  # fmt: skip


def _row(row: figures.Row) -> list[Cell]:
    finest = ("commitment_id", "resource_id", "model", "account_id")
    named = [row[name] for name in finest if row[name]]
    around = " · ".join(
        str(value)
        for value in (row["provider"], row["account_id"], row["region_id"], row["meter"])
        if value and value not in named[:1]
    )
    amount = view.money(row["amount"], row["currency"], "no price for it in bill or rules")
    tone = None
    if row["amount"]:
        tone = "over" if row["amount"] > 0 else "under"
    return [
        _class_name(row["class"]),
        view.text(named[0] if named else None, around),
        view.when(row["period_start"], row["period_end"]),
        _billed(row),
        Cell(amount.text, amount.sub, amount.exact, amount.muted, tone),
        view.text(advice_for(row["class"]).next_step, row["explanation"]),
    ]


def _class_name(name: str | None) -> Cell:
    return view.text((name or "").replace("_", " "), advice_for(name).title)


def _billed(row: figures.Row) -> Cell:
    billed = view.quantity(row["billed"], row["unit"])
    expected = view.quantity(row["expected"], row["unit"])
    exact = f"billed {billed.exact or billed.text}, expected {expected.exact or expected.text}"
    return Cell(billed.text, f"expected {expected.text}", exact, billed.muted)


def _why_none(result: Result) -> str:
    if result.outcome.usage_leg_ran:
        return "Contract, bill and telemetry agree within tolerance."
    if result.contracts is not None:
        return "Bill and contract agree; without telemetry, usage was not compared."
    return "Neither a contract nor telemetry was given: there was nothing to compare the bill with."
