"""The documentation says what the code does: commands, keys, columns and links are compared."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pyarrow as pa
import pytest
from pydantic import BaseModel

import trueup
from trueup.adapter.registry import telemetry_readers
from trueup.cli.app import app
from trueup.config import Configuration
from trueup.focus.contract import Contract
from trueup.model import plan_schema, spend_schema
from trueup.model.rules import Rules
from trueup.model.schema import METERS, RESULT_TABLES, USAGE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
WRITTEN = [*PAGES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def sections(page: str, level: int = 2) -> dict[str, str]:
    """The text under each heading of one level, by heading without backticks."""
    parts = re.split(rf"(?m)^{'#' * level} (.+)$", text_of(REFERENCE / page))
    return {
        title.strip().strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def first_cells(body: str) -> list[str]:
    """The names in the first column of the tables of a section."""
    cells = re.findall(r"(?m)^\| *(`[^|]+`) *\|", body)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(app)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {part}", inner) for part, inner in command.commands.items())
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield name, command


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


def keys(model: type[BaseModel], top: str) -> Iterator[tuple[str, set[str]]]:
    """Each table of a configuration by name, with the keys that it may have."""
    fields = {n: field for n, field in model.model_fields.items() if not field.exclude}
    yield top, {field.alias or n for n, field in fields.items()}
    for name in sorted(fields):
        for inner in models(fields[name].annotation):
            if inner is not Rules or model is Rules:
                yield from keys(inner, name)


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_and_option_is_documented(name: str) -> None:
    """A command's section lists each of its options in every spelling, and no other."""
    command = dict(commands())[name]
    body = sections("commands.md")[f"trueup {name}"]
    options = {
        flag
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    documented = {
        flag for cell in first_cells(body) for flag in re.findall(r"(?<![\w-])--?[\w-]+", cell)
    }
    assert documented - {"-h", "--help"} == options


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_argument_is_documented(name: str) -> None:
    """A command's section names what the command takes besides options, as its help does."""
    command = dict(commands())[name]
    body = sections("commands.md")[f"trueup {name}"]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    shown = [each.make_metavar(click.Context(command)).strip("[].") for each in arguments]
    assert [each for each in shown if not re.search(rf"`[^`]*\b{each}\b[^`]*`", body)] == []


def test_no_command_is_documented_that_is_gone() -> None:
    """The commands page has a section for each command, and for nothing else but exit codes."""
    assert {*sections("commands.md")} == {f"trueup {name}" for name, _ in commands()} | {
        "Exit codes"
    }


def test_every_option_of_all_commands_is_documented() -> None:
    """What `trueup` itself takes stands before the first section."""
    before = text_of(REFERENCE / "commands.md").partition("\n## ")[0]
    flags = [flag for parameter in app.params for flag in parameter.opts]
    assert flags == ["--version"]
    assert "`trueup --version`" in before


def test_every_exit_code_is_documented() -> None:
    """The commands page has a row for each exit code from 0 to 4."""
    assert first_cells(sections("commands.md")["Exit codes"]) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("name", [None, "run", "reconcile", "doctor"])
def test_help_tells_the_exit_codes_as_the_reference_does(name: str | None) -> None:
    """Each code stands under the help with the words of the commands page."""
    command = app if name is None else dict(commands())[name]
    rows = re.findall(r"(?m)^\| `(\d)` \| (.+) \|$", sections("commands.md")["Exit codes"])
    shown = " ".join(command.get_help(click.Context(command)).split())
    assert len(rows) == 5
    assert [row for row in rows if f"{row[0]} {row[1].replace('`', '')}" not in shown] == []


@pytest.mark.parametrize(("table", "known"), list(keys(Configuration, "Top level")))
def test_every_configuration_key_is_documented(table: str, known: set[str]) -> None:
    """A table's section lists each of its keys, and no other."""
    assert set(first_cells(sections("configuration.md")[table])) - {"path"} == known


def test_no_table_of_keys_is_documented_that_is_gone() -> None:
    """Each section of the pages is a table that may be configured, or prose named here."""
    assert {*sections("configuration.md")} == {name for name, _ in keys(Configuration, "Top level")}
    prose = {"Policies of chargeback"}
    assert {*sections("rules.md")} == {name for name, _ in keys(Rules, "Top level")} | prose


@pytest.mark.parametrize(("table", "known"), list(keys(Rules, "Top level")))
def test_every_rules_key_is_documented(table: str, known: set[str]) -> None:
    """A table's section lists each of its keys, and no other."""
    assert set(first_cells(sections("rules.md")[table])) == known


def test_every_variable_is_documented() -> None:
    """The pages name each variable of the environment that trueup reads, and none that nobody does.

    What follows `env:` is a name that the user chose.
    """

    def read_in(folder: str) -> set[str]:
        modules = map(text_of, (ROOT / folder).rglob("*.py"))
        return {name for text in modules for name in re.findall(r'"(TRUEUP_\w+)"', text)}

    named = {*re.findall(r"(?<!env:)\bTRUEUP_\w+", "".join(map(text_of, PAGES)))}
    assert read_in("src") <= named <= read_in("src") | read_in("tests")


def test_every_contract_key_is_documented() -> None:
    """The formats page lists each key of a contract typed by hand, and no other."""
    body = sections("formats.md", level=3)["Contracts by hand"].partition("## ")[0]
    assert set(first_cells(body)) == set(Contract.model_fields)


# Made on request and in no file of a run, with the schemas of what is made.
MADE: dict[str, tuple[pa.Schema, ...]] = {
    "burn": (spend_schema.BURNED, spend_schema.BURN, spend_schema.RUNWAY),
    "anomalies": (spend_schema.ANOMALIES,),
    "efficiency": (spend_schema.EFFICIENCY,),
    "drivers": (spend_schema.DRIVERS,),
    "unused_trace": (spend_schema.UNUSED_TRACE,),
    "Plan": (plan_schema.OFFERS, plan_schema.CURVE, plan_schema.IN_FORCE, plan_schema.LEFT_OUT),
}


@pytest.mark.parametrize("table", list(RESULT_TABLES))
def test_every_result_column_is_documented(table: str) -> None:
    """A result table's section lists its columns, in their order."""
    assert first_cells(sections("tables.md")[table]) == RESULT_TABLES[table].names


@pytest.mark.parametrize("table", MADE)
def test_every_column_made_on_request_is_documented(table: str) -> None:
    """A section has the columns of its tables, in their order, one table after another."""
    columns = [name for schema in MADE[table] for name in schema.names]
    assert first_cells(sections("tables.md")[table]) == columns


def test_no_table_is_documented_that_is_gone() -> None:
    """The tables page has a section for each table, and for nothing else but usage."""
    assert {*sections("tables.md")} == {*RESULT_TABLES, *MADE, "Usage"}


def test_every_usage_column_and_meter_is_documented() -> None:
    """The usage section lists the columns in their order, and every meter."""
    body = sections("tables.md")["Usage"]
    schema: pa.Schema = USAGE
    assert first_cells(body) == schema.names
    assert [meter for meter in METERS if f"`{meter}`" not in body] == []


def test_every_telemetry_format_is_documented() -> None:
    """The formats page names each telemetry reader that is installed."""
    body = text_of(REFERENCE / "formats.md")
    assert [name for name in telemetry_readers() if f"`{name}`" not in body] == []


def test_every_public_name_is_documented() -> None:
    """The Python page documents each name of `trueup.__all__`."""
    body = text_of(REFERENCE / "python.md")
    missing = []
    for name in trueup.__all__:
        home = getattr(trueup, name)
        module = getattr(home, "__module__", None)
        if f"{module}.{name}" in body or f"automodule:: {module}" in body or f"`{name}`" in body:
            continue
        missing.append(name)
    assert missing == []


def test_the_schema_of_the_result_is_valid_json() -> None:
    """result.schema.json names every result table but those that the page says are left out."""
    schema = json.loads(text_of(REFERENCE / "result.schema.json"))
    absent = set(RESULT_TABLES) - set(schema["properties"])
    (sentence,) = re.findall(r"[^.]* are not in it", text_of(REFERENCE / "result-json.md"))
    assert absent == set(re.findall(r"`(\w+)`", sentence))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page points at a file, and its anchor at a heading there."""
    broken = []
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", text_of(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", text_of(page))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    """No page of the documentation is out of reach of its index."""
    index = text_of(DOCS / "index.md")
    named = {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES} - {"index"}
    assert {name for name in named if name not in index and "decisions/" not in name} == set()


def test_readme_has_its_two_lines() -> None:
    """The two lines that set everything up stand in the README as they are run by CI."""
    lines = text_of(ROOT / "README.md").splitlines()
    assert (
        'python -m pip install ".[clouds]" && trueup run -c examples/nightly/trueup.toml' in lines
    )
    assert "python -m pip install tox && tox" in lines


def test_readme_script_uses_public_names() -> None:
    """The README's script compiles, and calls only what trueup offers."""
    script = re.findall(r"(?s)```python\n(.*?)```", text_of(ROOT / "README.md"))[0]
    compile(script, "README.md", "exec")
    called = set(re.findall(r"trueup\.(\w+)", script))
    assert called == {"read_charges", "read_commitments", "read_usage", "reconcile"}
    members = set(re.findall(r"result\.(\w+)", script))
    assert {name for name in members if not hasattr(trueup.Result, name)} == set()


def test_budgets_are_the_same_in_both_places() -> None:
    """tox.ini and CONTRIBUTING.md give each environment the same budget."""
    listed = re.findall(r"(?m)^#   ([a-z0-9, ]+?) {2,}(\d+ min)", text_of(ROOT / "tox.ini"))
    table = text_of(ROOT / "CONTRIBUTING.md")
    for names, budget in listed:
        row = re.compile(rf"(?m)^\| `{'`, `'.join(names.split(', '))}` \|.*\| {budget}( each)? \|$")
        assert row.search(table), names


def test_changelog_fragments_have_a_type() -> None:
    """Every fragment is named <issue>.<type>.md with a type that towncrier knows."""
    settings = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["towncrier"]
    types = {kind["directory"] for kind in settings["type"]}
    names = [path.name for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert [name for name in names if name.split(".")[-2] not in types] == []


def test_modules_named_in_the_documentation_exist() -> None:
    """Every module that autodoc is asked for can be imported."""
    names = re.findall(r"auto\w+:: ([\w.]+)", text_of(REFERENCE / "python.md"))
    for name in names:
        module, _, attribute = name.rpartition(".")
        if name == "trueup.errors":
            importlib.import_module(name)
        else:
            assert hasattr(importlib.import_module(module), attribute)
