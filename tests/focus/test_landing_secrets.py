"""Names of files are kept and shown: what signs in by a URL is in none of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from trueup.errors import SourceError
from trueup.focus.landing import Landing, expand

URL = "memory://me:c4nary-1@host/bill.csv?sig=c4nary-2"


@pytest.fixture
def remote() -> Iterator[MemoryFileSystem]:
    """A file system of this process, whose paths have what its URLs have."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


def test_a_landed_file_is_named_without_secrets(remote: MemoryFileSystem) -> None:
    """It is fetched by the whole URL, and named by what of it is none of a secret."""
    with fsspec.open(URL, "wb") as file:
        file.write(b"a\n1\n")
    with Landing() as landing:
        (name,) = expand(URL)
        found = landing.file(name)
        assert found.source == "memory://***@host/bill.csv?sig=***"
        assert found.path.read_bytes() == b"a\n1\n"


def test_an_error_names_it_without_secrets(remote: MemoryFileSystem) -> None:
    """Neither its text nor its parts, also where a file system's own message has the URL."""
    with pytest.raises(SourceError, match="no file matches") as missing:
        expand(URL)
    error = SourceError(URL, f"403, url='{URL}'")
    for text in (str(missing.value), missing.value.source, str(error), error.source, error.reason):
        assert "c4nary" not in text


def test_a_local_path_stays_as_it_is(tmp_path: Path) -> None:
    """A folder of a partition may be called as a secret is."""
    path = tmp_path / "token=2026" / "bill.csv"
    path.parent.mkdir()
    path.write_text("a\n", encoding="utf-8")
    with Landing() as landing:
        assert landing.file(str(path)).source == str(path)
