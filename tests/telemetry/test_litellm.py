from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.telemetry.usage import read_usage


def log(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "request_id": f"r{number}",
        "call_type": "acompletion",
        "api_key": "secret-hash",
        "spend": 0.1,
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "startTime": "2026-10-03T14:00:00Z",
        "endTime": "2026-10-03T14:00:02Z",
        "model": "vendor/m1",
        "custom_llm_provider": "vendor",
        "metadata": "{}",
        "cache_hit": "False",
        "team_id": "red",
        "session_id": "s1",
        "agent_id": "miner",
        "status": "success",
    } | more


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_one_row_in_any_file(tmp_path: Path, meters: Any, suffix: str) -> None:
    """JSON lines, CSV and Parquet give the same: 100 prompt tokens, 60 + 10 cached, are 30."""
    usage = {"cache_read_input_tokens": 60, "cache_creation_input_tokens": 10}
    row = log(metadata=json.dumps({"usage_object": usage}))
    path = tmp_path / f"logs.{suffix}"
    if suffix == "jsonl":
        path.write_text(json.dumps(row | {"metadata": {"usage_object": usage}}) + "\n")
    elif suffix == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)
    else:
        pq.write_table(pa.Table.from_pylist([row]), path)
    found = read_usage(path)
    assert meters(found) == [
        (1, "input_tokens", 30),
        (1, "cache_read_tokens", 60),
        (1, "cache_write_tokens", 10),
        (1, "output_tokens", 7),
    ]
    first = found.table.rows()[0]
    expected = {
        "provider": "vendor",
        "model": "m1",
        "team": "red",
        "session_id": "s1",
        "agent": "miner",
    }
    assert {name: first[name] for name in expected} == expected
    assert first["window_end"].second == 2
    assert found.sources.rows()[0]["format"] == "litellm"
    assert "secret" not in str(found.table.rows())


def test_openai_style_details(write_lines: Any, meters: Any) -> None:
    """Cached tokens may stand in prompt_tokens_details: 100 - 40 = 60."""
    details = {"usage_object": {"prompt_tokens_details": {"cached_tokens": 40}}}
    found = read_usage(write_lines([log(metadata=details)]))
    assert meters(found)[:2] == [(1, "input_tokens", 60), (1, "cache_read_tokens", 40)]


def test_reasoning_is_told_of_the_output_that_holds_it(write_lines: Any) -> None:
    """4 of 7 tokens of output were reasoning; 8 of 7 cannot be, so that nothing is told."""
    rows = [
        log(
            number,
            metadata={"usage_object": {"completion_tokens_details": {"reasoning_tokens": n}}},
        )
        for number, n in ((1, 4), (2, 8))
    ]
    found = read_usage(write_lines(rows)).table.rows()
    told = [(row["quantity"], row["tags"]) for row in found if row["meter"] == "output_tokens"]
    assert told == [(Decimal(7), '{"reasoning_tokens":4}'), (Decimal(7), None)]


def test_retries_count_once(write_lines: Any, meters: Any, reasons: Any) -> None:
    """Rows of one request count once, the one with tokens, over all files."""
    one = write_lines(
        [log(prompt_tokens=0, completion_tokens=0, status="failure"), log()], "1.jsonl"
    )
    two = write_lines([log(), log(2, prompt_tokens=5)], "2.jsonl")
    found = read_usage([one, two])
    assert meters(found) == [
        (2, "input_tokens", 100),
        (2, "output_tokens", 7),
        (2, "input_tokens", 5),
        (2, "output_tokens", 7),
    ]
    assert reasons(found) == [
        (1, None, "duplicate of row 2"),
        (1, None, f"duplicate of row 2 of {one}"),
    ]


