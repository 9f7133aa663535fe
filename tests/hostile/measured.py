"""A command in a process of its own: what it said, and the most memory it held."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

SECONDS_MAX = 300  # a hang, on a machine of any pace
LOOKS_PER_SECOND = 50


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str
    memory_bytes: int

    @property
    def said(self) -> str:
        return self.out + self.err


def measured(folder: Path, *arguments: str, seconds_max: int = SECONDS_MAX) -> Done:
    """Run ``trueup`` in a folder; AssertionError where it does not end."""
    out, err = folder / "said.out", folder / "said.err"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        command = [sys.executable, "-m", "trueup", *arguments]
        process = subprocess.Popen(command, cwd=folder, stdout=to_out, stderr=to_err)
        watched, memory, end = psutil.Process(process.pid), 0, monotonic() + seconds_max
        while process.poll() is None:
            try:
                memory = max(memory, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            if monotonic() > end:
                process.kill()
                process.wait()
                raise AssertionError(f"{arguments} did not end in {seconds_max} s")
            sleep(1 / LOOKS_PER_SECOND)
    said, failed = (file.read_bytes().decode(errors="surrogateescape") for file in (out, err))
    return Done(process.wait(), said, failed, memory)
