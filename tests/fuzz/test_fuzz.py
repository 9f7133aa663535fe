"""The short forms of the fuzzing: good files made a little worse, and that the long form works."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile.readers import READERS, outcome

EXAMPLES = 10  # of each reader: a few hundred in all, half a minute

# What a reader may trip over, in the place of some bytes.
WORDS = [
    *(b"null", b"NaN", b"-Infinity", b"1e999", b"9" * 40, b"-1", b"0001-01-01", b"9999-12-31"),
    *(b'"', b"'", b"\\", b",", b"\n", b"\r", b"\0", b"{}", b"[]", b"[[", b"{", b"}", b"\xff"),
    *("\u202e".encode(), b"\x1b[2J", b"\\ud800", b"true", b'""', b"!!python/name:os.system "),
]
PLACES = st.floats(0, 1, exclude_max=True)  # a share of the file


def between(content: bytes, *shares: float) -> tuple[int, int]:
    start, end = sorted(int(share * len(content)) for share in shares)
    return start, end


def flipped(content: bytes, at: float, other: float) -> bytes:
    place, _ = between(content, at, at)
    return content[:place] + bytes([int(other * 256)]) + content[place + 1 :]


def cut(content: bytes, *shares: float) -> bytes:
    start, end = between(content, *shares)
    return content[:start] + content[end:]


def doubled(content: bytes, *shares: float) -> bytes:
    start, end = between(content, *shares)
    return content[:end] + content[start:]


def replaced(content: bytes, at: float, word: float) -> bytes:
    place, _ = between(content, at, at)
    fresh = WORDS[int(word * len(WORDS))]
    return content[:place] + fresh + content[place + len(fresh) // 2 :]


def exchanged(content: bytes, one: float, other: float) -> bytes:
    """Two fields of a table or object, one in the place of the other."""
    parts = content.split(b",")
    first, second = int(one * len(parts)), int(other * len(parts))
    parts[first], parts[second] = parts[second], parts[first]
    return b",".join(parts)


CHANGES = (flipped, cut, doubled, replaced, exchanged)
STEPS = st.lists(st.tuples(st.sampled_from(CHANGES), PLACES, PLACES), min_size=1, max_size=4)


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_made_worse(name: str) -> None:
    """Bytes flipped, cut, doubled, replaced, fields exchanged: rows that add up, or a refusal."""
    reader = READERS[name]

    @settings(max_examples=EXAMPLES)
    @given(st.sampled_from(sorted(reader.seeds)), STEPS)
    def worse(seed: str, steps: list[tuple[object, float, float]]) -> None:
        content = reader.seeds[seed]
        for change, one, other in steps:
            content = change(content, one, other)  # type: ignore[operator]
        with TemporaryDirectory() as folder:
            file = Path(folder) / seed
            file.write_bytes(content)
            outcome(reader, file)

    worse()


@pytest.mark.skipif(find_spec("atheris") is None, reason="no atheris here (tox -e fuzz has it)")
def test_the_long_form_runs(tmp_path: Path, root: Path) -> None:
    """50 executions of one reader, told with what they reached; nothing is found."""
    command = [sys.executable, "-m", "tests.fuzz", "rules", "--runs", "50", "--folder"]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "50 executions" in done.stdout
    assert "nothing found" in done.stdout
