"""What explains many breaks, and what can be claimed: the sections before the breaks themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import claims as claimed
from trueup.report import figures, numbers
from trueup.report.html import view
from trueup.report.html.section import Section, listing
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.report.result import Result

FOLDED = 0
CAUSES = Grid(
    "Causes, per currency the most money first",
    (
        Column("Cause"),
        Column("Breaks", "number"),
        Column("Amount", "number"),
        Column("Evidence", "prose"),
        Column("What to do", "prose"),
    ),
    stacked=True,
    widths=(14, 8, 14, 38, 26),
)
CLAIMS = Grid(
    "Claims, claimable ones first",
    (
        Column("What"),
        Column("Commitment", "id"),
        Column("When"),
        Column("Amount", "number"),
        Column("Lines", "number"),
        Column("Evidence", "prose"),
    ),
    stacked=True,
    widths=(12, 22, 14, 13, 8, 31),
)
LINES = Grid(
    "The lines behind them",
    (
        Column("Row"),
        Column("Of what", "id"),
        Column("When"),
        Column("Billed", "number"),
        Column("By the rules", "number"),
        Column("Difference", "number"),
        Column("Arithmetic", "prose"),
    ),
    stacked=True,
)


def causes(result: Result) -> Section | None:
    """One line a cause; nothing where none was found."""
    if not len(result.causes):
        return None
    lead = (
        "One cause explains the breaks it names: mend it, and they go together. The amount is "
        "gross, the sizes of its breaks; a cause without breaks has the money that it moved."
    )
    blocks = listing(CAUSES, result.causes, _cause, "causes")
    return Section("causes", "Causes", [lead], blocks)


def _cause(row: figures.Row) -> list[Cell]:
    amount = view.money(row["amount"], row["currency"], "no price is known")
    net = view.money(row["net_amount"], row["currency"]).text
    sub = f"net {net}" if row["amount"] is not None else amount.sub
    return [
        view.text((row["cause"] or "").replace("_", " ")),
        view.rows_counted(row["breaks"]),
        Cell(amount.text, sub, amount.exact, amount.muted),
        view.text(row["explanation"]),
        view.text(row["remedy"]),
    ]


def claims(result: Result) -> Section | None:
    """What can be claimed now, what may be, and the lines behind both."""
    if not len(result.claims):
        return None
    sums = claimed.claimable(result)
    said = " and ".join(numbers.amount(size, code) for code, size in sorted(sums.items()))
    lead = (
        f"Claimable: {said or 'nothing yet'}. It is what the payer was billed more than the "
        "provider's own rules make of the same usage, where usage is complete and the bill final; "
        "what lacks evidence is only indicated."
    )
    form = claimed.claims(result)
    blocks = listing(CLAIMS, form, _claim, "claims")
    if len(result.claim_lines):
        blocks += listing(LINES, result.claim_lines, _line, "claim_lines", FOLDED)
    return Section("claims", "Claims", [lead], blocks)


def _claim(item: claimed.Claim) -> list[Cell]:
    row = item.row
    when = "" if item.first is None else numbers.moment(item.first)
    if item.last is not None:
        when += f" to {numbers.moment(item.last)}"
    most = "the largest: " if item.intervals > 1 and row["arithmetic"] else ""
    evidence = f"lacking: {item.evidence}" if item.evidence else f"{most}{row['arithmetic'] or ''}"
    return [
        view.text(row["status"], (row["rule"] or "").replace("_", " ")),
        view.text(item.name, row["provider"]),
        view.text(when, numbers.count(item.intervals, "interval")),
        view.money(item.amount.known, item.currency),
        view.rows_counted(item.lines),
        view.text(evidence, row["source"]),
    ]


def _line(row: figures.Row) -> list[Cell]:
    return [
        view.text(f"source {row['source_id']}, row {row['source_row']}", row["claim_id"]),
        view.text(row["resource_id"] or row["sku"], row["sku"]),
        view.when(row["interval_start"]),
        *(view.money(row[name], row["currency"]) for name in ("billed", "expected", "difference")),
        view.text(row["arithmetic"]),
    ]
