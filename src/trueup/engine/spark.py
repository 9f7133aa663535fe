"""PySpark: the same expressions where one machine is outgrown. The session comes from outside.

Which Spark it is, the environment says: a session that is there, spark-submit, SPARK_REMOTE or a
configuration folder. Only where nothing says anything a local session is started, on every core.
Each run works in a session of its own within it: its settings, views and functions are not seen
by others. What a step keeps is written as Parquet to a scratch folder, so that every later step, on
any worker, reads the same rows. Quotients of more than 32 digits raise here (DuckDB has 38): Spark
divides decimals with six decimals at least.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.instants import unzoned, zoned
from trueup.engine.scratch import Scratch
from trueup.errors import MissingDependency, UsageError

_WHOLE = "DECIMAL(38, 0)"
_QUOTIENT = "CAST((a - a % b) / b AS DECIMAL(38, 0))"
_FRACTION = "rpad(substring_index(CAST(x AS STRING), '.', -1), 18, '0')"

_EDGE = f"CAST(1000000000000000000 AS {_WHOLE})"
_BILLION = f"CAST(1000000000 AS {_WHOLE})"


def _of_two(name: str, body: str) -> str:
    return f"trueup_{name}(a {_WHOLE}, b {_WHOLE}) RETURNS {_WHOLE} RETURN {body}"


def _of_value(name: str, kind: str, body: str) -> str:
    return f"trueup_{name} RETURNS {kind} RETURN {body}"


_UP = f"2 * (a % b) > b OR (2 * (a % b) = b AND {_QUOTIENT} % 2 = 1)"
_PARTS = f"CAST(CAST(CAST({_FRACTION} AS {_WHOLE}) * f AS {_WHOLE}) / {_EDGE} AS {_WHOLE})"

_LIMBS = ", ".join(
    f"CAST({number} % {_BILLION} AS {_WHOLE})"
    for number in (
        *(f"trueup_divide(a, CAST({10**place} AS {_WHOLE}))" for place in (36, 27, 18, 9)),
        "a",
    )
)
_STEP = f"CAST(CAST(x.rest * {_BILLION} AS {_WHOLE}) + CAST(y * b AS {_WHOLE}) AS {_WHOLE})"
_DIGITS = f"CAST(({_STEP} - {_STEP} % c) / c AS {_WHOLE})"
_TENFOLD = f"CAST(x.rest * 10 AS {_WHOLE})"
_NEXT = f"CAST(({_TENFOLD} - {_TENFOLD} % b) / b AS {_WHOLE})"
_UP_AFTER = "2 * x.rest > c OR (2 * x.rest = c AND (before % 2 + x.q) % 2 = 1)"

# Silently, `div` wraps, unary minus and `abs` round to 34 digits, and a product of scaled decimals
# loses digits: only whole numbers are multiplied, under ANSI rules, which raise on overflow.
FUNCTIONS = (
    _of_two("divide", _QUOTIENT),
    _of_two("half_even", f"{_QUOTIENT} + CASE WHEN {_UP} THEN 1 ELSE 0 END"),
    _of_two(
        "divide_half_even",
        "CASE WHEN a < 0 THEN 0 - trueup_half_even(0 - a, b) ELSE trueup_half_even(a, b) END",
    ),
    # As in school, a decimal at a time: the dividend times 10^18 might not fit.
    _of_two(
        "ratio_size",
        f"aggregate(sequence(1, 18), named_struct('q', {_QUOTIENT},"
        f" 'rest', CAST(a % b AS {_WHOLE})), (x, _) -> named_struct("
        f"'q', CAST(CAST(x.q * 10 AS {_WHOLE}) + {_NEXT} AS {_WHOLE}),"
        f" 'rest', CAST({_TENFOLD} % b AS {_WHOLE})), x -> CAST(x.q + CASE WHEN 2 * x.rest > b"
        f" OR (2 * x.rest = b AND x.q % 2 = 1) THEN 1 ELSE 0 END AS {_WHOLE}))",
    ),
    _of_two(
        "ratio_at_edge",
        "CASE WHEN a < 0 THEN 0 - trueup_ratio_size(0 - a, b) ELSE trueup_ratio_size(a, b) END",
    ),
    # before + a x b / c as in school, nine digits of a at a time; b < c < 10^28, so that each fits.
    _of_value(
        f"long_division(before {_WHOLE}, a {_WHOLE}, b {_WHOLE}, c {_WHOLE})",
        _WHOLE,
        f"aggregate(array({_LIMBS}), named_struct('q', CAST(0 AS {_WHOLE}),"
        f" 'rest', CAST(0 AS {_WHOLE})), (x, y) -> named_struct("
        f"'q', CAST(CAST(x.q * {_BILLION} AS {_WHOLE}) + {_DIGITS} AS {_WHOLE}),"
        f" 'rest', CAST({_STEP} % c AS {_WHOLE})), x -> "
        f"CAST(try_add(before, x.q + CASE WHEN {_UP_AFTER} THEN 1 ELSE 0 END) AS {_WHOLE}))",
    ),
    _of_value(
        f"share(a {_WHOLE}, b {_WHOLE}, c {_WHOLE})",
        _WHOLE,
        "trueup_long_division(try_multiply(a, trueup_divide(b, c)), a, b % c, c)",
    ),
    _of_value(
        f"units(x DECIMAL(38, 18), f {_WHOLE})",
        _WHOLE,
        f"CAST(substring_index(CAST(x AS STRING), '.', 1) AS {_WHOLE}) * f"
        f" + CASE WHEN x < 0 THEN -1 ELSE 1 END * {_PARTS}",
    ),
    _of_value(
        "decimals(x DECIMAL(38, 18))",
        "BIGINT",
        f"CAST(length(rtrim('0', {_FRACTION})) AS BIGINT)",
    ),
    _of_value("digest(t STRING)", "STRING", "sha2(t, 256)"),
)
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
}
SCRATCH = "TRUEUP_SPARK_SCRATCH"
# Any of these says which Spark to use, and how: then nothing but SETTINGS is ours.
SAYS_WHERE = (
    "SPARK_REMOTE",
    "SPARK_CONF_DIR",
    "SPARK_HOME",
    "PYSPARK_GATEWAY_PORT",  # set by spark-submit
    "PYSPARK_SUBMIT_ARGS",
    "DATABRICKS_RUNTIME_VERSION",
)


def _session(environment: Mapping[str, str]) -> Any:
    """A session of this run's own, on the Spark that is there or that the environment names."""
    try:
        from pyspark.sql import SparkSession
        from pyspark.sql.utils import is_remote
    except ImportError as error:
        raise MissingDependency("pyspark", "spark") from error
    builder: Any = SparkSession.builder
    if SparkSession.getActiveSession() is None:
        builder = builder.appName("trueup")
        if not any(name in environment for name in SAYS_WHERE):
            cores = str(os.cpu_count() or 1)
            builder = builder.master("local[*]").config("spark.sql.shuffle.partitions", cores)
            builder = builder.config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    return session if is_remote() else session.newSession()


