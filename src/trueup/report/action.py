"""One thing to do after a run, in the words of every face of the report."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.report.numbers import count

LINES_MAX = 6  # of one kind; the report has the rest


@dataclass(frozen=True)
class Action:
    """One thing to look at: how much, what, where and when, and the next step.

    With nothing but an ``about`` it says how many more there are.
    """

    amount: str
    what: str
    about: str
    step: str


def tail(said: str) -> Action:
    """The line that says what else there is; the terminal adds where."""
    return Action("", "", f"and {said}", "")


def cut(found: list[Action], noun: str, most: int = LINES_MAX) -> list[Action]:
    """The first of them, and how many more there are."""
    left = len(found) - most
    return found if left <= 0 else [*found[:most], tail(count(left, f"more {noun}"))]
