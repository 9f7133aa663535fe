"""The exit code of what ended a run."""

from __future__ import annotations

import pytest

from trueup.errors import IntegrityError, SourceError, UsageError
from trueup.job.outcome import WORSE, Terminated, broken_off, code_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (SourceError("a.csv", "no"), 2),
        (IntegrityError("no"), 4),
        (ZeroDivisionError("no"), 4),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
        (Terminated(), 143),
    ],
)
def test_an_error_has_the_code_that_shells_know(error: BaseException, code: int) -> None:
    """On purpose 2, a defect 4, 128 and its number for a signal; metrics say the same."""
    assert code_of(error) == broken_off(error, None).exit_code == code
    assert code in WORSE
