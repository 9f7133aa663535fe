"""The figures as a Markdown table, and the machine that they are from."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

import psutil

from benchmarks.goal import Figure, Goal

PACKAGES = ("duckdb", "polars", "pandas", "pyarrow", "ibis-framework")


def table(figures: Sequence[Figure], goals: dict[str, Goal]) -> str:
    """A row for each figure: what, against what, the goal, the value with its spread,
    whether it is met, and the run that it is of.
    """
    lines = [
        "| what | against | goal | measured | spread | | of |",
        "|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        goal = goals[figure.goal]
        sign = "<=" if goal.at_most is not None else ">="
        wanted, met = "-", "reported"
        if goal.is_set:
            wanted = f"{sign} {_number(goal.limit)} {goal.unit}".strip()
            met = "met" if goal.off(figure.value) <= 1 else "not met"
        cells = (
            goal.what,
            goal.against,
            wanted,
            f"**{_number(figure.value)}** {goal.unit}".strip(),
            f"{_number(figure.least)} to {_number(figure.most)}",
            met,
            figure.run,
        )
        lines.append(f"| {' | '.join(cells)} |")
    left_out = sorted(set(goals) - {figure.goal for figure in figures})
    if left_out:
        lines += ["", f"Not measured: {', '.join(f'`{name}`' for name in left_out)}."]
    lines += ["", *_facts(figures)]
    return "\n".join(lines) + "\n"


def _facts(figures: Iterable[Figure]) -> list[str]:
    return [f"- `{figure.goal}`: {'; '.join(figure.facts)}." for figure in figures if figure.facts]


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}"


def machine() -> str:
    """Processor, memory and versions, in one sentence."""
    memory = psutil.virtual_memory().total / 2**30
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(found)}"
    )
