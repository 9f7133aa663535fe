"""The sections that prove the figures: unattributed, pending, controls, sources, notes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.report import figures, numbers, rejects
from trueup.report.actions import to_do as to_do_list
from trueup.report.advice import reason_text
from trueup.report.html import view
from trueup.report.html.section import Block, Section, grid, listing, note
from trueup.report.html.view import Cell, Column, Grid
from trueup.report.sources import SourceGroup, source_groups

if TYPE_CHECKING:
    from trueup.report.result import Result

FOLDED = 0  # rows in sight: none
CONTROLS_SHOWN = 16
REJECTS_SHOWN = 4


def to_do(result: Result) -> Section:
    """What a person does with all this, the money first."""
    found = to_do_list(result)
    block = Block("actions", actions=found) if found else note("Nothing.")
    return Section("to-do", "What to do", [], [block])


def unattributed(result: Result) -> Section:
    """Cost that no session, agent or team bears, by reason."""
    form = Grid(
        "Unattributed cost by reason",
        (
            Column("Reason"),
            Column("Cost", "number"),
            Column("Billed", "number"),
            Column("Rows", "number"),
        ),
        empty="Every amount of the period was allocated or unused.",
    )
    blocks = listing(
        form,
        result.unattributed_by_reason,
        lambda row: [
            view.text(row["reason"], reason_text(row["reason"])),
            view.money(row["cost"], row["currency"]),
            view.money(row["billed_cost"], row["currency"]),
            view.rows_counted(row["rows"]),
        ],
        "unattributed_by_reason",
    )
    return Section("unattributed", "Unattributed", [], blocks)


def pending(result: Result) -> Section:
    """Metered, not yet billed, not yet late."""
    ran = result.outcome.usage_leg_ran
    form = Grid(
        "Metered, not yet billed, and still inside the provider's usual delay",
        (
            Column("What", "id"),
            Column("When"),
            Column("Metered", "number"),
            Column("Amount", "number"),
            Column("Expected by"),
        ),
        empty="Nothing metered is still waiting for its charge."
        if ran
        else "No telemetry was given, so nothing can be waiting for its charge.",
        stacked=True,
    )
    blocks = listing(form, result.pending, _pending_row, "pending", FOLDED)
    sums = figures.amounts_by_currency(result.pending)
    lead = [
        numbers.amount(total.known, code)
        + (f", and {total.unknown:,} without a known price" if total.unknown else "")
        for code, total in sums.items()
    ]
    return Section("pending", "Pending", lead, blocks)


def _pending_row(row: figures.Row) -> list[Cell]:
    return [
        view.text(
            row["resource_id"] or row["model"] or row["account_id"],
            " · ".join(filter(None, [row["provider"], row["account_id"], row["meter"]])),
        ),
        view.when(row["period_start"], row["period_end"]),
        view.quantity(row["expected"], row["unit"]),
        view.money(row["amount"], row["currency"], "no price for it in bill or rules"),
        view.when(row["expected_by"]),
    ]


def controls(result: Result) -> Section:
    """The proof that nothing was lost: identity, control totals, buckets, rejects."""
    read, accepted, rejected = figures.rows_in_and_out(result)
    holds = "holds" if read == accepted + rejected else "does not hold"
    found = rejects.rejects_summary(result)
    said = f"Rows in {read:,} = accepted {accepted:,} + rejected {rejected:,}: {holds}."
    repeated = rejects.repeats(found)
    if repeated:
        said += f" Of the rejected, {repeated:,} repeat rows already read and are counted once."
    blocks = [
        grid(_identity(result)),
        *listing(
            _totals("Rows and sums per source and currency"),
            source_groups(result),
            _source_group,
            "control_totals",
            CONTROLS_SHOWN,
        ),
        *_rejects(found),
        grid(_billed_identity(result)),
        *listing(
            _totals("Rows and sums per file"),
            result.control_totals,
            _file_total,
            "control_totals",
            FOLDED,
        ),
        *_buckets(result),
        *(_straddling(result) if len(result.straddling) else []),
    ]
    return Section("controls", "Control totals", [said], blocks)


def _identity(result: Result) -> Grid:
    caption = "Identity: allocated + unused + unattributed = billed effective cost"
    parts = {
        "allocated": "Allocated",
        "unused": "+ unused",
        "unattributed": "+ unattributed",
        "billed": "= billed",
    }
    return _identity_grid(caption, parts, result.identity.rows())


def _billed_identity(result: Result) -> Grid:
    caption = "The same on billed cost: compared with usage + unused + not compared = billed"
    parts = {
        "compared": "Compared",
        "unused": "+ unused",
        "not_compared": "+ not compared",
        "billed": "= billed",
    }
    return _identity_grid(caption, parts, result.billed_identity.rows(), "The same on billed cost")


def _identity_grid(
    caption: str, parts: dict[str, str], rows: list[figures.Row], folded: str | None = None
) -> Grid:
    columns = (
        Column("Currency"),
        *(Column(label, "number") for label in parts.values()),
        Column("Difference", "number"),
    )
    cells = [
        [
            view.text(row["currency"]),
            *(view.exact_money(row[name], None) for name in parts),
            Cell("0, holds")
            if row["difference"] == 0
            else view.exact_money(row["difference"], None),
        ]
        for row in rows
    ]
    empty = "There are no charges in this period."
    return Grid(caption, columns, cells, empty, stacked=True, folded=folded)


def _straddling(result: Result) -> list[Block]:
    form = Grid(
        "Charges cut at an edge of the period, split by time",
        (
            Column("Row"),
            Column("When"),
            Column("Effective cost", "number"),
            Column("In this period", "number"),
        ),
    )
    return listing(
        form,
        result.straddling,
        lambda row: [
            view.text(f"source {row['source_id']}, row {row['source_row']}"),
            view.when(row["period_start"], row["period_end"]),
            view.money(row["effective_cost"], row["currency"]),
            view.money(row["effective_cost_in_period"], row["currency"]),
        ],
        "straddling",
        FOLDED,
    )


def _totals(caption: str) -> Grid:
    columns = (
        Column("Source", "id"),
        Column("Rows in", "number"),
        Column("Accepted", "number"),
        Column("Rejected", "number"),
        Column("Billed cost", "number"),
        Column("Effective cost", "number"),
    )
    return Grid(caption, columns, empty="No source was read.", stacked=True)


def _source_group(group: SourceGroup) -> list[Cell]:
    counted = (group.rows_in, group.accepted, group.rejected)
    sums = (group.billed.known, group.effective.known)
    return _total_row(group.title, group.kind, counted, sums, group.currency)


def _file_total(row: figures.Row) -> list[Cell]:
    counted = (row["rows_in"], row["accepted"], row["rejected"])
    sums = (row["billed_cost"], row["effective_cost"])
    return _total_row(row["source"], row["kind"], counted, sums, row["currency"])


def _total_row(
    source: str | None,
    kind: str | None,
    counted: tuple[int | None, ...],
    sums: tuple[Decimal | None, ...],
    currency: str | None,
) -> list[Cell]:
    nothing = Cell("—", muted=True)
    return [
        view.text(source, kind),
        *(view.rows_counted(rows) for rows in counted),
        *(
            nothing if cost is None and kind != "charges" else view.money(cost, currency)
            for cost in sums
        ),
    ]


def _buckets(result: Result) -> list[Block]:
    form = Grid(
        "Where every accepted row ended",
        (Column("Side"), Column("Ended as"), Column("Reason"), Column("Rows", "number")),
        empty="No row was compared.",
    )
    return listing(
        form,
        result.buckets,
        lambda row: [
            view.text(row["side"]),
            view.text((row["bucket"] or "").replace("_", " ")),
            view.text(row["reason"]),
            view.rows_counted(row["rows"]),
        ],
        "buckets",
        FOLDED,
    )


def _rejects(found: list[rejects.RejectSummary]) -> list[Block]:
    form = Grid(
        "Rows that could not be read, or repeat others",
        (
            Column("Source", "id"),
            Column("Column"),
            Column("Reason", "prose"),
            Column("Rows", "number"),
            Column("First rows"),
            Column("For example", "id"),
        ),
        empty="Every row was accepted.",
        stacked=True,
        widths=(26, 19, 18, 8, 11, 18),
    )
    return listing(
        form,
        found,
        lambda item: [
            view.text(item.source),
            view.text(item.column),
            view.text(item.reason),
            view.rows_counted(item.rows),
            view.text(", ".join(f"{number:,}" for number in item.first_rows)),
            view.text(item.example),
        ],
        "rejects",
        REJECTS_SHOWN,
    )


def sources(result: Result) -> Section:
    """Every file with its hash."""
    form = Grid(
        "What this report was made from",
        (
            Column("Source", "id"),
            Column("Format"),
            Column("Size", "number"),
            Column("sha256", "id"),
            Column("Remark", "prose"),
        ),
        empty="No source was read.",
        stacked=True,
    )
    blocks = listing(
        form,
        result.sources,
        lambda row: [
            view.text(row["source"], row["kind"]),
            view.text(row["format"]),
            Cell(numbers.NOT_KNOWN, muted=True)
            if row["size_bytes"] is None
            else Cell(f"{row['size_bytes']:,} B"),
            view.text(row["sha256"]),
            view.text(row["note"]),
        ],
        "sources",
        FOLDED,
    )
    return Section("sources", "Sources", [], blocks)


def notes(result: Result) -> Section:
    """What a reader of the figures has to know."""
    form = Grid(
        "Notes",
        (Column("About", "id"), Column("Note", "prose"), Column("What to do", "prose")),
        empty="Nothing to remark.",
        stacked=True,
    )
    blocks = listing(
        form,
        result.notes,
        lambda row: [
            view.text(row["subject"], row["code"]),
            view.text(row["text"]),
            view.text(row["remedy"]),
        ],
        "notes",
    )
    return Section("notes", "Notes", [], blocks)
