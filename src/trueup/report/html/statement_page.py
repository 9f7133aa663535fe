"""statements.html: what each team is charged and why, a page of paper for each; or one team's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.attribute.cost_line import CostLine, total
from trueup.attribute.hierarchy import NOBODY
from trueup.attribute.statement import Statement
from trueup.report import figures, numbers
from trueup.report.atomic import write_text
from trueup.report.html import rendered, style, view
from trueup.report.html.chargeback import policies, statements, units
from trueup.report.html.page import Badge, Band, Page, Tile
from trueup.report.html.section import Section, grid
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.report.chargeback import Chargeback

TEAMS_MAX = 300
LINES_MAX = 60  # of a statement; what follows is one line
PAPER = "@media print { section[id^=team-], #nobody { break-before: page; } }"
KINDS = {"usage": "used", "unused": "unused commitment", "unattributed": "unattributed"}
OF_TEAMS = KINDS | {"unattributed": "shared cost"}
FOOTER = (
    "Amounts are in the smallest unit of their currency and add up on every level.",
    "Hovering shows every digit of a cost. Every line is in lines.parquet. All times are UTC.",
)


def write_page(charged: Chargeback, path: Path, team: str | None = None) -> Path:
    """Write the page atomically; of one team nothing of any other is on it."""
    return write_text(path, rendered(_page(charged, team)))


def _page(charged: Chargeback, team: str | None) -> Page:
    period = figures.period_text(charged.start, charged.end)
    lead = policies(charged.policy)
    if charged.unpriced:
        lead.append(f"Tokens without a price weigh nothing: {'; '.join(charged.unpriced)}.")
    return Page(
        period=f"{'Chargeback' if team is None else team} · {period}",
        badges=[
            Badge(f"{charged.start:%Y-%m-%d %H:%M} to {charged.end:%Y-%m-%d %H:%M} UTC"),
            Badge(f"As of {charged.as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
        ],
        lead=lead,
        money=list(_bands(charged.units if team is None else charged.of_team(team))),
        sections=list(_sections(charged, team)),
        footer=FOOTER,
        style=f"{style()}\n{PAPER}",
    )


def _sections(charged: Chargeback, team: str | None) -> Iterator[Section]:
    """All units, then each team's statements and what nobody is charged for; or one team's."""
    if team is not None:
        yield _section("team-1", team, charged.of_team(team))
        return
    rows = units(charged)
    blocks = statements(rows, shown=len(rows))
    by_name: dict[str, list[Statement]] = {}
    for each in sorted(charged.teams, key=lambda each: each.path[-1]):
        by_name.setdefault(each.path[-1], []).append(each)
    left = len(by_name) - TEAMS_MAX
    lead = [f"{left:,} teams have no statement of their own below."] if left > 0 else []
    yield Section("all", "All units", lead, blocks)
    for number, name in enumerate(islice(by_name, TEAMS_MAX), start=1):
        yield _section(f"team-{number}", name, by_name[name])
    nobody = [each for each in charged.units if each.level == "team" and each.path[-1] == NOBODY]
    if nobody:
        yield _section("nobody", "Nobody is charged", nobody)


def _bands(some: Sequence[Statement]) -> Iterator[Band]:
    """What the teams bear, what nobody does, and what that is made of, in each currency."""
    for currency in sorted({each.currency for each in some}):
        leaves = [each for each in some if (each.currency, each.level) == (currency, "team")]
        mine = [each for each in leaves if each.path[-1] != NOBODY]
        lines = [line for each in leaves for line in each.lines]
        tiles = [_tile("Charged", total(each.amount for each in mine))]
        labels = OF_TEAMS
        if any(each.level == "company" for each in some):
            labels = KINDS
            rest = total(each.amount for each in leaves if each.path[-1] == NOBODY)
            tiles.append(_tile("Nobody is charged", rest))
        tiles += [
            _tile(label.capitalize(), total(line.cost for line in lines if line.kind == kind))
            for kind, label in labels.items()
        ]
        yield Band(currency, tiles)


def _tile(label: str, cost: Decimal) -> Tile:
    return Tile(label, numbers.money(cost), exact=numbers.exact(cost))


def _section(anchor: str, title: str, some: Sequence[Statement]) -> Section:
    return Section(anchor, view.text(title).text, [], [grid(_statement(each)) for each in some])


def _statement(each: Statement) -> Grid:
    """Its lines, what was used first and the largest of each kind, then what they add up to."""
    unit, centre, _ = each.path
    lines = sorted(each.lines, key=lambda line: (tuple(KINDS).index(line.kind), -abs(line.cost)))
    rows = [_line(line) for line in lines[:LINES_MAX]]
    if rest := lines[LINES_MAX:]:
        cost = total(line.cost for line in rest)
        rows.append([Cell("more"), Cell(f"{len(rest):,} lines"), view.money(cost, None)])
    rows += [
        [Cell("sum", muted=True), Cell(said), view.exact_money(value, currency)]
        for said, value, currency in (
            ("exactly", each.exact, None),
            ("rounding", each.rounding, None),
            ("amount", each.amount, each.currency),
        )
    ]
    caption = view.text(f"{each.currency} · {centre} · {unit}").text
    columns = (Column("Cost of"), Column("What", "prose"), Column("Cost", "number"))
    return Grid(caption, columns, rows, stacked=True)


def _line(line: CostLine) -> list[Cell]:
    who = ", ".join(part for part in (line.provider, line.agent) if part)
    about = line.about
    if line.kind == "unattributed" and about:
        about = about.replace("_", " ")
    return [
        Cell((OF_TEAMS if line.team else KINDS)[line.kind]),
        view.text(about or who, who if about else None),
        view.money(line.cost, None),
    ]
