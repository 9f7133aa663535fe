from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import SourceError
from trueup.telemetry.usage import read_usage


def allocation(**more: Any) -> dict[str, Any]:
    return {
        "name": "red/trainer",
        "properties": {
            "namespace": "red",
            "node": "n1",
            "providerID": "i-1",
            "controller": "trainer",
            "labels": {"agent": "miner"},
        },
        "start": "2026-10-03T14:00:00Z",
        "end": "2026-10-03T16:00:00Z",
        "minutes": 120,
        "gpuHours": 4,
    } | more


def answer(path: Path, *sets: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"code": 200, "data": list(sets)}))
    return path


def test_allocated_and_busy(tmp_path: Path) -> None:
    """4 GPU-hours, 0.5 of 2 requested GPUs used: 4 x 0.5 / 2 = 1 busy."""
    found = read_usage(
        answer(
            tmp_path / "a.json",
            {"x": allocation(gpuUsageAverage=0.5, gpuRequestAverage=2)},
            {"y": allocation(gpuHours=1.5)},
        )
    )
    rows = [(r["source_row"], r["capacity"], r["quantity"], r["unit"]) for r in found.table.rows()]
    assert rows == [
        (1, "allocated", 4, "GPU-Hours"),
        (1, "busy", 1, "GPU-Hours"),
        (2, "allocated", Decimal("1.5"), "GPU-Hours"),
    ]
    row = found.table.rows()[0]
    expected = {"resource_id": "i-1", "team": "red", "agent": "miner", "meter": "gpu"}
    assert {name: row[name] for name in expected} == expected
    assert (row["window_start"].hour, row["window_end"].hour) == (14, 16)
    assert found.sources.rows()[0]["format"] == "opencost"


def test_endless_quotient(tmp_path: Path) -> None:
    """1 x 0.1 / 0.3 is written with 18 decimals, the last one rounded down."""
    path = answer(
        tmp_path / "a.json",
        {"x": allocation(gpuHours=1, gpuUsageAverage=0.1, gpuRequestAverage=0.3)},
    )
    assert read_usage(path).table.rows()[1]["quantity"] == Decimal("0.333333333333333333")


def test_allocations_without_gpu(tmp_path: Path, reasons: Any) -> None:
    """What held no GPU gives nothing; figures that cannot be read are rejects."""
    path = answer(
        tmp_path / "a.json",
        {
            "cpu": allocation(gpuHours=0),
            "bad": allocation(gpuHours="lots"),
            "late": allocation(start="soon", window={}),
            "gone": None,
        },
    )
    found = read_usage(path)
    assert len(found.table) == 0
    assert [(row, column) for row, column, _ in reasons(found)] == [
        (2, "gpuHours"),
        (3, "start"),
        (4, None),
    ]
    assert found.sources.rows()[0]["accepted"] == 1


def test_answer_without_data(tmp_path: Path) -> None:
    """An answer that holds no data is an error that names the file."""
    path = tmp_path / "a.json"
    path.write_text('{"code": 500, "message": "no"}')
    with pytest.raises(SourceError, match=r"a\.json"):
        read_usage(path, format="opencost")


def test_answer_over_many_lines(tmp_path: Path) -> None:
    """An answer that was laid out for reading is read like any other; so is a cut one refused."""
    path = tmp_path / "a.json"
    text = json.dumps({"code": 200, "data": [{"x": allocation()}]}, indent=2)
    path.write_text(text)
    assert [row["quantity"] for row in read_usage(path).table.rows()] == [4]
    path.write_text(text[:-40])
    with pytest.raises(SourceError, match=r"a\.json"):
        read_usage(path, format="opencost")
