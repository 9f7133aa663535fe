"""The nightly job's crontab line, as the how-to gives it: what is due, quiet but for failures."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup.workspace.workspace import Workspace

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "nightly-job.md"
CHARGES = '[[charges]]\npaths = ["used.csv", "unused.csv"]\n'


def crontab() -> str:
    """The line's command, as cron hands it to the shell: without its schedule."""
    (line,) = re.findall(r"(?m)^30 \d \* \* \* (.+)$", HOW_TO.read_text(encoding="utf-8"))
    return str(line)


def at_night(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """What a line does in a folder where `trueup` is on the path; its output is the mail."""
    tool = folder / "bin" / "trueup"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m trueup "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    path = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line.replace("/srv/finops", str(folder))],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_good_night_runs_this_month_in_silence(folder: Path) -> None:
    """The night after another month's run this month is run; it prints nothing: no mail."""
    (folder / "trueup.toml").write_text(CHARGES, encoding="utf-8")
    today = datetime.now(UTC)
    before = today.replace(day=1) - timedelta(days=1)
    assert at_night(folder, f"trueup run -q --period {before:%Y-%m}").returncode == 0
    done = at_night(folder, crontab())
    assert (done.returncode, done.stdout) == (0, "")
    months = [run.start for run in Workspace(folder / ".trueup").runs()]
    assert {months[0].strftime("%Y-%m"), months[-1].strftime("%Y-%m")} == {
        before.strftime("%Y-%m"),
        today.strftime("%Y-%m"),
    }


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (CHARGES.replace("unused.csv", "broken.csv"), 3, "PARTIAL RUN"),
        (CHARGES + '[providers.aws]\n[run]\nreplay = "gone"\n', 2, "gone: no recording here"),
        ('[[charges]]\npath = "gone.csv"\n', 2, "gone.csv: no such file"),
        ('[run]\nengine = "x"\n', 2, "run.engine"),
    ],
)
def test_a_bad_night_is_told(folder: Path, text: str, code: int, said: str) -> None:
    """What fails is in the mail, which is never empty then."""
    (folder / "trueup.toml").write_text(text, encoding="utf-8")
    done = at_night(folder, crontab())
    assert done.returncode == code
    assert said in done.stdout


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """A line that cannot even begin says so too."""
    done = at_night(tmp_path, crontab().replace("/srv/finops", "/srv/finops/gone"))
    assert done.returncode != 0
    assert "gone" in done.stdout
