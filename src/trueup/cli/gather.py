"""Options that take one or more paths after one flag, as a shell expands ``--charges bills/*``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click


class PathsOption(click.Option):
    """An option whose values are all arguments up to the next option; it may be repeated."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{"metavar": "F...", "multiple": True, **attributes})


class GatheringCommand(click.Command):
    """A command that gives each ``PathsOption`` all the paths that follow its flag."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        gathering = [option for option in self.params if isinstance(option, PathsOption)]
        flags = {flag for option in gathering for flag in option.opts}
        return super().parse_args(ctx, list(_spread(args, flags, ctx)))


def _spread(args: Sequence[str], flags: set[str], ctx: click.Context) -> Iterator[str]:
    """Repeat the flag before each of its values: ``-f a b`` becomes ``-f a -f b``."""
    position = 0
    while position < len(args):
        flag = args[position]
        position += 1
        if flag == "--":
            yield flag
            yield from args[position:]
            return
        if flag not in flags:
            yield flag
            continue
        end = position
        while end < len(args) and not _is_flag(args[end]):
            end += 1
        if end == position and not ctx.resilient_parsing:
            raise click.BadOptionUsage(flag, f"Option {flag!r} needs at least one path.", ctx)
        for value in args[position:end]:
            yield flag
            yield value
        position = end


def _is_flag(argument: str) -> bool:
    return argument.startswith("-") and argument != "-"
