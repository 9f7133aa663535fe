from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.model.places import CODES_MAX, Places, places, together

WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "ab", ""]))
TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), WORDS),
    "narrow decimal": (pa.decimal64(4, 1), st.one_of(st.none(), st.sampled_from([1, 2]))),
    "list": (pa.list_(pa.string()), st.one_of(st.none(), st.lists(WORDS, max_size=3))),
    "map": (
        pa.map_(pa.string(), pa.string()),
        st.one_of(st.none(), st.lists(st.tuples(st.sampled_from("ab"), WORDS), max_size=2)),
    ),
    "struct": (
        pa.struct({"x": pa.string(), "y": pa.list_(pa.string())}),
        st.one_of(st.none(), st.fixed_dictionaries({"x": WORDS, "y": st.lists(WORDS, max_size=1)})),
    ),
}


@pytest.mark.parametrize("kind", sorted(TYPES))
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_two_rows_have_one_place_where_they_say_the_same(kind: str, data: st.DataObject) -> None:
    """Null, empty and every nesting told apart, also in a part of an array."""
    physical, values = TYPES[kind]
    rows = data.draw(st.lists(values, max_size=8))
    skipped = data.draw(st.integers(0, len(rows)))
    array = pa.array(rows, physical).slice(skipped)
    found = places(array).of_rows.to_pylist()
    said = array.to_pylist()
    for i, one in enumerate(said):
        for j, other in enumerate(said):
            assert (found[i] == found[j]) is (one == other)
    first = places(array).first()
    assert all(said[first[place].as_py()] == said[row] for row, place in enumerate(found))


def test_columns_of_many_values_are_told_apart_together() -> None:
    """Three columns whose combinations are more than a code counts: two rows alike, one not."""
    count = CODES_MAX // 2
    column = Places(pa.array([count - 1, 0, count - 1], pa.int64()), count)
    alike = Places(pa.array([0, 0, 0], pa.int32()), 1)
    assert together([column, column, alike, column], 3).of_rows.to_pylist() == [0, 1, 0]
    assert together([], 2).of_rows.to_pylist() == [0, 0]


def test_where_values_nest_in_another_way_no_two_rows_are_one() -> None:
    """Nothing says that two are equal: each has a place of its own."""
    pairs = pa.array([[1, 2], [1, 2], None], pa.list_(pa.int64(), 2))
    found = places(pairs)
    assert (found.of_rows.to_pylist(), found.count) == ([0, 1, 2], 3)
