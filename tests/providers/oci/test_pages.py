"""Pages that repeat, never come, change meanwhile or are too large are never a whole answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any
from unittest.mock import patch

import pytest
from tests.providers.oci.refusals import (
    BUCKET,
    COMMITMENTS,
    FEED,
    FILE,
    altered,
    count,
    refusal,
    rows_with,
)
from tests.providers.oci.stage import Stage
from tests.twin import faults, oci
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault
from tests.twin.oci import Kept

from trueup.adapter.feed import Page
from trueup.errors import ProviderError, SourceError
from trueup.fetch import asking
from trueup.providers.oci import client


def test_a_token_that_repeats_ends_in_words(stage: Stage, slept: list[float]) -> None:
    """The second page names itself as the next: read three times, then said."""

    def stuck(request: Request, response: Response) -> Response:
        return replace(response, headers={**response.headers, "opc-next-page": "1"})

    said = refusal(stage, stuck)
    assert "3 times" in said.reason
    assert "token" in said.reason


def test_pages_without_end_are_not_asked_for_without_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is another and names another; the twin has 20 of them, the bound is 4."""
    monkeypatch.setattr(asking, "PAGES_MAX", 4)
    numbers = iter(range(20))

    def more(_: Request, response: Response) -> Response:
        number = next(numbers, None)
        if number is None:
            return response
        named = {**response.headers, "opc-next-page": f"{number}"}
        return replace(response, body=response.body + b" " * number, headers=named)

    said = refusal(stage, more, "/organizationSubscription")
    assert "more than 4 pages" in said.reason
    assert "shorter period" in said.remedy


def test_a_page_that_comes_twice_ends_in_words(stage: Stage, slept: list[float]) -> None:
    """The second page is the first once more, under the second's own token."""
    pages: list[bytes] = []

    def twice(request: Request, response: Response) -> Response:
        pages.append(response.body)
        return replace(response, body=pages[0])

    assert "repeats an earlier page" in refusal(stage, twice).reason


def test_a_page_that_comes_twice_once_is_read_again(stage: Stage) -> None:
    """A hiccup: the second reading is whole."""
    whole: list[bytes] = []

    def twice(request: Request, response: Response) -> Response:
        whole.append(response.body)
        return replace(response, body=whole[0])

    rows_with(stage, Fault(twice, COMMITMENTS, times=2))


