from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import SourceError
from trueup.telemetry.usage import read_usage


def test_input_is_uncached(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Input tokens exclude what a cache read or wrote: 1000 - 600 - 100 = 300."""
    span = otlp.chat(
        "a",
        usage=(1000, 50),
        usage__cache_read__input_tokens=600,
        usage__cache_creation__input_tokens=100,
        usage__reasoning__output_tokens=20,
    )
    found = read_usage(write_lines([otlp.document(span)]))
    assert meters(found) == [
        (1, "input_tokens", 300),
        (1, "cache_read_tokens", 600),
        (1, "cache_write_tokens", 100),
        (1, "output_tokens", 50),
    ]
    assert {row["unit"] for row in found.table.rows()} == {"Tokens"}
    assert {row["capacity"] for row in found.table.rows()} == {"busy"}


@pytest.mark.parametrize(
    ("read", "write", "given_in", "given_out"),
    [
        (
            "usage__input_tokens__cached",
            "usage__cache_creation_input_tokens",
            "usage__prompt_tokens",
            "usage__completion_tokens",
        ),
        (
            "usage__cache_read_tokens",
            "usage__cache_write_tokens",
            "usage__input_tokens",
            "usage__output_tokens",
        ),
    ],
)
def test_aliases(
    otlp: Any, write_lines: Any, meters: Any, read: str, write: str, given_in: str, given_out: str
) -> None:
    """Older names of the same counts mean the same."""
    span = otlp.chat("a", **{read: 3, write: 2, given_in: 10, given_out: 4})
    assert meters(read_usage(write_lines([otlp.document(span)]))) == [
        (1, "input_tokens", 5),
        (1, "cache_read_tokens", 3),
        (1, "cache_write_tokens", 2),
        (1, "output_tokens", 4),
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"intValue": "12"},
        {"intValue": 12},
        {"stringValue": "12"},
        {"stringValue": " 12 "},
        {"doubleValue": 12.0},
        {"doubleValue": 12},
        {"stringValue": "1.2e1"},
    ],
)
def test_counts_in_any_spelling(otlp: Any, write_lines: Any, meters: Any, value: Any) -> None:
    """A count is read whether it is a number, a text or an integral double."""
    span = otlp.chat("a", usage=(value, 1))
    assert meters(read_usage(write_lines([otlp.document(span)])))[0] == (1, "input_tokens", 12)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"stringValue": "many"}, "not a whole number"),
        ({"stringValue": ""}, "not a whole number"),
        ({"doubleValue": 12.5}, "not a whole number"),
        ({"intValue": "-3"}, "negative"),
        ({"stringValue": "NaN"}, "not a whole number"),
        ({"stringValue": "1,000"}, "not a whole number"),
    ],
)
def test_unreadable_count_is_rejected(
    otlp: Any, write_lines: Any, meters: Any, reasons: Any, value: Any, reason: str
) -> None:
    """A count that cannot be read is a reject with its reason, never zero."""
    path = write_lines(
        [otlp.document(otlp.chat("a", usage=(5, 6)), otlp.chat("b", usage=(value, 6)))]
    )
    found = read_usage(path)
    assert meters(found) == [(1, "input_tokens", 5), (1, "output_tokens", 6)]
    assert reasons(found) == [(2, "gen_ai.usage.input_tokens", reason)]
    assert found.sources.rows()[0]["rows_in"] == 2


def test_more_cached_than_input_is_rejected(otlp: Any, write_lines: Any, reasons: Any) -> None:
    """10 input tokens cannot include 12 cached ones."""
    span = otlp.chat("a", usage=(10, 1), usage__cache_read__input_tokens=12)
    found = read_usage(write_lines([otlp.document(span)]))
    assert reasons(found) == [
        (1, "gen_ai.usage.input_tokens", "less than the cached tokens it includes")
    ]
    assert len(found.table) == 0


def test_agent_span_repeats_its_children(otlp: Any, write_lines: Any, meters: Any) -> None:
    """An agent with inference below it, at any depth, gives nothing of its own."""
    path = write_lines(
        [
            otlp.document(
                otlp.span("agent", operation__name="invoke_agent", usage=(30, 3)),
                otlp.span("plan", "agent", operation__name="plan"),
                otlp.chat("x", "plan", usage=(10, 1)),
                otlp.chat("y", "agent", usage=(20, 2)),
            )
        ]
    )
    assert meters(read_usage(path)) == [
        (3, "input_tokens", 10),
        (3, "output_tokens", 1),
        (4, "input_tokens", 20),
        (4, "output_tokens", 2),
    ]


def test_agent_without_counted_children_counts(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Where no inference below it has usage the agent's own counts; of nested agents the inner."""
    path = write_lines(
        [
            otlp.document(
                otlp.span("flow", operation__name="invoke_workflow", usage=(7, 1)),
                otlp.span("agent", "flow", operation__name="invoke_agent", usage=(7, 1)),
                otlp.chat("x", "agent"),
            )
        ]
    )
    assert meters(read_usage(path)) == [(2, "input_tokens", 7), (2, "output_tokens", 1)]


def test_agent_in_another_file_repeats_too(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Agents end last: their span may be in the file after the one with their children."""
    first = write_lines([otlp.document(otlp.chat("x", "agent", usage=(10, 1)))], "1.jsonl")
    agent = otlp.span("agent", operation__name="invoke_agent", agent__name="miner", usage=(10, 1))
    second = write_lines([otlp.document(agent)], "2.jsonl")
    found = read_usage(first, second)
    assert meters(found) == [(1, "input_tokens", 10), (1, "output_tokens", 1)]
    assert [row["agent"] for row in found.table.rows()] == ["miner", "miner"]
    assert [row["accepted"] for row in found.sources.rows()] == [1, 1]


def test_nested_inference_counts_once(otlp: Any, write_lines: Any, meters: Any) -> None:
    """A framework's span around the SDK's repeats it, with or without an operation name."""
    path = write_lines(
        [
            otlp.document(
                otlp.span("outer", usage=(10, 1)),
                otlp.chat("inner", "outer", usage=(10, 1)),
            )
        ]
    )
    assert meters(read_usage(path)) == [(2, "input_tokens", 10), (2, "output_tokens", 1)]


def test_inference_below_a_tool_is_another_call(otlp: Any, write_lines: Any, meters: Any) -> None:
    """A tool that asks a model makes a call of its own; both count."""
    path = write_lines(
        [
            otlp.document(
                otlp.chat("outer", usage=(10, 1)),
                otlp.span("tool", "outer", operation__name="execute_tool", tool__name="ask"),
                otlp.chat("inner", "tool", usage=(4, 2)),
            )
        ]
    )
    assert meters(read_usage(path)) == [
        (1, "input_tokens", 10),
        (1, "output_tokens", 1),
        (2, "tool_calls", 1),
        (3, "input_tokens", 4),
        (3, "output_tokens", 2),
    ]


def test_tool_calls(otlp: Any, write_lines: Any) -> None:
    """A tool's execution is one call, under the tool's name."""
    span = otlp.span("t", operation__name="execute_tool", tool__name="grep")
    (row,) = read_usage(write_lines([otlp.document(span)])).table.rows()
    assert (row["meter"], row["tool"], row["quantity"], row["unit"]) == (
        "tool_calls",
        "grep",
        1,
        "Calls",
    )


def test_same_span_twice(otlp: Any, write_lines: Any, meters: Any, reasons: Any) -> None:
    """A span that the exporter sent twice counts once, also over two files."""
    span = otlp.document(otlp.chat("a", usage=(10, 1)))
    one = write_lines([span, span], "1.jsonl")
    two = write_lines([span], "2.jsonl")
    found = read_usage(one, two)
    assert meters(found) == [(1, "input_tokens", 10), (1, "output_tokens", 1)]
    assert reasons(found) == [
        (2, None, "duplicate of row 1"),
        (1, None, f"duplicate of row 1 of {one}"),
    ]


def test_stream_reports_partial_counts(
    otlp: Any, write_lines: Any, meters: Any, reasons: Any
) -> None:
    """Of the partial and the final report of one response the final one, which is larger, counts."""
    path = write_lines(
        [
            otlp.document(
                otlp.chat("a", usage=(10, 3), response__id="r1", provider__name="p"),
                otlp.chat("b", at=1, usage=(10, 40), response__id="r1", provider__name="p"),
                otlp.chat("c", at=1, usage=(10, 2), response__id="r1", provider__name="q"),
            )
        ]
    )
    found = read_usage(path)
    assert meters(found) == [
        (2, "input_tokens", 10),
        (2, "output_tokens", 40),
        (3, "input_tokens", 10),
        (3, "output_tokens", 2),
    ]
    assert reasons(found) == [(1, None, "duplicate of row 2")]


def test_wrapper_with_the_same_response_id(
    otlp: Any, write_lines: Any, meters: Any, reasons: Any
) -> None:
    """A span around another that names the same response is accepted and repeats it."""
    path = write_lines(
        [
            otlp.document(
                otlp.chat("outer", usage=(10, 1), response__id="r1"),
                otlp.chat("inner", "outer", usage=(10, 1), response__id="r1"),
            )
        ]
    )
    found = read_usage(path)
    assert meters(found) == [(2, "input_tokens", 10), (2, "output_tokens", 1)]
    assert reasons(found) == []


def test_spans_without_usage(otlp: Any, write_lines: Any) -> None:
    """Failed calls and spans of other kinds are accepted and give nothing."""
    failed = otlp.chat("a") | {"status": {"code": 2}}
    other = otlp.span("http") | {"attributes": []}
    found = read_usage(write_lines([otlp.document(failed, other)]))
    (source,) = found.sources.rows()
    assert (source["rows_in"], source["accepted"], len(found.table)) == (2, 2, 0)
    assert source["note"] == "none of its records meters anything"


def test_who_and_where(otlp: Any, write_lines: Any) -> None:
    """Who called comes from the span, its resource and the nearest agent above it."""
    path = write_lines(
        [
            otlp.document(
                otlp.span("root", operation__name="invoke_agent", agent__name="planner"),
                otlp.span("sub", "root", operation__name="invoke_agent", agent__name="coder"),
                otlp.span("step", "sub", operation__name="plan"),
                otlp.chat(
                    "x",
                    "step",
                    usage=(10, 1),
                    conversation__id="s1",
                    request__model="m",
                    response__model="m-2026",
                    system="some.vendor",
                    openai__request__service_tier="default",
                ),
                cloud__account__id="42",
                cloud__region="here",
                cloud__resource_id="res",
                team="search",
                cost_center="cc7",
                service__namespace="no team",
            )
        ]
    )
    row = read_usage(path).table.rows()[0]
    expected = {
        "agent": "coder",
        "session_id": "s1",
        "model": "m-2026",
        "provider": "some.vendor",
        "account_id": "42",
        "region_id": "here",
        "resource_id": "res",
        "team": "search",
        "cost_centre": "cc7",
        "service_tier": "standard",
        "tool": None,
        "tags": '{"called_by":"planner"}',
    }
    assert {name: row[name] for name in expected} == expected
    assert row["window_start"].isoformat() == "2026-10-01T00:00:00+00:00"
    assert row["window_end"].isoformat() == "2026-10-01T00:00:01+00:00"


def test_attributes_may_be_named(otlp: Any, write_lines: Any) -> None:
    """``columns`` names an attribute to look at first, ``constants`` fixes a column."""
    span = otlp.chat("a", usage=(1, 1), x__squad="red")
    path = write_lines([otlp.document(span, team="blue")])
    row = read_usage(path, columns={"team": "gen_ai.x.squad"}, constants={"account_id": "7"})
    assert [(r["team"], r["account_id"]) for r in row.table.rows()] == [("red", "7")] * 2


def test_a_named_resource_comes_before_the_deployment(otlp: Any, write_lines: Any) -> None:
    """Of the span, else of where it runs; without a name the deployment is the resource."""
    own = otlp.document(otlp.chat("a", usage=(1, 1), x__endpoint="e1", deployment__name="d1"))
    there = otlp.document(otlp.chat("b", usage=(1, 1), deployment__name="d1"))
    there["resourceSpans"][0]["resource"]["attributes"] = otlp.attributes(
        {"gen_ai.x.endpoint": "e2"}
    )
    neither = otlp.document(otlp.chat("c", usage=(1, 1), deployment__name="d1"))
    neither["resourceSpans"][0]["resource"]["attributes"] = otlp.attributes(
        {"cloud.resource_id": "host"}
    )
    path = write_lines([own, there, neither])

    def resources(**how: Any) -> list[str | None]:
        rows = read_usage(path, **how).table.rows()
        return [row["resource_id"] for row in rows if row["meter"] == "input_tokens"]

    assert resources(columns={"resource_id": "gen_ai.x.endpoint"}) == ["e1", "e2", "d1"]
    assert resources() == ["d1", "d1", "d1"]


@pytest.mark.parametrize("packing", ["plain", "gz", "zst", "no suffix"])
def test_compressed(otlp: Any, tmp_path: Path, meters: Any, packing: str) -> None:
    """Files are unpacked by their content, whatever their name."""
    data = json.dumps(otlp.document(otlp.chat("a", usage=(10, 1)))).encode() + b"\n"
    path = tmp_path / "spans"
    if packing == "gz":
        path = tmp_path / "spans.jsonl.gz"
        path.write_bytes(gzip.compress(data))
    elif packing == "plain":
        path.write_bytes(data)
    else:
        path = tmp_path / ("spans.jsonl.zst" if packing == "zst" else "spans.bin")
        path.write_bytes(pa.compress(data, codec="zstd", asbytes=True))
    assert meters(read_usage(path)) == [(1, "input_tokens", 10), (1, "output_tokens", 1)]


def test_malformed_lines(otlp: Any, write_lines: Any, meters: Any, reasons: Any) -> None:
    """Lines that are no traces, and a last line cut in half, are one reject each."""
    good = otlp.document(otlp.chat("a", usage=(10, 1)), otlp.chat("b", usage=(2, 1)))
    cut = json.dumps(otlp.document(otlp.chat("c", usage=(3, 1))))[:80]
    path = write_lines([good, "{oops", '{"resourceLogs": []}', "", cut])
    found = read_usage(path)
    why = "not a JSON document with resourceSpans"
    assert reasons(found) == [(n, "resourceSpans", why) for n in (3, 4, 5)]
    assert [row for row, _, _ in meters(found)] == [1, 1, 2, 2]
    assert found.sources.rows()[0]["rows_in"] == 5


def test_numbers_of_records_over_many_lines(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Spans are numbered through the file in its order, however it is read."""
    lines = [
        otlp.document(
            otlp.chat(f"a{n}", usage=(2 * n, 1)), otlp.chat(f"b{n}", usage=(2 * n + 1, 1))
        )
        for n in range(9000)
    ]
    found = meters(read_usage(write_lines(lines)))
    wanted = [(n + 1, "input_tokens", n) for n in range(18000)]
    assert [row for row in found if row[1] == "input_tokens"] == wanted


def test_time_that_cannot_be_read(otlp: Any, write_lines: Any, reasons: Any) -> None:
    """A call with usage needs a time; one that ends before it starts has none."""
    late = otlp.chat("a", usage=(1, 1)) | {"startTimeUnixNano": "soon"}
    turned = otlp.chat("b", usage=(1, 1), seconds=-5)
    found = read_usage(write_lines([otlp.document(late, turned)]))
    assert reasons(found) == [
        (1, "startTimeUnixNano", "not a time in nanoseconds since 1970"),
        (2, "endTimeUnixNano", "ends before it starts"),
    ]


def test_empty_file(tmp_path: Path) -> None:
    """A file of no bytes holds no records."""
    path = tmp_path / "spans.jsonl"
    path.touch()
    found = read_usage(path)
    assert (len(found.table), found.sources.rows()[0]["rows_in"]) == (0, 0)


def test_unknown_file(tmp_path: Path) -> None:
    """A file of no known format is named together with the formats there are."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\nnothing happened\n")
    with pytest.raises(SourceError, match=r"notes\.txt.*otlp"):
        read_usage(path)


def test_cycle_of_parents_ends(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Spans that name each other as parent are read all the same, and end."""
    path = write_lines([otlp.document(otlp.chat("a", "b", usage=(1, 1)), otlp.span("b", "a"))])
    assert [row for row, _, _ in meters(read_usage(path))] in ([], [1, 1])


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(*[st.integers(min_value=0, max_value=10**12)] * 4), min_size=1, max_size=6)
)
def test_tokens_add_up(otlp: Any, write_lines: Any, calls: list[tuple[int, int, int, int]]) -> None:
    """Uncached, cache read and cache written input is all input; nothing is lost or made."""
    spans = [
        otlp.chat(
            f"s{n}",
            usage=(plain + read + written, out),
            usage__cache_read__input_tokens=read,
            usage__cache_creation__input_tokens=written,
        )
        for n, (plain, read, written, out) in enumerate(calls)
    ]
    rows = read_usage(write_lines([otlp.document(*spans)])).table.rows()
    for index, meter in enumerate(
        ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    ):
        total = sum(row["quantity"] for row in rows if row["meter"] == meter)
        assert total == sum(call[index] for call in calls)


