"""Which columns of an export each output column of its query is made of, by the engine's parser.

Only a query is followed that makes each row of its record alone: a chain of ``SELECT *, ...`` from
the view, whose names are new ones, and a last SELECT, in plain expressions. Of any other nothing is
said: it is left to the engine as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

PLAIN = {
    *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT"),
    *("FUNCTION", "OPERATOR", "TYPE"),
}
EMPTY = ("modifiers", "where_clause", "group_expressions", "having", "sample", "qualify")


@dataclass(frozen=True)
class Lineage:
    """Of each output column the columns it hangs on, and what is one of them, as it stands.

    Names of output columns are case folded.
    """

    sources: Mapping[str, frozenset[str]]
    as_is: Mapping[str, str]
    _told: str  # as the engine's parser tells it
    _named: Mapping[str, frozenset[str]]  # by output, the names of steps that it needs

    def query(self, connection: duckdb.DuckDBPyConnection, outputs: Sequence[str]) -> str:
        """The query that selects its first column and these alone."""
        told = json.loads(self._told)
        last = told["statements"][0]["node"]
        used = set[str]().union(*(self._named[name] for name in outputs))
        for step in last["cte_map"]["map"]:
            node = step["value"]["query_node"]
            star, *added = node["select_list"]
            node["select_list"] = [star, *(e for e in added if e["alias"].casefold() in used)]
        first, *others = last["select_list"]
        last["select_list"] = [first, *(each for each in others if _name(each) in outputs)]
        asked = "SELECT json_deserialize_sql(?::JSON)"
        sql: str = connection.execute(asked, [json.dumps(told)]).fetchall()[0][0]
        return sql


class _Unclear(Exception):
    """A query that is not of the form above."""


def lineage(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Collection[str]
) -> Lineage | None:
    """The lineage of a query over a view of these columns; None where it is not to be seen."""
    told = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0]
    try:
        return _followed(told, columns)
    except (_Unclear, KeyError, TypeError):  # another form of query, or of the parser's answer
        return None


def _followed(text: str, columns: Collection[str]) -> Lineage:
    told = json.loads(text)
    own = {name.casefold(): name for name in columns}
    if told["error"] or len(told["statements"]) != 1 or len(own) != len(columns):
        raise _Unclear
    last = _plain(told["statements"][0]["node"])
    added: dict[str, Any] = {}  # the expression of each name that a step adds
    for step in last["cte_map"]["map"]:
        star, *others = _plain(step["value"]["query_node"])["select_list"]
        if star["class"] != "STAR" or any(star[key] for key in star if key.endswith("_list")):
            raise _Unclear
        for each in others:
            name = each["alias"].casefold()
            if not name or name in added or name in own:
                raise _Unclear
            added[name] = each
    outputs = {_name(each): each for each in last["select_list"]}

    def names(expression: Any, above: frozenset[str] = frozenset()) -> Iterator[str]:
        for name in _references(expression):
            yield name
            if name not in own:
                if name in above:
                    raise _Unclear
                yield from names(added[name], above | {name})

    named = {name: frozenset(names(each)) for name, each in outputs.items()}
    return Lineage(
        {name: frozenset(own[one] for one in used if one in own) for name, used in named.items()},
        {
            name: own[each["column_names"][0].casefold()]
            for name, each in outputs.items()
            if each["class"] == "COLUMN_REF" and each["column_names"][0].casefold() in own
        },
        text,
        named,
    )


def _plain(node: Any) -> Any:
    """A SELECT that neither drops nor joins, gathers or sorts records."""
    if node["type"] != "SELECT_NODE" or node["from_table"]["type"] != "BASE_TABLE":
        raise _Unclear
    if any(node[key] for key in EMPTY):
        raise _Unclear
    return node


def _name(output: Any) -> str:
    name: str = output["alias"] or output["column_names"][-1]
    return name.casefold()


def _references(part: Any) -> Iterator[str]:
    """The names in an expression, case folded."""
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, dict):
        if part.get("class", "TYPE") not in PLAIN:
            raise _Unclear
        if part.get("class") == "COLUMN_REF":
            if len(part["column_names"]) > 1:  # a table's, or a part of a column
                raise _Unclear
            yield part["column_names"][0].casefold()
        for each in part.values():
            yield from _references(each)
