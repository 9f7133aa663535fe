"""Files of an export: exactly one delivery, by its manifest; each downloaded once, whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.twin import aws, faults
from tests.twin.aws import BUCKET, EXPORT
from tests.twin.aws_bucket import Bucket, manifest
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault
from tests.world.world import World

from trueup.errors import ProviderError, SourceError
from trueup.period import parse_period
from trueup.providers.aws.export import months

MONTH = "BILLING_PERIOD=2026-10"
LISTING, OBJECT, MANIFEST = "list-type", r"\.csv\.gz\?", r"Manifest\.json\?"


@pytest.fixture
def bucket(cloud: Any, worlds: Callable[[int], World]) -> Bucket:
    """The bucket of the twin, whose objects a test may change."""
    made = worlds(1)
    kept = Bucket(made, BUCKET, EXPORT)
    cloud.answers = aws.answerer(made, bucket=kept)
    return kept


def data(bucket: Bucket) -> list[str]:
    return sorted(key for key in bucket.objects if "/data/" in key)


def error_of(cloud: Any, folder: Path) -> ProviderError:
    with pytest.raises(ProviderError) as found:
        cloud.files(folder)
    assert found.value.provider == "aws"
    return found.value


def test_the_files_of_the_manifest_and_no_others(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """What an earlier, longer delivery left behind lies beside them, and is not taken."""
    left = f"{EXPORT}/data/{MONTH}/focus-1.2-2026-10-09.csv.gz"
    bucket.objects[left] = next(iter(bucket.objects.values()))
    keys = [key for key in data(bucket) if key != left]
    assert [path.relative_to(tmp_path / "fetched" / "aws").as_posix() for path in
            cloud.files(tmp_path)] == keys  # fmt: skip
    assert cloud.asked("2026-10-09") == 0


def test_of_deliveries_that_are_kept_apart_the_latest_is_taken(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """The manifest of the month names the latest; the others' copies lie one folder deeper."""
    at = bucket.objects[bucket.manifest][1]
    kept = data(bucket)
    for number, run in enumerate(("run-1", "run-2"), start=1):
        written = at + timedelta(hours=number)
        keys = [key.replace(f"{MONTH}/", f"{MONTH}/{run}/") for key in kept]
        for key, old in zip(keys, kept, strict=True):
            bucket.objects[key] = bucket.objects[old][0] + run.encode(), written
        listed = manifest(BUCKET, keys), written
        bucket.objects[bucket.manifest.replace(f"{MONTH}/", f"{MONTH}/{run}/")] = listed
        bucket.objects[bucket.manifest] = listed
    for key in kept:
        del bucket.objects[key]
    paths = cloud.files(tmp_path)
    assert len(paths) == len(kept)
    assert {path.parent.name for path in paths} == {"run-2"}


