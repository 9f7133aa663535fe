"""A report that is fetched from the bucket."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from trueup.adapter.feed import Changed
from trueup.providers.oci import export

oci = pytest.importorskip("oci.exceptions")


@pytest.mark.parametrize(
    ("status", "code", "changed"),
    [(412, "IfMatchFailed", True), (404, "ObjectNotFound", True), (404, "BucketNotFound", False)],
)
def test_only_a_report_that_changed_is_listed_again(status: int, code: str, changed: bool) -> None:
    """Replaced or gone since it was listed; any other refusal is one."""

    def refused(*_: object, **__: object) -> None:
        raise oci.ServiceError(status, code, {}, "no")

    connection = SimpleNamespace(client=lambda _: SimpleNamespace(get_object=refused))
    asking: Any = SimpleNamespace(connection=connection)
    error = Changed if changed else oci.ServiceError
    with pytest.raises(error):
        export._download(asking, "bucket", {"name": "a.csv", "etag": "1"}, io.BytesIO())
