"""Any bytes give rows, rejects or a refusal in words, whatever they claim to be."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.readers import READERS, outcome

JSON = ("otlp", "langfuse", "prometheus", "opencost", "provenance")
TOML = ("contracts", "typed_invoices", "configuration", "rules")
TABLES = ("charges", "commitments", "invoices", "litellm", "table", "rates")

# Sentence -> bytes, and who is asked.
ATTACKS = {
    "nothing": (b"", tuple(READERS)),
    "zeros": (b"\0" * 100, tuple(READERS)),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), tuple(READERS)),
    "no UTF-8": (b'a = "\xff\xfe"\n', tuple(READERS)),
    "gzip that is cut": (gzip.compress(b"a,b\n1,2\n" * 999)[:-12], (*TABLES, "otlp", "cassette")),
    "gzip within gzip": (gzip.compress(gzip.compress(b"x")), (*TABLES, "otlp")),
    "a Parquet file of two marks": (b"PAR1" + b"\xff" * 100 + b"\x64\0\0\0PAR1", TABLES),
    "a zip archive": (b"PK\x03\x04", (*TABLES, "otlp")),
    "an open quote": (b'"' * 100_001, TABLES),
    "commas": (b"," * 100_000, TABLES),
    "a column name of 200 kB": (b"a" * 200_000 + b",b\n1,2\n", (*TABLES, "otlp")),
    "JSON nested 100,000 times": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, (*JSON, "litellm")),
    "an open list of lists": (b"[" * 200_000, (*JSON, "cassette")),
    "a whole number of 100,000 digits": (b'{"a":' + b"9" * 100_000 + b"}\n", JSON),
    "half a surrogate pair": (b'{"a":"\\ud800"}\n', JSON),
    "NaN and infinity": (b'{"a":NaN,"b":-Infinity}\n', JSON),
    "JSON that is no object": (b'null\n1\n"x"\n[null]\n', (*JSON, "litellm")),
    "TOML: a whole number of 10,000 digits": (b"a = " + b"9" * 10_000, TOML),
    "TOML: lists nested 50,000 times": (b"a = " + b"[" * 50_000, TOML),
    "TOML: tables nested 5,000 times": (b"a=" + b"{a=" * 5_000 + b"1" + b"}" * 5_000, TOML),
    "TOML: a key of 50,000 parts": (b"a" + b".a" * 50_000 + b" = 1", TOML),
    "TOML: numbers without measure": (b"a = nan\nb = inf\nc = 1e999999999\n", TOML),
    "TOML: a day that is none": (b"a = 2026-13-41", TOML),
    "TOML: 17 MiB": (b"# " + b"x" * (17 << 20), TOML),
}


def cases() -> Iterator[object]:
    for sentence, (content, names) in ATTACKS.items():
        for name in names:
            yield pytest.param(name, content, id=f"{name}: {sentence}")


@pytest.mark.parametrize(("name", "content"), list(cases()))
def test_bytes_are_read_or_refused_in_words(name: str, content: bytes, tmp_path: Path) -> None:
    """No traceback, no hang: rows that add up, or a TrueupError that names the place."""
    reader = READERS[name]
    file = tmp_path / next(iter(reader.seeds))
    file.write_bytes(content)
    outcome(reader, file)


@pytest.mark.parametrize("name", READERS)
def test_what_the_attacks_are_made_from_is_read(name: str, tmp_path: Path) -> None:
    """Each seed gives rows: what the mutations are mutations of."""
    for file, content in READERS[name].seeds.items():
        folder = tmp_path / file
        folder.mkdir()
        (folder / file).write_bytes(content)
        assert outcome(READERS[name], folder / file) == "rows"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("worse", ["cut", "zero behind", "mark before"])
def test_a_small_accident_to_a_good_file(name: str, worse: str, tmp_path: Path) -> None:
    """Cut in half, a zero byte at its end, a byte order mark at its beginning."""
    file, good = next(iter(READERS[name].seeds.items()))
    content = {
        "cut": good[: len(good) // 2],
        "zero behind": good + b"\0",
        "mark before": b"\xef\xbb\xbf" + good,
    }[worse]
    (tmp_path / file).write_bytes(content)
    outcome(READERS[name], tmp_path / file)
