"""Where results go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.period import Period


def folder_name(period: Period | None) -> str:
    """A folder for a period's results: 2026-10, 2026-10-03, 2026-10-03T14, or both ends; or all."""
    from trueup.period import parse_period

    if period is None:
        return "all"
    for form in ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H"):
        name = period.start.strftime(form)
        if parse_period(name) == period:
            return name
    whole_days = all(
        (end.hour, end.minute, end.second, end.microsecond) == (0, 0, 0, 0)
        for end in (period.start, period.end)
    )
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%dT%H%M%S"
    return f"{period.start.strftime(form)}_{period.end.strftime(form)}"


def why_not_writable(folder: Path) -> str | None:
    """Why results cannot be written to a folder that need not exist yet; None when they can."""
    for place in (folder, *folder.absolute().parents):
        if place.exists():
            if not place.is_dir():
                return f"{place} is a file, not a folder"
            allowed = os.access(place, os.W_OK | os.X_OK)
            return None if allowed else f"no permission to write to {place}"
    return "no such place on this machine"
