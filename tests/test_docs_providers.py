"""The page of fields says of every column, of every provider, what the code reads."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from trueup.adapter.feed import COMMITMENTS, TABLES, Feed
from trueup.adapter.registry import providers
from trueup.fetch.feeds import columns_of
from trueup.fetch.settings import connector_of

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "providers.md"
TEXT = PAGE.read_text(encoding="utf-8")
GIVEN = (COMMITMENTS, *TABLES)
CANNOT = "cannot tell"


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, its header first."""
    body = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells[0], *cells[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def sources(provider: str) -> str:
    """All that the provider's folder holds but what is written for people."""
    folder = files(f"trueup.providers.{provider}")
    read = (file for file in folder.iterdir() if file.name.endswith((".py", ".sql")))
    return "\n".join(file.read_text(encoding="utf-8") for file in read)


def cells() -> list[tuple[str, str, str, str]]:
    """Section, column, provider and cell of each table."""
    return [
        (section, row[0], provider, cell)
        for section in (*GIVEN, "charges")
        for header, *body in [rows(section)]
        for row in body
        for provider, cell in zip(header[1:], row[1:], strict=True)
    ]


@pytest.mark.parametrize("table", GIVEN)
def test_every_column_of_the_model_has_a_row(table: str) -> None:
    """A table that feeds give lists its columns, in their order."""
    assert [named(row[0]) for row in rows(table)[1:]] == [[one] for one in columns_of(table)]


@pytest.mark.parametrize("table", [*GIVEN, "charges"])
def test_every_provider_has_a_column_and_no_cell_is_empty(table: str) -> None:
    """What a provider cannot tell is said, not left out."""
    header, *body = rows(table)
    assert [named(cell) for cell in header[1:]] == [[name] for name in providers()]
    assert [row for row in body if len(row) != len(header) or not all(row)] == []


def test_every_operation_has_its_place() -> None:
    """Each feed and export has a row with every operation that it declares, and no other."""
    told = {
        (*named(row[0]), *named(row[1]), row[2]): {*named(row[3])} for row in rows("Operations")[1:]
    }
    declared = {
        (name, one.name, one.gives if isinstance(one, Feed) else "charges"): {*one.operations}
        - {one.name}
        for name in providers()
        for one in connector_of(name).sources
    }
    assert told.keys() == declared.keys()
    for source, operations in declared.items():
        assert (source, told[source] - {"cud_subscriptions_export"}) == (source, operations)


def test_what_feeds_declare_as_unknown_is_told() -> None:
    """A column that a feed cannot fill says so in its provider's cell."""
    told = {(column, provider): cell for _, column, provider, cell in cells()}
    for name in providers():
        for feed in connector_of(name).feeds:
            for column in feed.unknown:
                cell = told[f"`{column}`", f"`{name}`"]
                assert (name, column, CANNOT in cell) == (name, column, True)


@pytest.mark.parametrize("table", TABLES)
def test_who_gives_nothing_of_a_table_cannot_tell_it(table: str) -> None:
    """A provider without a feed of a table has no field in it; one with a feed has."""
    for name in providers():
        gives = any(feed.gives == table for feed in connector_of(name).feeds)
        mine = [cell for section, _, who, cell in cells() if (section, who) == (table, f"`{name}`")]
        assert (name, set(mine) == {CANNOT}) == (name, not gives)


@pytest.mark.parametrize("provider", list(providers()))
def test_every_field_is_one_that_the_code_reads(provider: str) -> None:
    """Each part of a field stands in the source of its provider's folder."""
    known = set(re.findall(r"\w+", sources(provider)))
    strange = [
        (column, field)
        for _, column, who, cell in cells()
        if who == f"`{provider}`"
        for field in named(cell)
        if not set(re.findall(r"\w+", field)) <= known
    ]
    assert strange == []
