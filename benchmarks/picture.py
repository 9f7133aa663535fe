"""The figures as a picture: how far each is from its goal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from benchmarks.goal import Figure, Goal

MET, NOT_MET = "#2f7d4f", "#b3532f"
LEAST = 0.01  # of a goal: shorter bars cannot be told apart


def draw(figures: Sequence[Figure], goals: dict[str, Goal], file: Path) -> None:
    """Write an SVG: a bar a goal, 1 being just met; bars to the left of the line are met."""
    mpl.rcParams["svg.hashsalt"] = "trueup"  # the same figures give the same bytes
    mpl.rcParams["svg.fonttype"] = "none"
    canvas = Canvas(figsize=(9, 0.9 + 0.42 * len(figures)), layout="constrained")
    axes = canvas.subplots()
    shown = [each for each in reversed(figures) if goals[each.goal].is_set]
    off = [max(LEAST, goals[each.goal].off(each.value)) for each in shown]
    spread = [
        sorted(max(LEAST, goals[each.goal].off(end)) for end in (each.least, each.most))
        for each in shown
    ]
    below = [max(0.0, value - ends[0]) for value, ends in zip(off, spread, strict=True)]
    above = [max(0.0, ends[1] - value) for value, ends in zip(off, spread, strict=True)]
    colours = [MET if value <= 1 else NOT_MET for value in off]
    names = [_name(goals[each.goal]) for each in shown]
    axes.barh(names, off, color=colours, xerr=[below, above], height=0.6)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("measured / goal (1 = just met, less is better)")
    axes.tick_params(axis="y", labelsize=7)
    canvas.savefig(file, format="svg", metadata={"Date": None})


def _name(goal: Goal) -> str:
    return goal.what if goal.against == "-" else f"{goal.what}\nagainst {goal.against}"
