"""What is told of a column's values, made once of each distinct value: most come many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa

T = TypeVar("T")


def told(column: pa.Array, tell: Callable[[Any], T], unknown: T) -> list[T]:
    """What ``tell`` makes of each value, and ``unknown`` where there is none.

    The column is of plain values, not of lists, and no dictionary yet.
    """
    distinct = column.dictionary_encode()
    found = [*map(tell, distinct.dictionary.to_pylist()), unknown]
    return [found[place] for place in distinct.indices.fill_null(len(found) - 1).to_pylist()]
