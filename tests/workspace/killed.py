"""One run that is killed at a given write: ``python -m tests.workspace.killed trueup.toml 7``.

The process ends at once (exit code 137, as by kill -9) before the n-th time that something is put
on the disk for good: an fsync, a rename, a Delta commit, a file removed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILLED = 137


def main(file: str, at: int, as_of: str) -> int:
    """Run the configuration; ends before the ``at``-th write, or with the run's own exit code."""
    import deltalake

    from trueup.config import read_configuration
    from trueup.job.run import run
    from trueup.job.settings import Settings
    from trueup.period import parse_instant

    left = [at]

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **given: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os._exit(KILLED)
            return write(*args, **given)

        return counting

    os.fsync = counted(os.fsync)
    for name in ("replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    deltalake.write_deltalake = counted(deltalake.write_deltalake)
    return run(read_configuration(file), Settings(as_of=parse_instant(as_of))).exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
