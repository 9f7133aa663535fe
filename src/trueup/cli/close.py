"""``trueup close``: a period prepared by one person, approved by another, and packed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.cli.desk import Desk
    from trueup.controls.review import Review
    from trueup.period import Period

WRONG_USE = 2


def _period(ctx: click.Context, param: click.Parameter, value: str) -> Period:
    from trueup.errors import UsageError
    from trueup.period import parse_period

    try:
        return parse_period(value)
    except UsageError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command(name="close", epilog=EPILOG)
@click.argument("period", callback=_period)
@options.config
@click.option("--approve", "act", flag_value="approve", help="Approve what another prepared.")
@click.option("--reopen", "act", flag_value="reopen", help="Open a closed period; needs --reason.")
@click.option("--status", "act", flag_value="status", help="Say how far it is; change nothing.")
@click.option(
    "--accept",
    multiple=True,
    metavar="NAME=REASON",
    help="Accept an obstacle by its name; repeatable.",
)
@click.option("--reason", metavar="TEXT", help="Why it is reopened.")
@click.option(
    "--pack", type=click.Path(), metavar="FILE.zip", help="Write the evidence into one file."
)
@desk.key
@click.pass_context
def command(
    ctx: click.Context,
    period: Period,
    file: str,
    act: str | None,
    accept: tuple[str, ...],
    reason: str | None,
    pack: str | None,
    key: str | None,
) -> None:
    """Close a period: prepare, approve, reopen, pack.

    Without an option PERIOD is prepared; then another person approves it. Preparing binds the
    figures, rules, contracts and rates of the period's last run. It is refused with open
    material breaks, a partial run, figures that are not final and the like, each of which is
    listed with the option that accepts it. After approval the period is locked: what arrives
    later posts as a true-up into the open period. --pack writes one zip for reviewers.

    \b
    Examples:
      trueup close 2026-10 --key prepare.key
      trueup close 2026-10 --accept 'not_final:example=closed early'
      trueup close 2026-10 --approve --key approve.key
      trueup close 2026-10 --pack 2026-10.zip
      trueup close 2026-10 --reopen --reason "wrong rate table" --key approve.key
    """  # noqa: D301  click keeps what follows a backspace as it stands
    at_desk = desk.desk_of(file)
    if accept and act is not None:
        raise click.UsageError("--accept belongs to preparing: leave the other option out", ctx)
    if reason is not None and act != "reopen":
        raise click.UsageError("--reason belongs to --reopen", ctx)
    if not at_desk.workspace.folder.exists():
        click.echo(desk.NEVER_RUN, err=act != "status")
        ctx.exit(0 if act == "status" else WRONG_USE)
    if act == "status":
        _status(at_desk, period)
    elif act is not None or pack is None:
        _act(ctx, at_desk, period, act, accept, reason or "", key)
    if pack is not None:
        _pack(at_desk, period, Path(pack))


def _act(
    ctx: click.Context,
    at_desk: Desk,
    period: Period,
    act: str | None,
    accept: Sequence[str],
    reason: str,
    key: str | None,
) -> None:
    from trueup.workspace.lock import locked

    with locked(at_desk.workspace.folder, "trueup close"):
        if act == "reopen":
            _reopen(at_desk, period, reason, key)
        elif act == "approve":
            _approve(ctx, at_desk, period, key)
        else:
            _prepare(ctx, at_desk, period, accept, key)


def _prepare(
    ctx: click.Context, at_desk: Desk, period: Period, accept: Sequence[str], key: str | None
) -> None:
    from trueup.controls.closing import CLOSE, CLOSED, prepare_body, short
    from trueup.controls.obstacles import accepted_by_name
    from trueup.controls.principal import PREPARE
    from trueup.errors import UsageError

    found = _review(at_desk, period)
    name = short(period)
    if found.closing.status == CLOSED:
        raise UsageError(
            f"{name}: is {found.closing.said}; later figures post as true-ups, and "
            f'`trueup close {name} --reopen --reason "..."` opens it again'
        )
    actor = at_desk.actor(key)
    actor.must(PREPARE, f"preparing {name}", at_desk.config.person)
    reasons, left = accepted_by_name(found.obstacles, accept)
    _refuse(ctx, name, left)
    at_desk.append(CLOSE, prepare_body(found.run, actor.principal, reasons, found.decided), actor)
    click.echo(f"{name}: prepared by {actor.principal.text}, bound to {found.run.run_id}.")
    click.echo(f"Next, another person: `trueup close {name} --approve --key FILE`.")


def _approve(ctx: click.Context, at_desk: Desk, period: Period, key: str | None) -> None:
    from trueup.controls.closing import APPROVE, approve_body, short
    from trueup.controls.principal import APPROVE as MAY_APPROVE

    found = _review(at_desk, period)
    name, actor = short(period), at_desk.actor(key)
    actor.must(MAY_APPROVE, f"approving {name}", at_desk.config.person)
    body = approve_body(found.closing, actor.principal)
    accepted = found.closing.accepted
    _refuse(ctx, name, [one for one in found.obstacles if one.name not in accepted])
    at_desk.append(APPROVE, body, actor)
    click.echo(f"{name}: closed by {actor.principal.text}; its figures are locked.")
    _segregation(body["segregated"])


def _reopen(at_desk: Desk, period: Period, reason: str, key: str | None) -> None:
    from trueup.controls.closing import REOPEN, reopen_body, short
    from trueup.controls.principal import APPROVE
    from trueup.controls.review import closing_of

    name, actor = short(period), at_desk.actor(key)
    actor.must(APPROVE, f"reopening {name}", at_desk.config.person)
    body = reopen_body(closing_of(at_desk.workspace, period), actor.principal, reason)
    at_desk.append(REOPEN, body, actor)
    click.echo(f"{name}: open again, by {actor.principal.text}: {reason}")
    click.echo(f"Next: `trueup run --period {name}`; the last run still compares with the close.")


def _status(at_desk: Desk, period: Period) -> None:
    from trueup.controls.closing import CLOSED, short
    from trueup.controls.obstacles import refusal
    from trueup.model.display import legible, legible_lines

    found = _review(at_desk, period)
    click.echo(f"{short(period)}: {found.closing.said}")
    for name, reason in found.closing.accepted.items():
        click.echo(legible(f"  accepted {name}: {reason}"))
    left = [one for one in found.obstacles if one.name not in found.closing.accepted]
    if found.closing.status != CLOSED:
        ready = f"Nothing stands in the way of closing it; its last run is {found.run.run_id}."
        click.echo(legible_lines(refusal(short(period), left)) if left else ready)


def _pack(at_desk: Desk, period: Period, path: Path) -> None:
    from trueup.controls.closing import short
    from trueup.controls.pack import pack
    from trueup.report.atomic import replacing

    closing = _review(at_desk, period).closing
    content = pack(at_desk.workspace, closing, at_desk.rules)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    click.echo(f"{path}: {short(period)}, {closing.status}; {len(content):,} bytes.")
    click.echo("Whoever gets it unpacks it into an empty folder: `python -I verify.py`.")
    _segregation(closing.segregated)


def _segregation(shown: bool) -> None:
    from trueup.controls.pack_verifier import NO_EVIDENCE

    if not shown:
        click.echo(f"Note: {NO_EVIDENCE}.")


def _review(at_desk: Desk, period: Period) -> Review:
    from trueup.controls.review import review

    return review(at_desk.workspace, period, at_desk.rules, datetime.now(UTC))


def _refuse(ctx: click.Context, name: str, left: Sequence[Any]) -> None:
    from trueup.controls.obstacles import refusal
    from trueup.model.display import legible_lines

    if left:
        click.echo(legible_lines(refusal(name, left)), err=True)
        ctx.exit(WRONG_USE)
