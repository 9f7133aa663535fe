"""DuckDB, embedded: the default engine, with a memory limit and a scratch folder of its own."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakValueDictionary, finalize

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.backends.sql.datatypes import DuckDBType
from ibis.expr.datatypes import DataType
from ibis.expr.operations import Node, UnboundTable
from ibis.expr.schema import Schema

from trueup.engine.instants import unzoned, zoned
from trueup.errors import UsageError, disk_full

MEMORY_LIMIT = os.environ.get("TRUEUP_MEMORY_LIMIT", "50%")  # of the memory that is there
COMPILED_MAX = 512  # queries of about four runs
NAME_DIGITS = 16
CHUNK_ROWS = 100_000

MEMORY, FILE = "temp", "packed"  # the databases of tables
TABLES_PART = 4  # once tables hold a quarter of the memory limit, the next go to the file
ROWS_ASKED = 100_000  # new ones, before it is asked what tables hold: that takes a millisecond
HELD = """
SELECT sum(memory_usage_bytes + temporary_storage_bytes),
    parse_formatted_bytes(current_setting('memory_limit'))
FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'
"""
# Nobody reads the file after this process, so it need not outlive a crash; without a log the room
# of a table that is gone is used again.
ATTACH = """
SET fsync_mode = 'NONE';
ATTACH IF NOT EXISTS {path} AS {database} (RECOVERY_MODE no_wal_writes)
"""
LIMIT = re.compile(r"(\d+(?:\.\d+)?) *(%|[KMGT]i?B)", re.IGNORECASE)


def _macro(signature: str, body: str) -> str:
    return f"CREATE OR REPLACE TEMP MACRO trueup_{signature} AS ({body})"


# The bar would be on where there is no script, as in a notebook.
SETTINGS = ("SET TimeZone = 'UTC'", "SET enable_progress_bar = false")
BILLION = "1000000000::HUGEINT"
TEN_TO_18, TEN_TO_19, TEN_TO_37 = (f"{10**digits}::DECIMAL(38, 0)" for digits in (18, 19, 37))

# Products of HUGEINTs and of DECIMALs raise on overflow; `//` on HUGEINT is exact, on DECIMAL it
# would not be. It is slow, as is a cast to HUGEINT: so a quotient is estimated in doubles, once
# more for what the first estimate left, and taken where what is left then proves it. Lambdas name
# what is used often: a macro writes its arguments out each time, which takes long to plan.
FUNCTIONS = (
    _macro(
        "estimated(a, b)",
        "list_transform([{'a': a, 'b': b}], lambda x: {'a': x.a, 'b': x.b, 'q':"
        f" CASE WHEN x.a BETWEEN -{TEN_TO_37} AND {TEN_TO_37} AND x.b > 0"
        " THEN round(x.a::DOUBLE / x.b::DOUBLE)::DECIMAL(38, 0) END})",
    ),
    _macro("further(a, b, q)", "(a - q * b)::DOUBLE / b::DOUBLE"),
    _macro(
        "quotient(a, b, q)",
        "CASE WHEN a >= 0 AND a - q * b >= 0 AND a - q * b < b THEN q"
        " ELSE (a::HUGEINT // b::HUGEINT)::DECIMAL(38, 0) END",
    ),
    _macro(
        "divide(a, b)",
        "list_transform(trueup_estimated(a, b), lambda x: trueup_quotient(x.a, x.b,"
        " x.q + floor(trueup_further(x.a, x.b, x.q))::DECIMAL(38, 0)))[1]",
    ),
    _macro("rounds_up(q, r, b)", "r > b - r OR (r = b - r AND q % 2 = 1)"),
    _macro(
        "half_even(a, b)",
        "a // b + CASE WHEN trueup_rounds_up(a // b, a % b, b) THEN 1 ELSE 0 END",
    ),
    _macro(
        "nearest(a, b, q)",
        "CASE WHEN abs(a - q * b) < b - abs(a - q * b) THEN q ELSE (sign(a)::HUGEINT"
        " * trueup_half_even(abs(a)::HUGEINT, b::HUGEINT))::DECIMAL(38, 0) END",
    ),
    _macro(
        "divide_half_even(a, b)",
        "list_transform(trueup_estimated(a, b), lambda x: trueup_nearest(x.a, x.b,"
        " x.q + round(trueup_further(x.a, x.b, x.q))::DECIMAL(38, 0)))[1]",
    ),
    # As in school, a decimal at a time: the dividend times 10^18 might not fit.
    _macro(
        "decimal_division(a, b)",
        "list_reduce(range(18), lambda x, _: {'q': x.q * 10 + x.rest * 10 // b,"
        " 'rest': x.rest * 10 % b}, {'q': a // b, 'rest': a % b})",
    ),
    _macro(
        "ratio_of(a, b)",
        "list_transform([trueup_decimal_division(a, b)],"
        " lambda x: x.q + CASE WHEN trueup_rounds_up(x.q, x.rest, b) THEN 1 ELSE 0 END)[1]",
    ),
    _macro(
        "ratio_at_edge(a, b)",
        f"CASE WHEN a BETWEEN -{TEN_TO_19} AND {TEN_TO_19}"
        f" THEN trueup_divide_half_even(a * {TEN_TO_18}, b) ELSE (sign(a)::HUGEINT"
        " * trueup_ratio_of(abs(a)::HUGEINT, b::HUGEINT))::DECIMAL(38, 0) END",
    ),
    # a x b / c as in school, nine digits of a at a time; b < c < 10^28, so that each step fits.
    _macro(
        "long_division(a, b, c)",
        "list_reduce([{'q': 0::HUGEINT, 'rest': 0::HUGEINT}, "
        + ", ".join(
            f"{{'q': 0::HUGEINT, 'rest': (a // {10**place}::HUGEINT % {BILLION})::HUGEINT}}"
            for place in (36, 27, 18, 9, 0)
        )
        + f"], lambda x, y: {{'q': x.q * {BILLION} + (x.rest * {BILLION} + y.rest * b) // c, "
        f"'rest': (x.rest * {BILLION} + y.rest * b) % c}})",
    ),
    _macro(
        "whole_share(a, b, c)",
        "list_transform([trueup_long_division(a, b % c, c)], lambda x: a * (b // c) + x.q"
        " + CASE WHEN trueup_rounds_up(a * (b // c) + x.q, x.rest, c) THEN 1 ELSE 0 END)[1]",
    ),
    # Where a x b fits in any case, it is divided at once.
    _macro(
        "share(a, b, c)",
        f"CASE WHEN a < {TEN_TO_18} AND b < {TEN_TO_19} THEN trueup_divide_half_even(a * b, c)"
        " ELSE TRY(trueup_whole_share(a::HUGEINT, b::HUGEINT, c::HUGEINT)::DECIMAL(38, 0)) END",
    ),
    _macro(
        "units(x, f)",
        "(trunc(x)::HUGEINT * f::HUGEINT"
        " + ((x - trunc(x))::DECIMAL(19, 18) * f::DECIMAL(19, 0))::HUGEINT)::DECIMAL(38, 0)",
    ),
    _macro(
        "decimals(x)",
        "CASE WHEN x IS NULL THEN NULL WHEN x = trunc(x) THEN 0"
        " ELSE length(rtrim(split_part(x::VARCHAR, '.', 2), '0')) END",
    ),
    _macro("digest(t)", "sha256(t)"),
)


_compiled: dict[Node, tuple[Node, str]] = {}  # by their twins; the least lately asked first


def _query(operation: Node) -> str:
    """The query of an expression: planning one takes longer than a small month's rows.

    Tables are named alike in every run, and lie in the same database where there is room.
    """
    found = _compiled.pop(operation, None)
    if found is None:
        found = operation.replace(_twin), str(Backend().compile(operation.to_expr()))
        if len(_compiled) >= COMPILED_MAX:
            _compiled.pop(next(iter(_compiled)), None)  # another thread may have done so
    _compiled[found[0]] = found
    return found[1]


def _twin(node: Node, changed: dict[str, object] | None) -> Node:
    """An equal node that holds on to no run's tables."""
    if isinstance(node, UnboundTable):
        return UnboundTable(node.name, node.schema, node.namespace)
    return node.__recreate__(changed) if changed else node


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _checked(limit: str) -> str:
    """The limit; UsageError where it is none, or one that the engine would read as another."""
    size = LIMIT.fullmatch(limit.strip())
    if not size or not 0 < Decimal(size[1]) <= (100 if size[2] == "%" else Decimal("inf")):
        raise UsageError(
            f"TRUEUP_MEMORY_LIMIT: {limit!r} is no limit: give a size, as 4GB, or a share of the "
            "memory, as 80%"
        )
    return limit


