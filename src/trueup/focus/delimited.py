"""CSV files as raw records: each is either well-formed text columns or refused by number."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from trueup.errors import SourceError
from trueup.focus.landing import Landed
from trueup.focus.raw import RECORD_BYTES_MAX, ROW, Refuse, column
from trueup.focus.stream import NOT_UTF8, Utf8Stream, misnamed, opened
from trueup.focus.whole import CUT

DELIMITERS = ",;\t|"
HEADER_BYTES_MAX = 1 << 20
BOM = b"\xef\xbb\xbf"
UNCLOSED = f"a quote is opened and not closed: {CUT}"

# A record of its own behind the last one. A quote left open swallows it: so it is noticed.
END = "\ufdd1end of file\ufdd1"


class DelimitedFile:
    """One CSV file, plain or compressed (see RawFile).

    The delimiter is the one that makes most columns of the header. Blank lines are no records.
    """

    def __init__(self, landed: Landed) -> None:
        self._landed = landed
        with opened(landed.path, landed.source) as file:
            beginning = _beginning(file.read)
        if b"\x00" in beginning[:4096]:
            first = misnamed(landed.path, landed.source)
            raise SourceError(landed.source, f"{first}neither Parquet nor text (CSV)")
        self._delimiter, self.header, self._body_at = _parse_header(beginning, landed.source)
        self.types: Sequence[pa.DataType] = [pa.string()] * len(self.header)

    def batches(self, refuse: Refuse) -> Iterator[pa.RecordBatch]:
        """Stream the records (see RawFile), at most RECORD_BYTES_MAX each."""
        with opened(self._landed.path, self._landed.source) as file:
            _skip(file.read, self._body_at)
            tail = f"\n{END}{self._delimiter * (len(self.header) - 1)}\n".encode()
            yield from _Records(self, Utf8Stream(file, tail=tail), refuse).batches()

    @property
    def delimiter(self) -> str:
        return self._delimiter

    @property
    def source(self) -> str:
        return self._landed.source


class _Records:
    """One pass over the records of a file, keeping count of those refused."""

    def __init__(self, file: DelimitedFile, stream: Utf8Stream, refuse: Refuse) -> None:
        self._file = file
        self._stream = stream
        self._refuse = refuse
        self._refused: deque[int] = deque()  # numbers of malformed records not yet passed
        self._next = 1  # number of the next record

    def batches(self) -> Iterator[pa.RecordBatch]:
        held: pa.RecordBatch | None = None
        for batch in self._parsed():
            if batch.num_rows == 0:
                continue
            if held is not None:
                yield self._numbered(held)
            held = batch
        if held is not None:
            yield self._numbered(held, last=True)

    def _parsed(self) -> Iterator[pa.RecordBatch]:
        names = [column(index) for index in range(len(self._file.header))]
        try:
            yield from pa_csv.open_csv(
                io.BufferedReader(self._stream, RECORD_BYTES_MAX),  # whole blocks, no short reads
                read_options=pa_csv.ReadOptions(
                    use_threads=False, column_names=names, block_size=RECORD_BYTES_MAX
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._file.delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=self._malformed,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,  # the stream already is
                ),
            )
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            size = RECORD_BYTES_MAX >> 20
            raise SourceError(
                self._file.source,
                f"a record at or after number {self._next} is longer than {size} MiB: "
                "a quote was opened and not closed",
            ) from error

    def _malformed(self, row: pa_csv.InvalidRow) -> str:
        self._refused.append(row.number)
        if END in row.text:
            text = row.text[: row.text.index(END)].rstrip("\r\n")
            self._refuse(row.number, UNCLOSED, text)
        else:
            reason = f"{row.actual_columns} columns instead of {row.expected_columns}"
            if row.actual_columns < row.expected_columns:
                reason += ": the record is cut short"
            self._refuse(row.number, reason, row.text.replace(NOT_UTF8, "\ufffd"))
        return "skip"

    def _numbered(self, batch: pa.RecordBatch, last: bool = False) -> pa.RecordBatch:
        if last and batch.column(0)[-1].as_py() == END:
            batch, last = batch.slice(0, batch.num_rows - 1), False
        numbers = self._numbers(batch.num_rows)
        whole = pa.RecordBatch.from_arrays(
            [*batch.columns, pa.array(numbers, pa.int64())], names=[*batch.schema.names, ROW]
        )
        if last:  # the end mark was swallowed by a quote
            whole = self._without_unclosed(whole)
        return self._without_broken_text(whole) if self._stream.marked else whole

    def _numbers(self, count: int) -> list[int]:
        """The numbers of the next ``count`` well-formed records: malformed ones are passed over."""
        numbers: list[int] = []
        while len(numbers) < count:
            end = self._next + count - len(numbers)
            while self._refused and self._refused[0] < self._next:
                self._refused.popleft()
            if self._refused and self._refused[0] < end:
                end = self._refused.popleft()
                numbers.extend(range(self._next, end))
                self._next = end + 1
            else:
                numbers.extend(range(self._next, end))
                self._next = end
        return numbers

    def _without_unclosed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        row = batch.slice(batch.num_rows - 1).to_pylist()[0]
        number = row.pop(ROW)
        values = [
            value if END not in value else value[: value.index(END)] for value in row.values()
        ]
        if any(END in value for value in row.values()):
            text = self._file.delimiter.join(values).rstrip("\r\n")
            self._refuse(number, UNCLOSED, text)
            return batch.slice(0, batch.num_rows - 1)
        return batch

    def _without_broken_text(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        broken = None
        for array in batch.columns[:-1]:
            found = pc.match_substring(array, NOT_UTF8)
            broken = found if broken is None else pc.or_(broken, found)
        if not pc.any(broken).as_py():
            return batch
        for row in batch.filter(broken).to_pylist():
            number = row.pop(ROW)
            value = next(text for text in row.values() if NOT_UTF8 in text)
            self._refuse(number, "not valid UTF-8", value.replace(NOT_UTF8, "\ufffd"))
        return batch.filter(pc.invert(broken))


def _beginning(read: Callable[[int], bytes]) -> bytes:
    """The first bytes, enough for any header (one read may give fewer than asked)."""
    parts: list[bytes] = []
    size = 0
    while size < HEADER_BYTES_MAX:
        part = read(HEADER_BYTES_MAX - size)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _skip(read: Callable[[int], bytes], count: int) -> None:
    while count:
        part = read(count)
        if not part:
            return
        count -= len(part)


def _parse_header(beginning: bytes, source: str) -> tuple[str, list[str], int]:
    """Delimiter, column names, and at which byte the first record begins."""
    start = len(BOM) if beginning.startswith(BOM) else 0
    text = beginning[start:].decode("utf-8", errors="surrogateescape")
    if not text.strip():
        raise SourceError(source, "the file is empty")
    best: tuple[str, list[str], int] = ("", [], 0)
    for delimiter in DELIMITERS:
        names, characters = _first_record(text, delimiter)
        if len(names) > len(best[1]):
            best = (delimiter, names, characters)
    delimiter, names, characters = best
    if not names or (characters == len(text) and len(beginning) >= HEADER_BYTES_MAX):
        raise SourceError(source, "not a CSV file: its first record does not end")
    body_at = start + len(text[:characters].encode("utf-8", errors="surrogateescape"))
    return delimiter, [_clean(name) for name in names], body_at


def _clean(name: str) -> str:
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def _first_record(text: str, delimiter: str) -> tuple[list[str], int]:
    """The fields of the first record that is not blank, and how many characters it ends after."""
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        for line in io.StringIO(text, newline=""):
            consumed += len(line)
            yield line

    try:
        for fields in csv.reader(lines(), delimiter=delimiter):
            if any(field.strip() for field in fields):
                return [field.strip() for field in fields], consumed
    except csv.Error:
        return [], 0
    return [], 0
