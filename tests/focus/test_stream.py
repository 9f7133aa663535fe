"""Bytes on their way to the CSV reader: UTF-8 as it is, anything else marked, whatever the chunks."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.focus import stream
from trueup.focus.stream import NOT_UTF8, Utf8Stream

TEXT = "a€😀é"  # characters of one, three, four and two bytes


class InPieces(io.RawIOBase):
    """A file that gives so many bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content, self._size = io.BytesIO(content), size

    def read(self, _: int = -1) -> bytes:
        return self._content.read(self._size)


def passed(content: bytes, pieces: int, **around: bytes) -> tuple[bytes, bool]:
    """What comes out of the stream, and whether anything was marked."""
    through = Utf8Stream(InPieces(content, pieces), **around)  # type: ignore[arg-type]
    assert through.readable()
    return through.readall() or b"", through.marked


@given(st.text(), st.integers(1, 9))
def test_utf8_comes_as_it_is(text: str, pieces: int) -> None:
    """However a character is cut by the chunks."""
    assert passed(text.encode(), pieces) == (text.encode(), False)


@pytest.mark.parametrize("pieces", range(1, 9))
def test_what_is_not_utf8_is_marked_once_for_each_sequence(pieces: int) -> None:
    """Latin-1 in the middle, a character that the file's end cuts off, a byte that begins none."""
    mark = NOT_UTF8.encode()
    assert passed(b"caf\xe9,1", pieces) == (b"caf" + mark + b",1", True)
    assert passed(b"a\xe2\x82", pieces) == (b"a" + mark, True)
    assert passed(b"\x80a", pieces) == (mark + b"a", True)


def test_only_what_is_read_is_marked() -> None:
    """A text that cannot be written as asked stays an error: no byte of a file is behind it."""
    with pytest.raises(UnicodeEncodeError):
        "caf\u00e9".encode("ascii", errors="trueup-mark")


@pytest.mark.parametrize("pieces", [1, 3, stream.CHUNK_BYTES])
def test_what_was_read_before_comes_first_and_the_tail_last(pieces: int) -> None:
    """The start may end within a character."""
    whole = TEXT.encode()
    assert passed(whole[2:], pieces, start=whole[:2], tail=b"\n") == (whole + b"\n", False)
