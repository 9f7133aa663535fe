"""Data Exports on S3: the FOCUS files of the period's billing months.

A delivery writes ``<prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/`` and a manifest beside it;
overwriting deliveries keep one set of files a month.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from trueup.adapter.feed import Asking, BrokenAnswer, Export, File, Page

LIST = "s3:ListBucket"
GET = "s3:GetObject"
SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
ENDINGS = (".csv.gz", ".csv", ".parquet")
CHUNK_BYTES = 1 << 20


def months(asking: Asking) -> Iterator[str]:
    """The billing months that the period touches, as YYYY-MM."""
    year, month = asking.period.start.year, asking.period.start.month
    while (year, month) <= (asking.period.end.year, asking.period.end.month):
        if (year, month) != (asking.period.end.year, asking.period.end.month) or (
            asking.period.end.strftime("%dT%H%M%S") != "01T000000"
        ):
            yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _files(asking: Asking) -> Iterator[File]:
    bucket, prefix = asking.settings["export_bucket"], asking.settings.get("export_prefix", "")
    for month in months(asking):
        place = "/".join(filter(None, [prefix.strip("/"), f"data/BILLING_PERIOD={month}/"]))

        def page(token: str | None, place: str = place) -> Page:
            more = {"ContinuationToken": token} if token else {}
            body = asking.connection.ask(
                "s3", "list_objects_v2", asking.settings.get("export_region", "us-east-1"),
                Bucket=bucket, Prefix=place, **more,
            )  # fmt: skip
            return Page(body, _root(body).findtext(f"{SPACE}NextContinuationToken"))

        for answer in asking.pages(LIST, page, bucket=bucket, prefix=place):
            for item in _root(answer.body).iter(f"{SPACE}Contents"):
                key = item.findtext(f"{SPACE}Key") or ""
                if key.endswith(ENDINGS):
                    yield File(
                        key,
                        (item.findtext(f"{SPACE}ETag") or "").strip('"'),
                        int(item.findtext(f"{SPACE}Size") or -1),
                        partial(_download, asking, bucket, key),
                    )


def _root(body: bytes) -> Xml.Element:
    try:
        return Xml.fromstring(body)  # noqa: S314  the provider's own answer, over TLS
    except Xml.ParseError as error:
        raise BrokenAnswer(f"not XML: begins with {body[:40]!r}") from error


def _download(asking: Asking, bucket: str, key: str, target: IO[bytes]) -> None:
    target.seek(0)
    target.truncate()
    region = asking.settings.get("export_region", "us-east-1")
    body: Any = asking.connection.client("s3", region).get_object(Bucket=bucket, Key=key)["Body"]
    target.writelines(body.iter_chunks(CHUNK_BYTES))


focus = Export(
    name="export",
    operations={LIST: LIST, GET: GET, "export": GET},
    files=_files,
    needs=("export_bucket",),
)
