"""The search finds what was planted: else the other tests here would prove nothing."""

import base64
import gzip
import io
import zipfile
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.secrets.searched import found_in, marked

SECRET = b"before c4nary-7Qx/+= behind"


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.xml", content)
    return target.getvalue()


def parquet(content: bytes) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({"text": [content.decode()] * 3}), target, compression="zstd")
    return target.getvalue()


@pytest.mark.parametrize("lead", range(4))
def test_it_is_found_however_it_is_written(lead: int) -> None:
    """Plain, quoted, in hexadecimal, in lines of base64 at any start; packed, and packed twice."""
    content = b"x" * lead + SECRET
    lines = base64.encodebytes(content * 9)
    for written in (content, quote(content).encode(), content.hex().encode(), lines):
        assert marked(written)
        assert marked(gzip.compress(written))
        assert marked(zipped(gzip.compress(written)))
    assert marked(parquet(content))
    assert marked(base64.urlsafe_b64encode(content))


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """A folder is searched to its leaves, names included; a canary without its number is none."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "canary.txt").write_bytes(zipped(b"a canary, and nothing else"))
    assert found_in(tmp_path) == []
    (tmp_path / "deep" / "book.xlsx").write_bytes(zipped(SECRET))
    (tmp_path / "c4nary").touch()
    assert found_in(tmp_path) == ["c4nary", "deep/book.xlsx"]
