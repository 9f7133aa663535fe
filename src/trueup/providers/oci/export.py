"""Cost reports in the provider's own object storage: FOCUS, or the older ones in its own columns.

The namespace is ``bling``, the bucket the tenancy's OCID, in the home region. Reports are written
every six hours and stay a year; a correction of any earlier hour is a row of a later report, so
that all reports from the period's first day on are fetched.
https://docs.oracle.com/en-us/iaas/Content/Billing/Concepts/costusagereportsoverview.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import IO, Any

from trueup.adapter.feed import Asking, Changed, Export, File, Page, exact_json
from trueup.providers.oci.computed_usage import days
from trueup.providers.oci.operation import Item, Operation

CLIENT = "object_storage.ObjectStorageClient"
NAMESPACE = "bling"
LIST = Operation(
    "objectstorage:ListObjects",
    CLIENT,
    "list_objects",
    "endorse group ... to read objects in tenancy usage-report",
    keys=("name", "size", "etag", "timeCreated"),
    within="objects",
)
FIELDS = ",".join(LIST.keys)
PREFIXES = {"focus": "FOCUS Reports/", "legacy": "reports/cost-csv/"}
ENDINGS = (".csv.gz", ".csv")
CHUNK_BYTES = 1 << 20


def _files(asking: Asking) -> Iterator[File]:
    flavour = asking.settings["export"]
    bucket, prefix = asking.connection.tenancy, PREFIXES[flavour]
    first, _ = days(asking)
    # A FOCUS report lies in the folder of its day; the others are numbered: their age decides.
    begin = f"{prefix}{first[:10].replace('-', '/')}/" if flavour == "focus" else None

    def page(token: str | None) -> Page:
        start = token or begin
        body = asking.connection.ask(
            CLIENT, LIST.method, namespace_name=NAMESPACE, bucket_name=bucket, prefix=prefix,
            fields=FIELDS, **({"start": start} if start else {}),
        ).body  # fmt: skip
        LIST.items(body)
        # The token is in the body, not in a header.
        return Page(body, exact_json(body).get("nextStartWith"))

    for answer in asking.pages(LIST.name, page, bucket=bucket, prefix=prefix):
        for item in LIST.items(answer.body):
            if item["name"].endswith(ENDINGS) and (begin or item["timeCreated"] >= first):
                yield _file(asking, bucket, item)


def _file(asking: Asking, bucket: str, item: Item) -> File:
    fetch = partial(_download, asking, bucket, item)
    return File(item["name"], item["etag"], int(item["size"]), fetch)


def _download(asking: Asking, bucket: str, item: Item, target: IO[bytes]) -> None:
    """Write a report; Changed where it is no longer the one that was listed."""
    from oci.exceptions import ServiceError

    client, name = asking.connection.client(CLIENT), item["name"]
    try:
        answer: Any = client.get_object(NAMESPACE, bucket, name, if_match=item["etag"])
    except ServiceError as error:
        if error.status != 412 and error.code != "ObjectNotFound":
            raise
        raise Changed(f"{name}: replaced or gone since it was listed") from error
    with closing(answer.data) as body:  # as it lies there: packed files stay packed
        target.writelines(body.raw.stream(CHUNK_BYTES, decode_content=False))


reports = Export(
    name="export",
    operations={LIST.name: LIST.permission, "export": LIST.permission},
    files=_files,
    needs=("export",),
)