def test_what_a_tool_calls_is_its_own_and_an_agent_called_as_a_tool_is_not(
    otlp: Any, write_lines: Any
) -> None:
    """Planner > retrieve > embeddings: the tool's; planner > delegate > coder > chat: coder's own."""
    names = {"planner": {"agent__name": "planner"}, "coder": {"agent__name": "coder"}}
    spans = [
        otlp.chat("p", operation__name="invoke_agent", **names["planner"]),
        otlp.chat("t", parent="p", operation__name="execute_tool", tool__name="retrieve"),
        otlp.chat("e", parent="t", usage__input_tokens=3, operation__name="embeddings"),
        otlp.chat("d", parent="p", operation__name="execute_tool", tool__name="delegate"),
        otlp.chat("c", parent="d", operation__name="invoke_agent", **names["coder"]),
        otlp.chat("m", parent="c", usage__input_tokens=5),
    ]
    rows = read_usage(write_lines([otlp.document(*spans)])).table.rows()
    assert [(row["meter"], row["agent"], row["tool"], row["tags"]) for row in rows] == [
        ("tool_calls", "planner", "retrieve", None),
        ("input_tokens", "planner", "retrieve", None),
        ("tool_calls", "planner", "delegate", None),
        ("input_tokens", "coder", None, '{"called_by":"planner"}'),
    ]
