"""What commitments, lots and resources are called in a line that a person reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report.figures import Row

if TYPE_CHECKING:
    from trueup.report.result import Result

LENGTH_MAX = 42


def short(text: str | None, length_max: int = LENGTH_MAX) -> str:
    """A text cut in its middle, harmless to a terminal."""
    shown = legible(text or "")
    if len(shown) <= length_max:
        return shown
    half = (length_max - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"


def last_part(identifier: str) -> str:
    """What stands after an identifier's last slash or colon: the part that people chose."""
    return re.split(r"[/:]", identifier.rstrip("/:"))[-1] or identifier


def names_of(result: Result) -> dict[str, str]:
    """The names of a result's commitments, by identifier."""
    return commitments_named(result.commitments)


def commitments_named(commitments: Iterable[Row]) -> dict[str, str]:
    """Commitment -> its name, else the last part of its identifier; no two share one."""
    rows = {row["commitment_id"]: row["name"] for row in commitments if row["commitment_id"]}
    found = {each: name or last_part(each) for each, name in rows.items()}
    taken = Counter(found.values())
    return {each: name if taken[name] == 1 else f"{name} ({each})" for each, name in found.items()}


def of_provider(name: str, provider: str | None) -> str:
    """A name with its provider behind it."""
    return f"{name} ({provider})" if provider else name


def subject_of(row: Row) -> str | None:
    """The finest thing that a break or a pending row names, by its identifier."""
    fields = ("subject", "commitment_id", "resource_id", "model", "account_id")
    return next((row[name] for name in fields if row.get(name)), None)
