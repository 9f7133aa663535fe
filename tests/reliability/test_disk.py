"""The disk whose power goes: what is synced stays, the rest may or may not; nothing is unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.reliability.disk import Disk

WORK = """
import ctypes, os, sys
from pathlib import Path
root, log, shim, how, at = Path(sys.argv[1]), *sys.argv[2:]
arm = ctypes.CDLL(shim).power_arm
arm.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_int, ctypes.c_long, ctypes.c_double]
arm(bytes(root), b"", log.encode(), int(how), int(at), 0.5)

def synced(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)

(root / "both").write_bytes(b"content")     # calls 1 and 2
synced(root / "both")                       # 3
synced(root)                                # 4
(root / "name").write_bytes(b"content")     # 5, 6
synced(root)                                # 7
(root / "content").write_bytes(b"content")  # 8, 9
synced(root / "content")                    # 10
(root / "folder").mkdir()                   # 11
os.rename(root / "both", root / "moved")    # 12
os.unlink(root / "name")                    # 13
"""


def worked(folder: Path, shim: Path, how: int = 0, at: int = 0) -> tuple[Disk, int, int]:
    """A folder in which the work was done; how many calls were seen, and how it ended."""
    root = folder / "root"
    root.mkdir()
    disk = Disk.of(root)
    ended = subprocess.run(
        [sys.executable, "-c", WORK, root, folder / "log", shim, str(how), str(at)],
        env={**os.environ, "LD_PRELOAD": str(shim)},
        capture_output=True,
        check=False,
    )
    return disk, disk.play((folder / "log").read_bytes()), ended.returncode


def test_every_call_is_seen_and_what_was_synced_stays(tmp_path: Path, shim: Path) -> None:
    """Over many losses of power: what may happen does, what may not does not."""
    disk, calls, ended = worked(tmp_path, shim)
    assert (calls, ended, disk.differences()) == (13, 0, [])
    seen = set()
    for seed in range(300):
        disk.lose_power(Random(seed))
        there = {
            path.name: b"" if path.is_dir() else path.read_bytes() for path in disk.root.iterdir()
        }
        assert (there.get("both"), there.get("moved")) in ((b"content", None), (None, b"content"))
        assert there.get("content", b"content") == b"content"
        assert b"content".startswith(there.get("name", b"").rstrip(b"\0"))
        seen |= {(name, name in there, there.get(name)) for name in ("moved", "name", "content")}
        seen.add(("folder", "folder" in there, None))
    assert {(name, there) for name, there, _ in seen} == {
        (name, there) for name in ("moved", "name", "content", "folder") for there in (True, False)
    }
    assert {("name", True, b""), ("name", True, b"content"), ("name", True, b"cont")} <= seen


@pytest.mark.parametrize(("how", "ended"), [(1, -9), (2, 1)])
def test_a_write_is_cut_where_it_ends(tmp_path: Path, shim: Path, how: int, ended: int) -> None:
    """Killed, or a full disk, at the sixth call: half of its bytes are there, and nothing after."""
    disk, _, code = worked(tmp_path, shim, how, 6)
    assert (code, disk.differences()) == (ended, [])
    assert (disk.root / "name").read_bytes() == b"con"
    assert sorted(path.name for path in disk.root.iterdir()) == ["both", "name"]
