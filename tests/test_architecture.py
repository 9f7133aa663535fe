"""The floors of the code: imports go down only, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "trueup"
HEAVY = (
    "altair",
    "duckdb",
    "fsspec",
    "ibis",
    "jinja2",
    "numpy",
    "pandas",
    "pint",
    "polars",
    "pyarrow",
    "pydantic",
    "pyspark",
    "vl_convert",
    "xlsxwriter",
)


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def imported_by(*arguments: str) -> set[str]:
    """The heavy packages that a fresh interpreter has imported after running the arguments."""
    program = (
        "import sys, runpy\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n"
        "    runpy.run_module(sys.argv[0], run_name='__main__') if len(sys.argv) > 1 "
        "else __import__(sys.argv[0])\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        "print('\\n' + ' '.join(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()) & set(HEAVY)


@pytest.mark.smoke
def test_importing_trueup_imports_nothing_heavy() -> None:
    """`import trueup` loads no engine, no data library and no validator."""
    assert imported_by("trueup") == set()


@pytest.mark.smoke
def test_help_imports_nothing_heavy() -> None:
    """`trueup --help` loads no engine, no data library and no validator."""
    assert imported_by("trueup", "--help") == set()


@pytest.mark.parametrize(
    "folder", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
)
def test_every_folder_stands_on_a_floor(folder: str) -> None:
    """Each package of the source is named by the layers contract, so that its imports are checked."""
    floors = " ".join(next(c for c in contracts() if c["type"] == "layers")["layers"])
    names = floors.replace("|", " ").replace(":", " ").replace("(", " ").replace(")", " ").split()
    assert folder in names


@pytest.mark.parametrize(
    "package",
    ["adapter", "attribute", "cli", "engine", "focus", "model", "reconcile", "report", "telemetry"],
)
def test_providers_are_reached_through_the_registry_only(package: str) -> None:
    """The contract that forbids importing a provider names every package that could be tempted."""
    forbidden = [c for c in contracts() if c.get("forbidden_modules") == ["trueup.providers"]]
    assert f"trueup.{package}" in forbidden[0]["source_modules"]
