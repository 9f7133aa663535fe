"""Options that several commands share, and the values they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click
from click.core import ParameterSource

from trueup.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.model.dataset import Dataset
    from trueup.period import Period

Command = TypeVar("Command", bound=Callable[..., Any])


def _folder(out: str) -> str:
    from trueup.config import is_url

    if is_url(out):
        raise UsageError(f"{out}: results are written to a folder of this machine: give its path")
    return out


def _read_by(
    reader: Callable[[str], Any],
) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """A callback that reads an option's text, and names the option where it is wrong."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return reader(value)
        except UsageError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return read


def _period(text: str) -> Period:
    from trueup.period import parse_period

    return parse_period(text)


def _instant(text: str) -> datetime:
    from trueup.period import parse_instant

    return parse_instant(text)


def _amount(text: str) -> Decimal:
    """An exact amount of money, zero or more."""
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise UsageError(f"{text!r} is not an amount; write it as 100 or 0.05") from error
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"{text!r} is not an amount of zero or more")
    return amount


def pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE of a repeatable option; only the first equals sign separates."""
    found: dict[str, str] = {}
    for text in values:
        name, separator, value = text.partition("=")
        name = name.strip()
        if not (separator and name and value):
            raise click.BadParameter(f"{text!r} is not {param.metavar}", ctx, param)
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice", ctx, param)
        found[name] = value
    return found


def refuse(why: str, *names: str) -> None:
    """Raise UsageError where the command line has one of these parameters, which do nothing."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if param.name in names and given:
            raise UsageError(f"{param.opts[-1]} has no effect {why}: leave it out")


class Reading(TypedDict):
    """How telemetry is read where its content does not say; empty where it does."""

    usage_format: str | None
    columns: dict[str, str]
    constants: dict[str, str]


def read_usage(paths: Sequence[str], reading: Reading) -> Dataset:
    """The telemetry of files; raises SourceError."""
    from trueup.api import reader_of

    return reader_of("usage")(
        list(paths),
        format=reading["usage_format"],
        columns=reading["columns"] or None,
        constants=reading["constants"] or None,
    )


read_instant = _read_by(_instant)
config = click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(),
    default="trueup.toml",
    show_default=True,
    metavar="FILE",
    help="The configuration.",
)
known_at = click.option(
    "--known-at",
    callback=_read_by(_instant),
    metavar="TIME",
    help="What was known then, from the workspace; nothing is asked.",
)
period = click.option(
    "--period",
    callback=_read_by(_period),
    metavar="P",
    help="2026-10, 2026-10-03, 2026-10-03T14 or START/END, in UTC, END not in it.",
)
as_of = click.option(
    "--as-of",
    callback=_read_by(_instant),
    metavar="TIME",
    help="The run's clock.  [default: now]",
)
engine = click.option(
    "--engine", type=click.Choice(["duckdb", "spark"]), help="Where to compute.  [default: duckdb]"
)
out = click.option(
    "--out",
    type=click.Path(file_okay=False),
    callback=_read_by(_folder),
    metavar="DIR",
    help="Write result.json, report.html, report.xlsx and Parquet here.",
)
fail_on_breaks = click.option(
    "--fail-on-breaks/--no-fail-on-breaks",
    default=None,
    help="Exit with 1 when there are material breaks.",
)
material_amount = click.option(
    "--material-amount",
    callback=_read_by(_amount),
    metavar="AMOUNT",
    help="Breaks of at least this amount, in their own currency, are material.  [default: any]",
)
_reading = (
    click.option(
        "--usage-format",
        metavar="NAME",
        help="How to read the telemetry.  [default: by its content]",
    ),
    click.option(
        "--usage-column",
        "columns",
        callback=pairs,
        multiple=True,
        metavar="NAME=COLUMN",
        help="A usage column and the file's column for it; repeatable.",
    ),
    click.option(
        "--usage-constant",
        "constants",
        callback=pairs,
        multiple=True,
        metavar="NAME=VALUE",
        help="A usage column and its value for the whole file; repeatable.",
    ),
)


def reading(command: Command) -> Command:
    """Give a command the options of ``Reading``."""
    for option in reversed(_reading):
        command = option(command)
    return command
