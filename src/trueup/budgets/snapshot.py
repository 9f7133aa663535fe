"""What a gate answers from: every budget as the last review found it, in one small local file.

Nothing heavy is imported here: a scheduler asks often, and waits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UsageError
from trueup.money import EXACT

if TYPE_CHECKING:
    from trueup.budgets.gate import Answer

DEFAULT_FILE = ".trueup/budgets.json"
ALLOW, QUEUE, STOP = VERDICTS = ("allow", "queue", "stop")  # from lenient to strict
SCOPE = ("team", "cost_centre", "agent", "tool", "provider", "model", "meter", "commitment")


def strictest(*verdicts: str) -> str:
    """Of several verdicts, the one that lets the least through."""
    return max(verdicts, key=VERDICTS.index)


@dataclass(frozen=True)
class Budget:
    """A budget as the snapshot has it, in amounts of ``currency``.

    ``actual`` is what is billed, ``accrued`` that and what is metered without a charge yet, both
    exact; ``forecast`` is an estimate. A figure that is not known is None; ``short`` says why
    more may have been spent than is known, else it is empty.
    """

    name: str
    scope: Mapping[str, str]
    currency: str
    amount: Decimal
    window: str
    start: datetime
    end: datetime | None  # None: it rolls
    actual: Decimal | None
    accrued: Decimal | None
    forecast: Decimal | None
    verdict: str  # allow | queue | stop, by its thresholds
    reason: str
    notes: Sequence[str] = ()
    short: str = ""

    @property
    def left(self) -> Decimal | None:
        """The amount less what is accrued; negative where more was spent."""
        return None if self.accrued is None else EXACT.subtract(self.amount, self.accrued)

    @property
    def not_billed(self) -> Decimal | None:
        """What is metered without a charge yet: accrued less actual."""
        if self.accrued is None or self.actual is None:
            return None
        return EXACT.subtract(self.accrued, self.actual)

    @staticmethod
    def check(
        scope: Mapping[str, str],
        snapshot: str | Path = DEFAULT_FILE,
        now: datetime | None = None,
    ) -> Answer:
        """Whether work of this scope may start: allow, queue or stop; the caller acts.

        Say of the work all that is known, as ``{"team": "search", "agent": "planner"}``: every
        budget whose scope is part of it counts, and the strictest answers. ``snapshot`` is the file
        that `trueup run` leaves in its workspace; ``now`` is for tests. Raises UsageError where
        there is no snapshot, or the scope has an unknown key.
        """
        from trueup.budgets.gate import check

        return check(scope, Path(snapshot), now)


@dataclass(frozen=True)
class Snapshot:
    """All budgets, what is known up to ``as_of``, and what to answer once that is too old."""

    as_of: datetime
    made_at: datetime
    max_age: timedelta
    stale: str
    budgets: Sequence[Budget]
    _by_scope: dict[frozenset[tuple[str, str]], list[Budget]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for one in self.budgets:
            self._by_scope.setdefault(frozenset(one.scope.items()), []).append(one)

    def of(self, scope: Mapping[str, str]) -> list[Budget]:
        """The budgets whose scope is part of this one.

        A scope has few parts and there may be many budgets: its subsets are looked up.
        """
        subsets: list[frozenset[tuple[str, str]]] = [frozenset()]
        for item in scope.items():
            subsets += [subset | {item} for subset in subsets]
        return [one for subset in subsets for one in self._by_scope.get(subset, ())]


def write(path: Path, snapshot: Snapshot) -> None:
    """Write the snapshot so that a reader sees the old one or the new one, whole.

    Raises UsageError where the folder cannot be written to.
    """
    budgets = [
        {name: _text(value) for name, value in vars(one).items()} for one in snapshot.budgets
    ]
    content = {
        "as_of": _text(snapshot.as_of),
        "made_at": _text(snapshot.made_at),
        "max_age_seconds": snapshot.max_age // timedelta(seconds=1),
        "stale": snapshot.stale,
        "budgets": budgets,
    }
    coming = path.with_name(f"{path.name}.{os.getpid()}.coming")
    try:
        with coming.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        coming.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error


def read(path: Path) -> Snapshot:
    """The snapshot of a file; UsageError where there is none, or one that cannot be read."""
    try:
        content = json.loads(path.read_bytes())
        return Snapshot(
            as_of=datetime.fromisoformat(content["as_of"]),
            made_at=datetime.fromisoformat(content["made_at"]),
            max_age=timedelta(seconds=content["max_age_seconds"]),
            stale=content["stale"],
            budgets=[_budget(one) for one in content["budgets"]],
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no snapshot of budgets; `trueup run` and `trueup budget` make it "
            "from the [[budget]] tables of trueup.toml: name its file"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be opened ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise UsageError(
            f"{path}: is no snapshot of budgets ({error}); `trueup budget` makes a new one"
        ) from error


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else value


def _budget(given: Mapping[str, Any]) -> Budget:
    read_by: dict[str, Callable[[str], Any]] = {
        **dict.fromkeys(("amount", "actual", "accrued", "forecast"), Decimal),
        **dict.fromkeys(("start", "end"), datetime.fromisoformat),
    }
    values = {
        name: read_by[name](value) if name in read_by and value is not None else value
        for name, value in given.items()
    }
    return Budget(**values)