def _scratch(session: Any, url: str | None) -> Scratch:
    """The folder for what steps keep; UsageError where workers elsewhere could not see it."""
    master = session.conf.get("spark.master", "a remote server")
    if url is None and not master.startswith("local"):
        raise UsageError(
            f"engine 'spark' on {master}: its workers do not see a temporary folder of this "
            f"machine; set {SCRATCH} to a folder that all of them reach, such as "
            "s3a://bucket/trueup or a mounted path"
        )
    return Scratch(url)


class SparkEngine:
    """One Spark session; a scratch folder for what steps keep, gone when the run is over."""

    name = "spark"

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.session = _session(environment)
        self._scratch = _scratch(self.session, environment.get(SCRATCH))
        for name, value in SETTINGS.items():
            self.session.conf.set(name, value)
        self.backend = ibis.pyspark.connect(self.session)
        for function in FUNCTIONS:
            self.session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {function}")
        run = uuid4().hex[:8]
        self._names = (f"kept_{run}_{number}" for number in count())
        self._views: list[str] = []

    def scan(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        if not files:
            return self.load(schema.empty_table())
        paths = [self._scratch.brought(file, f"{next(self._names)}.parquet") for file in files]
        return self._view(self.session.read.parquet(*paths), next(self._names))

    def load(self, rows: pa.Table) -> ir.Table:
        path = self._scratch.written(unzoned(rows), f"{next(self._names)}.parquet")
        return self._view(self.session.read.parquet(path), next(self._names))

    def keep(self, expression: ir.Table) -> ir.Table:
        name = next(self._names)
        folder = self._scratch.path(name)
        frame = self.session.sql(self.backend.compile(expression))
        frame.write.parquet(folder)
        return self._view(self.session.read.schema(frame.schema).parquet(folder), name)

    def _view(self, frame: Any, name: str) -> ir.Table:
        frame.createOrReplaceTempView(name)
        self._views.append(name)
        return self.backend.table(name)

    def count(self, kept: ir.Table) -> int:
        return int(self.session.table(kept.get_name()).count())

    def collect(self, expression: ir.Table) -> pa.Table:
        return zoned(expression.to_pyarrow())

    def chunks(self, expression: ir.Table) -> Iterator[pa.Table]:
        yield zoned(expression.to_pyarrow())  # Ibis brings it to the driver whole, in any case

    def close(self) -> None:
        """Drop what the run made; the session's Spark goes on, for whoever started it."""
        for name in self._views:
            self.session.catalog.dropTempView(name)
        self._scratch.close()
