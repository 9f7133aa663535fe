"""``trueup sessions``: which sessions cost most, and one of them step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.attribute.session_tree import Step
    from trueup.workspace.workspace import Workspace

SHOWN = 10
FIGURES = ("COST", "BILLED", "ACCRUED", "RATED", "COMMITTED", "ON-DEMAND")
TOP = ("SESSION", "COST", "CURRENCY", *FIGURES[1:])
STEPS = ("STEP", "QUANTITY", "UNIT", "COST", "CURRENCY", "BASIS", "COMMITTED")


@click.command(name="sessions", epilog=EPILOG)
@click.argument("session", required=False)
@options.config
@click.option(
    "--top",
    type=click.IntRange(0),
    help=f"Sessions of each currency; 0: all.  [default: {SHOWN}; as JSON all]",
)
@desk.as_json
def command(session: str | None, file: str, top: int | None, as_json: bool) -> None:
    """Show which sessions cost most, or SESSION step by step.

    A step's cost stands once: agents below the agent that called them, then tools, models and
    meters. Billed is what the bill gave the session, accrued what is metered and not billed yet,
    rated what no bill holds, by the rates of the rules. Without a price stands a dash.

    \b
    Examples:
      trueup sessions --top 20
      trueup sessions chat-4711
      trueup sessions chat-4711 --json
    """  # noqa: D301  click keeps what follows a backspace as it stands
    if session is not None:
        options.refuse("on one session", "top")
    workspace = desk.reading(file).workspace
    if session is None:
        _top(workspace, top, as_json=as_json)
        return
    tree = _tree(workspace, session)
    if as_json:
        click.echo(sheet.to_json(_as_json(tree)))
    elif not workspace.runs():
        click.echo(desk.NEVER_RUN)
    else:
        lines = list(_lines(tree, 0))
        click.echo(sheet.aligned(STEPS, lines, ("QUANTITY", "COST", "COMMITTED")))


def _top(workspace: Workspace, top: int | None, *, as_json: bool) -> None:
    from trueup.attribute.session_tree import top_sessions
    from trueup.cli.history import summed, table_of, top_of_each

    by = ("session", "basis", "currency")
    table = table_of(workspace, "session_costs")
    ranked = top_sessions(summed(table, by, ("cost", "committed_cost")))
    count = top if top is not None else 0 if as_json else SHOWN
    found = top_of_each(ranked, lambda row: str(row["currency"]), count)
    if as_json:
        click.echo(sheet.to_json(found))
    elif not workspace.runs():
        click.echo(desk.NEVER_RUN)
    else:
        click.echo(sheet.aligned(TOP, [_top_line(row) for row in found], FIGURES))
        if len(found) < len(ranked):
            click.echo(f"and {len(ranked) - len(found):,} more: --top 0 shows them")


def _top_line(row: Mapping[str, Any]) -> tuple[str, ...]:
    from trueup.money import EXACT

    known = EXACT.add(row["billed"], row["rated"])
    return (
        sheet.named(row["session"], "session"),
        sheet.amount(row["cost"]),
        row["currency"],
        *(sheet.amount(row[name]) for name in ("billed", "accrued", "rated", "committed_cost")),
        sheet.amount(EXACT.subtract(known, row["committed_cost"])),
    )


def _tree(workspace: Workspace, session: str) -> Step:
    """The tree of a session; UsageError where runs know of none of that name."""
    import pyarrow.compute as pc

    from trueup.attribute.session_tree import session_tree
    from trueup.cli.history import table_of
    from trueup.errors import UsageError

    table = table_of(workspace, "session_costs")
    rows = table.filter(pc.equal(table.column("session"), session)).to_pylist()
    if not rows and workspace.runs():
        raise UsageError(f"session {session!r}: no run knows it; `trueup sessions` lists the top")
    return session_tree(session, rows)


def _lines(step: Step, depth: int) -> Iterator[tuple[str, ...]]:
    name = f"{'  ' * depth}{sheet.named(step.name, step.level)}"
    committed = step.committed
    for (basis, currency), cost in step.costs.items():
        of_it = sheet.amount(committed.get((basis, currency)))
        yield (name, "", "", sheet.amount(cost), currency or "", basis, of_it)
        name = ""
    if name:
        yield (name, *[""] * (len(STEPS) - 1))
    for child in step.children:
        yield from _lines(child, depth + 1)
    for row in step.rows:
        yield (
            f"{'  ' * (depth + 1)}{row['meter']}",
            sheet.quantity(row["quantity"]),
            f"{row['unit'] or ''}{_of_it(row)}",
            sheet.amount(row["cost"]),
            row["currency"] or "",
            row["basis"],
            sheet.amount(row["committed_cost"]),
        )


def _of_it(row: Mapping[str, Any]) -> str:
    reasoning = row["reasoning"]
    return "" if reasoning is None else f", {sheet.quantity(reasoning)} of it reasoning"


def _as_json(step: Step) -> dict[str, Any]:
    committed = step.committed
    return {
        "level": step.level,
        "name": step.name,
        "costs": [
            {
                "basis": basis,
                "currency": currency,
                "cost": cost,
                "committed_cost": committed.get((basis, currency)),
            }
            for (basis, currency), cost in step.costs.items()
        ],
        "steps": [_as_json(child) for child in step.children],
        "meters": [dict(row) for row in step.rows],
    }
