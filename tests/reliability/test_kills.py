"""A run that is killed, finds a disk full or loses power anywhere: the next one completes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_whatever_happens_to_a_run_the_next_one_completes_it(shim: Path) -> None:
    """At random points: the same results, byte for byte, the same tables, nothing to verify."""
    points = os.environ.get("TRUEUP_KILLS", "12")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.reliability.killing", "--points", points],
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["points"], said["failed"]) == (int(points), 0)
    assert min(said["calls"].values()) > 1000  # the points are among all that change a file
