"""Long series of alike cases: CI tries the first of them, ``tox -e thorough`` all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
ALL = os.environ.get("TRUEUP_THOROUGH") == "1"


def some(cases: Sequence[T], count: int) -> Sequence[T]:
    """The first of the cases, or all where all are asked for."""
    return cases if ALL else cases[:count]
