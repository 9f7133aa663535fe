"""The bucket that exports are delivered to: objects, listings, and conditions on what is read."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from tests.twin.exchange import Request, Response, paged
from tests.world import aws_bill
from tests.world.bills import bills
from tests.world.world import World

XML = {"content-type": "application/xml"}
PAGE = 2


class Bucket:
    """What lies in a bucket, and when each of it was written; a test may change both."""

    def __init__(self, world: World, name: str, export: str) -> None:
        self.name = name
        at = world.ledger.as_of
        month = f"BILLING_PERIOD={world.ledger.start:%Y-%m}"
        files = {
            f"{export}/data/{month}/{path.rsplit('/', 1)[-1]}": content
            for path, content in bills(world.ledger).items()
            if path.startswith(f"bills/{aws_bill.PROVIDER}/")
        }
        self.manifest = f"{export}/metadata/{month}/focus-Manifest.json"
        self.objects: dict[str, tuple[bytes, datetime]] = {
            **{key: (content, at) for key, content in files.items()},
            self.manifest: (manifest(name, sorted(files)), at + timedelta(seconds=2)),
        }

    def answer(self, request: Request) -> Response:
        if "list-type" in request.query:
            return self._listed(request.query)
        key = unquote(request.path).lstrip("/")
        if key not in self.objects:
            return error("NoSuchKey", 404)
        content = self.objects[key][0]
        if request.headers.get("if-match") not in {None, etag(content)}:
            return error("PreconditionFailed", 412)
        kind = "application/gzip" if key.endswith(".gz") else "application/json"
        return Response(content, headers={"etag": etag(content), "content-type": kind})

    def _listed(self, asked: dict[str, str]) -> Response:
        found = sorted(key for key in self.objects if key.startswith(asked.get("prefix", "")))
        keys, token = paged(found, asked.get("continuation-token"), PAGE)
        encoded = asked.get("encoding-type") == "url"
        items = "".join(self._item(key, encoded=encoded) for key in keys)
        more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{self.name}</Name><Prefix>{escape(asked.get('prefix', ''))}</Prefix>"
            f"<KeyCount>{len(keys)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"{'<EncodingType>url</EncodingType>' if encoded else ''}"
            f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>"
            f"{more}{items}</ListBucketResult>"
        )
        return Response(body.encode(), headers=XML)

    def _item(self, key: str, *, encoded: bool) -> str:
        content, at = self.objects[key]
        shown = quote(key, safe="/-_.*") if encoded else key
        return (
            f"<Contents><Key>{escape(shown)}</Key>"
            f"<LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(etag(content), {chr(34): '&quot;'})}</ETag>"
            f"<Size>{len(content)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )


def manifest(bucket: str, keys: list[str]) -> bytes:
    """What a delivery writes last: the files it consists of."""
    return json.dumps({"dataFiles": [f"s3://{bucket}/{key}" for key in keys]}).encode()


def error(code: str, status: int) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Response(body.encode(), status, XML)


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
