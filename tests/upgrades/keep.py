"""Keeps a workspace of this version of trueup for all later ones: `python -m tests.upgrades.keep`.

October 2026: a night, a close by two persons with keys, and a night with another bill, so that a
true-up stands. In the archive are the folder without private keys, and the schema of result.json.
The names of Delta's files are drawn: it is made once, at the release, and never again.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cli.month import Month, trueup

HERE = Path(__file__).parent
RESULT_SCHEMA = HERE.parents[1] / "docs" / "reference" / "result.schema.json"
ARCHIVE = "month.tar.xz"
KEPT = (".trueup", "bills", "contracts.toml", "trueup.toml", RESULT_SCHEMA.name)


def nights(folder: Path) -> None:
    """Two nights of October, closed between them; the current folder is ``folder``."""
    month = Month(folder)
    month.persons()
    month.run()
    accept = f"break:{month.break_id()[:6]}=the plan grew"
    for args in (("--key", "preparer.key", "--accept", accept), ("--key", "approver.key")):
        approve = () if "--accept" in args else ("--approve",)
        closed = trueup("close", "2026-10", *args, *approve)
        if closed.exit_code:
            raise SystemExit(closed.output)
    month.bill("8.25")
    month.run("--as-of", datetime.now(UTC).isoformat())  # known after the close, which is now
    shutil.copy(RESULT_SCHEMA, folder)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """As it lies in any folder: without its owner."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def main() -> None:
    """Write the archive of this version; one that is there stays."""
    target = HERE / version("trueup") / ARCHIVE
    if target.exists():
        raise SystemExit(f"{target}: is there already; a released version's workspace stays")
    with TemporaryDirectory() as place:
        os.chdir(place)
        nights(Path(place))
        target.parent.mkdir(exist_ok=True)
        with tarfile.open(target, "w:xz") as archive:
            for name in KEPT:
                archive.add(name, filter=_nobodys)
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
