"""Whether two contestants' tables say the same, and if not, by how much they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

KEYS = {
    "matching": ("resource", "meter", "hour"),
    "utilization": ("commitment", "hour"),
    "shares": ("resource", "meter", "hour", "session"),
}
FIGURES = {
    "matching": ("billed", "metered"),
    "utilization": ("committed", "used", "unused"),
    "shares": ("cost",),
}
TEXTS = {"matching": ("verdict",), "utilization": (), "shares": ()}


class Disagreement(Exception):
    """Contestants whose answers must be the same gave different ones."""


@dataclass(frozen=True)
class Difference:
    """How two tables of one name differ: rows of one only, rows with other figures, by how much."""

    table: str
    rows: int
    alone: int
    other: int
    most: Decimal
    sum: Decimal  # of all amounts by which figures differ

    @property
    def same(self) -> bool:
        return self.alone == self.other == 0


def difference(table: str, ours: Path, theirs: Path) -> Difference:
    """Compare a table in two folders, exactly."""
    keys, figures, texts = KEYS[table], FIGURES[table], TEXTS[table]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, folder in (("ours", ours), ("theirs", theirs)):
            columns = ", ".join(
                [
                    *(f"{key}::VARCHAR AS {key}" for key in keys if key != "hour"),
                    "hour::TIMESTAMP AS hour",
                    *(f"{figure}::DECIMAL(38, 16) AS {figure}" for figure in figures),
                    *texts,
                ]
            )
            file = folder / f"{table}.parquet"
            connection.execute(f"CREATE VIEW {name} AS SELECT {columns} FROM '{file}'")
        gaps = [f"abs(o.{figure} - t.{figure})" for figure in figures]
        unlike = " OR ".join([f"o.{name} IS DISTINCT FROM t.{name}" for name in (*figures, *texts)])
        both = "o.hour IS NOT NULL AND t.hour IS NOT NULL"
        row = connection.execute(
            f"""SELECT count(*), count(*) FILTER (NOT ({both})),
                count(*) FILTER (({both}) AND ({unlike})),
                coalesce(max(greatest({", ".join(gaps)}, 0)), 0),
                coalesce(sum({" + ".join(gaps)}), 0)
            FROM ours o FULL JOIN theirs t ON {" AND ".join(f"o.{k} = t.{k}" for k in keys)}"""
        ).fetchone()
    assert row is not None  # noqa: S101  # an aggregate without groups gives one row
    return Difference(table, *row)


def must_agree(tables: Sequence[str], ours: Path, theirs: Path) -> None:
    """Raise Disagreement unless the tables in both folders are the same to the last digit."""
    for table in tables:
        found = difference(table, ours, theirs)
        if not found.same:
            raise Disagreement(f"{ours} and {theirs}: {found}")
