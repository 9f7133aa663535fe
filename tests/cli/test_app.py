"""The group of commands: help, version, unknown names, and what an error becomes."""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

import trueup
from trueup.cli.app import COMMANDS, app
from trueup.cli.exits import ExitCodes, ended_by_sigterm
from trueup.errors import IntegrityError, MissingDependency, SourceError, UsageError
from trueup.job.outcome import Terminated

HEAVY = {"altair", "duckdb", "ibis", "jinja2", "pyarrow", "pydantic", "rich"}


def failing(error: BaseException) -> click.Group:
    """A group whose one command raises the error."""

    class Guarded(click.Group):
        def invoke(self, ctx: click.Context) -> object:
            with ExitCodes(ctx):
                return super().invoke(ctx)

    @click.command()
    def command() -> None:
        raise error

    return Guarded(commands={"go": command})


@pytest.mark.parametrize(("error", "code", "text"), [
    (UsageError("period '2026-13': no such month"), 2, "Error: period '2026-13': no such month\n"),
    (SourceError("a.csv", "no such file"), 2, "Error: a.csv: no such file\n"),
    (MissingDependency("polars", "all"), 2,
     "Error: polars is needed for this: pip install 'trueup[all]'\n"),
    (IntegrityError("2 in, 1 out"), 4, "Error: 2 in, 1 out\n"),
    (KeyboardInterrupt(), 130, "Interrupted.\n"),
    (Terminated(), 143, "Interrupted.\n"),
    (MemoryError(), 4, "Error: out of memory; give the machine more of it.\n"),
])  # fmt: skip
def test_an_expected_error_is_one_line(error: BaseException, code: int, text: str) -> None:
    """What trueup raises on purpose is told in a line on stderr, without a traceback."""
    found = CliRunner().invoke(failing(error), ["go"])
    assert (found.exit_code, found.stderr, found.stdout) == (code, text, "")


def test_an_unexpected_error_asks_to_be_reported() -> None:
    """A defect ends with 4, its traceback, and a request; never with 1, which means breaks."""
    found = CliRunner().invoke(failing(ZeroDivisionError("1/0")), ["go"])
    assert found.exit_code == 4
    assert "Traceback (most recent call last)" in found.stderr
    assert found.stderr.endswith(
        "Error: internal error in trueup (ZeroDivisionError): "
        "please report it with the lines above.\n"
    )


