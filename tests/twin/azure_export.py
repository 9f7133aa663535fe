"""The container that the third provider's twin delivers its exports to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.twin.exchange import Request, Response, as_json, paged
from tests.world import azure
from tests.world.bills import bills
from tests.world.focus import text
from tests.world.ledger import DAY, month_of
from tests.world.world import World

ACCOUNT, CONTAINER, PREFIX = "brackenmoorcosts", "exports", "costs/focus"
PAGE = 2  # blobs a page


@dataclass(frozen=True)
class Kept:
    """A blob's content, and when it was written."""

    content: bytes
    modified: datetime

    @property
    def etag(self) -> str:
        return f"0x8D{hashlib.md5(self.content, usedforsecurity=False).hexdigest()[:13].upper()}"


def blobs(world: World) -> dict[str, Kept]:
    """The container: yesterday's run, which the newest one replaces, and something else's file."""
    ledger = world.ledger
    header, *rows = bills(ledger)[azure.FILE].decode().splitlines(keepends=True)
    half = len(rows) // 2
    newest = [header + "".join(rows[:half]), header + "".join(rows[half:])]
    place = f"{PREFIX}/{ledger.start:%Y%m%d}-{month_of(ledger.start)[1] - DAY:%Y%m%d}"
    stale = _run(place, "2b0d", [header + "".join(rows[:10])], ledger.as_of - 2 * DAY)
    note = {f"{place}/readme.txt": Kept(b"not an export", ledger.as_of)}
    return stale | _run(place, "7e51", newest, ledger.as_of - DAY) | note


def _run(place: str, run: str, parts: list[str], at: datetime) -> dict[str, Kept]:
    data = {
        f"{place}/{run}/part_0_{number:04d}.csv": Kept(part.encode(), at)
        for number, part in enumerate(parts, start=1)
    }
    manifest = {
        "manifestVersion": "2024-04-01",
        "byteCount": sum(len(one.content) for one in data.values()),
        "blobCount": len(data),
        "dataRowCount": sum(part.count("\n") - 1 for part in parts),
        "exportConfig": {"exportName": "focus", "type": "FocusCost", "dataVersion": "1.0"},
        "deliveryConfig": {"partitionData": True, "dataOverwriteBehavior": "CreateNewReport"},
        "runInfo": {"executionType": "Scheduled", "submittedTime": text(at), "runId": run},
        "blobs": [{"blobName": name, "byteCount": len(one.content)} for name, one in data.items()],
    }
    return {**data, f"{place}/{run}/manifest.json": Kept(as_json(manifest).body, at)}


XML = {"content-type": "application/xml"}


def container(world: World, request: Request) -> Response:
    kept = blobs(world)
    if request.query.get("comp") == "list":
        found = sorted(name for name in kept if name.startswith(request.query.get("prefix", "")))
        names, marker = paged(found, request.query.get("marker"), PAGE)
        return _listing(kept, names, marker, request)
    one = kept.get(unquote(request.path).removeprefix(f"/{CONTAINER}/"))
    if one is None:
        return blob_refusal(404, "BlobNotFound")
    if request.headers.get("if-match", f'"{one.etag}"') != f'"{one.etag}"':
        return blob_refusal(412, "ConditionNotMet")
    return Response(
        one.content,
        206,
        {
            "content-type": "text/csv",
            "content-range": f"bytes 0-{len(one.content) - 1}/{len(one.content)}",
            "etag": f'"{one.etag}"',
            "last-modified": format_datetime(one.modified, usegmt=True),
            "x-ms-blob-type": "BlockBlob",
        },
    )


def blob_refusal(status: int, code: str) -> Response:
    """An error as blob storage words it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}.</Message></Error>'
    return Response(body.encode(), status, {**XML, "x-ms-error-code": code})


def _listing(
    kept: dict[str, Kept], names: list[str], marker: str | None, request: Request
) -> Response:
    items = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Last-Modified>{format_datetime(kept[name].modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{kept[name].etag}</Etag><Content-Length>{len(kept[name].content)}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType>"
        "</Properties></Blob>"
        for name in names
    )
    prefix = escape(request.query.get("prefix", ""))
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ServiceEndpoint="https://{request.host}/" ContainerName="{CONTAINER}">'
        f"<Prefix>{prefix}</Prefix><Blobs>{items}</Blobs><NextMarker>{marker or ''}</NextMarker>"
        "</EnumerationResults>"
    )
    return Response(body.encode(), headers=XML)
