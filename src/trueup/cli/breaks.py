"""``trueup breaks``: what does not agree, how old it is, and what was decided about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.cli.desk import Desk
    from trueup.controls.lifecycle import BreakState
    from trueup.period import Period

STATES = ("open", "explained", "written_off", "deferred", "cleared")
SHOWN = 50
HEAD = ("ID", "CLASS", "AMOUNT", "", "STATE", "AGE", "OWNER", "PROVIDER", "SUBJECT", "SINCE")


class Given(TypedDict):
    """What a decision was given on the command line."""

    file: str
    key: str | None


class Wanted(TypedDict):
    """Which breaks a list is of."""

    states: tuple[str, ...]
    classes: tuple[str, ...]
    owner: str | None
    period: Period | None


@click.group(name="breaks", epilog=EPILOG)
def command() -> None:
    """Show breaks with their state and age; decide on them.

    A break is cleared by a run that no longer finds it. All else is decided by a person, and kept
    in the workspace's journal with who and when.

    \b
    Examples:
      trueup breaks list
      trueup breaks show 1a2b3c
      trueup breaks explain 1a2b3c --note "test cluster"
    """  # noqa: D301  click keeps what follows a backspace as it stands


@command.command(name="list", epilog=EPILOG)
@options.config
@click.option(
    "--state",
    "states",
    type=click.Choice([*STATES, "all"]),
    multiple=True,
    help="Only these; repeatable.  [default: all but cleared]",
)
@click.option("--class", "classes", multiple=True, help="Only this class of break; repeatable.")
@click.option("--owner", help="Only those of this owner.")
@options.period
@options.known_at
@click.option(
    "--limit", type=click.IntRange(0), default=SHOWN, show_default=True, help="0: show all."
)
@desk.as_json
def listed(
    file: str,
    known_at: datetime | None,
    limit: int,
    as_json: bool,
    **wanted: Unpack[Wanted],
) -> None:
    """List breaks by money, per currency, with state, age and owner.

    \b
    Examples:
      trueup breaks list
      trueup breaks list --state open --class quantity --period 2026-10
    """  # noqa: D301  click keeps what follows a backspace as it stands
    at_desk = desk.desk_of(file)
    found = _ranked(_filtered(_states(at_desk, known_at, wanted["period"]).values(), **wanted))
    if as_json:
        click.echo(_json([_plain(state) for state in found]))
        return
    shown = found[: limit or len(found)]
    click.echo(sheet.aligned(HEAD, [_line(state) for state in shown], ("AMOUNT", "AGE")))
    if not at_desk.workspace.runs(known_at):
        click.echo(desk.NEVER_RUN)
    elif not found:
        click.echo(_none_of(list(_states(at_desk, known_at).values())))
    if len(found) > len(shown):
        click.echo(f"and {len(found) - len(shown):,} more: --limit 0 shows them")


@command.command(name="show", epilog=EPILOG)
@click.argument("break_id", metavar="ID")
@options.config
@options.known_at
@desk.as_json
def show(break_id: str, file: str, known_at: datetime | None, as_json: bool) -> None:
    """Show everything about a break: figures, history, and the rows of both sides.

    ID may be the beginning of an id. Each row is told by file, SHA-256 and row number.

    \b
    Examples:
      trueup breaks show 1a2b3c
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.controls.history import history
    from trueup.controls.knowledge import break_named, decisions, sightings
    from trueup.controls.origin import origins

    at_desk = desk.desk_of(file)
    state = break_named(_states(at_desk, known_at), break_id)
    workspace = at_desk.workspace
    entries = workspace.journal.entries(known_at)
    events = history(state.id, sightings(workspace, entries), decisions(entries))
    rows = origins(workspace, state.last_run, state.id)
    if as_json:
        whole = {
            **_plain(state),
            "history": [_values(vars(event)) for event in events],
            "rows": [vars(row) for row in rows],
        }
        click.echo(_json(whole))
        return
    width = max(len(name) for name in _plain(state))
    for name, value in _plain(state).items():
        if value not in (None, []):
            text = ", ".join(value) if isinstance(value, list) else str(value)
            click.echo(f"{name.ljust(width)}  {_legible(text)}")
    click.echo("\nHistory")
    for event in events:
        click.echo(f"  {_values(event.at)}  {_legible(event.by)}: {_legible(event.what)}")
    click.echo("\nRows")
    if not rows:
        click.echo(f"  {state.last_run} kept no rows of it.")
    for row in rows:
        click.echo(f"  {row.side}: {_legible(row.source)} row {row.row}, sha256 {row.sha256}")
        for name, text in (row.values or {}).items():
            click.echo(f"    {_legible(name)}: {_legible(text)}")


@command.command(name="explain", epilog=EPILOG)
@click.argument("break_id", metavar="ID")
@click.option("--note", required=True, help="Why it is right as it is.")
@options.config
@desk.key
def explain(break_id: str, note: str, **given: Unpack[Given]) -> None:
    """Say why a break is right as it is.

    \b
    Examples:
      trueup breaks explain 1a2b3c --note "test cluster, its meter is off until December"
    """  # noqa: D301  click keeps what follows a backspace as it stands
    _decide("explain", break_id, given, note=note)


@command.command(name="write-off", epilog=EPILOG)
@click.argument("break_id", metavar="ID")
@click.option("--note", required=True, help="Why the money is given up.")
@options.config
@desk.key
def write_off(break_id: str, note: str, **given: Unpack[Given]) -> None:
    """Give up the money of a break.

    Above `[controls] write_off_limit`, and where there is none, that needs the key of a person
    who may approve.

    \b
    Examples:
      trueup breaks write-off 1a2b3c --note "2.30, not worth a ticket"
    """  # noqa: D301  click keeps what follows a backspace as it stands
    _decide("write_off", break_id, given, note=note)


