"""Statements that add up: balances of lots, agreements, invoices, and closed periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.report import figures, numbers
from trueup.report import statements as stated
from trueup.report.html import view
from trueup.report.html.section import Block, Section, grid, listing
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.report.result import Result

FOLDED = 0
BRIDGES_MAX = 6
STEPS = {
    "opening": "Opening",
    "granted": "+ granted",
    "drawn": "- drawn",
    "refunded": "+ refunded",
    "adjusted": "+ adjusted",
    "expired": "- expired",
    "closing": "= closing",
    "provider_closing": "The provider's",
    "difference": "Difference",
}
PARTS = {
    "charges": "Charges",
    "purchases": "+\N{NO-BREAK SPACE}purchases",
    "tax": "+\N{NO-BREAK SPACE}tax",
    "support": "+\N{NO-BREAK SPACE}support",
    "marketplace": "+\N{NO-BREAK SPACE}market",
    "corrections": "+\N{NO-BREAK SPACE}corrections",
    "credits": "+\N{NO-BREAK SPACE}credits",
    "prepaid_drawdown": "+\N{NO-BREAK SPACE}prepaid",
    "rounding": "+\N{NO-BREAK SPACE}rounding",
    "amount_due": "=\N{NO-BREAK SPACE}due",
}


def _numbers(labels: Sequence[str]) -> list[Column]:
    return [Column(label, "number") for label in labels]


def balances(result: Result) -> Section | None:
    """The roll-forward of each lot, those first on which the provider says another figure."""
    differ = stated.balances_that_differ(result)
    rest = [row for row in stated.period_balances(result) if not row["difference"]]
    blocks: list[Block] = []
    if differ or rest:
        form = Grid(
            "Roll-forward of lots over the period",
            (Column("Lot", "id"), *_numbers(list(STEPS.values()))),
            stacked=True,
        )
        blocks += listing(form, [*differ, *rest], _balance, "roll_forward")
    apart = stated.figures_that_differ(result)
    if apart:
        form = Grid(
            "Where contract, bill and provider do not say the same",
            (
                Column("Figure", "id"),
                Column("When"),
                *_numbers(("Contract", "Bill", "Provider")),
                Column("Verdict", "prose"),
            ),
            stacked=True,
        )
        blocks += listing(form, apart, _figure, "figures")
    if not blocks:
        return None
    lead = (
        "Opening + granted - drawn + refunded + adjusted - expired = closing, from the contract "
        "and the bill. The difference is our closing less the provider's own."
    )
    return Section("balances", "Balances", [lead], blocks)


def _balance(row: figures.Row) -> list[Cell]:
    overage = f"overage {numbers.quantity(row['overage'])}" if row["overage"] else None
    cells = {name: view.quantity(row[name], None) for name in STEPS}
    drawn = cells["drawn"]
    cells["drawn"] = Cell(drawn.text, overage, drawn.exact, drawn.muted)
    difference = row["difference"]
    tone = None if not difference else "over" if difference > 0 else "under"
    last = cells["difference"]
    said = "no balance of the provider's is known" if row["provider_closing"] is None else None
    cells["difference"] = Cell(last.text, said, last.exact, last.muted, tone)
    about = " · ".join(part for part in (row["unit"], row["reason"]) if part)
    return [view.text(row["title"], about), *cells.values()]


def _figure(row: figures.Row) -> list[Cell]:
    sides = ("contract", "bill", "provider_says")
    return [
        view.text(row["title"], row["figure"]),
        view.when(row["interval_start"], row["interval_end"]),
        *(view.quantity(row[name], row["unit"]) for name in sides),
        view.text((row["verdict"] or "").replace("_", " "), row["explanation"]),
    ]


def agreements(result: Result) -> Section | None:
    """How far each milestone is met."""
    if not len(result.agreements):
        return None
    form = Grid(
        "Progress of agreements",
        (
            Column("Milestone", "id"),
            Column("Due"),
            Column("Counted", "number"),
            Column("Progress", "number"),
            Column("Left out", "number"),
            Column("Shortfall", "number"),
            Column("Status", "prose"),
        ),
        stacked=True,
    )
    lead = "An agreement only counts what is billed: what is lacking on its day is due, not unused."
    blocks = listing(form, result.agreements, _milestone, "agreements")
    return Section("agreements", "Agreements", [lead], blocks)


def _milestone(row: figures.Row) -> list[Cell]:
    counted = view.quantity(row["counted"], row["unit"])
    target = view.quantity(row["target"], row["unit"]).text
    missed = bool(row["shortfall"])
    shortfall = view.quantity(row["shortfall"], row["unit"]) if missed else Cell("—", muted=True)
    return [
        view.text(row["commitment_id"], row["milestone"]),
        view.when(row["due_at"]),
        Cell(counted.text, f"of {target}", counted.exact, counted.muted),
        view.share(row["progress"]),
        view.quantity(row["excluded"], row["unit"]),
        Cell(shortfall.text, None, shortfall.exact, shortfall.muted, "over" if missed else None),
        view.text((row["status"] or "").replace("_", " "), row["reason"] or row["basis"]),
    ]


def invoices(result: Result) -> Section | None:
    """Each invoice against its charges, what it is made of, and the bridge from the usage."""
    differ = stated.invoices_that_differ(result)
    agreed = [row for row in result.invoices if row["status"] in stated.AGREED]
    blocks: list[Block] = []
    if differ or agreed:
        form = Grid(
            "Invoices against their charges",
            (
                Column("Invoice", "id"),
                Column("Status"),
                *_numbers(("Amount due", "Invoiced", "Difference")),
            ),
            stacked=True,
        )
        blocks += listing(form, [*differ, *agreed], _invoice, "invoices")
        parts = Grid(
            "What each invoice is made of",
            (Column("Invoice", "id"), *_numbers(list(PARTS.values()))),
            stacked=True,
            widths=(15, 9, 9, 7, 8, 10, 10, 8, 8, 8, 8),
        )
        blocks += listing(parts, [*differ, *agreed], _parts, "invoices", FOLDED)
    blocks += _bridges(result)
    if len(result.conversions):
        blocks += listing(_CONVERSIONS, result.conversions, _conversion, "conversions", FOLDED)
    if not blocks:
        return None
    lead = "The amount due is what the charges of an invoice add up to; the difference is invoiced "
    return Section("invoices", "Invoices", [lead + "less due."], blocks)


def _invoice(row: figures.Row) -> list[Cell]:
    tone = None
    if row["difference"]:
        tone = "over" if row["difference"] > 0 else "under"
    difference = view.money(row["difference"], row["currency"], "one side is not known")
    return [
        view.text(row["invoice_id"], row["issuer"]),
        view.text((row["status"] or "").replace("_", " ")),
        view.exact_money(row["amount_due"], row["currency"]),
        view.exact_money(row["invoiced"], row["currency"]),
        Cell(difference.text, difference.sub, difference.exact, difference.muted, tone),
    ]


def _parts(row: figures.Row) -> list[Cell]:
    return [
        view.text(row["invoice_id"], row["currency"]),
        *(view.exact_money(row[name], None) for name in PARTS),
    ]


def _bridges(result: Result) -> list[Block]:
    """One statement per issuer and currency."""
    of: dict[tuple[str, str], list[figures.Row]] = {}
    for row in result.invoice_bridge:
        of.setdefault((row["issuer"] or "", row["currency"] or ""), []).append(row)
    columns = (Column("Step"), Column("Amount", "number"), Column("Why", "prose"))
    return [
        grid(
            Grid(
                f"From usage to invoice: {view.text(issuer).text}, {view.text(currency).text}",
                columns,
                [
                    [
                        view.text((row["item"] or "").replace("_", " ")),
                        view.exact_money(row["amount"], row["currency"]),
                        view.text(row["explanation"]),
                    ]
                    for row in rows
                ],
            )
        )
        for (issuer, currency), rows in list(of.items())[:BRIDGES_MAX]
    ]


_CONVERSIONS = Grid(
    "Priced in one currency, billed in another",
    (
        Column("Currencies"),
        Column("Day"),
        *_numbers(("Priced", "Rate", "Expected", "Billed", "Difference")),
        Column("Rate from", "prose"),
    ),
    stacked=True,
)


def _conversion(row: figures.Row) -> list[Cell]:
    billing = row["billing_currency"]
    return [
        view.text(f"{row['pricing_currency']} to {billing}", row["provider"]),
        view.when(row["day"]),
        view.money(row["priced"], row["pricing_currency"]),
        view.quantity(row["rate"], None),
        *(view.money(row[name], billing) for name in ("expected", "billed", "difference")),
        view.text(row["rate_source"]),
    ]


def closed_periods(result: Result) -> Section | None:
    """What changed of closed months, to be booked in this one, and what was restated of this."""
    blocks: list[Block] = []
    found = stated.true_ups(result)
    if found:
        form = Grid(
            "True-ups of closed periods",
            (
                Column("Closed period"),
                *_numbers(("Changes", "Effective cost", "Billed cost")),
            ),
            stacked=True,
        )
        blocks += listing(form, found, _true_up, "true_ups")
    if len(result.restatements):
        blocks += listing(_RESTATED, result.restatements, _restated, "restatements", FOLDED)
    if not blocks:
        return None
    lead = (
        "A closed period is never written again: what its provider changed since is booked in the "
        "open one."
    )
    return Section("closed", "Closed periods", [lead], blocks)


def _true_up(item: stated.TrueUp) -> list[Cell]:
    return [
        view.text(item.closed),
        view.rows_counted(item.rows),
        view.money(item.effective.known, item.currency),
        view.money(item.billed.known, item.currency),
    ]


_RESTATED = Grid(
    "Charges that changed since an earlier run",
    (
        Column("What", "id"),
        Column("When"),
        *_numbers(("Before", "After", "Change")),
        Column("Kind"),
    ),
    stacked=True,
)


def _restated(row: figures.Row) -> list[Cell]:
    money = (f"effective_{when}" for when in ("before", "after", "delta"))
    return [
        view.text(row["resource_id"] or row["sku"] or row["service"], row["provider"]),
        view.when(row["period_start"], row["period_end"]),
        *(view.money(row[name], row["currency"]) for name in money),
        view.text(row["kind"]),
    ]
