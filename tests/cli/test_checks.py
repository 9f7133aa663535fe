"""What `trueup doctor` looks at, one check at a time: what it finds, and the remedy."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from tests.cli.month import CONTRACT

from trueup.cli import checks
from trueup.cli.checks import FAIL, OK, Check, configured, machine
from trueup.config import read_configuration
from trueup.errors import MissingDependency

INVOICE = '[[invoice]]\ninvoice_id = "i-1"\ncurrency = "USD"\namount_due = "10.00"\n'
CALLS = '{"colour": "red"}\n'
SPANS = '{"resourceSpans": []}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a contract, an invoice and a file of calls."""
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("contracts.toml", CONTRACT),
        ("invoices.toml", INVOICE),
        ("calls.jsonl", CALLS),
        ("spans.json", SPANS),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def found(folder: Path, kind: str, keys: str) -> Check:
    """The check of the only entry of a kind."""
    (folder / "trueup.toml").write_text(f"[[{kind}]]\n{keys}\n", encoding="utf-8")
    (one,) = [
        check for check in configured(read_configuration("trueup.toml")) if check.subject == kind
    ]
    return one


def test_contracts_and_invoices_are_recognised(folder: Path) -> None:
    """Both as a person types them."""
    assert found(folder, "commitments", 'path = "contracts.toml"') == Check(
        "commitments", OK, "contracts.toml: 1 file, toml"
    )
    assert found(folder, "invoices", 'path = "invoices.toml"') == Check(
        "invoices", OK, "invoices.toml: 1 file, toml"
    )


def test_invoices_of_another_shape_fail(folder: Path) -> None:
    """A file that is no table of invoices is named with what to correct."""
    (folder / "invoices.csv").write_text("colour\nred\n", encoding="utf-8")
    check = found(folder, "invoices", 'path = "invoices.csv"')
    assert check.status == FAIL
    assert check.found.startswith("invoices.csv: ")
    assert check.remedy == "correct the file or its [[invoices]] entry"


def test_usage_is_recognised_or_its_format_is_said(folder: Path) -> None:
    """By its content, or by the entry; without either the formats are listed."""
    assert found(folder, "usage", 'path = "spans.json"').status == OK
    said = found(
        folder,
        "usage",
        'path = "calls.jsonl"\nformat = "table"\ncolumns = { window_start = "at" }',
    )
    assert said == Check("usage", OK, "calls.jsonl: 1 file, table")
    unknown = found(folder, "usage", 'path = "calls.jsonl"')
    assert unknown.status == FAIL
    assert unknown.found.startswith("calls.jsonl: not recognised; say its format, one of ")
    assert unknown.remedy == "correct the file or its [[usage]] entry"


def test_a_file_without_permission_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there, and recognised by whoever owns it; the run could not read it."""
    access = os.access

    def denied(path: str | Path, mode: int) -> bool:
        return access(path, mode) and Path(path).name != "contracts.toml"

    monkeypatch.setattr(os, "access", denied)
    assert found(folder, "commitments", 'path = "contracts.toml"') == Check(
        "commitments", FAIL, "contracts.toml: no permission to read", "change its permissions"
    )


def of_machine(subject: str) -> list[Check]:
    return [check for check in machine(None, {}) if check.subject == subject]


def test_an_old_python_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first version that would do."""
    assert [check.status for check in of_machine("Python")] == [OK]
    monkeypatch.setattr(checks, "PYTHON_MIN", (99, 1))
    (check,) = of_machine("Python")
    assert (check.status, check.remedy) == (FAIL, "use Python 3.11 or later")


def test_a_package_that_is_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trueup itself needs, not what an extra does; the others are listed."""
    needs = ["click>=8", "not-here>=1", "'", "other; extra == 'all'"]
    monkeypatch.setattr(checks, "requires", lambda _: needs)
    there, missing = of_machine("packages")
    assert there.status == OK
    assert ", click " in there.found
    assert missing == Check("packages", FAIL, "not-here is missing", "pip install not-here")


def test_an_engine_that_does_not_import_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason it gives, and the line that installs it again."""

    def broken(name: str) -> ModuleType:
        if name == "duckdb":
            raise ImportError("a library is not there")
        return import_module(name)

    monkeypatch.setattr(checks, "import_module", broken)
    assert of_machine("engine duckdb") == [
        Check(
            "engine duckdb",
            FAIL,
            "a library is not there",
            "pip install --force-reinstall trueup",
        )
    ]
    assert of_machine("engine ibis") == [Check("engine ibis", OK, "imports")]


def test_java_in_its_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on the path nor named it is missing; JAVA_HOME names it."""
    monkeypatch.setattr(checks, "_installed", lambda _: True)
    monkeypatch.setattr(checks, "version", lambda _: "4.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = checks._spark(wanted=True, environment={})
    assert (missing.status, missing.found) == (FAIL, "without Java")
    assert missing.remedy == "install Java 17 and set JAVA_HOME"
    java = tmp_path / "home" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\n", encoding="utf-8")
    java.chmod(0o755)
    there = checks._spark(wanted=True, environment={"JAVA_HOME": str(tmp_path / "home")})
    assert (there.status, there.found) == (OK, f"pyspark 4.0, Java at {java}")


@pytest.mark.parametrize("module", ["a_parent_that_is_not_here.part", "__main__"])
def test_a_module_that_cannot_be_looked_for_is_not_installed(module: str) -> None:
    """Its parent is missing, or it has no place to be found at."""
    if module == "__main__" and import_module(module).__spec__ is not None:
        pytest.skip("started as a module, whose place is known")
    assert not checks._installed(module)


def test_alerts_need_their_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nobody can be told; the remedy installs it."""

    def missing(_to: object) -> None:
        raise MissingDependency("apprise", "alerts")

    monkeypatch.setattr("trueup.budgets.notify.service", missing)
    (folder / "trueup.toml").write_text('[alerts]\nurls = ["json://127.0.0.1"]\n')
    (check,) = [
        one for one in configured(read_configuration("trueup.toml")) if one.subject == "alerts"
    ]
    assert check.status == FAIL
    assert check.found.endswith(": cannot be told")
    assert check.remedy == "apprise is needed for this: pip install 'trueup[alerts]'"


def test_metrics_that_nobody_asked_for_are_not_looked_at(folder: Path) -> None:
    """Without [metrics] there is no line of them."""
    (folder / "trueup.toml").write_text("", encoding="utf-8")
    subjects = {check.subject for check in configured(read_configuration("trueup.toml"))}
    assert subjects == {"charges", "usage", "out"}
