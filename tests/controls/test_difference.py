"""What changed between two runs, by name."""

from __future__ import annotations

from trueup.controls.difference import Change, changes


def test_what_came_went_and_changed_is_told_by_name() -> None:
    """What is the same is left out; a name without a value is there all the same."""
    before = {"a": 1, "b": 2, "c": 3, "e": None}
    after = {"b": 2, "c": 4, "d": 5, "f": None}
    assert changes(before, after) == [
        Change("removed", "a", 1, None),
        Change("changed", "c", 3, 4),
        Change("added", "d", None, 5),
        Change("removed", "e", None, None),
        Change("added", "f", None, None),
    ]
