"""``trueup sessions``: which sessions cost most, and one of them step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from decimal import Decimal

    from trueup.attribute.session_tree import Step
    from trueup.workspace.workspace import Workspace

SHOWN = 10
TOP = ("SESSION", "COST", "", "BILLED", "ACCRUED", "RATED", "COMMITTED", "ON-DEMAND")
STEPS = ("STEP", "QUANTITY", "", "COST", "", "BASIS", "COMMITTED")


@click.command(name="sessions", epilog=EPILOG)
@click.argument("session", required=False)
@options.config
@click.option(
    "--top",
    type=click.IntRange(0),
    default=SHOWN,
    show_default=True,
    help="Sessions shown of each currency; 0: all.",
)
@desk.as_json
def command(session: str | None, file: str, top: int, as_json: bool) -> None:
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
    workspace = desk.desk_of(file).workspace
    if session is None:
        _top(workspace, top, as_json=as_json)
        return
    tree = _tree(workspace, session)
    if as_json:
        click.echo(json.dumps(_as_json(tree), ensure_ascii=False, indent=2))
        return
    click.echo(desk.aligned(STEPS, list(_lines(tree, 0)), "QUANTITY COST COMMITTED"))
    if not workspace.runs():
        click.echo(desk.NEVER_RUN)


def _top(workspace: Workspace, top: int, *, as_json: bool) -> None:
    from trueup.attribute.session_tree import top_sessions
    from trueup.cli.history import plain_values, summed, table_of, top_of_each
    from trueup.money import EXACT, plain

    by = ("session", "basis", "currency")
    table = table_of(workspace, "session_costs")
    ranked = top_sessions(summed(table, by, ("cost", "committed_cost")))
    found = top_of_each(ranked, lambda row: str(row["currency"]), top)
    if as_json:
        click.echo(json.dumps([plain_values(row) for row in found], ensure_ascii=False, indent=2))
        return
    rows = []
    for row in found:
        known = EXACT.add(row["billed"], row["rated"])
        figures = ("billed", "accrued", "rated", "committed_cost")
        rows.append(
            (
                row["session"] or "(no session)",
                plain(row["cost"], 2),
                row["currency"],
                *(plain(row[name], 2) for name in figures),
                plain(EXACT.subtract(known, row["committed_cost"]), 2),
            )
        )
    click.echo(desk.aligned(TOP, rows, "COST BILLED ACCRUED RATED COMMITTED ON-DEMAND"))
    if not workspace.runs():
        click.echo(desk.NEVER_RUN)
    elif len(found) < len(ranked):
        click.echo(f"and {len(ranked) - len(found):,} more: --top 0 shows them")


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
    name = f"{'  ' * depth}{step.name}"
    committed = step.committed
    for (basis, currency), cost in step.costs.items():
        of_it = _amount(committed.get((basis, currency)))
        yield (name, "", "", _amount(cost), currency or "", basis, of_it)
        name = ""
    if name:
        yield (name, *[""] * (len(STEPS) - 1))
    for child in step.children:
        yield from _lines(child, depth + 1)
    for row in step.rows:
        yield (
            f"{'  ' * (depth + 1)}{row['meter']}",
            _amount(row["quantity"], 0),
            f"{row['unit'] or ''}{_of_it(row)}",
            _amount(row["cost"]),
            row["currency"] or "",
            row["basis"],
            _amount(row["committed_cost"]),
        )


def _of_it(row: Mapping[str, Any]) -> str:
    reasoning = row["reasoning"]
    return f", {_amount(reasoning, 0)} of it reasoning" if reasoning is not None else ""


def _amount(value: Decimal | None, places: int = 2) -> str:
    from trueup.money import plain

    return "-" if value is None else plain(value, places)


def _as_json(step: Step) -> dict[str, Any]:
    from trueup.cli.history import plain_values

    committed = step.committed
    return {
        "level": step.level,
        "name": step.name,
        "costs": [
            {
                "basis": basis,
                "currency": currency,
                "cost": _amount(cost, 0),
                "committed_cost": _amount(committed[basis, currency], 0)
                if (basis, currency) in committed
                else None,
            }
            for (basis, currency), cost in step.costs.items()
        ],
        "steps": [_as_json(child) for child in step.children],
        "meters": [plain_values(dict(row)) for row in step.rows],
    }
