"""One run in a process that kills itself: ``python -m tests.soak.killed`` and what Life gives."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.cloud import clouds
from tests.soak.life import perform, write_configuration


def main(folder: str, seed: str, providers: str, start: str, clock: str, step: str) -> int:
    """The exit code of the run, where it lives to have one."""
    begin, at = datetime.fromisoformat(start), datetime.fromisoformat(clock)
    names = providers.split(",")
    file = write_configuration(Path(folder), names)
    with (
        TemporaryDirectory() as place,
        clouds(names, Path(place)) as cloud,
        cloud.showing(int(seed), begin, at),
    ):
        return perform(file, begin, at, int(step)).exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
