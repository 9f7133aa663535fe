"""One Spark for every test of the engines, set up for small data, and the runs on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.engine.generated import CASES, Case
from tests.engine.recording import Recording, recorded
from trueup.api import outcome_of
from trueup.engine.engine import open_engine
from trueup.model.rules import read_rules
from trueup.reconcile.rated_usage import rated_usage
from trueup.reconcile.restatement import restatements, rows_behind

# Compiling each expression of a few hundred rows, or sending them about, takes longer than they do.
SMALL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.level=ERROR",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
}


@dataclass(frozen=True)
class Ran:
    """One run: every step, and the tables it ended in."""

    steps: Recording
    tables: dict[str, list[dict[str, Any]]]


Runs = Callable[[str, str], Ran]


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session that engines find; pyspark and Java are asked for only here."""
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.master("local[2]")
    for name, value in SMALL.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def afresh(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """What a case gives on an engine, run each time."""

    @cache
    def case(name: str) -> Case:
        return CASES[name](tmp_path_factory.mktemp(name))

    return lambda name, engine: _ran(case(name), engine)


@pytest.fixture(scope="session")
def runs(afresh: Runs) -> Runs:
    """The same, run once."""
    return cache(afresh)


def _ran(given: Case, engine: str) -> Ran:
    with recorded() as recording:
        outcome = outcome_of(
            given.inputs,
            period=given.period,
            rules=given.rules,
            as_of=given.as_of,
            engine=engine,
        )
        tables = {name: table.rows() for name, table in outcome.tables.items()}
        tables |= _restated(given, engine) | _rated(given, engine)
    return Ran(recording, tables)


def _rated(given: Case, name: str) -> dict[str, list[dict[str, Any]]]:
    """What the usage costs by rates alone, in tiers that divide nothing evenly."""
    if given.inputs.usage is None:
        return {}
    tiers = [{"up_to": "0.7", "price": "0.03"}, {"up_to": 3, "price": "7"}, {"price": "0.011"}]
    units = {"gpu": "7 GPU-Hours", "output_tokens": "3000 Tokens", "input_tokens": "7 Tokens"}
    rates = [
        {"match": {}, "meter": meter, "unit": unit, "currency": "USD", "tiers": tiers}
        for meter, unit in units.items()
    ]
    table = rated_usage(given.inputs.usage, given.period, read_rules({"rate": rates}), name)
    return {"rated_usage": table.rows()}


def _restated(given: Case, name: str) -> dict[str, list[dict[str, Any]]]:
    """How a later bill differs from the run's, and the rows behind each item."""
    if given.later is None or given.period is None:
        return {}
    with open_engine(name) as engine:
        known, later = (
            engine.scan(one.table.files, one.table.schema)
            for one in (given.inputs.charges, given.later)
        )
        items = restatements(known, later, given.period, engine)
        named = [row | {"break_id": str(number)} for number, row in enumerate(items)]
        return {"items": items, "behind": rows_behind(later, named, engine).to_pylist()}
