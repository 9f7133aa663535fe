"""The worlds of many seeds, reconciled by trueup and judged by their own answers.

Every seed takes some seconds: by default a part of them is tried, and all with TRUEUP_SEEDS=all, as
``tox -e seeds`` does.
"""

from __future__ import annotations

import os

ALL = os.environ.get("TRUEUP_SEEDS") == "all"


def some(seeds: range, count: int) -> range:
    """The first of the seeds, or all where all are asked for."""
    return seeds if ALL else seeds[:count]
