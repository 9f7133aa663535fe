"""Progress on stderr: live on a terminal, a line per source in a log, nothing when quiet."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from trueup.cli.progress import Lines, Live, progress_for, read_line
from trueup.job.progress import Unwatched
from trueup.job.reading import Reading
from trueup.sources import Failure


def reading(rows: int, rejected: int, name: str = "a.csv", files: int = 1) -> Reading:
    return Reading("usage", name, files, rows, rejected)


@pytest.mark.parametrize(
    ("rows_in", "rejected", "expected"),
    [
        (1, 0, "usage        a.csv: 1 row"),
        (12345, 0, "usage        a.csv: 12,345 rows"),
        (1000, 2, "usage        a.csv: 1,000 rows, 2 rejected"),
    ],
)
def test_a_source_is_one_line(rows_in: int, rejected: int, expected: str) -> None:
    """Kind, name, rows and rejects."""
    assert read_line(reading(rows_in, rejected)) == expected


def test_a_log_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a terminal: whole lines on stderr, nothing on stdout."""
    with progress_for(quiet=False) as progress:
        assert isinstance(progress, Lines)
        progress.reading("usage", "a.csv")
        progress.read(reading(3, 0))
        progress.failed(Failure("usage", "b.csv", "no such file", "give it"))
        progress.step("reconciling")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == ("usage        a.csv: 3 rows\nusage        FAILED b.csv: no such file\n")


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing at all."""
    with progress_for(quiet=True) as progress:
        assert type(progress) is Unwatched
        progress.read(reading(3, 0))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_names_as_they_are() -> None:
    """A file name in square brackets is text, never markup."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=False, width=100)
    with console.status("starting") as status:
        live = Live(console, status)
        live.reading("usage", "[red]a.csv")
        live.read(reading(3, 0, "[red]a.csv"))
        live.failed(Failure("usage", "[/]b.csv", "no such file", "give it"))
        live.step("reconciling")
    assert "[red]a.csv: 3 rows" in shown.getvalue()
    assert "FAILED [/]b.csv: no such file" in shown.getvalue()


def test_a_terminal_gets_a_live_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is asked and done is shown meanwhile; what was read stays; stdout is the results'."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_for(quiet=False) as progress:
        assert isinstance(progress, Live)
        progress.asking("nimbus", "plans")
        progress.read(reading(3, 0))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "a.csv: 3 rows" in shown.err
