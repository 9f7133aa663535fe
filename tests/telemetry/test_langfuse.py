from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trueup.telemetry.usage import read_usage


def observation(number: str = "g1", usage: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "trace_id": "t1",
        "project_id": "p1",
        "type": "GENERATION",
        "parent_observation_id": None,
        "start_time": "2026-10-03 14:00:00.000",
        "end_time": "2026-10-03 14:00:03.000",
        "provided_model_name": "m1",
        "usage_details": usage if usage is not None else {"input": 30, "output": 5, "total": 35},
        "session_id": "s1",
        "event_ts": "2026-10-03 14:00:04.000",
    } | more


def test_input_excludes_cache(write_lines: Any, meters: Any) -> None:
    """Langfuse's input has no cached tokens in it: it is taken as it is."""
    usage = {
        "input": 30,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 10,
        "output": 5,
        "total": 105,
    }
    found = read_usage(write_lines([observation(usage=usage)]))
    assert meters(found) == [
        (1, "input_tokens", 30),
        (1, "cache_read_tokens", 60),
        (1, "cache_write_tokens", 10),
        (1, "output_tokens", 5),
    ]
    row = found.table.rows()[0]
    assert (row["model"], row["session_id"]) == ("m1", "s1")
    assert found.sources.rows()[0]["format"] == "langfuse"


@pytest.mark.parametrize(("total", "expected"), [(35, 5), (38, 8), (None, 8)])
def test_reasoning(write_lines: Any, meters: Any, total: Any, expected: int) -> None:
    """Reasoning is beside output (30 + 5 + 3 = 38), unless the total (35) says it is inside."""
    usage = {"input": 30, "output": 5, "output_reasoning_tokens": 3, "total": total}
    found = read_usage(write_lines([observation(usage=usage)]))
    assert meters(found)[-1] == (1, "output_tokens", expected)
    assert json.loads(found.table.rows()[-1]["tags"])["reasoning_tokens"] == 3


def test_camel_case(write_lines: Any, meters: Any) -> None:
    """The API's spelling means the same."""
    item = {
        "id": "g1",
        "traceId": "t1",
        "projectId": "p1",
        "type": "GENERATION",
        "startTime": "2026-10-03T14:00:00.000Z",
        "endTime": None,
        "model": "m1",
        "usageDetails": {"input": 3, "input_cached_tokens": 4, "output": 1},
        "updatedAt": "2026-10-03T14:00:04.000Z",
        "sessionId": "s1",
    }
    assert meters(read_usage(write_lines([item]))) == [
        (1, "input_tokens", 3),
        (1, "cache_read_tokens", 4),
        (1, "output_tokens", 1),
    ]


def test_latest_version_counts(write_lines: Any, meters: Any, reasons: Any) -> None:
    """Of the versions of an observation in a project the latest counts, larger or not."""
    path = write_lines(
        [
            observation(usage={"input": 90}, event_ts="2026-10-03 14:00:01"),
            observation(usage={"input": 30}, event_ts="2026-10-03 14:00:09"),
            observation(usage={"input": 60}, event_ts="2026-10-03 14:00:05"),
            observation(usage={"input": 7}, project_id="p2"),
        ]
    )
    found = read_usage(path)
    assert meters(found) == [(2, "input_tokens", 30), (4, "input_tokens", 7)]
    assert reasons(found) == [(1, None, "duplicate of row 2"), (3, None, "duplicate of row 2")]


def test_only_leaf_generations_carry_usage(write_lines: Any, meters: Any) -> None:
    """Spans and agents give nothing; a generation around another repeats it."""
    path = write_lines(
        [
            observation("a", type="AGENT", name="miner", usage={"input": 50}),
            observation("outer", parent_observation_id="a"),
            observation("inner", parent_observation_id="outer"),
            observation("e", type="EMBEDDING", parent_observation_id="a", usage={"input": 4}),
        ]
    )
    found = read_usage(path)
    assert meters(found) == [
        (3, "input_tokens", 30),
        (3, "output_tokens", 5),
        (4, "input_tokens", 4),
    ]
    assert {row["agent"] for row in found.table.rows()} == {"miner"}


def test_csv_with_json_text(tmp_path: Path, meters: Any) -> None:
    """In CSV the details are JSON in a cell."""
    path = tmp_path / "observations.csv"
    details = json.dumps({"input": 30, "output": 5}).replace('"', '""')
    path.write_text(
        "id,trace_id,type,start_time,usage_details\n"
        f'g1,t1,GENERATION,2026-10-03 14:00:00,"{details}"\n'
    )
    assert meters(read_usage(path)) == [(1, "input_tokens", 30), (1, "output_tokens", 5)]


def test_rejects(write_lines: Any, reasons: Any) -> None:
    """Details and times that cannot be read are rejects."""
    path = write_lines(
        [
            observation("a", usage={"input": "x"}),
            observation("b", usage="none"),
            observation("c", start_time="soon"),
            observation("d", usage={"input": -1}),
        ]
    )
    assert reasons(read_usage(path)) == [
        (1, "usage_details", "input is not a whole number"),
        (2, "usage_details", "not a JSON object"),
        (3, "start_time", "not a time; write 2026-10-03T14:00:00Z"),
        (4, "usage_details", "input is negative"),
    ]
