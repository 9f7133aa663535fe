"""What a run says when a disk is full: no source is to blame, and the next run completes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir

from trueup.errors import UsageError, disk_full


@contextmanager
def room_in(workspace: Path, out: Path) -> Iterator[None]:
    """UsageError that says how much is free in each place, where anything finds a disk full."""
    try:
        yield
    except BaseException as error:
        if disk_full(error):
            raise UsageError(_no_room(workspace, out)) from error
        raise


def _no_room(workspace: Path, out: Path) -> str:
    places = {"workspace": workspace, "results": out, "temporary files": Path(gettempdir())}
    free = ", ".join(f"{place} ({what}) {_free(place)}" for what, place in places.items())
    return (
        f"no space left on the disk: {free} free; make room and run again: what this run had "
        "written is tidied up then"
    )


def _free(place: Path) -> str:
    there = next(one for one in (place, *place.absolute().parents) if one.exists())
    return f"{disk_usage(there).free / 1_000_000:,.0f} MB"
