"""``trueup diff``: what changed between two runs, and why."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trueup.controls.difference import BreakChange, Change
    from trueup.workspace.run import Run
    from trueup.workspace.workspace import Workspace

SHOWN = 20
RUN_PREFIX = "run-"


@click.command(name="diff", epilog=EPILOG)
@click.argument("run1")
@click.argument("run2")
@options.config
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=SHOWN,
    show_default=True,
    help="Charges and breaks shown; 0: all.",
)
@desk.as_json
def command(run1: str, run2: str, file: str, limit: int, as_json: bool) -> None:
    """Say what changed between two runs, and why.

    RUN1 and RUN2 are names of runs, as run-0007, or periods: then the last run of each. What is
    compared: sources by their SHA-256, rules, contracts and rates, charges (of two runs of one
    period), breaks, and figures per currency. Nothing is rounded.

    \b
    Examples:
      trueup diff run-0006 run-0007
      trueup diff 2026-09 2026-10
    """  # noqa: D301  click keeps what follows a backspace as it stands
    workspace = desk.desk_of(file).workspace
    one, other = _run(workspace, run1), _run(workspace, run2)
    found = _compared(workspace, one, other, limit)
    if as_json:
        click.echo(sheet.to_json(found))
        return
    click.echo("\n".join(_lines(found)))


def _run(workspace: Workspace, name: str) -> Run:
    """The run of that name, or the last run of that period."""
    from trueup.errors import UsageError
    from trueup.period import parse_period

    if name.startswith(RUN_PREFIX) or not workspace.runs():
        return workspace.run(name)
    period = parse_period(name)
    run = workspace.last_run(period.start, period.end)
    if run is None:
        raise UsageError(
            f"{name}: it has no run in {workspace.folder}; `trueup run --period {name}` makes one"
        )
    return run


def _compared(workspace: Workspace, one: Run, other: Run, limit: int) -> dict[str, Any]:
    """Everything that is not the same, as JSON."""
    from trueup.controls import difference

    was, now = (
        {name: workspace.table(run.run_id, name).rows() for name in difference.FIGURES}
        for run in (one, other)
    )
    breaks = difference.break_changes(
        workspace.table(one.run_id, "breaks"), workspace.table(other.run_id, "breaks")
    )
    charges = _charges(workspace, one, other)
    figures = difference.figure_changes(was.__getitem__, now.__getitem__)
    return {
        "runs": [_head(one), _head(other)],
        "hashes": _changes(difference.changes(one.hashes, other.hashes)),
        "sources": _changes(difference.source_changes(one.inputs, other.inputs)),
        "rules": _changes(difference.changes(_rules(workspace, one), _rules(workspace, other))),
        "figures": [
            {
                "table": each.table,
                "figure": each.figure,
                "currency": each.currency,
                "before": _text(each.before),
                "after": _text(each.after),
                "difference": _text(each.difference),
            }
            for each in figures
        ],
        "charges": None if charges is None else charges[: limit or None],
        "charges_changed": None if charges is None else len(charges),
        "breaks": [_break(each) for each in breaks[: limit or None]],
        "breaks_changed": len(breaks),
    }


def _head(run: Run) -> dict[str, str]:
    from trueup.period import Period, iso

    return {"run": run.run_id, "period": str(Period(run.start, run.end)), "as_of": iso(run.as_of)}


def _rules(workspace: Workspace, run: Run) -> dict[str, Any]:
    """The rules that a run was given, as it was given them."""
    found: dict[str, Any] = json.loads(workspace.store.get(run.body["settings"]))["rules"]
    return found


def _charges(workspace: Workspace, one: Run, other: Run) -> list[dict[str, Any]] | None:
    """Items whose charges are others, largest money first; None for runs of two periods."""
    from trueup.carried import restated_between

    found = restated_between(workspace, one, other)
    if found is None:
        return None
    ranked = sorted(found, key=lambda row: (row["currency"], -abs(row["effective_delta"])))
    return [{name: _text(value) for name, value in row.items()} for row in ranked]


def _changes(found: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {"what": each.what, "name": each.name, "before": each.before, "after": each.after}
        for each in found
    ]


def _break(change: BreakChange) -> dict[str, Any]:
    row = change.row
    return {
        "what": change.what,
        "id": change.id,
        "class": row["class"],
        "currency": row["currency"],
        "before": _text(change.before),
        "after": _text(change.after),
    }


def _text(value: Any) -> Any:
    from datetime import datetime
    from decimal import Decimal

    from trueup.money import plain
    from trueup.period import iso

    if isinstance(value, Decimal):
        return plain(value, 2)
    return iso(value) if isinstance(value, datetime) else value


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for label, head in zip(("before", "after "), found["runs"], strict=True):
        yield f"{label}  {head['run']}  {head['period']}  known at {head['as_of']}"
    bound = [each["name"] for each in found["hashes"]]
    yield f"\nChanged: {', '.join(bound)}" if bound else "\nResult, rules, contracts, rates: same"
    if found["figures"]:
        yield "\n" + sheet.aligned(
            ("FIGURE", "", "BEFORE", "AFTER", "DIFFERENCE"),
            [
                (
                    f"{row['table']}.{row['figure']}",
                    *(row[name] for name in ("currency", "before", "after", "difference")),
                )
                for row in found["figures"]
            ],
            ("BEFORE", "AFTER", "DIFFERENCE"),
        )
    for title in ("sources", "rules"):
        if found[title]:
            yield f"\n{title.capitalize()}"
            yield from (f"  {row['what']}: {_legible(row['name'])}" for row in found[title])
    yield from _charge_lines(found)
    if found["breaks_changed"]:
        kinds = "new, cleared or changed" if found["charges"] is not None else "of one period alone"
        yield f"\nBreaks: {found['breaks_changed']:,} {kinds}"
        first, second = (head["run"] for head in found["runs"])
        alone = {"cleared": f"only in {first}", "new": f"only in {second}"}
        for row in found["breaks"]:
            what = row["what"] if found["charges"] is not None else alone.get(row["what"], "both")
            yield (
                f"  {what}: {row['id']} {row['class']} {row['before'] or '-'} -> "
                f"{row['after'] or '-'} {row['currency'] or ''}".rstrip()
            )


def _charge_lines(found: dict[str, Any]) -> Iterator[str]:
    if found["charges"] is None:
        yield "\nCharges: runs of two periods; those of one are compared item by item"
        return
    if not found["charges_changed"]:
        return
    count = found["charges_changed"]
    yield f"\nCharges: {'1 item' if count == 1 else f'{count:,} items'} restated"
    for row in found["charges"]:
        subject = row["resource_id"] or row["commitment_id"] or row["sku"] or row["service"] or "-"
        yield f"  {row['kind']}: {_legible(subject)} {row['period_start']} {_moved(row)}"


def _moved(row: dict[str, Any]) -> str:
    """The figure of an item that moved: its effective cost, else its billed cost or quantity."""
    figures = ("effective", "billed", "quantity")
    name = next((name for name in figures if Decimal(row[f"{name}_delta"] or 0)), "effective")
    unit = (row["unit"] or "-") if name == "quantity" else row["currency"]
    before, after, delta = (row[f"{name}_{when}"] for when in ("before", "after", "delta"))
    said = "" if name == "effective" else f"{name} "
    return f"{said}{before or '-'} -> {after or '-'} {unit} ({delta or '-'})"


def _legible(text: str) -> str:
    from trueup.model.display import legible

    return legible(text)
