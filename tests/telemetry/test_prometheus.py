from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import SourceError
from trueup.telemetry.usage import read_usage

START = 1_790_812_800  # 2026-10-01T00:00:00Z
UTIL = "DCGM_FI_DEV_GPU_UTIL"
ENGINE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"


def series(metric: str, values: list[Any], *, step: int = 60, at: int = 0, **labels: str) -> Any:
    samples = [[START + at + n * step, str(value)] for n, value in enumerate(values)]
    return {"metric": {"__name__": metric, "gpu": "0", **labels}, "values": samples}


def answer(path: Path, *found: Any, **more: Any) -> Path:
    document = {"status": "success", "data": {"resultType": "matrix", "result": list(found)}}
    path.write_text(json.dumps(document | more))
    return path


def quantities(dataset: Any) -> list[tuple[Any, ...]]:
    return [
        (
            row["window_start"].strftime("%H"),
            row["capacity"],
            row["quantity"].normalize(),
            row["unit"],
        )
        for row in dataset.table.rows()
    ]


def test_allocated_and_busy(tmp_path: Path) -> None:
    """Each of 3 samples holds 60 s: 180; busy 0.50 x 60 + 0.25 x 60 + 0 = 45."""
    path = answer(
        tmp_path / "gpu.json",
        series(UTIL, [50, 25, 0], Hostname="h1", namespace="red", hpc_job="j7", agent="miner"),
    )
    found = read_usage(path)
    assert quantities(found) == [
        ("00", "allocated", 180, "GPU-Seconds"),
        ("00", "busy", 45, "GPU-Seconds"),
    ]
    row = found.table.rows()[1]
    who = {"resource_id": "h1", "team": "red", "session_id": "j7", "agent": "miner", "meter": "gpu"}
    assert {name: row[name] for name in who} == who
    (source,) = found.sources.rows()
    assert (source["format"], source["rows_in"], source["accepted"]) == ("prometheus", 3, 3)


def test_split_at_the_hour(tmp_path: Path) -> None:
    """Of 45 s from 00:59:30 on, 30 belong to the first hour and 15 to the next."""
    path = answer(tmp_path / "gpu.json", series(UTIL, [10, 10], step=45, at=3525))
    # samples at 00:58:45 (45 s in hour 0) and 00:59:30 (30 s in hour 0, 15 s in hour 1)
    assert quantities(read_usage(path)) == [
        ("00", "allocated", 75, "GPU-Seconds"),
        ("00", "busy", Decimal("7.5"), "GPU-Seconds"),
        ("01", "allocated", 15, "GPU-Seconds"),
        ("01", "busy", Decimal("1.5"), "GPU-Seconds"),
    ]


def test_gap_holds_no_capacity(tmp_path: Path) -> None:
    """Samples at 0, 60, 120 and, after a gap, 600 s hold 60 s each: 240."""
    found = series(UTIL, [100, 100, 100])
    found["values"].append([START + 600, "100"])
    path = answer(tmp_path / "gpu.json", found)
    assert [row[2] for row in quantities(read_usage(path))] == [240, 240]


def test_step_of_the_document_or_the_caller(tmp_path: Path) -> None:
    """A stated step counts before the commonest gap; a single sample needs one."""
    stated = answer(tmp_path / "a.json", series(UTIL, [100], step=30), step="30")
    assert quantities(read_usage(stated))[0][2] == 30
    alone = answer(tmp_path / "b.json", series(UTIL, [100]))
    assert quantities(read_usage(alone, constants={"step": "15"}))[0][2] == 15
    assert read_usage(alone).rejects.rows()[0]["reason"].startswith("a single sample and no step")


def test_two_metrics_of_one_gpu_count_once(tmp_path: Path) -> None:
    """Utilisation and engine activity of one GPU are one GPU; the ratio counts where it is alone."""
    path = answer(
        tmp_path / "gpu.json",
        series(ENGINE, ["0.9", "0.9"]),
        series(UTIL, [50, 50]),
        series(ENGINE, ["0.25", "0.75"], pod="other"),
    )
    found = read_usage(path)
    # 2 GPUs x 2 x 60 = 240 held; busy 2 x 30 + 15 + 45 = 120
    assert [row[1:3] for row in quantities(found)] == [("allocated", 240), ("busy", 120)]
    assert found.sources.rows()[0]["accepted"] == 6


