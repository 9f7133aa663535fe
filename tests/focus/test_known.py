"""What was read before is not read again, and means the same."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pytest

from trueup.focus import known
from trueup.focus.known import Known, KnownColumns

MAPS = pa.map_(pa.string(), pa.string())


class Reader:
    """Makes capitals of a column of words and their lengths, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str | None]] = []

    def __call__(self, new: Mapping[str, pa.Array]) -> dict[str, pa.Array] | None:
        words = new["words"].to_pylist()
        self.asked.append(words)
        if "?" in words:
            return None
        sizes = [None if word is None else len(word) for word in words]
        capitals = [None if word is None else word.upper() for word in words]
        return {"capitals": pa.array(capitals, pa.string()), "sizes": pa.array(sizes, pa.int64())}


def columns(read: Reader) -> KnownColumns:
    return KnownColumns({"capitals": "words", "sizes": "words"}, read)


def made(of: KnownColumns, *words: str | None) -> list[tuple[str | None, int | None]] | None:
    found = of.made({"words": pa.array(words, pa.string())})
    if found is None:
        return None
    pairs = zip(found["capitals"].to_pylist(), found["sizes"].to_pylist(), strict=True)
    return list(pairs)


def test_only_new_values_are_read() -> None:
    """Three chunks, the last without a new word, another order in each; null is a value, too."""
    read = Reader()
    of = columns(read)
    assert made(of, "a", "bb") == [("A", 1), ("BB", 2)]
    assert made(of, "bb", None, "ccc", "a") == [("BB", 2), (None, None), ("CCC", 3), ("A", 1)]
    assert made(of, None, "ccc") == [(None, None), ("CCC", 3)]
    assert read.asked == [["a", "bb"], [None, "ccc"]]


def test_what_a_chunk_says_twice_is_read_once() -> None:
    """A file's own dictionary may have a word twice: those after it still mean what they are."""
    read = Reader()
    of = columns(read)
    assert made(of, "a", "a", "bb") == [("A", 1), ("A", 1), ("BB", 2)]
    assert made(of, "ccc", "bb", "ccc", "d") == [("CCC", 3), ("BB", 2), ("CCC", 3), ("D", 1)]
    assert read.asked == [["a", "bb"], ["ccc", "d"]]


def test_a_chunk_without_a_value_is_made_of_none() -> None:
    """A column that is null from end to end has no value: it is read for its type, once."""
    read = Reader()
    of = columns(read)
    assert made(of) == []
    assert made(of) == []
    assert made(of, "a") == [("A", 1)]
    assert read.asked == [[], ["a"]]


def test_what_is_in_doubt_is_not_remembered() -> None:
    """A chunk with a strange word is read row by row; the next is asked for its words again."""
    read = Reader()
    of = columns(read)
    assert made(of, "a", "?") is None
    assert made(of, "a") == [("A", 1)]
    assert read.asked == [["a", "?"], ["a"]]


@pytest.mark.parametrize("limit", ["KNOWN_MAX", "KNOWN_BYTES_MAX"])
def test_too_much_is_forgotten(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Three words are more than two, or two bytes: the next chunk begins anew, meaning the same."""
    monkeypatch.setattr(known, limit, 2)
    read = Reader()
    of = columns(read)
    assert made(of, "a", "bb", "ccc") == [("A", 1), ("BB", 2), ("CCC", 3)]
    assert made(of, "ccc", "d") == [("CCC", 3), ("D", 1)]
    assert read.asked == [["a", "bb", "ccc"], ["ccc", "d"]]


def test_combinations_are_told_apart() -> None:
    """Of a word and tags: the same word with other tags is new, the same tags are not."""
    first = [
        pa.array(["a", "a", None]),
        pa.array([[("k", "1")], [("k", "2")], None], MAPS),
    ]
    seen = Known()
    at = seen.places(first)
    assert at.to_pylist() == [0, 1, 2]
    seen.add(seen.new(first, at), {"name": pa.array(["one", "two", "three"])})
    later = [
        pa.array([None, "a", "b", "a"]),
        pa.array([None, [("k", "3")], [("k", "1")], [("k", "2")]], MAPS),
    ]
    at = seen.places(later)
    assert at.to_pylist() == [2, 3, 4, 1]
    new = seen.new(later, at)
    assert [each.to_pylist() for each in new] == [["a", "b"], [[("k", "3")], [("k", "1")]]]
    seen.add(new, {"name": pa.array(["four", "five"])})
    assert seen.made(at)["name"].to_pylist() == ["three", "four", "five", "two"]