def test_a_delivery_that_is_being_written_is_not_mixed_with_the_last(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """A file newer than the manifest that lists it: the rest of its delivery has not come yet."""
    [first, *_] = data(bucket)
    content, _ = bucket.objects[first]
    bucket.objects[first] = content + b"new", bucket.objects[bucket.manifest][1] + timedelta(days=1)
    error = error_of(cloud, tmp_path)
    assert f"{first} is newer than its manifest: a delivery is being written" in error.reason
    assert "run again when the provider has finished its refresh" in error.remedy


def test_a_file_that_the_manifest_lists_and_that_is_gone(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """Never a delivery without one of its files."""
    [first, *_] = data(bucket)
    del bucket.objects[first]
    assert f"lists {first}, which is not there" in error_of(cloud, tmp_path).reason


def test_a_file_replaced_between_listing_and_download(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """The condition on its version fails: everything is listed again, and the new one is taken."""
    last = data(bucket)[-1]
    later = bucket.objects[bucket.manifest][1] + timedelta(hours=1)

    def alter(request: Request, response: Response) -> Response:
        bucket.objects[last] = b"another content", later
        bucket.objects[bucket.manifest] = manifest(BUCKET, data(bucket)), later
        return response

    cloud.answers = Fault(alter, OBJECT).over(cloud.answers)
    assert cloud.files(tmp_path)[-1].read_bytes() == b"another content"


def test_without_a_manifest_the_files_of_the_month_are_taken(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """As in a bucket that someone copied."""
    del bucket.objects[bucket.manifest]
    assert len(cloud.files(tmp_path)) == len(data(bucket))


def test_several_deliveries_without_a_manifest_are_not_mixed(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """Nobody says which of them is whole."""
    del bucket.objects[bucket.manifest]
    [first, *_] = data(bucket)
    bucket.objects[first.replace(f"{MONTH}/", f"{MONTH}/run-1/")] = bucket.objects[first]
    assert "several deliveries" in error_of(cloud, tmp_path).reason


@pytest.mark.parametrize(
    "said",
    [
        b"[]",
        b'{"reportKeys": []}',
        b'{"dataFiles": "s3://brackenmoor-billing/x"}',
        b'{"dataFiles": ["s3://another-bucket/exports/focus/x.csv.gz"]}',
    ],
)
def test_a_manifest_of_another_kind_is_an_error(
    said: bytes, cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """It names no files of this bucket: nothing is guessed."""
    bucket.objects[bucket.manifest] = said, bucket.objects[bucket.manifest][1]
    assert "no list dataFiles of files in s3://" in error_of(cloud, tmp_path).reason


def test_both_spellings_of_the_month_are_found(cloud: Any, bucket: Bucket, tmp_path: Path) -> None:
    """FOCUS exports were seen with a folder in small letters."""
    small = {key.replace(MONTH, MONTH.lower()): one for key, one in bucket.objects.items()}
    bucket.objects.clear()
    bucket.objects |= small
    bucket.manifest = bucket.manifest.replace(MONTH, MONTH.lower())
    bucket.objects[bucket.manifest] = (
        manifest(BUCKET, data(bucket)), bucket.objects[bucket.manifest][1],
    )  # fmt: skip
    assert len(cloud.files(tmp_path)) == len(data(bucket))


def test_names_with_blanks_and_signs_are_read(cloud: Any, bucket: Bucket, tmp_path: Path) -> None:
    """Keys are encoded in listings, and as they are in manifests."""
    [first, *_] = data(bucket)
    odd = f"{EXPORT}/data/{MONTH}/a +%&ü.csv.gz"
    bucket.objects[odd] = bucket.objects.pop(first)
    bucket.objects[bucket.manifest] = (
        manifest(BUCKET, data(bucket)), bucket.objects[bucket.manifest][1],
    )  # fmt: skip
    assert "a +%&ü.csv.gz" in {path.name for path in cloud.files(tmp_path)}


def test_only_what_is_new_or_changed_is_downloaded(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """The second run gets the manifest and one file; the third the manifest alone."""
    cloud.files(tmp_path)
    [first, *_] = data(bucket)
    at = bucket.objects[bucket.manifest][1]
    bucket.objects[first] = b"restated", at
    for downloads in (1, 0):
        cloud.twin.asked.clear()
        assert cloud.files(tmp_path)[0].read_bytes() == b"restated"
        assert cloud.asked(".csv.gz?") == downloads


def test_a_month_without_files_is_an_error(cloud: Any, bucket: Bucket, tmp_path: Path) -> None:
    """Not an empty bill."""
    cloud.period = parse_period("2026-10-01/2026-12-01")
    cloud.at = datetime(2026, 12, 2, tzinfo=UTC)
    error = error_of(cloud, tmp_path)
    assert "the export holds no file for 2026-11" in error.reason
    assert "check where [providers.aws] looks" in error.remedy


@pytest.mark.parametrize(
    ("period", "found"),
    [
        ("2026-10-31", ["2026-10"]),
        ("2026-12", ["2026-12"]),
        ("2026-11-30T23/2027-01-01T01", ["2026-11", "2026-12", "2027-01"]),
        ("2026-10-15/2026-11-01", ["2026-10"]),
    ],
)
def test_the_months_that_a_period_touches(period: str, found: list[str], cloud: Any) -> None:
    """The end of a period is not in it."""
    cloud.period = parse_period(period)
    assert list(months(cloud.asker("export"))) == found


MOMENTARY: dict[str, Altered] = {
    "503": faults.status(503, b"<Error><Code>SlowDown</Code></Error>"),
    "500": faults.status(500, b""),
    "reset": faults.reset,
    "truncated": faults.truncated,
}


@pytest.mark.parametrize("kind", MOMENTARY)
@pytest.mark.parametrize("where", [LISTING, MANIFEST, OBJECT])
def test_what_fails_for_a_moment_is_asked_again(
    kind: str, where: str, cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """Listing, manifest and file alike: the files are whole in the end."""
    fault = Fault(MOMENTARY[kind], where)
    cloud.answers = fault.over(cloud.answers)
    paths = cloud.files(tmp_path)
    assert fault.times == 0
    assert len(cloud.slept) == 1
    assert [path.read_bytes() for path in paths] == [bucket.objects[key][0] for key in data(bucket)]


@pytest.mark.parametrize("kind", MOMENTARY)
@pytest.mark.parametrize("where", [LISTING, MANIFEST, OBJECT])
def test_what_keeps_failing_is_an_error(
    kind: str, where: str, cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """No file of the export is left behind as if it were the whole."""
    cloud.answers = Fault(MOMENTARY[kind], where, ALWAYS).over(cloud.answers)
    error = error_of(cloud, tmp_path)
    assert "(5 attempts)" in error.reason
    assert error.operation == {LISTING: "s3:ListBucket", MANIFEST: "s3:GetObject"}.get(
        where, "export"
    )
    assert not [path for path in tmp_path.rglob("*.gz") if path.exists()]
    assert not list(tmp_path.rglob("coming-*"))


@pytest.mark.parametrize("where", [LISTING, MANIFEST, OBJECT])
def test_html_with_200_is_asked_again(
    where: str, cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """A login page is no list, no manifest and no file."""
    fault = Fault(faults.html, where)
    cloud.answers = fault.over(cloud.answers)
    assert len(cloud.files(tmp_path)) == len(data(bucket))
    assert len(cloud.slept) == 1


def test_a_file_of_another_size_than_was_listed_is_not_taken(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """Whatever its version says."""
    cloud.answers = Fault(faults.shortened, OBJECT).over(cloud.answers)
    with pytest.raises(SourceError, match=r"came of the .* that were announced"):
        cloud.files(tmp_path)


@pytest.mark.parametrize(("where", "permission"), [(LISTING, "ListBucket"), (OBJECT, "GetObject")])
def test_a_missing_permission_is_named(
    where: str, permission: str, cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """Listing and reading are two."""
    denied = Response(
        b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        403,
        {"content-type": "application/xml"},
    )
    cloud.answers = Fault(lambda _, __: denied, where, ALWAYS).over(cloud.answers)
    assert f"grant the permission s3:{permission};" in error_of(cloud, tmp_path).remedy


def test_a_page_of_the_list_that_comes_twice(cloud: Any, bucket: Bucket, tmp_path: Path) -> None:
    """Listed again from the start; always, it is an error."""
    pages: list[bytes] = []

    def alter(_: Request, response: Response) -> Response:
        pages.append(response.body)
        return replace(response, body=pages[0])

    where = r"list-type.*%2Fdata%2FBILLING"
    fault = Fault(alter, where, 2)
    cloud.answers = fault.over(cloud.answers)
    assert len(cloud.files(tmp_path)) == len(data(bucket))
    pages.clear()
    fault.times = ALWAYS
    assert "repeats an earlier page" in error_of(cloud, tmp_path).reason


def test_a_manifest_cut_short_but_announced_whole(
    cloud: Any, bucket: Bucket, tmp_path: Path
) -> None:
    """Bad JSON is asked for again."""
    assert json.loads(bucket.objects[bucket.manifest][0])
    fault = Fault(faults.shortened, MANIFEST)
    cloud.answers = fault.over(cloud.answers)
    assert len(cloud.files(tmp_path)) == len(data(bucket))
    assert len(cloud.slept) == 1
