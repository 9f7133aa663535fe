"""The sections that prove the figures: unattributed, pending, controls, sources, notes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from trueup.report import figures, numbers
from trueup.report.advice import reason_text
from trueup.report.html import view
from trueup.report.html.section import Section, grid, more
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.report.result import Result

ROWS_MAX = 60
PENDING_MAX = 30


def unattributed(result: Result) -> Section:
    """Cost that no session, agent or team bears, by reason."""
    columns = (
        Column("Reason"),
        Column("Cost", "number"),
        Column("Billed", "number"),
        Column("Rows", "number"),
    )
    rows = [
        [
            view.text(row["reason"], reason_text(row["reason"])),
            view.money(row["cost"], row["currency"]),
            view.money(row["billed_cost"], row["currency"]),
            view.rows_counted(row["rows"]),
        ]
        for row in result.unattributed_by_reason.rows()[:ROWS_MAX]
    ]
    table = Grid(
        "Unattributed cost by reason",
        columns,
        rows,
        "Every amount of the period was allocated or unused.",
        more(len(result.unattributed_by_reason), len(rows), "unattributed_by_reason"),
    )
    return Section("unattributed", "Unattributed", [], [grid(table)])


def pending(result: Result) -> Section:
    """Metered, not yet billed, not yet late."""
    columns = (
        Column("What", "id"),
        Column("When"),
        Column("Metered", "number"),
        Column("Amount", "number"),
        Column("Expected by"),
    )
    rows = [
        [
            view.text(
                row["resource_id"] or row["model"] or row["account_id"],
                " · ".join(filter(None, [row["provider"], row["account_id"], row["meter"]])),
            ),
            view.when(row["period_start"], row["period_end"]),
            view.quantity(row["expected"], row["unit"]),
            view.money(row["amount"], row["currency"], "no price for it in bill or rules"),
            view.when(row["expected_by"]),
        ]
        for row in islice(result.pending, PENDING_MAX)
    ]
    empty = (
        "Nothing metered is still waiting for its charge."
        if result.outcome.usage_leg_ran
        else "No telemetry was given, so nothing can be waiting for its charge."
    )
    table = Grid(
        "Metered, not yet billed, and still inside the provider's usual delay",
        columns,
        rows,
        empty,
        more(len(result.pending), len(rows), "pending"),
        stacked=True,
    )
    return Section("pending", "Pending", [], [grid(table)])


def controls(result: Result) -> Section:
    """The proof that nothing was lost: identity, control totals, buckets, rejects."""
    blocks = [
        _identity(result),
        _billed_identity(result),
        _control_totals(result),
        _buckets(result),
        _rejects(result),
    ]
    if len(result.straddling):
        blocks.append(_straddling(result))
    read, accepted, rejected = figures.rows_in_and_out(result)
    holds = "holds" if read == accepted + rejected else "does not hold"
    lead = [
        f"Rows in {read:,} = accepted {accepted:,} + rejected {rejected:,}: {holds}.",
    ]
    return Section("controls", "Control totals", lead, [grid(table) for table in blocks])


def _identity(result: Result) -> Grid:
    columns = (
        Column("Currency"),
        Column("Allocated", "number"),
        Column("+ unused", "number"),
        Column("+ unattributed", "number"),
        Column("= billed", "number"),
        Column("Difference", "number"),
    )
    names = ("allocated", "unused", "unattributed", "billed")
    caption = "Identity: allocated + unused + unattributed = billed effective cost"
    return _identity_grid(caption, columns, result.identity.rows(), names)


def _billed_identity(result: Result) -> Grid:
    columns = (
        Column("Currency"),
        Column("Compared", "number"),
        Column("+ unused", "number"),
        Column("+ not compared", "number"),
        Column("= billed", "number"),
        Column("Difference", "number"),
    )
    names = ("compared", "unused", "not_compared", "billed")
    caption = "The same on billed cost: compared with usage + unused + not compared = billed"
    return _identity_grid(caption, columns, result.billed_identity.rows(), names)


def _identity_grid(
    caption: str,
    columns: tuple[Column, ...],
    rows: list[figures.Row],
    names: tuple[str, ...],
) -> Grid:
    cells = [
        [
            view.text(row["currency"]),
            *(view.exact_money(row[name], None) for name in names),
            Cell("0, holds")
            if row["difference"] == 0
            else view.exact_money(row["difference"], None),
        ]
        for row in rows[:ROWS_MAX]
    ]
    return Grid(caption, columns, cells, "There are no charges in this period.", stacked=True)


def _straddling(result: Result) -> Grid:
    columns = (
        Column("Row"),
        Column("When"),
        Column("Effective cost", "number"),
        Column("In this period", "number"),
    )
    rows = [
        [
            view.text(f"source {row['source_id']}, row {row['source_row']}"),
            view.when(row["period_start"], row["period_end"]),
            view.money(row["effective_cost"], row["currency"]),
            view.money(row["effective_cost_in_period"], row["currency"]),
        ]
        for row in islice(result.straddling, PENDING_MAX)
    ]
    count = len(result.straddling)
    return Grid("Charges cut at an edge of the period, split by time", columns, rows,
                more=more(count, len(rows), "straddling"))  # fmt: skip


def _control_totals(result: Result) -> Grid:
    columns = (
        Column("Source", "id"),
        Column("Rows in", "number"),
        Column("Accepted", "number"),
        Column("Rejected", "number"),
        Column("Billed cost", "number"),
        Column("Effective cost", "number"),
    )
    rows = [
        [
            view.text(row["source"], row["kind"]),
            *(view.rows_counted(row[name]) for name in ("rows_in", "accepted", "rejected")),
            *(_cost_of_charges(row, name) for name in ("billed_cost", "effective_cost")),
        ]
        for row in islice(result.control_totals, ROWS_MAX)
    ]
    count = len(result.control_totals)
    return Grid(
        "Rows and sums per source and currency",
        columns,
        rows,
        "No source was read.",
        more(count, len(rows), "control_totals"),
        stacked=True,
    )


def _cost_of_charges(row: figures.Row, name: str) -> Cell:
    if row[name] is None and row["kind"] != "charges":
        return Cell("—", muted=True)
    return view.money(row[name], row["currency"])


def _buckets(result: Result) -> Grid:
    columns = (Column("Side"), Column("Ended as"), Column("Reason"), Column("Rows", "number"))
    rows = [
        [
            view.text(row["side"]),
            view.text((row["bucket"] or "").replace("_", " ")),
            view.text(row["reason"]),
            view.rows_counted(row["rows"]),
        ]
        for row in result.buckets.rows()[:ROWS_MAX]
    ]
    caption = "Where every accepted row ended"
    return Grid(caption, columns, rows, "No row was compared.",
                more(len(result.buckets), len(rows), "buckets"))  # fmt: skip


def _rejects(result: Result) -> Grid:
    columns = (
        Column("Source", "id"),
        Column("Column"),
        Column("Reason", "prose"),
        Column("Rows", "number"),
        Column("First rows"),
        Column("For example", "id"),
    )
    found = figures.rejects_summary(result)
    rows = [
        [
            view.text(item.source),
            view.text(item.column),
            view.text(item.reason),
            view.rows_counted(item.rows),
            view.text(", ".join(f"{number:,}" for number in item.first_rows)),
            view.text(item.example),
        ]
        for item in found[:ROWS_MAX]
    ]
    return Grid(
        "Rows that could not be read",
        columns,
        rows,
        "Every row was accepted.",
        more(len(found), len(rows), "rejects"),
        stacked=True,
        widths=(26, 19, 18, 8, 11, 18),
    )


def sources(result: Result) -> Section:
    """Every file with its hash."""
    columns = (
        Column("Source", "id"),
        Column("Format"),
        Column("Size", "number"),
        Column("sha256", "id"),
        Column("Remark", "prose"),
    )
    rows = [
        [
            view.text(row["source"], row["kind"]),
            view.text(row["format"]),
            Cell(numbers.NOT_KNOWN, muted=True)
            if row["size_bytes"] is None
            else Cell(f"{row['size_bytes']:,} B"),
            view.text(row["sha256"]),
            view.text(row["note"]),
        ]
        for row in islice(result.sources, ROWS_MAX)
    ]
    table = Grid(
        "What this report was made from",
        columns,
        rows,
        "No source was read.",
        more(len(result.sources), len(rows), "sources"),
        stacked=True,
    )
    return Section("sources", "Sources", [], [grid(table)])


def notes(result: Result) -> Section:
    """What a reader of the figures has to know."""
    columns = (Column("About", "id"), Column("Note", "prose"), Column("What to do", "prose"))
    rows = [
        [view.text(row["subject"], row["code"]), view.text(row["text"]), view.text(row["remedy"])]
        for row in islice(result.notes, ROWS_MAX)
    ]
    count = len(result.notes)
    table = Grid("Notes", columns, rows, "Nothing to remark.", more(count, len(rows), "notes"),
                 stacked=True)  # fmt: skip
    return Section("notes", "Notes", [], [grid(table)])
