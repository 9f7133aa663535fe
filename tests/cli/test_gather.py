"""One or more paths after one flag, as a shell expands a pattern."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from trueup.cli.gather import GatheringCommand, PathsOption


@click.command(cls=GatheringCommand)
@click.option("--charges", "-b", cls=PathsOption, required=True)
@click.option("--usage", cls=PathsOption)
@click.option("--out")
@click.option("--flag", is_flag=True)
@click.argument("rest", nargs=-1)
def command(
    charges: tuple[str, ...],
    usage: tuple[str, ...],
    out: str | None,
    flag: bool,
    rest: tuple[str, ...],
) -> None:
    click.echo(repr((charges, usage, out, flag, rest)))


def given_to(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("--charges a", (("a",), (), None, False, ())),
        ("--charges a b c", (("a", "b", "c"), (), None, False, ())),
        ("--charges a b --usage u v --out o", (("a", "b"), ("u", "v"), "o", False, ())),
        ("--out o --charges a b --flag", (("a", "b"), (), "o", True, ())),
        ("--charges a --usage u --charges b c", (("a", "b", "c"), ("u",), None, False, ())),
        ("-b a b", (("a", "b"), (), None, False, ())),
        ("--charges=a --usage=u", (("a",), ("u",), None, False, ())),
        ("--charges a - b", (("a", "-", "b"), (), None, False, ())),
        ("--charges a -- x --usage", (("a",), (), None, False, ("x", "--usage"))),
    ],
)
def test_paths_are_gathered(args: str, expected: tuple[object, ...]) -> None:
    """All arguments up to the next option belong to the flag, however often it is given."""
    found = given_to(*args.split())
    assert (found.output, found.exit_code) == (f"{expected!r}\n", 0)


@pytest.mark.parametrize("args", ["--charges", "--charges --out o", "--charges a --usage --flag"])
def test_a_flag_without_a_path_is_wrong_use(args: str) -> None:
    """The option is named instead of taking the next option for a path."""
    found = given_to(*args.split())
    assert found.exit_code == 2
    assert "needs at least one path" in found.output


def test_a_path_with_spaces_stays_one() -> None:
    """Only the shell splits arguments."""
    found = given_to("--charges", "my bill.csv", "b.csv")
    assert "('my bill.csv', 'b.csv')" in found.output


def test_help_shows_that_more_than_one_may_follow() -> None:
    """The metavar says so."""
    assert "--charges F..." in given_to("--help").output.replace("-b, ", "")


NAMES = st.text("abc*/. é", min_size=1, max_size=6)


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_grouping_gives_the_same_paths(groups: list[list[str]]) -> None:
    """However paths are spread over flags, all arrive, in order."""
    args = [argument for group in groups for argument in ("--charges", *group)]
    paths = tuple(path for group in groups for path in group)
    assert given_to(*args).output == f"{(paths, (), None, False, ())!r}\n"
