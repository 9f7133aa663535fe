"""A break by the beginning of its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from trueup.controls.knowledge import break_named
from trueup.errors import UsageError

STATE: Any = object()
KNOWN: Mapping[str, Any] = {"1a2b": None, "1a3c": None, "9fff": STATE}


@pytest.mark.parametrize("prefix", ["9", "9FFF"])
def test_a_beginning_that_only_one_has_is_enough(prefix: str) -> None:
    """In either case."""
    assert break_named(KNOWN, prefix) is STATE


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("1a", "break '1a' is 2 breaks: 1a2b, 1a3c; give more of its id"),
        ("1a2c", "there is no break '1a2c'; did you mean 1a"),
        ("zzzz", "there is no break 'zzzz'; `trueup breaks list` shows them all"),
        ("", "there is no break ''; `trueup breaks list` shows them all"),
    ],
)
def test_what_names_no_break_or_several_is_refused(prefix: str, said: str) -> None:
    """With those it might be, or what lists them."""
    with pytest.raises(UsageError) as refused:
        break_named(KNOWN, prefix)
    assert str(refused.value).startswith(said)
