from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import SourceError
from trueup.telemetry import matrix
from trueup.telemetry.matrix import split
from trueup.telemetry.usage import read_usage

LABELS = st.dictionaries(
    st.sampled_from(["__name__", "pod", "metric"]),
    st.text(max_size=20) | st.sampled_from(['{"metric": {', "]]}", ',{"metric":', '"']),
    max_size=3,
)
SAMPLES = st.lists(st.tuples(st.integers(0, 10**9), st.just("1")), max_size=4)
SERIES = st.lists(
    st.builds(lambda labels, values: {"metric": labels, "values": values}, LABELS, SAMPLES),
    max_size=6,
)


def written(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def plain(series: Any) -> Any:
    return json.loads(json.dumps(series))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(SERIES, min_size=1, max_size=3), st.sampled_from([None, 1]), st.integers(20, 400))
def test_every_series_once(
    tmp_path: Path, monkeypatch: Any, answers: Any, indent: Any, chunk: int
) -> None:
    """Whatever labels say and wherever a chunk ends, each series is one line, in order."""
    monkeypatch.setattr(matrix, "CHUNK_BYTES", chunk)
    documents = [
        {"status": "success", "data": {"resultType": "matrix", "result": series}, "step": "60"}
        for series in answers
    ]
    path = tmp_path / "a.json"
    path.write_text("\n".join(json.dumps(item, indent=indent) for item in documents))
    target = tmp_path / "series.jsonl"
    found = split(path, "a.json", target)
    assert written(target) == plain([item for series in answers for item in series])
    assert found.step == "60"


def test_keys_in_another_order(tmp_path: Path) -> None:
    """Series that begin with their values are found too."""
    series = {"values": [[1, "2"]], "metric": {"pod": "p"}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"status": "success", "data": {"result": [series]}}))
    target = tmp_path / "series.jsonl"
    assert split(path, "a.json", target).step is None
    assert written(target) == [series]


def test_keys_in_mixed_order(tmp_path: Path) -> None:
    """Series of one answer whose keys are in different order are refused, never misread."""
    turned = {"values": [[60, "1"]], "metric": {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "1"}}
    usual = {"metric": {"__name__": "DCGM_FI_DEV_GPU_UTIL"}, "values": [[60, "1"], [120, "1"]]}
    for number, series in enumerate(([usual, turned, usual], [turned, usual], [usual, turned])):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"status": "success", "data": {"result": series}}))
        with pytest.raises(SourceError, match=rf"{number}\.json"):
            read_usage(path)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_cut_answer(tmp_path: Path, keep: float) -> None:
    """An answer that stops before its end is an error that names the file."""
    series = [{"metric": {"pod": str(n)}, "values": [[n, "1"]]} for n in range(9)]
    text = json.dumps({"status": "success", "data": {"result": series}})
    path = tmp_path / "a.json"
    path.write_text(text[: int(len(text) * keep)])
    with pytest.raises(SourceError, match=r"^a\.json: "):
        split(path, "a.json", tmp_path / "series.jsonl")
