"""What is told of a column's values, made once of each distinct value: most come many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa


def told(column: pa.Array, tell: Callable[[Any], str], unknown: str = "") -> list[str]:
    """What ``tell`` makes of each value, and ``unknown`` where there is none."""
    distinct = column.dictionary_encode()
    texts = [*map(tell, distinct.dictionary.to_pylist()), unknown]
    return [texts[place] for place in distinct.indices.fill_null(len(texts) - 1).to_pylist()]
