"""The sample result, full and empty."""

from __future__ import annotations

import pytest

from tests.report.sample import empty_outcome, make_outcome
from trueup.report.result import Result


@pytest.fixture(scope="session")
def result() -> Result:
    return Result(make_outcome())


@pytest.fixture(scope="session")
def empty_result() -> Result:
    return Result(empty_outcome())
