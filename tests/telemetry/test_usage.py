from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import ConfigurationError, SourceError, UsageError
from trueup.model.schema import REJECTS, SOURCES, USAGE
from trueup.telemetry.usage import read_usage


def test_schemas(otlp: Any, write_lines: Any) -> None:
    """Table, sources and rejects have exactly the columns of their schemas."""
    found = read_usage(write_lines([otlp.document(otlp.chat("a", usage=(1, 1))), "{"]))
    assert found.kind == "usage"
    assert found.table.to_arrow().schema.equals(USAGE)
    assert found.sources.to_arrow().schema.equals(SOURCES)
    assert found.rejects.to_arrow().schema.equals(REJECTS)


def test_formats_together(otlp: Any, write_lines: Any) -> None:
    """Files of different formats are one dataset, each recognised by its content."""
    spans = write_lines([otlp.document(otlp.chat("a", usage=(1, 1)))], "a.bin")
    logs = write_lines(
        [
            {
                "request_id": "r",
                "spend": 0,
                "prompt_tokens": 2,
                "completion_tokens": 3,
                "startTime": "2026-10-01T00:00:00Z",
            }
        ],
        "b.bin",
    )
    found = read_usage([spans, logs])
    assert [row["format"] for row in found.sources.rows()] == ["otlp", "litellm"]
    assert [row["usage_id"] for row in found.table.rows()] == [0, 1, 2, 3]


def test_providers_are_translated(otlp: Any, write_lines: Any) -> None:
    """What telemetry calls a provider becomes the slug of the adapter that claims the name."""
    from trueup.adapter.registry import providers

    slug, adapter = next(iter(providers().items()))
    name = adapter.telemetry_names[0]
    path = write_lines([otlp.document(otlp.chat("a", usage=(1, 1), provider__name=name))])
    assert {row["provider"] for row in read_usage(path).table.rows()} == {slug}
    fixed = read_usage(path, constants={"provider": "unheard of"})
    assert {row["provider"] for row in fixed.table.rows()} == {"unheard of"}


def test_wrong_arguments(tmp_path: Path, otlp: Any, write_lines: Any) -> None:
    """Unknown formats, columns and constants, and nothing at all, are errors of use."""
    path = write_lines([otlp.document(otlp.chat("a", usage=(1, 1)))])
    with pytest.raises(UsageError, match="opencost, otlp"):
        read_usage(path, format="otel")
    with pytest.raises(UsageError, match="nothing to read"):
        read_usage()
    with pytest.raises(ConfigurationError, match="'quantity'"):
        read_usage(path, columns={"quantity": "x"})
    with pytest.raises(ConfigurationError, match="'meter'"):
        read_usage(path, constants={"meter": "gpu"})
    number: Any = 42
    with pytest.raises(ConfigurationError, match="account_id' = 42: write it as text"):
        read_usage(path, constants={"account_id": number})
    with pytest.raises(SourceError, match="no such file"):
        read_usage(tmp_path / "nowhere.jsonl")


def test_damaged_archives(tmp_path: Path, otlp: Any) -> None:
    """A compressed file cut in half is an error that names it."""
    import pyarrow as pa

    data = (json.dumps(otlp.document(otlp.chat("a", usage=(1, 1)))) + "\n").encode() * 2000
    packed = pa.compress(data, codec="zstd", asbytes=True)
    path = tmp_path / "cut.zst"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(SourceError, match=r"cut\.zst"):
        read_usage(path)


def test_binary_file(tmp_path: Path) -> None:
    """A file that is neither text nor Parquet is an error that names it."""
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(SourceError, match=r"x\.bin.*known formats"):
        read_usage(path)


def test_byte_order_mark(tmp_path: Path, otlp: Any, meters: Any) -> None:
    """A byte order mark before the first line is no part of it."""
    path = tmp_path / "bom.jsonl"
    text = json.dumps(otlp.document(otlp.chat("a", usage=(1, 2))))
    path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\n")
    assert meters(read_usage(path)) == [(1, "input_tokens", 1), (1, "output_tokens", 2)]


def test_laid_out_json(tmp_path: Path, otlp: Any, meters: Any) -> None:
    """A document over many lines, and an array of documents, are read too."""
    document = otlp.document(otlp.chat("a", usage=(1, 2)))
    for number, text in enumerate((json.dumps(document, indent=2), json.dumps([document]))):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        assert meters(read_usage(path)) == [(1, "input_tokens", 1), (1, "output_tokens", 2)]


def test_a_name_that_promises_another_format_is_told(tmp_path: Path) -> None:
    """A refusal begins with what the file is not, then says how to give its format."""
    path = tmp_path / "spans.jsonl.zst"
    path.write_text('{"a": 1}\n')
    with pytest.raises(SourceError) as caught:
        read_usage(path)
    assert caught.value.reason.startswith(
        "not a zstd file, as its name says: its first bytes are b'{\"a\": 1}\\n'; not recognised"
    )
    assert "--usage-format" in caught.value.reason


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("", "it holds no record: nothing was compared with it"),
        ("at,gpu\n", "it holds no record: nothing was compared with it"),
        ("at,gpu\nlunch,2\n", None),  # it is not whole: tests/focus/test_whole.py
        ("at,gpu\nlunch,2\n2026-10-03T14:00:00Z,2\n", None),
    ],
)
def test_a_file_without_usage_says_so(tmp_path: Path, text: str, note: str | None) -> None:
    """A run without breaks because nothing was metered must not look like one that agrees."""
    path = tmp_path / "gpu.csv"
    path.write_text(text)
    found = read_usage(path, format="table", columns={"window_start": "at", "gpu": "gpu"})
    assert [row["note"] for row in found.sources.rows()] == [note]


def test_a_copy_of_a_file_counts_once(otlp: Any, write_lines: Any) -> None:
    """A table has nothing that names a call: 5 + 7 tokens in two files of the same bytes are 12."""
    rows = [
        {"at": "2026-10-01T00:00:00Z", "n": "5"},
        {"at": "2026-10-01T01:00:00Z", "n": "7"},
        {"at": "never", "n": "1"},
    ]
    paths = [write_lines(rows, name) for name in ("a.jsonl", "b.jsonl")]
    found = read_usage(paths, columns={"window_start": "at", "output_tokens": "n"})
    assert sum(row["quantity"] for row in found.table.rows()) == 12
    assert [(s["rows_in"], s["accepted"], s["rejected"]) for s in found.sources.rows()] == [
        (3, 2, 1),
        (3, 0, 3),
    ]
    text = f"a copy of {paths[0]}, byte for byte, not read: leave one of the two out"
    assert found.sources.rows()[1]["note"] == text
    copied = [row for row in found.rejects.rows() if row["source"] == str(paths[1])]
    assert [(row["row_number"], row["reason"]) for row in copied] == [
        (1, text),
        (2, text),
        (3, text),
    ]