def test_help_lists_each_command_with_its_line() -> None:
    """`trueup --help` shows every command that exists, and no other."""
    found = CliRunner().invoke(app, ["--help"])
    assert found.exit_code == 0
    section = found.stdout.split("Commands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in section.splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """`trueup COMMAND --help` explains itself and begins as the list of commands says."""
    found = CliRunner().invoke(app, [name, "--help"])
    assert found.exit_code == 0
    assert f"  trueup {name}" in found.stdout
    assert COMMANDS[name][1] in " ".join(found.stdout.split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["reconcile", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help answers before any engine, validator or chart library is loaded."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "trueup", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {
        line.rsplit("|", 1)[1].strip().split(".")[0]
        for line in done.stderr.splitlines()
        if "|" in line
    }
    assert "click" in imported
    assert imported & HEAVY == set()


def test_help_imports_no_command() -> None:
    """The list of commands is known without their modules."""
    program = (
        "import sys, runpy\nsys.argv[1:] = ['--help']\n"
        "try:\n    runpy.run_module('trueup', run_name='__main__')\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        f"assert not set(sys.modules) & { ({module for module, _ in COMMANDS.values()})!r}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists(name: str) -> None:
    """The table of commands names modules that define one."""
    assert isinstance(importlib.import_module(COMMANDS[name][0]).command, click.Command)


@pytest.mark.parametrize(
    ("typed", "place", "offered"),
    [("trueup bu", 1, ["burn", "budget"]), ("trueup run --fa", 2, ["--fail-on-breaks"])],
)
def test_a_shell_completes_commands_and_options(typed: str, place: int, offered: list[str]) -> None:
    """By what the documentation says to print: the shell asks with these variables."""
    asked = {"_TRUEUP_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(place)}
    found = CliRunner().invoke(app, env=asked, prog_name="trueup")
    assert found.stdout.split() == [f"plain,{name}" for name in offered]
    source = CliRunner().invoke(app, env={"_TRUEUP_COMPLETE": "bash_source"}, prog_name="trueup")
    assert "complete -o nosort -F" in source.stdout


def test_version() -> None:
    """`trueup --version` is that of the package."""
    found = CliRunner().invoke(app, ["--version"])
    assert found.stdout == f"trueup {trueup.__version__}\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("recncile", "Did you mean 'reconcile'?"),
        ("zzz", f"Commands: {', '.join(COMMANDS)}."),
    ],
)
def test_an_unknown_command_is_told_apart(name: str, hint: str) -> None:
    """A misspelt command is answered with the nearest one, or all of them."""
    found = CliRunner().invoke(app, [name])
    assert found.exit_code == 2
    assert f"There is no command {name!r}. {hint}" in found.stderr


def test_a_closed_pipe_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`trueup ... | head` ends quietly, with a code that does not mean breaks."""
    program = (
        "import click\nfrom trueup.cli import app as module\n"
        "import types, sys\n"
        "fake = types.ModuleType('fake')\n"
        "def go():\n"
        "    for _ in range(100000): click.echo('x' * 100)\n"
        "fake.command = click.Command('go', callback=go)\n"
        "sys.modules['fake'] = fake\n"
        "module.COMMANDS['go'] = ('fake', '')\n"
        "module.app(['go'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), errors) == (141, "")


def test_called_without_arguments_it_shows_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """`trueup` alone says what there is; that is wrong use for a script."""
    found = CliRunner().invoke(app, [])
    assert "Commands:" in found.output
    main: Callable[[], None] = importlib.import_module("trueup.cli").main
    monkeypatch.setattr(sys, "argv", ["trueup", "--version"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0


def test_a_reader_that_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `trueup burn | head`: nothing on stderr, 141, and what is left goes nowhere."""
    led: list[tuple[str, int]] = []

    def dup2(source: int, target: int) -> None:
        led.append((str(Path(f"/proc/self/fd/{source}").readlink()), target))
        os.close(source)

    with monkeypatch.context() as patched:  # pytest writes by these, too
        patched.setattr(os, "dup2", dup2)
        patched.setattr(sys, "stdout", SimpleNamespace(fileno=lambda: 1))
        with pytest.raises(click.exceptions.Exit) as ended, ExitCodes(click.Context(app)):
            raise BrokenPipeError
    assert ended.value.exit_code == 141
    assert led == [(os.devnull, 1)]


def test_what_looks_like_an_option_is_no_command() -> None:
    """Behind `--` everything is a name; it is wrong use, not a defect."""
    found = CliRunner().invoke(app, ["--", "-x"])
    assert found.exit_code == 2
    assert "-x" in found.stderr


@pytest.mark.parametrize(("name", "code"), [("__main__", 0), ("trueup.__main__", None)])
def test_the_module_is_the_command(
    name: str, code: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m trueup --version` says the version; who imports the module starts nothing."""
    monkeypatch.setattr(sys, "argv", ["trueup", "--version"])
    found = None
    try:
        runpy.run_module("trueup.__main__", run_name=name)
    except SystemExit as ended:
        found = ended.code
    assert found == code
    said = "" if code is None else f"trueup {trueup.__version__}\n"
    assert capsys.readouterr().out == said


def test_sigterm_ends_a_command_as_ctrl_c_does() -> None:
    """It is told, and what a context held is let go; the handler is the caller's again."""
    before = signal.getsignal(signal.SIGTERM)
    let_go = []

    def killed() -> None:
        with ended_by_sigterm():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.sigtimedwait([], 5)
            finally:
                let_go.append("all")

    with pytest.raises(Terminated):
        killed()
    assert let_go == ["all"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_leaves_signals_to_the_main_one() -> None:
    """A scheduler may call commands in one: nothing raises, nothing changes."""
    before = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as threads:

        def inside() -> Any:
            with ended_by_sigterm():
                return signal.getsignal(signal.SIGTERM)

        assert threads.submit(inside).result() is before