@command.command(name="defer", epilog=EPILOG)
@click.argument("break_id", metavar="ID")
@click.option(
    "--until",
    required=True,
    callback=options.read_instant,
    metavar="TIME",
    help="When it is open again, unless a run cleared it.",
)
@click.option("--note", help="What is waited for.")
@options.config
@desk.key
def defer(break_id: str, until: datetime, note: str | None, **given: Unpack[Given]) -> None:
    """Put a break off until a date.

    \b
    Examples:
      trueup breaks defer 1a2b3c --until 2026-12-08 --note "a credit note is promised"
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.errors import UsageError
    from trueup.period import iso

    clock = desk.desk_of(given["file"]).clock
    if until <= clock:
        raise UsageError(
            f"--until {iso(until)}: has passed at the clock, {iso(clock)}: the break would be open "
            "as before; give a later day"
        )
    _decide("defer", break_id, given, until=until, note=note)


@command.command(name="assign", epilog=EPILOG)
@click.argument("break_id", metavar="ID")
@click.argument("owner")
@options.config
@desk.key
def assign(break_id: str, owner: str, **given: Unpack[Given]) -> None:
    """Say who looks after a break.

    \b
    Examples:
      trueup breaks assign 1a2b3c platform-team
    """  # noqa: D301  click keeps what follows a backspace as it stands
    _decide("assign", break_id, given, owner=owner)


def _decide(action: str, break_id: str, given: Given, **said: Any) -> None:
    """Put a decision into the journal, and say what the break is now."""
    from trueup.controls.decision import KIND, WRITE_OFF, Decision, check_write_off
    from trueup.controls.knowledge import break_named
    from trueup.controls.lifecycle import CLEARED
    from trueup.errors import UsageError
    from trueup.workspace.lock import locked

    at_desk = desk.desk_of(given["file"])
    break_named(_states(at_desk), break_id)  # before a lock is made where nothing ever ran
    with locked(at_desk.workspace.folder, "trueup breaks"):
        state = break_named(_states(at_desk), break_id)
        if state.state == CLEARED:
            raise UsageError(f"break {state.id}: {state.reason}; there is nothing to decide")
        actor = at_desk.actor(given["key"])
        amount, currency = state.row["amount"], state.row["currency"]
        decision = Decision(
            0, datetime.now(UTC), state.id, action, actor.principal, amount, currency, **said
        )
        if action == WRITE_OFF:
            check_write_off(
                decision, at_desk.config.controls.write_off_limit, actor, at_desk.config.person
            )
        at_desk.append(KIND, decision.body(), actor)
    click.echo(f"{state.id}: {decision.state}, by {actor.principal.text}.")


def _states(
    at_desk: Desk, known_at: datetime | None = None, period: Period | None = None
) -> dict[str, BreakState]:
    from trueup.controls.knowledge import known_states, label

    entries = at_desk.workspace.journal.entries(known_at)
    wanted = None if period is None else label(period)
    clock = known_at or at_desk.clock
    return known_states(at_desk.workspace, at_desk.rules, clock, entries, wanted)


def _filtered(
    found: Iterable[BreakState],
    states: Sequence[str],
    classes: Sequence[str],
    owner: str | None,
    period: Period | None,
) -> list[BreakState]:
    """Those wanted; ``period`` chose the runs already."""
    del period
    shown = STATES if "all" in states else states or STATES[:-1]
    return [
        state
        for state in found
        if state.state in shown
        and (not classes or state.row["class"] in classes)
        and (owner is None or state.owner == owner)
    ]


def _none_of(known: Sequence[BreakState]) -> str:
    """What to say of an empty list: how many breaks the options leave out, and of which classes."""
    if not known:
        return "No run found a break."
    classes = ", ".join(sorted({state.row["class"] for state in known}))
    count = f"{len(known):,} of class {classes}"
    return f"No break fits these options; there are {count}: `trueup breaks list --state all`."


def _ranked(found: Sequence[BreakState]) -> list[BreakState]:
    """Per currency, largest money first; amounts not known last."""

    def rank(state: BreakState) -> tuple[Any, ...]:
        amount, currency = state.row["amount"], state.row["currency"]
        return (currency is None, currency or "", amount is None, -abs(amount or 0), state.id)

    return sorted(found, key=rank)


def _line(state: BreakState) -> tuple[str, ...]:
    row = state.row
    amount = "-" if row["amount"] is None else _values(row["amount"])
    subject = next((row[name] for name in SUBJECTS if row[name]), "-")
    since = f"{state.first_seen:%Y-%m-%d}"
    return (
        *(state.id, row["class"], amount, row["currency"] or "-", state.state),
        *(f"{state.age_days} d", state.owner or "-", row["provider"] or "-", subject, since),
    )


SUBJECTS = ("commitment_id", "subject", "resource_id", "model", "account_id")


def _plain(state: BreakState) -> dict[str, Any]:
    """Everything about a break, as JSON."""
    known = {**state.row, **state.as_row(), "periods": list(state.periods), "run": state.last_run}
    return {name: _values(value) for name, value in known.items()}


def _values(value: Any) -> Any:
    from trueup.money import plain
    from trueup.period import iso

    if isinstance(value, dict):
        return {name: _values(item) for name, item in value.items()}
    if isinstance(value, Decimal):
        return plain(value, 2)
    return iso(value) if isinstance(value, datetime) else value


def _legible(text: str) -> str:
    from trueup.model.display import legible

    return legible(text)


def _json(value: object) -> str:
    return sheet.to_json(value)
