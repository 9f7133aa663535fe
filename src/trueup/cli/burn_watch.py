"""``trueup burn --watch``: a line, or on a terminal the whole table, as telemetry grows."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli import desk, options, sheet
from trueup.cli.burn import history, lines, tables_of
from trueup.cli.history import names_of_commitments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from trueup.burn.burn import Burn
    from trueup.cli.desk import Desk
    from trueup.config import Configuration
    from trueup.watch.growing_file import How
    from trueup.watch.watch import Known, Watch


def follow(
    at_desk: Desk,
    files: Sequence[str],
    every: float,
    times: int | None,
    by: str | None,
    as_json: bool,
    reading: options.Reading,
) -> None:
    """Look at the files every so many seconds, so many times or until Ctrl-C; then the table."""
    watch = watch_of(at_desk, files, reading)
    names = names_of_commitments(at_desk.workspace)
    if not at_desk.workspace.runs():
        click.echo(desk.NEVER_RUN, err=True)
    try:
        for burn in _looks(at_desk, watch, every, times):
            _show(watch, burn, by, None if as_json else names)
    finally:
        watch.close()
    if not as_json and not sys.stdout.isatty():
        click.echo("\n".join(["", *lines(watch.burn(_clock(at_desk, watch)), by, names)]))


def _looks(at_desk: Desk, watch: Watch, every: float, times: int | None) -> Iterator[Burn]:
    """The burn after every look that found something, and after the first."""
    done = 0
    try:
        while True:
            if watch.look() or not done:
                yield watch.burn(_clock(at_desk, watch))
            done += 1
            if done == times:
                return
            time.sleep(every)
    except KeyboardInterrupt:
        return


def watch_of(at_desk: Desk, files: Sequence[str], reading: options.Reading) -> Watch:
    """The watch of files, read as they are said to be, after what runs know."""
    from trueup.watch.growing_file import GrowingFile
    from trueup.watch.watch import Watch

    growing = [GrowingFile(Path(file), how_of(at_desk.config, file, reading)) for file in files]
    return Watch(growing, _known(at_desk), at_desk.rules)


def how_of(config: Configuration, file: str, reading: options.Reading) -> How:
    """As the options say; without any, as the first ``[[usage]]`` entry that names the file."""
    from trueup.watch.growing_file import How

    if any(reading.values()):
        return How(reading["usage_format"], reading["columns"], reading["constants"])
    path = Path(file).resolve()
    for entry in config.usage:
        for name in entry.paths:
            located = Path(config.located(name)).resolve()
            if path == located or fnmatch(str(path), str(located)):
                return How(entry.format, entry.columns, entry.constants)
    return How()


def _known(at_desk: Desk) -> Known:
    from trueup.watch.watch import Known

    tables, runs = history(at_desk.workspace)
    if not runs:
        return Known(tables, None, datetime.min.replace(tzinfo=UTC))
    last = runs[-1]
    looked = last.as_of.replace(minute=0, second=0, microsecond=0)
    return Known(tables, runs[0].start, min(last.end, looked, _seen(tables["spend"], last.end)))


def _seen(spend: pa.Table, end: datetime) -> datetime:
    """Until when runs saw anything billed or metered: what came later they do not know."""
    import pyarrow as pa
    import pyarrow.compute as pc

    length = pc.subtract(spend["end"], spend["start"])
    short = spend.filter(pc.less_equal(length, pa.scalar(timedelta(days=1), pa.duration("us"))))
    seen: datetime | None = pc.max(short["end"]).as_py()
    return end if seen is None else seen


def _clock(at_desk: Desk, watch: Watch) -> datetime:
    """Now; with a clock in the configuration that, or the last hour of telemetry if later."""
    fixed = at_desk.config.run.as_of
    if fixed is None:
        return datetime.now(UTC)
    return max(fixed, watch.latest or fixed)


def _show(watch: Watch, burn: Burn, by: str | None, names: Mapping[str, str] | None) -> None:
    """A look, with the names of commitments for a person; without, a line of JSON."""
    for file in watch.files:
        for said in file.said:
            click.echo(said, err=True)
        file.said.clear()
    if names is None:
        metered, gap = watch.metered, watch.gap
        counts = {name: getattr(metered, name) for name in ("rows", "rejected", "known", "unread")}
        told = {
            **counts,
            "accrued": {currency: whole for currency, (whole, _) in watch.accrued().items()},
            "gap": gap and {"start": gap.start, "end": gap.end},
            **tables_of(burn, by),
        }
        click.echo(sheet.to_json(told, indent=None))
        return
    if sys.stdout.isatty():
        click.clear()
        click.echo("\n".join([*lines(burn, by, names), ""]))
    click.echo(line(watch))


def line(watch: Watch) -> str:
    """How much was read, and what of it is accrued by currency, in all and in the last hour."""
    from trueup.model.display import legible
    from trueup.report.numbers import count

    metered = watch.metered
    parts = [count(metered.rows, "row")]
    for rows, text in (
        (metered.rejected, "rejected"),
        (metered.known, "of hours that runs know already"),
        (metered.unread, "in a unit that is not their meter's"),
    ):
        parts += [f"{rows:,} {text}"] if rows else []
    for currency, (whole, hour) in watch.accrued().items():
        parts.append(
            f"{sheet.amount(whole)} {currency} accrued, {sheet.amount(hour)} in the last hour"
        )
    if watch.prices.unpriced:
        things = sorted({f"{one.meter} of {one.provider}" for one in watch.prices.unpriced})
        parts.append(f"without a [[rules.rate]]: {legible(', '.join(things))}")
    if watch.gap is not None:
        start, end = (f"{at:%Y-%m-%d %H:%M}" for at in (watch.gap.start, watch.gap.end))
        parts.append(f"nothing is known from {start} to {end}: no rate reaches over it")
    return "; ".join(parts)
