"""What is reported of a source that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.config import Configuration
from trueup.errors import MissingDependency, SourceError, TrueupError, UnitError
from trueup.sources import Failure, failure

CONFIG = Configuration(file=Path("trueup.toml"))
CORRECT = "Correct the file, or its [[usage]] entry in trueup.toml, then run again."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            SourceError("calls.csv", "the file is empty"),
            Failure("usage", "calls.csv", "the file is empty", CORRECT),
        ),
        (
            UnitError("https://me:c4nary@x/calls: no unit"),
            Failure("usage", "https://***@x/calls", "no unit", CORRECT),
        ),
        (
            MissingDependency("polars", "polars"),
            Failure(
                "usage",
                "https://***@x/calls",
                "polars is needed for this: pip install 'trueup[polars]'",
                "Install what is missing, then run again.",
            ),
        ),
    ],
)
def test_a_failure_names_its_source_and_what_to_do(error: TrueupError, told: Failure) -> None:
    """The source as the error has it, else as it was given, without what is secret in it."""
    assert failure("usage", "https://me:c4nary@x/calls", error, CONFIG) == told
