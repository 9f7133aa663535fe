from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.errors import SourceError, UsageError
from trueup.focus.landing import Landing, expand, flatten


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def test_globs_lists_and_paths_give_each_file_once_sorted(tmp_path: Path) -> None:
    """A file named twice, by a pattern and by another spelling, is there once."""
    touch(tmp_path, "b.csv", "a.csv", "deep/c.csv", "note.txt")
    found = expand([str(tmp_path / "**/*.csv"), tmp_path / "a.csv", f"{tmp_path}/deep/../b.csv"])
    assert [Path(name).resolve().name for name in found] == ["a.csv", "b.csv", "c.csv"]


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    """An existing file with brackets in its name is not a pattern."""
    touch(tmp_path, "bill[1].csv", "bill1.csv")
    assert expand(str(tmp_path / "bill[1].csv")) == [str(tmp_path / "bill[1].csv")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.csv", "no such file"),
        ("*.parquet", "no file matches this pattern"),
        ("deep", "is a directory"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, name: str, reason: str) -> None:
    """A missing file, a pattern without a match and a directory are errors that name them."""
    touch(tmp_path, "deep/c.csv")
    with pytest.raises(SourceError, match=reason) as caught:
        expand(str(tmp_path / name))
    assert caught.value.source == str(tmp_path / name)


@pytest.mark.parametrize(
    ("paths", "source", "reason"),
    [
        ("", "(empty path)", "a path is needed"),
        (["a.csv", ""], "(empty path)", "a path is needed"),
        ([], "(nothing)", "no file was given"),
    ],
)
def test_no_path_is_no_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    paths: list[str] | str,
    source: str,
    reason: str,
) -> None:
    """An empty name, alone or among others, and an empty list."""
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a.csv")
    with pytest.raises(SourceError, match=reason) as caught:
        expand(paths)
    assert caught.value.source == source


def test_a_table_in_memory_is_no_path() -> None:
    """What is expanded are names."""
    with pytest.raises(UsageError, match="a data frame has no path"):
        expand([pa.table({"a": [1]})])


def test_a_remote_folder_is_named_with_what_to_give() -> None:
    """Which of its files are bills, the caller has to say."""
    fsspec.filesystem("memory").pipe({"/bills/october/a.csv": b"one"})
    with pytest.raises(SourceError, match=r"is a directory; give its files by a pattern"):
        expand("memory://bills/october")


def test_urls_are_expanded_and_copied(tmp_path: Path) -> None:
    """A remote pattern gives URLs; the copy is there inside the context and gone after it."""
    memory = fsspec.filesystem("memory")
    memory.pipe({"/landing/b.csv": b"two", "/landing/a.csv": b"one"})
    names = expand("memory://landing/*.csv")
    assert names == ["memory:///landing/a.csv", "memory:///landing/b.csv"]
    with Landing() as landing:
        landed = landing.file(names[0])
        assert landed.path.read_bytes() == b"one"
        assert landed.sha256 == hashlib.sha256(b"one").hexdigest()
        assert landed.size_bytes == 3
    assert not landed.path.exists()


def test_urls_that_lead_nowhere_are_named() -> None:
    """An absent remote file, an empty pattern and an unknown protocol are errors."""
    for url in ("memory://nowhere/x.csv", "memory://nowhere/*.csv"):
        with pytest.raises(SourceError) as caught:
            expand(url)
        assert caught.value.source == url
    with pytest.raises(SourceError, match="nonsense") as caught:
        expand("nonsense://x/y.csv")
    assert caught.value.source == "nonsense://***"  # nobody knows where it holds a secret


def test_local_files_are_used_in_place(tmp_path: Path) -> None:
    """Nothing is copied that is on disk already, not even by a file:// URL."""
    touch(tmp_path, "a.csv")
    with Landing() as landing:
        assert landing.file(str(tmp_path / "a.csv")).path == tmp_path / "a.csv"
        assert landing.file(f"file://{tmp_path}/a.csv").path == tmp_path / "a.csv"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A file without permission is a SourceError, not an OSError."""
    touch(tmp_path, "a.csv")
    (tmp_path / "a.csv").chmod(0)
    with Landing() as landing, pytest.raises(SourceError, match="cannot be read"):
        landing.file(str(tmp_path / "a.csv"))


def test_tables_are_told_from_paths() -> None:
    """Lists are opened up; what is neither a path nor a table is wrong use."""
    table = pa.table({"a": [1]})
    assert flatten(["a", [Path("b"), ("c", table)]]) == (["a", "b", "c"], [table])
    with pytest.raises(UsageError, match="cannot read a int"):
        flatten([3])


def test_a_table_lands_as_parquet() -> None:
    """An Arrow table becomes a file under the name it was given."""
    with Landing() as landing:
        landed = landing.frame(pa.table({"a": [1, 2]}), "data frame 1")
        assert landed.source == "data frame 1"
        assert pq.read_table(landed.path).to_pydict() == {"a": [1, 2]}


class Answers(BaseHTTPRequestHandler):
    """Answers each request with the status that its path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:4]))
        self.end_headers()
        self.wfile.write(b"BilledCost\n1\n")

    do_HEAD = do_GET  # noqa: N815  as its base calls it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base has it
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as served:
        thread = Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "its server answered 403: renew the token or signature in its URL"),
        (404, "its server answered 404: no such file"),
        (418, "its server answered 418: look at its URL"),
        (503, "its server answered 503: ask again later"),
    ],
)
def test_what_a_web_server_answers_is_said(server: str, status: int, said: str) -> None:
    """A file that is there is no pattern, for all that its URL has a query."""
    pytest.importorskip("aiohttp")
    with pytest.raises(SourceError, match=said):
        expand(f"{server}/{status}/b.csv?sig=abc")
    assert expand(f"{server}/200/b.csv?sig=abc") == [f"{server}/200/b.csv?sig=abc"]


def test_a_server_that_is_not_there_is_no_missing_file() -> None:
    """Nothing listens on that port: the network, not the name, is what to look at."""
    pytest.importorskip("aiohttp")
    with pytest.raises(SourceError, match="its server cannot be reached"):
        expand("http://127.0.0.1:9/b.csv")
