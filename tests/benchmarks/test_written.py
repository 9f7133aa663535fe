"""What a run of the benchmarks leaves: each figure with the run that it is of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.__main__ import write
from benchmarks.goal import Figure


def test_what_is_not_measured_again_stays_with_its_run(tmp_path: Path) -> None:
    """A later run of one measurement replaces its own figures, in the order of the goals."""
    write(
        [Figure("help", 3.0, 3.0, 3.0, run="first"), Figure("import", 2, 2, 2, run="first")],
        tmp_path,
    )
    write([Figure("help", 4.0, 3.5, 4.5, ["slow"], run="second")], tmp_path)
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [(each["goal"], each["value"], each["run"]) for each in found] == [
        ("import", 2, "first"),
        ("help", 4.0, "second"),
    ]
    text = (tmp_path / "figures.inc").read_text(encoding="utf-8")
    assert "**4.00** x | 3.50 to 4.50 | met | second |" in text
    assert "**2.00** x | 2.00 to 2.00 | met | first |" in text
    assert "- `help`: slow." in text
    assert "`night`" in text.split("Not measured:")[1]


def test_figures_of_another_machine_do_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is headed by one machine: what is of another would pass for its."""
    write([Figure("help", 3.0, 3.0, 3.0)], tmp_path)
    monkeypatch.setattr("benchmarks.__main__.machine", lambda: "another")
    write([Figure("import", 2.0, 2.0, 2.0)], tmp_path)
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [each["goal"] for each in found] == ["import"]
