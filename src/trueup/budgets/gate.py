"""The gate: may work of a scope start? The snapshot answers, read again when it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from trueup.budgets.snapshot import ALLOW, SCOPE, VERDICTS, Budget, Snapshot, read, strictest
from trueup.errors import UsageError

_SHOWN = "%Y-%m-%dT%H:%M:%SZ"
Judged = tuple[str, str, Budget, Decimal | None]  # verdict, why, of which, what is left of it
_known: dict[Path, tuple[tuple[int, int, int], Snapshot]] = {}  # a file by what changes with it


@dataclass(frozen=True)
class Answer:
    """``verdict`` is allow, queue or stop; ``budget`` is the one that decided, None where none is.

    ``age`` is how long ago the spend was last known, and ``stale`` whether that is too long.
    """

    verdict: str
    reason: str
    age: timedelta
    stale: bool
    as_of: datetime
    budget: Budget | None
    left: Decimal | None  # of that budget, in its currency; None where it is not known
    judged: Sequence[Judged]  # all budgets that apply, each with its own answer

    @property
    def budgets(self) -> list[Budget]:
        """All that apply."""
        return [one for _, _, one, _ in self.judged]

    @property
    def notes(self) -> list[str]:
        """What is to be known beside the figures of all budgets that apply."""
        return [f"{one.name}: {note}" for one in self.budgets for note in one.notes]

    def __str__(self) -> str:
        return (
            f"{self.verdict}: {self.reason}; spend known up to {self.as_of:{_SHOWN}}, "
            f"{_long(self.age)} {'ago' if self.age >= timedelta() else 'ahead'}"
        )


def check(scope: Mapping[str, str], path: Path, now: datetime | None = None) -> Answer:
    """The strictest answer of all budgets that apply; see ``Budget.check``."""
    unknown = [name for name in scope if name not in SCOPE]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is no part of a scope; it has {', '.join(SCOPE)}, as team=search"
        )
    snapshot = _current(path)
    age = (now or datetime.now(UTC)) - snapshot.as_of
    stale = abs(age) > snapshot.max_age  # what is known of tomorrow is as doubtful
    budgets = snapshot.of(scope)
    if not budgets:
        verdict, why = _by_policy(ALLOW, snapshot, stale=stale)
        reason = "; ".join(["no budget is of this scope", *why])
        return Answer(verdict, reason, age, stale, snapshot.as_of, None, None, ())
    judged = [_judged(one, snapshot, age, stale) for one in budgets]
    verdict, reason, budget, left = max(judged, key=_strictness)
    reason = f"{budget.name}: {reason}"
    return Answer(verdict, reason, age, stale, snapshot.as_of, budget, left, judged)


def _judged(one: Budget, snapshot: Snapshot, age: timedelta, stale: bool) -> Judged:
    verdict, reasons, left = one.verdict, [one.reason], one.left
    if one.end is not None and snapshot.as_of + age >= one.end:
        verdict, left = ALLOW, None
        reasons = [f"its window ended at {one.end:{_SHOWN}}, of the next nothing is known yet"]
    lacks = "its spend is not known" if one.accrued is None else ""
    if one.short:
        lacks = f"more may have been spent ({one.short})"
    verdict, why = _by_policy(verdict, snapshot, stale=stale, lacks=lacks)
    return verdict, "; ".join([*reasons, *why]), one, left


def _by_policy(
    verdict: str, snapshot: Snapshot, *, stale: bool, lacks: str = ""
) -> tuple[str, list[str]]:
    """A verdict, and why it is at least that of ``stale`` where too little is known."""
    if not lacks and not stale:
        return verdict, []
    why = f"that is older than {_long(snapshot.max_age)}" if stale else lacks
    return strictest(verdict, snapshot.stale), [f"{why}, so by policy at least {snapshot.stale}"]


def _strictness(judged: Judged) -> tuple[int, Decimal]:
    """The strictest verdict first; of those, the budget of which the least share is left."""
    verdict, _, budget, left = judged
    return VERDICTS.index(verdict), Decimal(-1) if left is None else -left / budget.amount


def _current(path: Path) -> Snapshot:
    """The snapshot as it is on the disk now, read again only where the file is another."""
    try:
        there = os.stat(path)  # noqa: PTH116  half the time of Path.stat, on each call
    except OSError:
        return read(path)  # it says what is wrong
    state = (there.st_mtime_ns, there.st_size, there.st_ino)
    known = _known.get(path)
    if known is None or known[0] != state:
        known = _known[path] = (state, read(path))
    return known[1]


def _long(span: timedelta) -> str:
    minutes = abs(span) // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 72 * 60 else f"{minutes // (24 * 60)} days"