@cache
def _type(text: str) -> DataType:
    """Ibis's type of a DuckDB type: a dozen are in use, and parsing one takes a millisecond."""
    kind: DataType = DuckDBType.from_string(text, nullable=True)
    return kind


class DuckDBEngine:
    """One in-process database per run; it spills to a scratch folder that goes with it.

    Tables are made in memory until they hold a share of the limit, the next in a file of that
    folder, packed to a third: that takes less time than memory that goes to disk and comes back.
    """

    name = "duckdb"

    def __init__(self, memory_limit: str = MEMORY_LIMIT) -> None:
        self._limit = _checked(memory_limit)
        self._scratch = TemporaryDirectory(prefix="trueup-duckdb-")
        self.backend = ibis.duckdb.connect(
            memory_limit=self._limit,
            temp_directory=self._scratch.name,
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
        )
        for statement in (*SETTINGS, *FUNCTIONS):
            self.backend.raw_sql(statement)
        self._new_rows = 0  # since it was asked what tables hold
        self._place = MEMORY
        self._kept: WeakValueDictionary[str, Node] = WeakValueDictionary()  # by query
        self._unneeded: list[str] = []  # names of tables that no expression reads any more
        self._numbers: Counter[str] = Counter()

    def scan(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        if not files:
            return self.load(schema.empty_table())
        name = self._numbered("files", schema)
        paths = ", ".join(_quoted(file) for file in files)
        self.backend.con.execute(
            f"CREATE TEMP VIEW {name} AS SELECT * FROM "
            f"read_parquet([{paths}], union_by_name => true)"
        )
        return self._table(name)

    def load(self, rows: pa.Table) -> ir.Table:
        name = self._numbered("rows", rows.schema)
        self.backend.con.register(f"given_{name}", unzoned(rows))
        table = self._created(name, f"SELECT * FROM given_{name}")
        self.backend.con.unregister(f"given_{name}")
        return table

    def keep(self, expression: ir.Table) -> ir.Table:
        query = self.query(expression)
        if (kept := self._kept.get(query)) is not None:
            return kept.to_expr()
        table = self._created(self._numbered("kept", expression.schema()), query)
        self._kept[query] = table.op()
        return table

    def count(self, kept: ir.Table) -> int:
        table = kept.op()
        asked = f"SELECT count(*) FROM {table.namespace.catalog}.main.{table.name}"
        [(rows,)] = self.backend.con.execute(asked).fetchall()
        return int(rows)

    def query(self, expression: ir.Table) -> str:
        """The expression in this engine's language."""
        return _query(expression.op())

    def _numbered(self, kind: str, columns: Schema | pa.Schema) -> str:
        """A name by columns: what comes after a step compiles alike whatever is in its query."""
        named = f"{kind}_{sha256(repr(columns).encode()).hexdigest()[:NAME_DIGITS]}"
        self._numbers[named] += 1
        return f"{named}_{self._numbers[named]}"

    def _created(self, name: str, query: str) -> ir.Table:
        """A table of a query; it goes, with what it takes of memory, after its last expression."""
        with self._enough_room():
            while self._unneeded:
                self.backend.con.execute(f"DROP TABLE {self._unneeded.pop()}")
            if self._new_rows >= ROWS_ASKED:
                self._choose_place()
            place = self._place
            kind = "TEMP TABLE" if place == MEMORY else "TABLE"
            create = f"CREATE {kind} {place}.main.{name} AS {query}"
            [(rows,)] = self.backend.con.execute(create).fetchall()
        self._new_rows += rows
        table = self._table(name, place)
        finalize(table.op(), self._unneeded.append, f"{place}.main.{name}").atexit = False
        return table

    def _choose_place(self) -> None:
        """Where the next tables go."""
        [(held, limit)] = self.backend.con.execute(HELD).fetchall()
        self._place = MEMORY if held * TABLES_PART <= limit else FILE
        self._new_rows = 0
        if self._place == FILE:
            path = Path(self._scratch.name) / f"{FILE}.duckdb"
            self.backend.con.execute(ATTACH.format(path=_quoted(path), database=FILE))

    @contextmanager
    def _enough_room(self) -> Iterator[None]:
        """UsageError where a step needs more memory than the limit, or the disk is full."""
        try:
            yield
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            if disk_full(error) or "max_temp_directory_size" in str(error):
                raise UsageError(
                    f"no space left on the disk for the engine, in {self._scratch.name}: make room "
                    "there, or set TMPDIR to a folder on a larger one"
                ) from error
            if isinstance(error, duckdb.IOException):
                raise
            raise UsageError(
                f"the engine needs more memory than its limit, {self._limit}: set "
                "TRUEUP_MEMORY_LIMIT higher (such as 4GB, or 80%), take a shorter period, or use "
                "the engine spark"
            ) from error

    def _table(self, name: str, database: str = MEMORY) -> ir.Table:
        columns = self.backend.con.execute(f"DESCRIBE {database}.main.{name}").fetchall()
        schema = {column: _type(kind) for column, kind, *_ in columns}
        return ibis.table(schema, name, catalog=database, database="main")

    def collect(self, expression: ir.Table) -> pa.Table:
        with self._enough_room():
            rows = self.backend.con.sql(self.query(expression)).to_arrow_table()
        return zoned(rows.cast(expression.schema().to_pyarrow()))

    def chunks(self, expression: ir.Table) -> Iterator[pa.Table]:
        schema = expression.schema().to_pyarrow()
        with self._enough_room():
            for batch in self.backend.con.sql(self.query(expression)).to_arrow_reader(CHUNK_ROWS):
                yield zoned(pa.Table.from_batches([batch]).cast(schema))

    def close(self) -> None:
        self.backend.disconnect()
        self._scratch.cleanup()
