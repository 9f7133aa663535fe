"""Which work may be interrupted is said by the telemetry map, and ends as a tag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import ConfigurationError
from trueup.telemetry.usage import read_usage

HEAD = "window_start,gpu,resource_id,may_stop,labels"
COLUMNS = {
    "window_start": "window_start",
    "gpu": "gpu",
    "resource_id": "resource_id",
    "tags": "labels",
}


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEAD, *(f"2026-10-03T14:00:00Z,1,{row}" for row in rows)]) + "\n")
    return path


def flags(dataset: Any) -> list[Any]:
    """Of each row its tags, as JSON reads them."""
    return [row["tags"] and json.loads(row["tags"]) for row in dataset.table.rows()]


ROWS = ("a,true,", "b,No,", "c,YES,{}", 'd,1,"{""k"": 2}"', 'e,0,"{""k"": 2}"', "f,,")
FLAGGED = {"interruptible": "true"}
EXPECTED = [FLAGGED, None, FLAGGED, {**FLAGGED, "k": 2}, {"k": 2}, None]


def test_a_column_of_a_table_says_so(tmp_path: Path) -> None:
    """true, yes and 1 in any case are a tag beside the others; false, no, 0 and nothing are none."""
    columns = {**COLUMNS, "interruptible": "may_stop"}
    found = read_usage(table(tmp_path / "a.csv", *ROWS), columns=columns)
    assert flags(found)[:2] == EXPECTED[:2]
    assert [each or None for each in flags(found)] == EXPECTED


def test_what_is_neither_is_rejected(tmp_path: Path) -> None:
    """The row is left out, the others are read as before."""
    columns = {**COLUMNS, "interruptible": "may_stop"}
    found = read_usage(table(tmp_path / "a.csv", *ROWS, "g,maybe,"), columns=columns)
    assert [each or None for each in flags(found)] == EXPECTED
    (reject,) = found.rejects.rows()
    assert (reject["column"], reject["value"]) == ("may_stop", "maybe")
    assert reject["reason"] == "neither true nor false"


def test_a_constant_says_so_of_a_whole_file(tmp_path: Path) -> None:
    """Every row has the tag; with false none has, and another word is a mistake."""
    path = table(tmp_path / "a.csv", *ROWS)
    yes = flags(read_usage(path, columns=COLUMNS, constants={"interruptible": "yes"}))
    assert [each["interruptible"] for each in yes] == ["true"] * 6
    assert yes[3]["k"] == 2
    no = flags(read_usage(path, columns=COLUMNS, constants={"interruptible": "false"}))
    assert [each or None for each in no] == [None, None, None, {"k": 2}, {"k": 2}, None]
    with pytest.raises(ConfigurationError, match="interruptible = 'maybe': it is true or false"):
        read_usage(path, columns=COLUMNS, constants={"interruptible": "maybe"})


@pytest.mark.parametrize("given", [{}, {"columns": {"interruptible": "preemptible"}}])
def test_a_label_of_a_series_says_so(tmp_path: Path, given: Any) -> None:
    """By its own name or by the name in the map; capacity held and busy have it alike."""
    name = given.get("columns", {}).get("interruptible", "interruptible")
    labels = {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", "Hostname": "h1"}
    values = [[1_790_812_800 + 60 * number, "50"] for number in range(3)]
    result = [
        {"metric": {**labels, name: "true"}, "values": values},
        {"metric": {**labels, "Hostname": "h2"}, "values": values},
    ]
    path = tmp_path / "gpu.json"
    data = {"resultType": "matrix", "result": result}
    path.write_text(json.dumps({"status": "success", "data": data}))
    rows = read_usage(path, **given).table.rows()
    assert {(row["resource_id"], row["tags"] is not None) for row in rows} == {
        ("h1", True),
        ("h2", False),
    }


def test_an_attribute_of_a_span_says_so(otlp: Any, write_lines: Any) -> None:
    """The caller's own name for it; what the span used has the tag in every meter."""
    spans = [
        otlp.chat("a", usage=(10, 5), usage__may_stop="true"),
        otlp.chat("b", usage=(10, 5)),
    ]
    columns = {"interruptible": "gen_ai.usage.may_stop"}
    found = read_usage(write_lines([otlp.document(*spans)]), columns=columns)
    assert flags(found) == [FLAGGED, FLAGGED, None, None]


def test_a_field_of_a_log_says_so(tmp_path: Path) -> None:
    """A gateway's spend log with a field for it; its other tags stay."""
    log = {
        "request_id": "r1",
        "call_type": "acompletion",
        "spend": 0.1,
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "startTime": "2026-10-03T14:00:00Z",
        "endTime": "2026-10-03T14:00:02Z",
        "model": "m1",
        "user": "ann",
        "batch": "true",
    }
    path = tmp_path / "logs.jsonl"
    path.write_text(json.dumps(log) + "\n")
    found = read_usage(path, format="litellm", columns={"interruptible": "batch"})
    assert flags(found) == [{"interruptible": "true", "user": "ann"}] * 2
