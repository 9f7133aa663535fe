"""Two runs at once: one works, the other says who does; a run that was killed holds nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.workspace import month
from trueup.workspace.lock import LOCK
from trueup.workspace.verify import verify

RUN = [sys.executable, "-W", "ignore", "-m", "trueup", "run", "-q"]


def said(folder: Path) -> str:
    """What stands in the lock."""
    lock = folder / ".trueup" / LOCK
    return lock.read_text("utf-8") if lock.exists() else ""


def test_one_works_the_other_says_who_and_a_killed_one_is_followed(tmp_path: Path) -> None:
    """The first is stopped once it holds the lock, and killed after the second has ended."""
    config = month.written(tmp_path)
    with subprocess.Popen(RUN, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as first:
        while str(first.pid) not in said(tmp_path) and first.poll() is None:
            time.sleep(0.05)
        first.send_signal(signal.SIGSTOP)
        second = subprocess.run(RUN, cwd=tmp_path, capture_output=True, text=True, check=False)
        first.kill()
    assert first.returncode == -signal.SIGKILL
    assert second.returncode == 2
    assert f".trueup: trueup run (process {first.pid} on " in second.stderr
    assert "is at work here; wait for it to end" in second.stderr
    assert f"process {first.pid}" in said(tmp_path)
    assert LOCK in verify(tmp_path / ".trueup").left_over
    outcome = month.ran(config)
    assert (outcome.exit_code, outcome.run_id) == (0, "run-0001")
    found = verify(tmp_path / ".trueup")
    assert (found.differences, found.left_over) == ([], [])
