"""Data Exports on S3: the FOCUS files of the period's billing months, of one delivery each.

A delivery writes ``<prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/...`` and then, last, the manifest
``<prefix>/<export>/metadata/BILLING_PERIOD=YYYY-MM/<export>-Manifest.json``, which lists its files.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import IO, Any
from urllib.parse import unquote_plus

from trueup.adapter.feed import (
    Asking,
    BrokenAnswer,
    Changed,
    Export,
    File,
    Lacking,
    Page,
    exact_json,
)
from trueup.providers.aws.reading import amount, fields, need, xml

LIST = "s3:ListBucket"
GET = "s3:GetObject"
ENDINGS = (".csv.gz", ".csv", ".parquet")
MANIFEST = "Manifest.json"
PARTITIONS = ("BILLING_PERIOD", "billing_period")  # both spellings are met
REPLACED = frozenset({"NoSuchKey", "PreconditionFailed"})
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Listed:
    """One object of the bucket."""

    key: str
    etag: str
    size_bytes: int
    modified: str  # instants of one form, which order as text

    @property
    def folder(self) -> str:
        return self.key.rpartition("/")[0]


def months(asking: Asking) -> Iterator[str]:
    """The billing months that the period touches, as YYYY-MM."""
    last = asking.period.end - timedelta(microseconds=1)
    year, month = asking.period.start.year, asking.period.start.month
    while (year, month) <= (last.year, last.month):
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _files(asking: Asking) -> Iterator[File]:
    for month in months(asking):
        manifest = _manifest(_listed(asking, "metadata", month))
        named = None if manifest is None else _named(asking, manifest)
        kept = [one for one in _listed(asking, "data", month) if one.key.endswith(ENDINGS)]
        if not kept and not named and month <= f"{asking.at:%Y-%m}":
            raise Lacking(month)
        for one in _delivered(kept, manifest, named):
            bucket = asking.settings["export_bucket"]
            download = partial(_download, asking, bucket, one)
            yield File(one.key, one.etag, one.size_bytes, download)


def _manifest(listed: Sequence[Listed]) -> Listed | None:
    """The month's manifest; deliveries that are kept apart have copies of theirs further down."""
    found = [one for one in listed if one.key.endswith(MANIFEST)]
    return min(found, key=lambda one: one.key.count("/"), default=None)


def _named(asking: Asking, manifest: Listed) -> list[str]:
    """The keys of the files that a manifest lists."""
    bucket = asking.settings["export_bucket"]

    def ask() -> bytes:
        with closing(_opened(asking, bucket, manifest)) as opened:
            body: bytes = opened.read()
        exact_json(body)
        return body

    found = exact_json(asking.once(GET, ask, bucket=bucket, key=manifest.key).body)
    listed = found.get("dataFiles") if isinstance(found, dict) else None
    place = f"s3://{bucket}/"
    if not isinstance(listed, list) or not all(str(one).startswith(place) for one in listed):
        raise BrokenAnswer(f"{manifest.key}: no list dataFiles of files in {place}")
    return [str(one).removeprefix(place) for one in listed]


def _delivered(
    kept: Sequence[Listed], manifest: Listed | None, named: Sequence[str] | None
) -> list[Listed]:
    """The files of one delivery that is complete; Changed while another one is being written."""
    if manifest is None or named is None:
        if len({one.folder for one in kept}) > 1:
            raise Changed(f"several deliveries in {kept[0].folder}, and no manifest that names one")
        return list(kept)
    by_key = {one.key: one for one in kept}
    gone = [key for key in named if key not in by_key]
    if gone:
        raise Changed(f"{manifest.key} lists {gone[0]}, which is not there")
    newer = [key for key in named if by_key[key].modified > manifest.modified]
    if newer:
        raise Changed(f"{newer[0]} is newer than its manifest: a delivery is being written")
    return [by_key[key] for key in named]


def _listed(asking: Asking, folder: str, month: str) -> list[Listed]:
    """The objects below ``metadata`` or ``data`` of a month."""
    prefix = asking.settings.get("export_prefix", "").strip("/")
    return [
        one
        for partition in PARTITIONS
        for one in _below(asking, "/".join(filter(None, (prefix, folder, f"{partition}={month}/"))))
    ]


def _below(asking: Asking, place: str) -> Iterator[Listed]:
    bucket = asking.settings["export_bucket"]

    def page(token: str | None) -> Page:
        more = {"ContinuationToken": token} if token else {}
        body = asking.connection.ask(
            "s3",
            "list_objects_v2",
            _region(asking),
            Bucket=bucket,
            Prefix=place,
            EncodingType="url",  # else the SDK asks for it, and fails on an object without a key
            **more,
        )
        root = xml(body)
        if root.tag != "ListBucketResult":
            raise BrokenAnswer(f"not a list of objects: begins with {body[:40]!r}")
        return Page(body, root.findtext("NextContinuationToken"))

    for answer in asking.pages(LIST, page, bucket=bucket, prefix=place):
        root = xml(answer.body)
        plain = unquote_plus if root.findtext("EncodingType") == "url" else str
        for element in root.iter("Contents"):
            item = fields(element)
            yield Listed(
                plain(need(item, "Key")),
                need(item, "ETag").strip('"'),
                int(amount(need(item, "Size"))),
                need(item, "LastModified"),
            )


def _region(asking: Asking) -> str:
    region: str = asking.settings.get("export_region", "us-east-1")
    return region


def _opened(asking: Asking, bucket: str, listed: Listed) -> Any:
    """The content of an object as it was listed; Changed where it is another one by now."""
    from botocore.exceptions import ClientError

    try:
        answer = asking.connection.client("s3", _region(asking)).get_object(
            Bucket=bucket, Key=listed.key, IfMatch=f'"{listed.etag}"'
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in REPLACED:
            raise Changed(f"{listed.key} was replaced since it was listed") from error
        raise
    if answer.get("ETag", "").strip('"') != listed.etag:
        raise BrokenAnswer(f"what came for {listed.key} is not that object")
    return answer["Body"]


def _download(asking: Asking, bucket: str, listed: Listed, target: IO[bytes]) -> None:
    with closing(_opened(asking, bucket, listed)) as body:
        target.writelines(body.iter_chunks(CHUNK_BYTES))


focus = Export(
    name="export",
    operations={LIST: LIST, GET: GET, "export": GET},
    files=_files,
    needs=("export_bucket",),
)
