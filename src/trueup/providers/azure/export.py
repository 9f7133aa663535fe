"""Cost Management exports (FocusCost) in blob storage: the newest run of each billing month.

A run writes its parts and a ``manifest.json`` to ``<folder>/<export>/<YYYYMMDD-YYYYMMDD>/<run>/``.
Daily exports of the month to date leave a folder a day, each with the whole month so far: only the
newest counts, or a charge would be there many times.
https://learn.microsoft.com/en-us/azure/cost-management-billing/costs/tutorial-improved-exports
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import IO

from trueup.adapter.feed import Answer, Asking, BrokenAnswer, Changed, Export, File, Lacking, Page
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected, exact_xml

LIST, GET = "Container_ListBlobs", "Blob_Download"
MAY_READ = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
MANIFEST = "manifest.json"
ENDINGS = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class Blob:
    """A blob as the container lists it."""

    name: str
    etag: str
    size_bytes: int
    modified: datetime

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]


def _files(asking: Asking) -> Iterator[File]:
    for first, _ in shape.months(asking):
        parts = [asking.settings.get("export_prefix", "").strip("/"), f"{first:%Y%m%d}-"]
        blobs = list(_blobs(asking, "/".join(filter(None, parts))))
        newest = _newest(asking, blobs)
        if not newest:
            raise Lacking(f"{first:%Y-%m}")
        for blob in newest:
            yield File(blob.name, blob.etag, blob.size_bytes, partial(_download, asking, blob))


def _download(asking: Asking, blob: Blob, target: IO[bytes]) -> None:
    connected(asking).download(blob.name, blob.etag, target)
    if target.tell() != blob.size_bytes:
        raise BrokenAnswer(f"{target.tell():,} bytes came of the {blob.size_bytes:,} listed")


def _blobs(asking: Asking, prefix: str) -> Iterator[Blob]:
    def page(token: str | None) -> Page:
        found = connected(asking).blobs(prefix, token)
        list(_listed(found.body))
        return found

    for answer in asking.pages(LIST, page, prefix=prefix):
        yield from _listed(answer.body)


def _listed(body: bytes) -> Iterator[Blob]:
    root = exact_xml(body)
    for item in root.iter("Blob"):
        name, etag = item.findtext("Name"), item.findtext("Properties/Etag")
        size, modified = (
            item.findtext("Properties/Content-Length"),
            item.findtext("Properties/Last-Modified"),
        )
        if not (name and etag and size and modified):
            raise BrokenAnswer(f"a blob without name, Etag, Content-Length or date: {name!r}")
        try:
            yield Blob(name, etag.strip('"'), int(size), parsedate_to_datetime(modified))
        except ValueError as error:
            raise BrokenAnswer(f"{name}: {error}") from error


def _newest(asking: Asking, blobs: list[Blob]) -> list[Blob]:
    """The data of the newest run; Changed where its manifest names what is not there yet."""
    manifests = [blob for blob in blobs if blob.name.rpartition("/")[2] == MANIFEST]
    data = [blob for blob in blobs if blob.name.endswith(ENDINGS)]
    if not manifests:
        latest = max(data, key=lambda blob: blob.modified, default=None)
        return [blob for blob in data if latest and blob.folder == latest.folder]
    manifest = max(manifests, key=lambda blob: blob.modified)
    answer = asking.once(
        GET, lambda: _named_in(connected(asking).blob(manifest.name)), name=manifest.name
    )
    listed = {blob.name: blob for blob in data}
    found = []
    for item in shape.object_of(answer)["blobs"]:
        name, size = shape.text(item, "blobName"), shape.needed_amount(item, "byteCount")
        if name not in listed or listed[name].size_bytes != int(size):
            raise Changed(f"{manifest.name} names {name} with {size} bytes, which is not there")
        found.append(listed[name])
    return found


def _named_in(body: bytes) -> bytes:
    """A manifest's body, of which it is known that it names blobs, all that it counts."""
    manifest = shape.object_of(Answer(GET, {}, 0, body))
    blobs = manifest.get("blobs")
    if not isinstance(blobs, list):
        raise BrokenAnswer("a manifest without blobs")
    for item in blobs:
        shape.text(item, "blobName"), shape.needed_amount(item, "byteCount")
    count = shape.amount(manifest, "blobCount")
    if count is not None and int(count) != len(blobs):
        raise BrokenAnswer(f"a manifest of {count} blobs that names {len(blobs)}")
    return body


focus = Export(
    name="export",
    operations={LIST: MAY_READ, GET: MAY_READ, "export": MAY_READ},
    files=_files,
    needs=("export_account", "export_container"),
)
