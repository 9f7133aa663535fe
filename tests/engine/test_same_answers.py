"""Every relational step on both engines, over made inputs: the same rows, to the last digit.

``recording.py`` notes what each call of keep, collect and count gave, ``generated.py`` makes the
inputs. What engines number as they like is compared by what has the same number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tests.engine.conftest import Runs
from tests.engine.generated import CASES
from tests.engine.recording import Recording, Site, Step, call_sites, differences
from tests.some import some
from trueup.engine import duckdb
from trueup.engine.duckdb import DuckDBEngine
from trueup.engine.engine import open_engine
from trueup.engine.integers import divide, whole
from trueup.errors import IntegrityError

FOLDERS = ("reconcile", "attribute", "focus")

# Numbers given by row_number() without an order, keys with such a number in them, and the text of
# a whole row: they are an engine's own, what they put together is not.
NUMBERED = frozenset({"about", "cell", "content", "group", "rows_key", "thing"})

# Calls that no case reaches, by file, function and method, each with the reason.
NOT_REACHED: Mapping[tuple[str, str, str], str] = {}

# What one engine can and the other cannot; each must go on failing, or leave this list.
WHOLE = pa.decimal128(38, 0)
GAPS = {
    "a quotient of more than 32 digits": lambda rows: divide(rows.value, whole(1)),
}


class Refused(Exception):
    """Spark said that it cannot; any other outcome of a known gap is a failure."""


Expression = Callable[[Any], Any]


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.spark
def test_every_step_gives_the_same_rows(name: str, runs: Runs, spark: object) -> None:
    """Each step of a run, call by call, and each table it ends in."""
    one, other = runs(name, "duckdb"), runs(name, "spark")
    assert differences(one.steps, other.steps, NUMBERED) == []
    assert {table: sorted(map(repr, rows)) for table, rows in one.tables.items()} == {
        table: sorted(map(repr, rows)) for table, rows in other.tables.items()
    }


@pytest.mark.spark
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_every_call_of_an_engine_is_reached(engine: str, runs: Runs, spark: object) -> None:
    """Whoever adds a step adds what reaches it, or says here why nothing does."""
    reached = {site for name in CASES for site in runs(name, engine).steps.steps}
    missed = {
        (file, function, method)
        for file, function, method, lines in call_sites(FOLDERS)
        if not any(
            (site.file, site.method) == (file, method) and site.line in lines for site in reached
        )
    }
    assert missed == set(NOT_REACHED)


@pytest.mark.spark
@pytest.mark.xfail(raises=Refused)
@pytest.mark.filterwarnings("ignore:toPandas attempted:UserWarning")  # it says the same again
@pytest.mark.parametrize("gap", GAPS)
def test_known_gaps(gap: str, spark: object) -> None:
    """What DuckDB computes and Spark refuses: it raises, it never answers wrongly."""
    rows = pa.table({"value": pa.array([Decimal(10**36 + 7)], WHOLE)})
    from pyspark.errors import PySparkException

    found = []
    for name in ("duckdb", "spark"):
        with open_engine(name) as engine:
            given = engine.load(rows)
            try:
                found.append(engine.collect(given.select(value=GAPS[gap](given))).to_pylist())
            except PySparkException as error:
                raise Refused from error
    assert found[0] == found[1]


# --- the suite itself can fail ---

SITE = Site("reconcile/made.py", "made", "keep", 1)
MADE = pa.table(
    {
        "key": ["a", "a", None],
        "value": [Decimal("1.000000000000000001"), Decimal(2), None],
        "cell": [7, 7, 9],
    }
)


def recording(*tables: pa.Table) -> Recording:
    return Recording({SITE: [Step.of(table) for table in tables]})


def without(place: int) -> pa.Table:
    return pa.Table.from_pylist(
        [row for at, row in enumerate(MADE.to_pylist()) if at != place], schema=MADE.schema
    )


def changed(column: str, *values: object) -> pa.Table:
    place = MADE.column_names.index(column)
    return MADE.set_column(place, column, pa.array(values, MADE.column(column).type))


def test_the_same_rows_in_another_order_under_other_numbers_are_the_same() -> None:
    """7 and 9 become 1 and 2; the rows come the other way round."""
    other = changed("cell", 1, 1, 2).take([2, 1, 0])
    assert differences(recording(MADE), recording(other), NUMBERED) == []


@pytest.mark.parametrize(
    "other",
    [
        changed("value", Decimal("1.000000000000000002"), Decimal(2), None),  # the last digit
        changed("value", Decimal("1.000000000000000001"), Decimal(2), Decimal(0)),  # null is not 0
        changed("key", "a", "A", None),
        changed("cell", 1, 2, 3),  # one number is now two
        changed("cell", 7, 7, 7),  # two are now one
        changed("cell", 7, 9, 9),  # another row goes with it
        changed("cell", 7, 7, None),
        without(0),
        pa.concat_tables([MADE, MADE.slice(0, 1)]),
        MADE.rename_columns(["key", "amount", "cell"]),
    ],
)
def test_any_difference_is_seen(other: pa.Table) -> None:
    """One digit, null, letter, number, row or name."""
    [said] = differences(recording(MADE), recording(other), NUMBERED)
    assert "reconcile/made.py" in said


def test_a_step_more_or_less_is_seen() -> None:
    """A call too many, and a call that only one engine makes."""
    assert differences(recording(MADE), recording(MADE, MADE), NUMBERED)
    assert differences(recording(MADE), Recording(), NUMBERED)


def _altered(macro: str, body: str) -> Callable[[pytest.MonkeyPatch], None]:
    """An engine on which one function of ours is another."""

    def alter(patch: pytest.MonkeyPatch) -> None:
        opens = f"MACRO trueup_{macro.partition('(')[0]}("
        [place] = [at for at, text in enumerate(duckdb.FUNCTIONS) if opens in text]
        functions = list(duckdb.FUNCTIONS)
        functions[place] = duckdb._macro(macro, body)
        patch.setattr(duckdb, "FUNCTIONS", functions)

    return alter


def _kept(change: Expression) -> Callable[[pytest.MonkeyPatch], None]:
    """An engine whose kept tables are changed."""

    def alter(patch: pytest.MonkeyPatch) -> None:
        keep = DuckDBEngine.keep
        patch.setattr(DuckDBEngine, "keep", lambda engine, given: keep(engine, change(given)))

    return alter


def _later(table: Any) -> Any:
    """Its instants a microsecond later."""
    moved = {
        name: table[name] + ibis.interval(microseconds=1)  # noqa: TID251
        for name, kind in table.schema().items()
        if kind.is_timestamp()
    }
    return table.mutate(**moved) if moved else table


def _without_nulls(table: Any) -> Any:
    """Null texts become empty ones."""
    texts = {
        name: table[name].fill_null("") for name, kind in table.schema().items() if kind.is_string()
    }
    return table.mutate(**texts) if texts else table


WRONG = {
    "rounding": _altered("nearest(a, b, q)", "(a::HUGEINT // b::HUGEINT)::DECIMAL(38, 0)"),
    "texts": _altered("digest(t)", "sha256(lower(t))"),
    "instants": _kept(_later),
    "nulls": _kept(_without_nulls),
    "repeated rows": _kept(lambda table: table.distinct()),
}


@pytest.mark.parametrize("kind", some(list(WRONG), 2))
def test_an_engine_that_is_wrong_is_found(
    kind: str, runs: Runs, afresh: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One expression of a kind is broken: steps differ, or the run finds that it does not add up."""
    right = runs("mixed", "duckdb")
    WRONG[kind](monkeypatch)
    try:
        found = afresh("mixed", "duckdb")
    except IntegrityError:
        return
    assert differences(right.steps, found.steps, NUMBERED)
