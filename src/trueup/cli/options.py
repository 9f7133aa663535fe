"""Options that several commands share, and the values they take."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trueup.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.period import Period

Command = TypeVar("Command", bound=Callable[..., Any])


class PeriodValue(click.ParamType):
    """A period in any of its written forms."""

    name = "period"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Period:
        from trueup.period import parse_period

        try:
            return parse_period(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class InstantValue(click.ParamType):
    """An instant; UTC where it names no zone."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        from trueup.period import parse_instant

        try:
            return parse_instant(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class AmountValue(click.ParamType):
    """An exact amount of money, zero or more."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount; write it as 100 or 0.05", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of zero or more", param, ctx)
        return amount


class PairValue(click.ParamType):
    """NAME=VALUE; only the first equals sign separates."""

    name = "pair"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, separator, rest = str(value).partition("=")
        if not (separator and name.strip() and rest):
            self.fail(f"{value!r} is not NAME=VALUE, such as model=gpt-x", param, ctx)
        return name.strip(), rest


period = click.option(
    "--period",
    type=PeriodValue(),
    metavar="P",
    help="2026-10, 2026-10-03, 2026-10-03T14 or START/END, in UTC, END not in it.",
)
as_of = click.option(
    "--as-of", type=InstantValue(), metavar="TIME", help="The run's clock.  [default: now]"
)
engine = click.option(
    "--engine", type=click.Choice(["duckdb", "spark"]), help="Where to compute.  [default: duckdb]"
)
out = click.option(
    "--out",
    type=click.Path(file_okay=False),
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
    type=AmountValue(),
    metavar="AMOUNT",
    help="Breaks of at least this amount, in their own currency, are material.  [default: any]",
)
