"""One run at a time: the other is told who holds the workspace; who is dead holds nothing."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from trueup.errors import UsageError
from trueup.workspace.lock import LOCK, at_work, locked

HOLD = """
import sys
from pathlib import Path
from trueup.workspace.lock import locked
with locked(Path(sys.argv[1]), "trueup run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_holds_it_and_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    """Another process: named with its number while it lives; killed, its text stands for nobody."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        who = rf"trueup run \(process {other.pid} on .+, since 2.+\) is at work here; wait"
        with pytest.raises(UsageError, match=who), locked(tmp_path, "trueup run"):
            pass
        assert f"process {other.pid}" in str(at_work(tmp_path))
        other.kill()
    assert f"process {other.pid}" in (tmp_path / LOCK).read_text("utf-8")
    assert at_work(tmp_path) is None
    with locked(tmp_path, "trueup close"):
        assert f"trueup close (process {os.getpid()} " in (tmp_path / LOCK).read_text("utf-8")
    assert (tmp_path / LOCK).read_bytes() == b""


def test_who_only_looks_is_not_in_the_way_and_a_dead_holder_s_work_is_put_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look holds the lock for a moment; what a killed process left is synced, nothing else is."""
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    with locked(tmp_path, "trueup run"):
        pass
    (tmp_path / LOCK).write_text("trueup run (process 1 on gone)", encoding="utf-8")
    with (tmp_path / LOCK).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        looked = Timer(0.02, looking.close)
        looked.start()
        assert synced == []
        with locked(tmp_path, "trueup run"):
            looked.join()
    assert synced == [True]