def test_a_page_that_never_comes_is_not_waited_for_without_end(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte for longer than the reading time: tried again, then said."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.1)
    done = Event()

    def silent(_: Request, response: Response) -> Response:
        done.wait(2)
        return response

    try:
        said = refusal(stage, silent)
    finally:
        done.set()
    assert "network failed" in said.reason
    assert "5 attempts" in said.reason
    assert client.CONNECT_SECONDS <= 30


def growing(field: str) -> Callable[[Request, Response], Response]:
    """The first item's amount grows from answer to answer."""
    grown = [0]

    def alter(_: Request, response: Response) -> Response:
        text = response.body.decode()
        if f'"{field}": ' not in text:
            return response
        grown[0] += 1
        begin = text.index(f'"{field}": ') + len(field) + 4
        digits = begin + (text[begin] == '"')
        return replace(response, body=f"{text[:digits]}{grown[0]}{text[digits:]}".encode())

    return alter


@pytest.mark.parametrize(
    ("feed", "matching", "field"),
    [
        ("universal-credits", COMMITMENTS, "availableAmount"),
        ("universal-credits-balances", COMMITMENTS, "availableAmount"),
        ("universal-credits-drawdown", COMMITMENTS, "availableAmount"),
        ("universal-credits-drawdown", r"aggregatedComputedUsages\?.*page=", "costUnrounded"),
        ("cost", r"/20200107/usage\?page=", "computedAmount"),
    ],
)
def test_data_that_changes_between_pages_is_read_again_then_said(
    stage: Stage, feed: str, matching: str, field: str
) -> None:
    """A second aggregate tells: once is read again, three times is said."""
    expected = stage.rows(feed)
    stage.faults = [Fault(growing(field), matching)]
    assert stage.rows(feed) == expected
    said = refusal(stage, growing(field), matching, feed)
    assert "the data changed while it was read, 3 times" in said.reason
    assert "refresh" in said.remedy


def test_a_commitment_that_belongs_to_no_service_is_said(stage: Stage) -> None:
    """Its service went to a subscription that came to be after they were listed."""

    def moved(page: Any) -> Any:
        return [{**service, "subscriptionId": "US-new"} for service in page]

    said = refusal(stage, altered(moved), r"/subscribedServices\?")
    assert "belongs to no service that is listed" in said.reason


@pytest.fixture
def bucket(stage: Stage) -> Iterator[Kept]:
    """The objects of the bucket, which a test may change."""
    kept = oci.objects(stage.world)
    with patch.object(oci, "objects", lambda _: kept):
        stage.show(stage.world)
        yield kept


def _then(act: Callable[[], object]) -> Altered:
    """The answer is as it was asked for; whoever asks next finds something else."""

    def alter(_: Request, response: Response) -> Response:
        act()
        return response

    return alter


def test_a_report_that_changes_after_it_was_listed_is_listed_again(
    stage: Stage, bucket: Kept
) -> None:
    """Written anew, as long as before: the list has another version of it than comes."""
    last = max(name for name in bucket if name.startswith("FOCUS"))
    before, written = bucket[last]
    anew = bytes(reversed(before)), written
    stage.faults = [Fault(_then(lambda: bucket.update({last: anew})), BUCKET, after=1)]
    assert stage.export()[-1].read_bytes() == anew[0]
    assert count(stage, "/o") == 2 + 3 + 2 + 1  # list, reports, list, the one that changed


def test_a_report_that_is_gone_after_it_was_listed_is_not_missed(
    stage: Stage, bucket: Kept
) -> None:
    """Reports are deleted in time; those that are there are fetched."""
    last = max(name for name in bucket if name.startswith("FOCUS"))
    stage.faults = [Fault(_then(lambda: bucket.pop(last)), BUCKET, after=1)]
    assert len(stage.export()) == 2


def test_a_report_that_always_changes_is_said(stage: Stage, bucket: Kept) -> None:
    """Never a report under the version of another."""
    last = max(name for name in bucket if name.startswith("FOCUS"))

    def rewrite() -> None:
        content, written = bucket[last]
        bucket[last] = content + b"0", written

    stage.faults = [Fault(_then(rewrite), BUCKET, times=ALWAYS)]
    with pytest.raises(ProviderError, match="the data changed while it was read, 3 times"):
        stage.export()


def test_a_report_beyond_the_bound_of_an_answer_is_read_as_it_comes(
    stage: Stage, bucket: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three million bytes, three times what an answer may have."""
    monkeypatch.setattr(asking, "BODY_MAX_BYTES", 1_000_000)
    last = max(name for name in bucket if name.startswith("FOCUS"))
    large = b"0123456789" * 300_000
    bucket[last] = large, bucket[last][1]
    assert stage.export()[-1].read_bytes() == large


def test_a_report_that_fails_leaves_nothing_behind(stage: Stage, slept: list[float]) -> None:
    """Not the half of a file."""
    stage.faults = [Fault(faults.truncated, FILE, times=ALWAYS)]
    with pytest.raises(ProviderError, match="cut short"):
        stage.export()
    assert list((stage.folder / "landing").rglob("coming-*")) == []


@pytest.mark.parametrize("matching", [COMMITMENTS, "/subscribedServices/"], ids=["list", "one"])
def test_an_answer_that_is_too_large_is_refused(
    matching: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte more than the bound; at the bound it is taken."""
    monkeypatch.setattr(asking, "BODY_MAX_BYTES", 20_000)
    stage.faults = [Fault(faults.huge(20_000), matching)]
    assert len(stage.rows(FEED)) == 2
    said = refusal(stage, faults.huge(20_001), matching)
    assert "20,001 bytes" in said.reason


def test_an_answer_of_200_megabytes_is_refused_soon(stage: Stage) -> None:
    """Within seconds, by the bound that is set."""
    began = time.monotonic()
    said = refusal(stage, faults.huge(200 << 20))
    assert "209,715,200 bytes" in said.reason
    assert time.monotonic() - began < 20  # 1 s where nothing else runs


def test_a_report_that_is_cut_is_fetched_again(stage: Stage, slept: list[float]) -> None:
    """Half a file never stands for the whole; once is fetched again, for ever is said."""
    stage.faults = [Fault(faults.truncated, FILE)]
    reports = stage.export()
    assert len(slept) == 1
    kept = oci.objects(stage.world)
    for report in reports:
        name = f"FOCUS Reports/{report.as_posix().partition('FOCUS Reports/')[2]}"
        assert report.read_bytes() == kept[name][0]
    stage.folder /= "again"
    stage.faults = [Fault(faults.truncated, FILE, times=ALWAYS)]
    with pytest.raises(ProviderError, match="cut short"):
        stage.export()


def test_a_report_shorter_than_listed_is_refused(stage: Stage) -> None:
    """All the bytes that were announced came, and are fewer than the list says."""
    stage.faults = [Fault(faults.shortened, FILE, times=ALWAYS)]
    with pytest.raises(SourceError, match="announced"):
        stage.export()


def test_a_list_of_reports_that_does_not_end_ends_in_words(
    stage: Stage, slept: list[float]
) -> None:
    """The list's token, which is in its body, comes again and again."""

    def stuck(_: Request, response: Response) -> Response:
        listed = {**json.loads(response.body), "nextStartWith": "FOCUS Reports/2026/10/02/"}
        return replace(response, body=json.dumps(listed).encode())

    stage.faults = [Fault(stuck, BUCKET, times=ALWAYS)]
    with pytest.raises(ProviderError, match=r"token|repeats"):
        stage.export()


def test_empty_pages_may_be_alike(stage: Stage) -> None:
    """A filter may leave nothing of several pages: each still leads to the next."""
    answers = iter([Page(b"[]", "one", empty=True), Page(b"[]", "two", empty=True), Page(b"[1]")])
    bodies = [one.body for one in stage.asker("cost").pages("any", lambda _: next(answers))]
    assert bodies == [b"[]", b"[]", b"[1]"]
