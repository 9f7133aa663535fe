"""The benchmarks at their small size: rivals give the same answers, no figure is far off."""

from __future__ import annotations

import json

import pytest
from benchmarks.__main__ import MEASUREMENTS, main
from benchmarks.goal import Figure, goals

from tests.conftest import chromium
from tests.some import ALL

OFF_MAX = 3  # times the goal: this machine may be busy, and the size is small
NEEDS_THE_NETWORK = "matching"  # its rival is installed by pip
MANY_RUNS = (
    "growth",
    "night",
)  # they compare no answers, and a small size says little of their goals
ASKED = [
    name for name in MEASUREMENTS if name != NEEDS_THE_NETWORK and (ALL or name not in MANY_RUNS)
]
KNOWN = goals()


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    """What one small run measures; it raises where answers that must be the same are not."""
    folder = tmp_path_factory.mktemp("benchmarks")
    asked = [word for name in ASKED for word in ("--only", name)]
    found = main(["--size", "small", "--folder", str(folder), *asked])
    kept = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    assert sorted(row["goal"] for row in kept) == sorted(each.goal for each in found)
    assert (folder / "figures.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    return {each.goal: each for each in found}


def test_every_goal_is_measured_and_the_answers_agree(figures: dict[str, Figure]) -> None:
    """All that were asked for have a figure; trueup, SQL and polars wrote the same tables, or there were none."""
    expected = set(KNOWN) - {"matching-datacompy"}
    if not ALL:
        expected = {name for name in expected if not name.startswith(MANY_RUNS)}
    if chromium() is None:
        expected.remove("report-paint")
    assert set(figures) == expected


@pytest.mark.parametrize("name", KNOWN)
def test_no_figure_is_far_off_its_goal(name: str, figures: dict[str, Figure]) -> None:
    """Three times the goal is too far, unless the gap is known or the size says nothing."""
    goal = KNOWN[name]
    if name not in figures or goal.known_gap or goal.full_only or not goal.is_set:
        pytest.skip(goal.known_gap or "reported, or says something at full size only")
    assert goal.off(figures[name].value) <= OFF_MAX, figures[name]
