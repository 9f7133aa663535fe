"""A native export before its records are read: the columns it gives, and how they come about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from trueup.adapter.native import NativeExport, lacking
from trueup.errors import IntegrityError
from trueup.focus.amounts import is_amount
from trueup.focus.lineage import lineage
from trueup.focus.native_by_value import KINDS, RECORD, Group, Plan
from trueup.focus.projection import text_of
from trueup.focus.raw import ROW, column
from trueup.focus.repair import quoted
from trueup.focus.session import session


@dataclass(frozen=True)
class Layout:
    """Columns of a file under the export that they make."""

    export: NativeExport
    names: tuple[str, ...]
    types: tuple[pa.DataType, ...]

    @property
    def schema(self) -> pa.Schema:
        """The raw records."""
        fields = [pa.field(column(i), kind) for i, kind in enumerate(self.types)]
        return pa.schema([*fields, pa.field(ROW, pa.int64())])

    def rows(self, engine: duckdb.DuckDBPyConnection, raw: Any) -> duckdb.DuckDBPyRelation:
        """What the export's query makes of raw records."""
        engine.register("raw", raw)
        every = {*self.names, *lacking(self.export.optional, self.names)}
        engine.execute(f"CREATE OR REPLACE VIEW export AS {self._select(every, numbers=False)}")
        return engine.sql(self.export.sql)

    def _select(self, used: Collection[str], *, numbers: bool) -> str:
        """The columns of these names: those of the file, of ``raw``, and those that it lacks."""
        null = "NULL" if numbers else "NULL::VARCHAR"  # of no type, or of that of text
        cells = [f"{ROW} AS {RECORD}"]
        for i, (name, kind) in enumerate(zip(self.names, self.types, strict=True)):
            if name in used:
                value = column(i) if numbers and is_amount(kind) else text_of(i, kind)
                cells.append(f"{value} AS {quoted(name)}")
        missing = lacking(self.export.optional, self.names)
        cells += [f"{null} AS {quoted(name)}" for name in missing if name in used]
        return f"SELECT {', '.join(cells)} FROM raw"

    def plan(self, engine: duckdb.DuckDBPyConnection, header: Sequence[str]) -> Plan | None:
        """How to read the export by its values, if its query lets that be seen."""
        missing = lacking(self.export.optional, self.names)
        found = lineage(engine, self.export.sql, [RECORD, *self.names, *missing])
        if found is None:
            return None
        as_is: dict[str, int] = {}
        rest: dict[bool, list[str]] = {False: [], True: []}  # by whether they are numbers
        for output in header:
            source = found.as_is.get(output.casefold())
            place = self.names.index(source) if source in self.names else None
            is_number = KINDS.get(output.casefold()) == "decimal"
            if place is None or (is_number and is_amount(self.types[place])):
                rest[is_number].append(output)
            else:
                as_is[output] = place
        groups = []
        for numbers, outputs in rest.items():
            names = [output.casefold() for output in outputs]
            used = {source for name in names for source in found.sources[name]}
            sources = [i for i, name in enumerate(self.names) if name in used]
            sql = found.query(engine, names)
            if numbers:
                sql = sql.replace("exact_decimal(", "typed_decimal(")
            export = self._select(used, numbers=numbers)
            query = f"WITH export AS ({export}) SELECT * FROM ({sql})"
            groups.append(Group(sources, query, numbers=numbers))
        try:
            for group in groups:
                engine.register("raw", pa.schema(group.types(self.types)).empty_table())
                engine.sql(group.query)
        except duckdb.Error:  # it does more with numbers than numbers allow
            return None
        return Plan(header, as_is, groups)


def named(header: Sequence[str]) -> tuple[str, ...]:
    """Names that a query can tell apart: the first of equal ones keeps it, and none is empty."""
    seen = {RECORD, ""}
    names = []
    for index, name in enumerate(header):
        known = name.casefold() in seen or "\0" in name
        names.append(f"{name.replace(chr(0), '')} (column {index + 1})" if known else name)
        seen.add(names[-1].casefold())
    return tuple(names)


@lru_cache(maxsize=64)  # an export of a month is many files of one layout
def known(layout: Layout) -> tuple[tuple[str, ...], Plan | None]:
    """The columns that an export gives after ``record``, and how to read them by value, if so."""
    with TemporaryDirectory() as folder, session(Path(folder)) as engine:
        first, *header = layout.rows(engine, layout.schema.empty_table()).columns
        if first != RECORD:
            raise IntegrityError(f"{layout.export.name}: its query must select {RECORD} first")
        return tuple(header), layout.plan(engine, header)