def test_cache_hits_and_failures_give_nothing(write_lines: Any) -> None:
    """What the proxy answered itself, and what failed, is accepted without usage."""
    path = write_lines(
        [
            log(1, cache_hit="True"),
            log(2, status="failure", prompt_tokens=0, completion_tokens=0),
        ]
    )
    found = read_usage(path)
    (source,) = found.sources.rows()
    assert (source["accepted"], source["rejected"], len(found.table)) == (2, 0, 0)
    assert "1 rows were answered from the proxy's cache" in source["note"]


def test_a_stored_response_that_is_fetched_again_costs_nothing(
    write_lines: Any, meters: Any
) -> None:
    """Two fetches repeat the 100 and 7 tokens of the call that made it, under ids of their own."""
    path = write_lines(
        [log(1), log(2, call_type="aget_responses"), log(3, call_type="get_responses")]
    )
    found = read_usage(path)
    (source,) = found.sources.rows()
    assert (source["accepted"], source["rejected"]) == (3, 0)
    assert "2 rows fetch a stored response again and give no usage" in source["note"]
    assert meters(found) == [(1, "input_tokens", 100), (1, "output_tokens", 7)]


def test_rejects(write_lines: Any, reasons: Any) -> None:
    """Counts and times that cannot be read, and malformed lines, are named by row and column."""
    path = write_lines(
        [
            log(1, prompt_tokens="many"),
            log(2, startTime="yesterday"),
            "{",
            "[1]",
            log(3, cache_read_input_tokens=101),
            log(4, endTime="2026-10-03T13:00:00Z"),
        ]
    )
    found = read_usage(path)
    assert reasons(found) == [
        (1, "prompt_tokens", "not a whole number"),
        (2, "startTime", "not a time; write 2026-10-03T14:00:00Z"),
        (3, None, "not valid JSON"),
        (4, None, "not a JSON object"),
        (5, "prompt_tokens", "less than the cached tokens it includes"),
        (6, "endTime", "ends before it starts"),
    ]
    assert len(found.table) == 0


def test_daily_table(write_lines: Any, meters: Any) -> None:
    """A daily row spans its day, in UTC."""
    row = {
        "id": "d1",
        "user_id": "u",
        "date": "2026-10-03",
        "api_key": "k",
        "model": "m",
        "custom_llm_provider": "vendor",
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 20,
        "spend": 1.0,
        "api_requests": 3,
        "successful_requests": 3,
        "failed_requests": 0,
    }
    found = read_usage(write_lines([row]))
    assert meters(found)[0] == (1, "input_tokens", Decimal(50))
    first = found.table.rows()[0]
    assert first["window_start"].isoformat() == "2026-10-03T00:00:00+00:00"
    assert first["window_end"].isoformat() == "2026-10-04T00:00:00+00:00"


@pytest.mark.parametrize(
    "start",
    [
        "2026-10-03 14:00:00.000+00:00",
        "2026-10-03T14:00:00",
        "2026-10-03 16:00:00+02:00",
        1791036000,
        1791036000.0,
        1791036000000,
    ],
)
def test_times_in_the_usual_forms(write_lines: Any, start: Any) -> None:
    """With or without a zone, or as seconds or milliseconds since 1970."""
    found = read_usage(write_lines([log(startTime=start, endTime=None)]))
    assert found.table.rows()[0]["window_start"].isoformat() == "2026-10-03T14:00:00+00:00"


def test_mcp_tool_calls(write_lines: Any) -> None:
    """A call of an MCP tool is one call of that tool."""
    row = log(
        call_type="call_mcp_tool",
        mcp_namespaced_tool_name="git/log",
        prompt_tokens=0,
        completion_tokens=0,
    )
    (found,) = read_usage(write_lines([row])).table.rows()
    assert (found["meter"], found["tool"], found["unit"]) == ("tool_calls", "git/log", "Calls")


def test_header_only_csv(tmp_path: Path) -> None:
    """A file of a header holds no records."""
    path = tmp_path / "logs.csv"
    path.write_text("request_id,spend,prompt_tokens,completion_tokens,startTime\n")
    found = read_usage(path)
    assert (len(found.table), found.sources.rows()[0]["format"]) == (0, "litellm")
