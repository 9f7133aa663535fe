"""What is on a disk when its power goes: plays the log of ``power.c``.

The model. A file has the bytes that were written, and those of its last fsync. A name is a change of
its folder, by a new file, a rename, a link or a removal, and is sure from the folder's next fsync on.
A rename within one fsync happens whole or not at all. When power is lost,

- what is sure stays;
- of the changes of names that are not sure, all stay, none, the first ones, or any at random: what
  was removed or renamed may come back, in any order;
- a file that was written since its fsync has the old bytes, the new ones, or a mixture by blocks of
  4 KiB, zeros where neither is there, and any length between;
- what lies in a folder whose own name is lost is lost.

That is more than a journalling file system does to anybody; who survives this survives those.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import rmtree

HEAD = struct.Struct("=5Q")
BLOCK = 4096
FOLDER = None  # what a name stands for that is no file


@dataclass(eq=False)
class File:
    """One file, under however many names."""

    now: bytearray
    sure: bytes = b""

    def after(self, chance: Random) -> bytes:
        """Its bytes when power was lost."""
        if self.now == self.sure:
            return self.sure
        what = chance.choice(("old", "new", "mixed"))
        if what != "mixed":
            return self.sure if what == "old" else bytes(self.now)
        size = max(len(self.now), len(self.sure))
        old, new = (bytes(one).ljust(size, b"\0") for one in (self.sure, self.now))
        blocks = range(0, size, BLOCK)
        mixed = b"".join(chance.choice((old, new))[at : at + BLOCK] for at in blocks)
        return mixed[: chance.randint(*sorted((len(self.now), len(self.sure))))]


Names = dict[str, "File | None"]
Change = dict[str, "File | bool | None"]  # a name -> what it stands for from now on; False: nothing


@dataclass
class Disk:
    """A folder as it is, and as it surely is on the disk."""

    root: Path
    now: Names = field(default_factory=dict)
    sure: Names = field(default_factory=dict)
    unsure: list[Change] = field(default_factory=list)
    inodes: dict[int, File] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """A folder of which everything is on the disk."""
        disk = cls(root)
        for path in sorted(root.rglob("*")):
            file = FOLDER
            if not path.is_dir():
                content = path.read_bytes()
                file = disk.inodes[path.stat().st_ino] = File(bytearray(content), content)
            disk.now[str(path)] = disk.sure[str(path)] = file
        return disk

    def play(self, log: bytes) -> int:
        """Do what was done; how many calls that were."""
        count = 0
        for count, (what, inode, at, a, b) in enumerate(_calls(log), start=1):  # noqa: B007
            if what in "swf" and inode:
                self._content(what, self.inodes[inode], at, a)
            elif what == "f":
                self._sync(a.decode())
            elif what == "a":
                self.sure, self.unsure = dict(self.now), []
                for file in self.now.values():
                    if file is not FOLDER:
                        file.sure = bytes(file.now)
            else:
                self._name(what, inode, a.decode(), b.decode())
        return count

    def _content(self, what: str, file: File, at: int, written: bytes) -> None:
        if what == "f":
            file.sure = bytes(file.now)
        elif what == "s":
            del file.now[at:]
            file.now.extend(bytes(at - len(file.now)))
        else:
            file.now.extend(bytes(max(0, at - len(file.now))))
            file.now[at : at + len(written)] = written

    def _name(self, what: str, inode: int, name: str, other: str) -> None:
        change: Change
        if what == "c":
            self.inodes[inode] = File(bytearray())
            change = {name: self.inodes[inode]}
        elif what == "m":
            change = {name: FOLDER}
        elif what in "ud":
            change = {name: False}
        else:
            kept = {} if what == "l" else {name: False}
            change = {**kept, other: self.now[name]}
        self.unsure.append(change)
        _apply(self.now, change)

    def _sync(self, folder: str) -> None:
        for change in self.unsure:
            for name in [one for one in change if one.rpartition("/")[0] == folder]:
                _apply(self.sure, {name: change.pop(name)})
        self.unsure = [change for change in self.unsure if change]

    def lose_power(self, chance: Random) -> None:
        """Make the folder what it may be when power comes back."""
        names = dict(self.sure)
        kept = len(self.unsure) if chance.random() < 1 / 3 else chance.randint(0, len(self.unsure))
        share = chance.choice((0.0, 0.5, 1.0))
        for change in self.unsure[:kept]:
            if chance.random() < share:
                _apply(names, change)
        rmtree(self.root)
        self.root.mkdir()
        content: dict[File, bytes] = {}
        for name in sorted(names):
            file, path = names[name], Path(name)
            if not path.parent.exists():
                continue
            if file is FOLDER:
                path.mkdir()
            else:
                path.write_bytes(content.setdefault(file, file.after(chance)))

    def differences(self) -> list[str]:
        """Where the folder is not what was seen: something changed files past the log."""
        there = Disk.of(self.root).now
        return [
            name
            for name in sorted(there.keys() | self.now.keys())
            if name not in there or name not in self.now or not _same(there[name], self.now[name])
        ]


def _apply(names: Names, change: Change) -> None:
    for name, file in change.items():
        if file is False:
            names.pop(name, None)
        else:
            names[name] = file  # type: ignore[assignment]  # never True


def _same(one: File | None, other: File | None) -> bool:
    if one is FOLDER or other is FOLDER:
        return one is other
    return one.now == other.now


def _calls(log: bytes) -> Iterator[tuple[str, int, int, bytes, bytes]]:
    at = 0
    while at < len(log):
        what, inode, where, a, b = HEAD.unpack_from(log, at)
        at += HEAD.size
        yield chr(what), inode, where, log[at : at + a], log[at + a : at + a + b]
        at += a + b
