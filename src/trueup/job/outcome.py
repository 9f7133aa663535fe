"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.sources import Failure

if TYPE_CHECKING:
    from trueup.budgets.review import Told
    from trueup.report.result import Result

DONE, MATERIAL_BREAKS, WRONG_USE, PARTIAL = 0, 1, 2, 3


@dataclass(frozen=True)
class JobOutcome:
    """What a run found, what it could not read, and where the results are."""

    result: Result | None  # None: no charges could be read
    failures: tuple[Failure, ...]
    folder: Path | None
    written: tuple[Path, ...]
    material_breaks: int
    exit_code: int
    run_id: str | None = None  # in the workspace; None: nothing was kept
    told: Told | None = None  # of budgets; None: there are none
