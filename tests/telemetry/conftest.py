"""Builders of small telemetry files, and short ways to look at what was read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trueup.model.dataset import Dataset

Rows = list[dict[str, Any]]


class Otlp:
    """Spans and documents as the collector's file exporter writes them."""

    start = 1_790_812_800_000_000_000  # 2026-10-01T00:00:00Z

    @staticmethod
    def attributes(values: dict[str, Any]) -> Rows:
        def value(item: Any) -> dict[str, Any]:
            if isinstance(item, dict):
                return item
            return {"intValue": str(item)} if isinstance(item, int) else {"stringValue": item}

        return [{"key": key, "value": value(item)} for key, item in values.items()]

    def span(
        self,
        span_id: str,
        parent: str = "",
        *,
        trace: str = "t1",
        at: int = 0,
        seconds: int = 1,
        usage: tuple[Any, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A span; ``more`` holds attributes, with ``__`` for a dot and without ``gen_ai.``."""
        values = {f"gen_ai.{key.replace('__', '.')}": value for key, value in more.items()}
        if usage is not None:
            values["gen_ai.usage.input_tokens"], values["gen_ai.usage.output_tokens"] = usage
        start = self.start + at * 10**9
        return {
            "traceId": trace,
            "spanId": span_id,
            "parentSpanId": parent,
            "name": span_id,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + seconds * 10**9),
            "attributes": self.attributes(values),
        }

    def chat(self, span_id: str, parent: str = "", **more: Any) -> dict[str, Any]:
        return self.span(span_id, parent, **{"operation__name": "chat", **more})

    def document(self, *spans: dict[str, Any], **resource: str) -> dict[str, Any]:
        """A line of the file; ``resource`` holds attributes, with ``__`` for a dot."""
        values = {key.replace("__", "."): value for key, value in resource.items()}
        return {
            "resourceSpans": [
                {
                    "resource": {"attributes": self.attributes(values)},
                    "scopeSpans": [{"scope": {}, "spans": list(spans)}],
                }
            ]
        }


@pytest.fixture
def otlp() -> Otlp:
    return Otlp()


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    """Write objects, or raw text, as JSON lines."""

    def write(items: Iterable[Any], name: str = "telemetry.jsonl") -> Path:
        path = tmp_path / name
        lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


def _meters(dataset: Dataset) -> list[tuple[int, str, Decimal]]:
    """(source row, meter, quantity) of every usage row, in order."""
    return [
        (row["source_row"], row["meter"], row["quantity"].normalize() + 0)
        for row in dataset.table.rows()
    ]


def _reasons(dataset: Dataset) -> list[tuple[int, str | None, str]]:
    """(row number, column, reason) of every reject, in order."""
    return [(row["row_number"], row["column"], row["reason"]) for row in dataset.rejects.rows()]


@pytest.fixture
def meters() -> Callable[[Dataset], list[tuple[int, str, Decimal]]]:
    return _meters


@pytest.fixture
def reasons() -> Callable[[Dataset], list[tuple[int, str | None, str]]]:
    return _reasons


@pytest.fixture
def shared_trace() -> Path:
    """The real trace of 8,819 requests, where the shared folder stands beside the project."""
    here = Path(__file__).parents[2] / "../shared"
    path = Path(os.environ.get("TRUEUP_SHARED", here)) / "data/azure-llm-inference-trace-code.csv"
    if not path.exists():
        pytest.skip(f"the shared trace is not at {path}")
    return path
