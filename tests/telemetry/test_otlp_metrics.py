from __future__ import annotations

from typing import Any

from trueup.telemetry.usage import read_usage

START = 1_790_812_800  # 2026-10-01T00:00:00Z


def point(otlp: Any, value: Any, at: int, start: int = 0, **attributes: str) -> dict[str, Any]:
    return {
        "attributes": otlp.attributes({k.replace("__", "."): v for k, v in attributes.items()}),
        "startTimeUnixNano": str((START + start) * 10**9),
        "timeUnixNano": str((START + at) * 10**9),
        "asInt": value,
    }


def document(
    *points: dict[str, Any], name: str = "claude_code.token.usage", kind: Any = 1
) -> dict[str, Any]:
    metric = {"name": name, "sum": {"dataPoints": list(points), "aggregationTemporality": kind}}
    return {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": [metric]}]}]}


def test_delta_counters(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Delta points count as they are, by kind of token, with session and model."""
    path = write_lines(
        [
            document(
                point(otlp, "10", 60, type="input", session__id="s", model="m"),
                point(otlp, 20, 60, type="cacheRead", session__id="s", model="m"),
                point(otlp, "30", 60, type="cacheCreation", session__id="s", model="m"),
                point(otlp, "40", 60, type="output", session__id="s", model="m"),
            ),
            document(point(otlp, "5", 60), name="claude_code.cost.usage"),
        ]
    )
    found = read_usage(path)
    assert meters(found) == [
        (1, "input_tokens", 10),
        (2, "cache_read_tokens", 20),
        (3, "cache_write_tokens", 30),
        (4, "output_tokens", 40),
    ]
    row = found.table.rows()[0]
    assert (row["session_id"], row["model"]) == ("s", "m")
    assert found.sources.rows()[0]["accepted"] == 5


def test_cumulative_counters(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Cumulative points count by difference: 10, 25 - 10 = 15, reset to 4, 9 - 4 = 5."""
    first = write_lines(
        [document(point(otlp, 10, 60, type="output"), point(otlp, 25, 120, type="output"), kind=2)],
        "1.jsonl",
    )
    second = write_lines(
        [
            document(
                point(otlp, 4, 180, type="output"),
                point(otlp, 9, 240, type="output"),
                kind="AGGREGATION_TEMPORALITY_CUMULATIVE",
            )
        ],
        "2.jsonl",
    )
    found = read_usage(first, second)
    assert [quantity for _, _, quantity in meters(found)] == [10, 15, 4, 5]
    starts = [row["window_start"].minute for row in found.table.rows()]
    assert starts == [0, 1, 0, 3]


def test_series_are_kept_apart(otlp: Any, write_lines: Any, meters: Any) -> None:
    """Cumulative counters of two sessions do not mix: 10, 7, 30 - 10 = 20, 8 - 7 = 1."""
    points = [
        point(otlp, value, at, type="output", session__id=session)
        for value, at, session in ((10, 60, "a"), (7, 60, "b"), (30, 120, "a"), (8, 120, "b"))
    ]
    found = read_usage(write_lines([document(*points, kind=2)]))
    assert [quantity for _, _, quantity in meters(found)] == [10, 7, 20, 1]


def test_input_of_the_conventions_includes_cached(otlp: Any, write_lines: Any, meters: Any) -> None:
    """100 input tokens, of which 60 were read from a cache, are 40 and 60."""
    prefix = "gen_ai.client.inference.usage."
    path = write_lines(
        [
            document(point(otlp, 100, 60), name=f"{prefix}input_tokens"),
            document(point(otlp, 60, 60), name=f"{prefix}cache_read.input_tokens"),
        ]
    )
    assert meters(read_usage(path)) == [(1, "input_tokens", 40), (2, "cache_read_tokens", 60)]


def test_bad_points(otlp: Any, write_lines: Any, meters: Any, reasons: Any) -> None:
    """A point that cannot be read, is a copy, or says no temporality is a reject."""
    good = point(otlp, 10, 60, type="output")
    path = write_lines(
        [
            document(good, point(otlp, "x", 120, type="output"), good),
            document(good, kind=0),
            "{cut",
        ]
    )
    found = read_usage(path)
    assert meters(found) == [(1, "output_tokens", 10)]
    assert reasons(found) == [
        (2, "asInt", "not a whole number"),
        (3, None, "duplicate of row 1"),
        (4, "aggregationTemporality", "neither delta nor cumulative"),
        (5, "resourceMetrics", "not a JSON document with resourceMetrics"),
    ]
