"""A table split for computing: what each row has of its own, and what rows have in common.

Rows are many, and their texts repeat. A *fact* is a row's own: its keys, its instants, its amounts
as whole numbers. A *profile* is one set of what rows share, and facts carry its number. Facts
joined with their profiles are the rows again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.model.arrays import whole
from trueup.model.columns import AMOUNT, KEY, numbers_stored
from trueup.model.places import counted, places, together

if TYPE_CHECKING:
    from trueup.model.table import Table

WHOLE = pa.decimal128(38, 0)
SCALE = 18
DECIMALS = "decimals_"  # before an amount's name: in how many decimals a profile's facts count it
COARSE = (0, 3, 6, 9, 12, 15)  # decimals tried for the quantities of one profile
HABIT_ROWS = 1_000  # so many rows tell whether the values of a column repeat
REPEATS_MIN = 4
SAMPLE_ROWS = 512
FACTS, PROFILE = "facts", "profile"


@dataclass(frozen=True)
class Split:
    """How the rows of a schema are split.

    ``own`` columns stay with the fact. ``money`` and ``quantities`` are decimals that become whole
    numbers: money in the fewest decimals that hold a batch, a quantity in about the fewest that
    hold it in its profile; an amount is null in all facts of a profile or in none. ``shared`` are
    the columns of ``profile``, beside every text whose values repeat and that is not ``left_out``;
    ``parties`` are those of a second kind of profile, where there is one.
    """

    own: tuple[str, ...]
    money: tuple[str, ...]
    quantities: tuple[str, ...]
    shared: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()

    def fits(self, schema: pa.Schema) -> bool:
        """Whether a table has all columns that this names."""
        named = (*self.own, *self.money, *self.quantities, *self.shared, *self.parties)
        return set(named) <= set(schema.names)

    def kinds(self, first: pa.Table) -> dict[str, list[str]]:
        """The columns of each kind of profile, told from the first rows."""
        own = {*self.own, *self.money, *self.quantities, *self.shared, *self.left_out}
        further = [
            name
            for name in first.column_names
            if name not in own | {*self.parties} and _repeats(first[name])
        ]
        kinds = {PROFILE: [*self.shared, *further]}
        return kinds | ({"party": list(self.parties)} if self.parties else {})


@dataclass(frozen=True)
class SplitFiles:
    """Facts, and profiles of each kind, as Parquet; ``columns`` are those that profiles have."""

    facts: tuple[Path, ...]
    profiles: Mapping[str, tuple[Path, ...]]
    columns: frozenset[str]


class SplitWriter:
    """Splits a table batch by batch; ``close`` finishes the files and says where they are."""

    def __init__(self, prefix: Path, split: Split, schema: pa.Schema) -> None:
        self._prefix = prefix
        self._split = split
        self._schema = schema
        self._kinds: dict[str, list[str]] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._taken: dict[str, int] = {}

    def write(self, rows: pa.Table) -> None:
        """Split rows that have at least the columns of the schema."""
        if not self._kinds:
            self._open(rows)
        split = self._split
        amounts = {name: _amount(whole(rows[name])) for name in (*split.money, *split.quantities)}
        facts = {name: rows[name] for name in split.own}
        for kind, names in self._kinds.items():
            columns = {name: whole(rows[name]) for name in names}
            unknown = amounts if kind == PROFILE else {}
            told = [*columns.values(), *map(pc.is_null, unknown.values())]
            combined = together([places(column) for column in told], rows.num_rows)
            number, first = combined.of_rows, combined.first()
            profiles = {name: column.take(first) for name, column in columns.items()}
            if kind == PROFILE:
                for name, amount in amounts.items():
                    by = number if name in split.quantities else None
                    facts[name], decimals = _whole(amount, by, first)
                    profiles[DECIMALS + name] = decimals
            base = self._taken[kind]
            self._taken[kind] += len(first)
            facts[kind] = pc.add(number.cast(KEY), base)
            profiles[kind] = counted(len(first), base)
            self._append(kind, profiles)
        self._append(FACTS, facts)

    def close(self) -> SplitFiles:
        """Finish the files; no rows can follow."""
        if not self._kinds:
            self.write(self._schema.empty_table())
        for writer in self._writers.values():
            writer.close()
        return SplitFiles(
            (self._path(FACTS),),
            {kind: (self._path(kind),) for kind in self._kinds},
            frozenset(name for names in self._kinds.values() for name in names),
        )

    def _path(self, kind: str) -> Path:
        return self._prefix.with_suffix(f".{kind}.parquet")

    def _open(self, first: pa.Table) -> None:
        self._kinds = self._split.kinds(first.select(self._schema.names))
        self._taken = dict.fromkeys(self._kinds, 0)
        amounts = (*self._split.money, *self._split.quantities)
        columns = {FACTS: [*map(self._field, self._split.own)]}
        columns[FACTS] += [pa.field(name, WHOLE) for name in amounts]
        columns[FACTS] += [pa.field(kind, KEY) for kind in self._kinds]
        for kind, names in self._kinds.items():
            columns[kind] = [pa.field(kind, KEY), *map(self._field, names)]
        columns[PROFILE] += [pa.field(DECIMALS + name, KEY) for name in amounts]
        for kind, fields in columns.items():
            schema = pa.schema(fields)
            repeating = [
                each.name
                for each in fields
                if pa.types.is_string(each.type) or pa.types.is_timestamp(each.type)
            ]
            self._writers[kind] = pq.ParquetWriter(
                self._path(kind),
                schema,
                use_dictionary=repeating,
                column_encoding=numbers_stored(schema),
                write_statistics=[each.name for each in fields if each.type != WHOLE],
            )

    def _field(self, name: str) -> pa.Field:
        """A column as it is stored: instants are UTC, and do not say so, as in the engines."""
        kind = self._schema.field(name).type
        return pa.field(name, pa.timestamp("us") if pa.types.is_timestamp(kind) else kind)

    def _append(self, kind: str, columns: Mapping[str, pa.Array]) -> None:
        writer = self._writers[kind]
        table = pa.table({name: _plain(columns[name]) for name in writer.schema.names})
        writer.write_table(table.cast(writer.schema))


def split_rows(table: Table, split: Split, prefix: Path) -> SplitFiles:
    """The rows of a table split, in bounded memory, into files that begin with ``prefix``."""
    writer = SplitWriter(prefix, split, table.schema)
    for batch in table.reader():
        writer.write(pa.Table.from_batches([batch]))
    return writer.close()


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether this is text whose values repeat."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not pa.types.is_string(kind):
        return False
    known = len(column) - column.null_count
    if known < HABIT_ROWS:
        return True
    return bool(len(_encoded(whole(column)).dictionary) * REPEATS_MIN <= known)


def _amount(column: pa.Array) -> pa.Array:
    """A column of decimals, in its own type where that has no more decimals than an amount."""
    kind = column.type
    narrow = pa.types.is_decimal128(kind) and 0 <= kind.scale <= SCALE
    return column if narrow else column.cast(AMOUNT)


def _whole(amount: pa.Array, number: pa.Array | None, first: pa.Array) -> tuple[pa.Array, pa.Array]:
    """An amount as whole numbers, and per profile the decimals that it is counted in.

    With ``number`` each profile has its own decimals, otherwise all have the same. A row that
    needs more decimals speaks for its whole profile, so that most profiles are settled by one.
    """
    most, units = _fewest(amount)
    firsts = amount.take(first)
    decimals = pc.if_else(firsts.is_valid(), pa.scalar(most, KEY), None)
    if number is None:
        return units, decimals
    fits = firsts.is_valid()
    for fewer in (each for each in reversed(COARSE) if each < most):
        fits = pc.and_(fits, _in_decimals(firsts, fewer)[1])
        if not pc.any(fits).as_py():
            break
        rows = pc.indices_nonzero(fits.take(number))
        of_rows = number.take(rows)
        lower, same = _in_decimals(amount.take(rows), fewer)
        finer = of_rows.filter(pc.invert(same)).unique().cast(KEY)
        fits = pc.and_(fits, pc.invert(pc.is_in(counted(len(first)), finer)))
        decimals = pc.if_else(fits, fewer, decimals)
        some = _units(lower).filter(fits.take(of_rows))
        units = pc.replace_with_mask(units, fits.take(number), some)
    return units, decimals


def _fewest(amount: pa.Array) -> tuple[int, pa.Array]:
    """The fewest decimals that hold all values, and the values counted in them."""
    least = 0 if len(amount) <= SAMPLE_ROWS else _fewest(amount.slice(0, SAMPLE_ROWS))[0]
    for decimals in range(least, amount.type.scale):
        try:
            return decimals, _units(amount.cast(pa.decimal128(38, decimals)))
        except pa.ArrowInvalid:  # a value has more: nothing else can fail here
            continue
    return amount.type.scale, _units(amount)


def _in_decimals(amount: pa.Array, decimals: int) -> tuple[pa.Array, pa.Array]:
    """The values cut to these decimals, and which of them that leaves as they are."""
    lower = amount.cast(pa.decimal128(38, decimals), safe=False)
    return lower, pc.equal(lower.cast(amount.type), amount).fill_null(fill_value=True)


def _units(amount: pa.Array) -> pa.Array:
    """Decimals as counts of their last place: the same bytes under another type."""
    return pa.Array.from_buffers(WHOLE, len(amount), amount.buffers(), offset=amount.offset)
