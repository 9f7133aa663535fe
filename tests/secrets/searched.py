"""Whether a planted text is in what was written: also packed, encoded and quoted."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

MARK = "c4nary"  # begins every secret that is planted
PACKED_MAX = 5  # archives inside of archives


def spelt(mark: str) -> set[bytes]:
    """The mark as it stands, in hexadecimal, reversed, and in base64 at each of its three starts."""
    raw = mark.encode()
    found = {raw, raw.upper(), raw.hex().encode(), "".join(f"%{one:02x}" for one in raw).encode()}
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + raw)
        # The characters that depend on the neighbours of the mark alone are left out.
        found.add(coded[-(-lead * 4 // 3) : len(coded) - (4 if (lead + len(raw)) % 3 else 0)])
    return found


SPELT = spelt(MARK)


def marked(content: bytes, depth: int = 0) -> bool:
    """Whether the mark is in the bytes, or in anything that is packed in them."""
    dense = content.translate(None, b" \r\n\t")  # base64 comes in lines
    if any(one in content or one in dense for one in SPELT):
        return True
    return depth < PACKED_MAX and any(marked(one, depth + 1) for one in unpacked(content))


def unpacked(content: bytes) -> Iterator[bytes]:
    """What is inside of gzip, zip (a workbook is one) and Parquet."""
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield "\n".join(archive.namelist()).encode()
            yield from (archive.read(name) for name in archive.namelist())
    elif content.startswith(b"PAR1"):
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(content))
        yield repr(table.schema.metadata).encode()
        yield repr(table.to_pylist()).encode()


def found_in(folder: Path) -> list[str]:
    """Every file below a folder that has the mark, in its name or in its content."""
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if MARK in path.name or (path.is_file() and marked(path.read_bytes()))
    ]
