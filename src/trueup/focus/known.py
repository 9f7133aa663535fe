"""What was read before: later chunks of a file repeat the values of the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trueup.model.places import places, together

KNOWN_MAX = 65_536  # rows that are remembered,
KNOWN_BYTES_MAX = 4 << 20  # and bytes: what is beyond is forgotten with the next chunk

Made = Mapping[str, pa.Array]


class Known:
    """Rows of some columns that were read, and what was made of each."""

    def __init__(self) -> None:
        self._given: Sequence[pa.Array] = ()
        self._made: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self._given[0]) if self._given else 0

    @property
    def is_read(self) -> bool:
        """Whether anything was: what is made of it has a type, though there may be no row."""
        return bool(self._made)

    def places(self, given: Sequence[pa.Array]) -> pa.Array:
        """The place of each row, that of an equal one; new ones have the next in their order."""
        types = [each.type for each in given]
        size = sum(each.nbytes for each in (*self._given, *self._made.values()))
        much = len(self) > KNOWN_MAX or size > KNOWN_BYTES_MAX
        if much or [each.type for each in self._given] != types:
            self._given, self._made = [pa.nulls(0, kind) for kind in types], {}
        both = [pa.concat_arrays(pair) for pair in zip(self._given, given, strict=True)]
        return together(list(map(places, both)), len(both[0])).of_rows.slice(len(self))

    def new(self, given: Sequence[pa.Array], at: pa.Array) -> list[pa.Array]:
        """The rows that were never read, each of them once, by their places."""
        later = pc.indices_nonzero(pc.greater_equal(at, len(self)))
        if not len(later):
            return [each.slice(0, 0) for each in given]
        once = later.take(places(at.take(later)).first())
        return [each.take(once) for each in given]

    def add(self, new: Sequence[pa.Array], made: Made) -> None:
        """What is made of the new rows of ``given``."""
        self._given = [pa.concat_arrays(pair) for pair in zip(self._given, new, strict=True)]
        for name, array in made.items():
            before = [self._made[name]] if name in self._made else []
            self._made[name] = pa.concat_arrays([*before, array])

    def made(self, at: pa.Array) -> dict[str, pa.Array]:
        """What was made of the rows at these places."""
        return {name: array.take(at) for name, array in self._made.items()}


class KnownColumns:
    """Columns, each of which stands alone, and by name what is made of one of them.

    ``read`` is asked for what is made of new values; None is its word for all of a chunk.
    """

    def __init__(self, names: Mapping[str, str], read: Callable[[Made], Made | None]) -> None:
        self.names = names
        self._read = read
        self._known = {of: Known() for of in names.values()}

    def made(self, values: Mapping[str, pa.Array]) -> dict[str, pa.Array] | None:
        """What is made of a chunk's values, by name."""
        at = {of: known.places([values[of]]) for of, known in self._known.items()}
        new = {of: known.new([values[of]], at[of])[0] for of, known in self._known.items()}
        if any(map(len, new.values())) or not all(one.is_read for one in self._known.values()):
            read = self._read(new)
            if read is None:
                return None
            for of, known in self._known.items():
                of_it = [name for name, source in self.names.items() if source == of]
                known.add([new[of]], {name: read[name].slice(0, len(new[of])) for name in of_it})
        made = (known.made(at[of]) for of, known in self._known.items())
        return {name: array for each in made for name, array in each.items()}
