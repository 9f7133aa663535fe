"""Questions to BigQuery: a query run, its rows paged to the end, counted against what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueup.adapter.feed import Answer, Asking, BrokenAnswer, Changed, Page, exact_json
from trueup.providers.gcp.client import Refusal

RUN = "bigquery.jobs.query"
READ = "bigquery.jobs.getQueryResults"
TABLE = "bigquery.tables.get"
# What each operation needs; all of a query's reading is checked when it is run.
PERMISSIONS = {
    RUN: "bigquery.jobs.create, and bigquery.tables.getData on the tables",
    READ: "bigquery.jobs.create",
    TABLE: "bigquery.tables.get",
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:.-]*\.[A-Za-z0-9_]+\.[A-Za-z0-9_$-]+")

FLOATS = frozenset({"FLOAT", "FLOAT64"})

Column = Mapping[str, Any]  # of a table: name, type, mode, fields


def rows(asking: Asking, sql: str, **asked: str) -> Iterator[Answer]:
    """Every page of a query's result; Changed where they are not as many rows as it has."""
    connection = asking.connection

    def start() -> bytes:
        body: bytes = connection.query(sql)
        if not {"projectId", "jobId"} <= exact_json(body)["jobReference"].keys():
            raise BrokenAnswer("a query was answered without the job that runs it")
        return body

    job = asking.once(RUN, start, **asked).json()["jobReference"]

    def page(token: str | None) -> Page:
        body = connection.results(job, token)
        return Page(body, exact_json(body).get("pageToken"))

    come = announced = 0
    for answer in asking.pages(READ, page, **asked):
        found = answer.json()
        come += len(found.get("rows", ()))
        announced = int(found.get("totalRows", 0))
        yield answer
    if come != announced:
        raise Changed(f"{come:,} rows came of the {announced:,} that the query has")


def cells(answers: Sequence[Answer]) -> Iterator[dict[str, str | None]]:
    """The rows of pages as column -> text: every column was asked for as text."""
    names: list[str] = []
    for answer in answers:
        if answer.operation != READ:
            continue
        found = answer.json()
        try:
            names = names or [field["name"] for field in found["schema"]["fields"]]
            for row in found.get("rows", ()):
                yield dict(zip(names, (cell["v"] for cell in row["f"]), strict=True))
        except (KeyError, ValueError) as error:
            raise BrokenAnswer(f"a page of rows without {error}") from error


def table(asking: Asking, name: str) -> Mapping[str, Any]:
    """A table as BigQuery describes it."""

    def ask() -> bytes:
        quoted(name)
        body: bytes = asking.connection.table(name)
        return body

    found: Mapping[str, Any] = asking.once(TABLE, ask, table=name).json()
    return found


def columns(described: Mapping[str, Any]) -> list[Column]:
    """The columns of a table, in order."""
    fields: list[Column] = described.get("schema", {}).get("fields", [])
    if not fields:
        raise BrokenAnswer("a table without columns")
    return fields


def quoted(name: str) -> str:
    """A table's name as SQL writes it; Refusal where it is not project.dataset.table."""
    if not NAME.fullmatch(name):
        raise Refusal(f"{name!r} is not the name of a table: write project.dataset.table")
    return f"`{name}`"


def as_text(column: Column) -> str:
    """A column as SQL that gives text, in which every number is exact.

    A floating point amount is read as NUMERIC (9 decimals), as Google's own queries on the
    billing export do. What repeats or nests becomes JSON; labels become one object.
    """
    name, kind = f"`{column['name']}`", column["type"]
    parts = {part["name"].lower() for part in column.get("fields", ())}
    if column.get("mode") == "REPEATED" and {"key", "value"} <= parts:
        pairs = "CONCAT(TO_JSON_STRING(one.key), ':', TO_JSON_STRING(one.value))"
        return (
            f"CONCAT('{{', (SELECT STRING_AGG({pairs}, ',' ORDER BY one.key) "
            f"FROM UNNEST({name}) AS one), '}}') AS {name}"
        )
    if any(part["type"] in FLOATS for part in column.get("fields", ())):
        return f"TO_JSON_STRING({_exact_record(column)}) AS {name}"
    if column.get("mode") == "REPEATED" or kind in {"RECORD", "STRUCT", "JSON"}:
        return f"TO_JSON_STRING({name}) AS {name}"
    exact = as_number(column) if kind in FLOATS else name
    return f"CAST({exact} AS STRING) AS {name}"


def _exact_record(column: Column) -> str:
    """A record, or an array of them, whose floating point amounts are read as NUMERIC."""
    name, repeats = f"`{column['name']}`", column.get("mode") == "REPEATED"
    one = "one" if repeats else name
    parts = ", ".join(
        f"CAST({one}.{part['name']} AS NUMERIC) AS {part['name']}"
        if part["type"] in FLOATS
        else f"{one}.{part['name']} AS {part['name']}"
        for part in column["fields"]
    )
    return (
        f"ARRAY(SELECT STRUCT({parts}) FROM UNNEST({name}) AS one)"
        if repeats
        else (f"STRUCT({parts})")
    )


def as_number(column: Column) -> str:
    """A column of amounts as SQL that gives exact numbers."""
    name, kind = f"`{column['name']}`", column["type"]
    if kind in FLOATS:
        return f"CAST({name} AS NUMERIC)"
    return f"CAST({name} AS BIGNUMERIC)" if kind == "STRING" else name
