"""OTLP JSON as the OpenTelemetry collector's file exporter writes it: one document per line.

Traces become calls (``otlp_spans``), metrics become counts (``otlp_metrics``). A record is a span
or a metric's data point; a line that cannot be read is one record, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.telemetry import otlp_metrics, otlp_spans
from trueup.telemetry.sample import sample

if TYPE_CHECKING:
    import duckdb

KEYS = {"resourceSpans", "resourceMetrics"}


class OtlpReader:
    """Reads OTLP traces and metrics, plain or compressed."""

    name = "otlp"

    def recognises(self, source: UsageSource) -> bool:
        seen = sample(source.path, source.source)
        return seen.kind == "json" and not KEYS.isdisjoint(seen.keys)

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Stage one file; usage and duplicates follow in ``settle``. Returns records in."""
        keys = sample(source.path, source.source).keys
        if "resourceMetrics" in keys and "resourceSpans" not in keys:
            return otlp_metrics.stage(source, connection)
        return otlp_spans.stage(source, connection)

    def settle(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write usage and rejects of all files staged: traces may run over the end of one."""
        otlp_spans.settle(connection)
        otlp_metrics.settle(connection)


reader = OtlpReader()
