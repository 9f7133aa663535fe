"""Style that a tool does not check: the size of files and functions, exact numbers, plain names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "trueup"
FILES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
BROAD = {"Exception", "BaseException"}
# Where binary floats are at home: positions in a picture, and formats of metrics.
FLOAT_ALLOWED = ("report/", "job/exporters.py")


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"everything"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def goes_on(handler: ast.ExceptHandler) -> bool:
    """Whether the handler catches BaseException, tidies up and ends in a bare `raise`."""
    last = handler.body[-1]
    ends = isinstance(last, ast.Raise) and last.exc is None
    return ends and caught(handler) == {"BaseException"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    """No file of the source is longer than 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    """No function of the source is longer than 60 lines."""
    long = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in functions(tree_of(path))
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == {}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_error_is_caught_unnamed(path: Path) -> None:
    """Every `except` names the errors it can deal with, or cleans up and lets all of them go on."""
    handlers = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ExceptHandler)]
    broad = [
        node.lineno
        for node in handlers
        if caught(node) & {*BROAD, "everything"} and not goes_on(node)
    ]
    assert broad == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_figure_becomes_a_binary_float(path: Path) -> None:
    """`float(...)` is called nowhere but where a picture is drawn or a metric handed on."""
    if name_of(path).startswith(FLOAT_ALLOWED):
        return
    calls = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
    ]
    assert calls == []


def test_names_of_files_say_what_is_in_them() -> None:
    """No file or folder is called utils, helpers or the like."""
    parts = {part for path in FILES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert parts & VAGUE == set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_left_for_later(path: Path) -> None:
    """The source holds no marker of unfinished work."""
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("TODO", "FIXME", "XXX", "NotImplementedError") if word in text] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_with_code_says_what_it_is_for(path: Path) -> None:
    """Every file with code opens with a docstring."""
    tree = tree_of(path)
    assert not tree.body or ast.get_docstring(tree)
