from __future__ import annotations

import duckdb
import pytest

from trueup.focus.lineage import lineage

COLUMNS = ["record", "kind", "cost", "Id"]
SQL = """
WITH line AS (SELECT *, upper(kind) AS word, cost || 'x' AS priced FROM export)
SELECT record, id AS Id, CASE WHEN word = 'A' THEN priced END AS Cost, kind, 'a' AS x_A FROM line
"""


def test_columns_hang_on_what_their_expressions_name() -> None:
    """Cost is made of word and priced, these of kind and cost; no name's case matters."""
    with duckdb.connect() as engine:
        found = lineage(engine, SQL, COLUMNS)
        assert found is not None
        assert found.sources["cost"] == {"kind", "cost"}
        assert (found.sources["id"], found.sources["x_a"]) == (frozenset({"Id"}), frozenset())
        assert found.as_is == {"record": "record", "id": "Id", "kind": "kind"}


def test_a_part_of_a_query_gives_what_the_whole_gives() -> None:
    """Only the steps' names that Cost needs are left, and the record."""
    with duckdb.connect() as engine:
        found = lineage(engine, SQL, COLUMNS)
        assert found is not None
        part = found.query(engine, ["x_a", "cost"])
        assert "priced" in part
        assert "kind," not in part
        engine.execute("CREATE VIEW export AS SELECT 1 AS record, 'a' AS kind, 5 AS cost, 2 AS Id")
        assert engine.execute(part).fetchall() == [(1, "5x", "a")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT record, cost FROM export WHERE kind = 'a'",
        "SELECT record, sum(cost) OVER () AS total FROM export",
        "SELECT record, e.cost AS cost FROM export AS e",
        "SELECT a.record FROM export AS a JOIN export AS b ON a.record = b.record",
        "SELECT record, (SELECT max(cost) FROM export) AS most FROM export",
        "SELECT record, cost FROM export ORDER BY cost",
        "SELECT record, to_json(export) AS all FROM export",
        "SELECT record, list_transform([cost], lambda kind: kind) AS costs FROM export",
        "SELECT * FROM export",
        "WITH line AS (SELECT *, 1 AS kind FROM export) SELECT record, kind FROM line",
        "WITH line AS (SELECT record, kind FROM export) SELECT record, kind FROM line",
        "WITH line AS (SELECT * EXCLUDE (kind) FROM export) SELECT record, cost FROM line",
        "WITH line AS (SELECT *, two AS one, one AS two FROM export) SELECT record, one FROM line",
        "SELECT record, cost AS twice, twice || 'x' AS more FROM export",
        "SELECT record, upper(kind) FROM export",
        "SELECT record FROM export; SELECT 1",
        "SELEC record",
    ],
)
def test_nothing_is_said_of_another_form_of_query(sql: str) -> None:
    """Rows dropped, joined or sorted, names that mean two things: the engine takes it whole."""
    with duckdb.connect() as engine:
        assert lineage(engine, sql, COLUMNS) is None
