"""Prometheus range-query answers (a matrix) of accelerator metrics: GPUs and TPU chips.

A sample says two things: the accelerator was held for one step from its time on (``allocated``),
and how much of it was busy (``busy``, value x step). Read are, with the percentage or ratio that
they are, and in this order of preference where several of one series are there:

- ``DCGM_FI_DEV_GPU_UTIL`` (percent), ``DCGM_FI_PROF_GR_ENGINE_ACTIVE`` (ratio): meter ``gpu``;
- ``duty_cycle``, ``tensorcore_utilization`` (percent): meter ``tpu_chip``, or ``gpu`` where the
  label ``make`` says so; a prefix of the name does not matter.

The step is the document's own ``step``, else ``constants={"step": "30"}`` in seconds, else the
commonest gap between samples. A longer gap holds no capacity; a shorter one holds only itself.
Samples of other metrics are accepted and give nothing. Rejected are NaN, DCGM's "no value" number,
a share that is not between none and all, and slices of a GPU, whose shares are no exact fractions.

Labels: resource_id from ``resource_id``, ``endpoint`` or ``hostname``; session from ``session`` or
``hpc_job``; agent from ``agent``; team from ``team`` or ``namespace``; tool, cost_centre, provider,
account_id and region_id from labels of that name. ``columns`` names others, looked at first.
A record is a sample. One usage row is written per hour, labels and capacity.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.errors import ConfigurationError
from trueup.focus.repair import literal
from trueup.telemetry import prometheus_hours
from trueup.telemetry.matrix import split
from trueup.telemetry.otlp_attributes import shape
from trueup.telemetry.prometheus_hours import PLACE, SAMPLES, SERIES, create_samples
from trueup.telemetry.records import OBJECT_BYTES, documents, reading_json
from trueup.telemetry.sample import Sample, sample
from trueup.telemetry.workbench import WHERE, WHO, count, own_columns

if TYPE_CHECKING:
    import duckdb

LABELS: dict[str, tuple[str, ...]] = {
    "provider": ("provider",),
    "account_id": ("account_id",),
    "region_id": ("region_id", "region"),
    "resource_id": ("resource_id", "endpoint", "hostname", "exported_hostname"),
    "model": (),
    "sku_id": (),
    "service_tier": (),
    "session_id": ("session", "hpc_job"),
    "agent": ("agent",),
    "tool": ("tool",),
    "team": ("team", "namespace", "exported_namespace"),
    "cost_centre": ("cost_centre", "cost_center"),
    "interruptible": ("interruptible",),
}

BATCH_BYTES = 8 << 20  # of text; unpacked it takes many times as much


class PrometheusReader:
    """Reads answers of ``/api/v1/query_range``, one or several in a file."""

    name = "prometheus"

    def recognises(self, source: UsageSource) -> bool:
        seen = sample(source.path, source.source)
        return seen.kind == "json" and {"status", "data"} <= seen.keys

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Stage one file's samples; usage follows in ``settle``. Returns records in."""
        create_samples(connection)
        fixed = _fixed_step(source)
        mapped = own_columns(source, (*WHERE, *WHO))
        with TemporaryDirectory(prefix="trueup-matrix-") as folder:
            lines = Path(folder) / "series.jsonl"
            answers = split(source.path, source.source, lines)
            _load(connection, source, lines)
        samples = 0
        for first, last in _batches(connection):
            connection.execute(_series_query(source, mapped, first, last))
            connection.execute(_samples_query(source, first, last, samples))
            samples = count(
                connection, f"SELECT count(*) FROM {SAMPLES} WHERE source_id = {source.source_id}"
            )
        connection.execute("DROP TABLE matrix")
        prometheus_hours.set_step(connection, source.source_id, answers.step or fixed)
        return samples

    def settle(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write the usage of all samples by hour, and the rejects."""
        prometheus_hours.settle(connection)


def _fixed_step(source: UsageSource) -> str | None:
    step = source.constants.get("step")
    if step is not None and not re.fullmatch("[1-9][0-9]{0,4}", step):
        raise ConfigurationError(f"constants: step = {step!r}: a whole number of seconds is needed")
    return step


def _load(connection: duckdb.DuckDBPyConnection, source: UsageSource, lines: Path) -> None:
    """Parse the series into the table ``matrix``, in their order."""
    parsed = replace(source, path=lines)
    if not lines.stat().st_size:
        connection.execute("CREATE OR REPLACE TEMP TABLE matrix (json JSON)")
        return
    size = max(OBJECT_BYTES, _longest_line(lines) + 1)
    table = documents(parsed, Sample("json"), size, skip_malformed=False)
    with reading_json(source):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE matrix AS SELECT json FROM {table}")


def _longest_line(lines: Path) -> int:
    with lines.open("rb") as file:
        return max(map(len, file), default=0)


def _label(names: tuple[str, ...]) -> str:
    """SQL of the first label that is there, whatever its case; empty labels are none."""
    if not names:
        return "CAST(NULL AS VARCHAR)"
    found = [f"nullif(vs[list_position(ks, {literal(name.lower())})], '')" for name in names]
    return f"coalesce({', '.join(found)})"


def _series_query(source: UsageSource, mapped: dict[str, str], first: int, last: int) -> str:
    """SQL that appends the file's series: metric, what it measures, labels, who and where."""
    place = ", ".join(
        f"{_label((*((mapped[name],) if name in mapped else ()), *LABELS[name]))} AS {name}"
        for name in PLACE
    )
    fixed = source.constants.get("metric")
    name = literal(fixed) if fixed else "r.metric['__name__']"
    labelled = f"from_json(json, {shape({'metric': 'MAP(VARCHAR, VARCHAR)'})})"
    labels = "map_entries(r.metric) IF e.key <> '__name__'"
    return f"""
        INSERT INTO {SERIES} BY NAME
        SELECT {source.source_id} AS source_id, series, name, {_kind()}, line, {place}
        FROM (
            SELECT rowid AS series, {name} AS name,
                regexp_extract(name, '(duty_cycle|tensorcore_utilization)$') AS tail,
                [lower(e.key) FOR e IN map_entries(r.metric)] AS ks,
                [e.value FOR e IN map_entries(r.metric)] AS vs,
                CAST(to_json(list_sort([e.key || '=' || e.value FOR e IN {labels}])) AS VARCHAR)
                    AS line
            FROM (
                SELECT rowid, {labelled} AS r FROM matrix
                WHERE rowid BETWEEN {first} AND {last}
            )
        )"""


def _kind() -> str:
    """SQL columns: the meter of a series, its scale and its rank among metrics of one series."""
    gpu = f"contains(lower(coalesce({_label(('make',))}, '')), 'nvidia')"
    return (
        "CASE WHEN name IN ('DCGM_FI_DEV_GPU_UTIL', 'DCGM_FI_PROF_GR_ENGINE_ACTIVE') THEN 'gpu' "
        f"WHEN tail <> '' AND {gpu} THEN 'gpu' WHEN tail <> '' THEN 'tpu_chip' END AS meter, "
        "CASE WHEN name = 'DCGM_FI_PROF_GR_ENGINE_ACTIVE' THEN 1 ELSE 100 END AS whole, "
        "CASE WHEN name = 'DCGM_FI_PROF_GR_ENGINE_ACTIVE' OR tail = 'tensorcore_utilization' "
        "THEN 2 ELSE 1 END AS preference, "
        f"{_label(('gpu_i_id',))} IS NOT NULL AS is_slice"
    )


def _batches(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    """First and last series of batches of about BATCH_BYTES of text."""
    rows = connection.execute(
        "SELECT min(n), max(n) FROM (SELECT rowid AS n, "
        f"sum(strlen(json)) OVER (ORDER BY rowid) // {BATCH_BYTES} AS batch FROM matrix) "
        "GROUP BY batch ORDER BY batch"
    ).fetchall()
    return [(int(first), int(last)) for first, last in rows]


def _samples_query(source: UsageSource, first: int, last: int, before: int) -> str:
    values = f"from_json(json->'values', {shape([['VARCHAR']])})"
    return f"""
        INSERT INTO {SAMPLES}
        SELECT {source.source_id}, {before} + row_number() OVER (), series,
            epoch_us(within_years(make_timestamptz(
                TRY_CAST(TRY_CAST(v[1] AS DECIMAL(28, 6)) * 1000000 AS BIGINT)))), v[2]
        FROM (
            SELECT rowid AS series, unnest({values}) AS v FROM matrix
            WHERE rowid BETWEEN {first} AND {last}
        )"""


reader = PrometheusReader()