def test_no_values_are_rejected(tmp_path: Path, reasons: Any) -> None:
    """The exporter's "no value" number, NaN and impossible shares are rejects, one per sample."""
    path = answer(
        tmp_path / "gpu.json",
        series(UTIL, [50, "9223372036854775794", "NaN", "101", "-1", "+Inf", 50]),
    )
    found = read_usage(path)
    assert reasons(found) == [
        (2, UTIL, "the exporter had no value"),
        (3, UTIL, "not a plain number"),
        (4, UTIL, "not between 0 and 100"),
        (5, UTIL, "not between 0 and 100"),
        (6, UTIL, "not a plain number"),
    ]
    assert [row[2] for row in quantities(found)] == [120, 60]


def test_overlapping_answers(tmp_path: Path, reasons: Any) -> None:
    """A range query's end is the next one's start: that sample counts once."""
    one = answer(tmp_path / "1.json", series(UTIL, [100, 100, 100]))
    two = answer(tmp_path / "2.json", series(UTIL, [100, 100], at=120))
    found = read_usage(one, two)
    assert sum(row[2] for row in quantities(found) if row[1] == "allocated") == 240
    assert reasons(found) == [(1, UTIL, f"duplicate of row 3 of {one}")]


@pytest.mark.parametrize("metric", ["duty_cycle", "node:accelerator_tensorcore_utilization"])
def test_tpu_chips(tmp_path: Path, metric: str) -> None:
    """TPU metrics are per chip: 60 s held, 40 % of it busy is 24."""
    labels: dict[str, Any] = {"make": "cloud-tpu", "accelerator_id": "c1", "endpoint": "e1"}
    path = answer(tmp_path / "tpu.json", series(metric, [40], **labels), step=60)
    found = read_usage(path)
    assert quantities(found) == [
        ("00", "allocated", 60, "TPU-Chip-Seconds"),
        ("00", "busy", 24, "TPU-Chip-Seconds"),
    ]
    assert {row["meter"] for row in found.table.rows()} == {"tpu_chip"}
    assert {row["resource_id"] for row in found.table.rows()} == {"e1"}


def test_long_ratios_are_exact(tmp_path: Path) -> None:
    """0.12345678901234568 x 60 s = 7.4074073407407408 s, to the last digit."""
    path = answer(tmp_path / "gpu.json", series(ENGINE, ["0.12345678901234568"]), step=60)
    assert quantities(read_usage(path))[1][2] == Decimal("7.4074073407407408")


def test_columns_name_labels(tmp_path: Path) -> None:
    """``columns`` says which label holds what."""
    path = answer(tmp_path / "gpu.json", series(UTIL, [1, 1], pod="p1", squad="red"))
    found = read_usage(path, columns={"session_id": "pod", "team": "squad"})
    assert {(row["session_id"], row["team"]) for row in found.table.rows()} == {("p1", "red")}


def test_other_metrics_and_slices(tmp_path: Path, reasons: Any) -> None:
    """Other metrics give nothing; slices of a GPU are rejected."""
    path = answer(
        tmp_path / "gpu.json",
        series("DCGM_FI_DEV_FB_USED", [1, 2]),
        series(ENGINE, ["0.5"], GPU_I_ID="3"),
        step=60,
    )
    found = read_usage(path)
    assert reasons(found) == [(3, ENGINE, "a slice of a GPU: query the metric of the whole GPU")]
    assert found.sources.rows()[0]["accepted"] == 2


def test_answers_that_are_none(tmp_path: Path) -> None:
    """A failed query, a file cut in half and bare series are errors that name the file."""
    failed = tmp_path / "failed.json"
    failed.write_text('{"status": "error", "data": null, "error": "timeout"}')
    with pytest.raises(SourceError, match=r"failed\.json.*error"):
        read_usage(failed)
    whole = answer(tmp_path / "whole.json", series(UTIL, [1, 1])).read_text()
    cut = tmp_path / "cut.json"
    cut.write_text(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"cut\.json"):
        read_usage(cut, format="prometheus")
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(series(UTIL, [1, 1])))
    with pytest.raises(SourceError, match=r"bare\.json.*outside an answer"):
        read_usage(bare, format="prometheus")


def test_a_month_is_small(tmp_path: Path) -> None:
    """A day of 3 GPUs on a host at a sample a minute is 24 hours x 2 rows."""
    path = answer(
        tmp_path / "gpu.json",
        *[series(UTIL, [50] * 1440, Hostname="h", UUID=str(n)) for n in range(3)],
    )
    found = quantities(read_usage(path))
    assert len(found) == 48
    assert {row[1:3] for row in found} == {("allocated", 10800), ("busy", 5400)}
