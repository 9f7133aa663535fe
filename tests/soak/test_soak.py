"""Some nights around a month's end, lived twice; `python -m tests.soak` lives the whole year."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.comparison import compared
from tests.soak.faults import Disturbance, Night
from tests.soak.life import KILLED
from tests.soak.story import Plan, lived

SEED, PROVIDERS = 1, ("aws", "oci")
OCTOBER = 30  # nights before its last day is known
NIGHTS = [
    Night(killed_at=20),
    Night(
        zone="Pacific/Auckland",
        disturbances=[
            Disturbance("aws", "server error", lasts=True, after=4),
            Disturbance("oci", "truncated body", lasts=False, after=2),
        ],
    ),
]


def test_disturbed_nights_end_as_undisturbed_ones(tmp_path: Path) -> None:
    """Partial nights say so, one is killed, and every figure is that of the undisturbed nights."""
    pytest.importorskip("boto3")
    pytest.importorskip("oci")
    undisturbed = lived(Plan(tmp_path / "one", SEED, PROVIDERS, [Night() for _ in NIGHTS], OCTOBER))
    disturbed = lived(Plan(tmp_path / "other", SEED, PROVIDERS, NIGHTS, OCTOBER))
    assert [*undisturbed.wrong, *disturbed.wrong] == []
    assert [one.exit_code for one in undisturbed.told] == [0] * 5
    assert [one.exit_code for one in disturbed.told] == [KILLED, 3, 3, 0, 0]
    found = compared(tmp_path / "one" / "out", tmp_path / "other" / "out")
    assert found.differing == []
    assert found.figures > 1000


def test_a_figure_that_differs_is_found(tmp_path: Path) -> None:
    """A value, a row and a month too many; what tells of the run itself is no figure."""
    for name, cost in (("one", "1.10"), ("other", "1.11")):
        place = tmp_path / name / "2026-10"
        place.mkdir(parents=True)
        text = f'{{"partial": false, "spend": [{{"cost": "{cost}"}}], "notes": ["{name}"]}}'
        (place / "result.json").write_text(text, encoding="utf-8")
    found = compared(tmp_path / "one", tmp_path / "other")
    assert found.differing == ["2026-10 result.json spend row 0 cost: '1.10' and '1.11'"]
    assert found.figures == 1
    assert compared(tmp_path / "one", tmp_path / "none").differing != []
