"""Pages that repeat, never come, change meanwhile or are too large are never a whole answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from tests.providers.gcp.conftest import Stage
from tests.providers.gcp.refusals import (
    COMPUTE,
    RESULTS,
    START,
    UTILIZATION,
    altered,
    each,
    pages,
    refusal,
    rows_with,
)
from tests.twin import faults
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError
from trueup.fetch import asking
from trueup.fetch.feeds import READINGS_MAX
from trueup.providers.gcp import catalog, client, compute


def test_a_token_that_repeats_over_other_pages_is_no_loop(stage: Stage) -> None:
    """Each page is another, but names the same next one; the twin has 20 of them."""
    numbers = iter(range(20))

    def more(_: Any) -> Any:
        number = next(numbers, None)
        return {} if number is None else {"id": str(number), "nextPageToken": "1"}

    said = refusal(stage, "compute-commitments", altered(more), COMPUTE)
    assert "given before" in said.reason


@pages
def test_a_token_that_repeats_is_no_end_and_no_loop(
    feed: str, matching: str, name: str, stage: Stage
) -> None:
    """Every page names the same next one."""
    same = altered(lambda page: {**page, name: "1"})
    said = refusal(stage, feed, same, matching)
    assert f"{READINGS_MAX} times" in said.reason
    assert "given before" in said.reason or "repeats an earlier page" in said.reason


def test_pages_without_end_are_not_asked_for_without_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is another and names another; the twin has 20 of them, the bound is 4."""
    monkeypatch.setattr(asking, "PAGES_MAX", 4)
    numbers = iter(range(20))

    def more(_: Any) -> Any:
        number = next(numbers, None)
        return {} if number is None else {"id": str(number), "nextPageToken": f"{number}"}

    said = refusal(stage, "compute-commitments", altered(more), COMPUTE)
    assert "more than 4 pages" in said.reason
    assert "shorter period" in said.remedy


def first_again(name: str) -> Altered:
    """The content of the first page instead of each later one, under the later one's token."""
    first: dict[str, Any] = {}

    def alter(request: Request, response: Response) -> Response:
        page = json.loads(response.body)
        if "pageToken=" not in request.query_text:
            first.clear()
            first.update(page)
            return response
        again = {key: value for key, value in first.items() if key != name}
        if name in page:
            again[name] = page[name]
        return replace(response, body=json.dumps(again).encode())

    return alter


@pages
def test_a_page_that_comes_twice_is_read_again(
    feed: str, matching: str, name: str, stage: Stage
) -> None:
    """The first page again instead of the second: then all of it anew."""
    rows_with(stage, feed, Fault(first_again(name), matching, times=2))


@pages
def test_a_page_that_comes_twice_each_time_is_said(
    feed: str, matching: str, name: str, stage: Stage
) -> None:
    """Never counted twice, never counted for another: an error."""
    said = refusal(stage, feed, first_again(name), matching)
    assert f"{READINGS_MAX} times" in said.reason


@each
def test_an_answer_that_never_comes_is_not_waited_for(
    feed: str,
    matching: str,
    operation: str,
    stage: Stage,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each try ends after the time that a request may take."""
    over = Event()

    def silent(_: Request, response: Response) -> Response:
        over.wait(3)
        return response

    stage.rows(feed)  # everything is made and warm
    for module in (client, catalog, compute):
        monkeypatch.setattr(module, "SECONDS", 0.4)
    monkeypatch.setattr(asking, "ATTEMPTS_MAX", 2)
    said = refusal(stage, feed, silent, matching)
    over.set()
    assert said.operation == operation
    assert "network failed" in said.reason
    assert "timed out" in said.reason
    assert len(slept) == 1


def test_a_query_that_does_not_end_is_asked_about_and_then_said(
    stage: Stage, slept: list[float]
) -> None:
    """Not complete yet: asked again, without rows being taken for none; an end after 10 minutes."""
    running = altered(lambda _: {"jobComplete": False})
    rows_with(stage, UTILIZATION, Fault(running, RESULTS, times=3))
    assert slept == []
    said = refusal(stage, UTILIZATION, running, RESULTS)
    assert "still runs after 10 minutes" in said.reason
    assert (
        stage.count("GET bigquery.googleapis.com/bigquery/v2/projects/brackenmoor-prod/queries/")
        == client.POLLS_MAX
    )


def test_a_query_that_fails_on_the_way_is_said(stage: Stage, slept: list[float]) -> None:
    """An error in a result without rows is no empty result."""
    failed = altered(
        lambda _: {"jobComplete": True, "totalRows": "0", "errors": [{"message": "Out of memory"}]}
    )
    said = refusal(stage, UTILIZATION, failed, RESULTS)
    assert "Out of memory" in said.reason


# What changes while it is read


@pytest.mark.parametrize("lost", [0, 1], ids=["first page", "last row"])
def test_rows_that_are_missing_from_a_result_are_missed(lost: int, stage: Stage) -> None:
    """The count that the result announces is held against the rows that came."""

    def fewer(page: Any) -> Any:
        rows = page.get("rows", [])
        return {**page, "rows": [] if lost == 0 else rows[:-1]}

    said = refusal(stage, UTILIZATION, altered(fewer), RESULTS)
    assert "rows came of the" in said.reason
    stage.faults = []
    rows_with(stage, UTILIZATION, Fault(altered(fewer), RESULTS))


def test_data_that_changes_between_two_sums_is_read_again(stage: Stage) -> None:
    """A late row comes between the sums by day and the sum of all: both are asked again."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    late = Fault(_then(lambda: tables.engine.execute(LATE)), START)
    stage.faults = [late]
    rows = stage.rows(UTILIZATION)
    assert stage.count("POST") == 4
    stage.faults = []
    assert rows == stage.rows(UTILIZATION)


LATE = """
INSERT INTO detailed
SELECT * FROM detailed WHERE sku.description LIKE '%CUD%' ORDER BY usage_start_time LIMIT 1
"""


def _then(act: Callable[[], object]) -> Altered:
    """The next question finds another table; the answer to this one is as it was asked for."""

    def alter(request: Request, response: Response) -> Response:
        act()
        return response

    return alter


def test_data_that_always_changes_is_said(stage: Stage) -> None:
    """Three readings, none of which agrees with itself."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    stage.faults = [Fault(_then(lambda: tables.engine.execute(LATE)), START, times=ALWAYS)]
    with pytest.raises(ProviderError, match="data changed while it was read, 3 times"):
        stage.rows(UTILIZATION)


def test_a_month_that_changes_after_it_was_listed_is_listed_again(stage: Stage) -> None:
    """What was downloaded is held against the sums that were listed a moment before."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    more = "UPDATE focus SET BilledCost = BilledCost + 1 WHERE ChargeCategory = 'Tax'"
    stage.faults = [Fault(_then(lambda: tables.engine.execute(more)), START)]
    files = stage.files()
    lists = [one for one in stage.asked if b"COUNT(*)" in one.body]
    assert len(lists) == 2
    assert len(files) == 2


def test_a_month_that_always_changes_is_said(stage: Stage) -> None:
    """Never a file that is neither the old nor the new."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    more = "UPDATE focus SET BilledCost = BilledCost + 1 WHERE ChargeCategory = 'Tax'"
    stage.faults = [Fault(_then(lambda: tables.engine.execute(more)), START, times=ALWAYS)]
    with pytest.raises(ProviderError, match="came of what was listed") as raised:
        stage.files()
    assert raised.value.operation == "billing-export"


def test_a_month_that_is_gone_after_it_was_listed_is_listed_again(stage: Stage) -> None:
    """Its rows were deleted: the other month's file is all there is."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    assert len(stage.files(stage.folder / "before")) == 2
    gone = (
        "DELETE FROM focus WHERE BillingPeriodStart = (SELECT MIN(BillingPeriodStart) FROM focus)"
    )
    stage.faults = [Fault(_then(lambda: tables.engine.execute(gone)), START)]
    assert len(stage.files()) == 1


def test_a_download_that_fails_leaves_nothing_behind(stage: Stage, slept: list[float]) -> None:
    """Neither a file of the export nor the half of one."""
    stage.faults = [Fault(faults.reset, RESULTS, times=ALWAYS, after=3)]
    with pytest.raises(ProviderError, match="network failed"):
        stage.files()
    assert list((stage.folder / "landing").rglob("coming-*")) == []


def test_a_download_that_breaks_off_is_begun_again(stage: Stage, slept: list[float]) -> None:
    """A page of a month is lost on the way, and one is cut: each is asked again, no row twice."""
    expected = [path.read_bytes() for path in stage.files()]
    stage.faults = [
        Fault(faults.reset, RESULTS, after=3),
        Fault(faults.truncated, RESULTS, after=5),
    ]
    found = stage.files(stage.folder / "again")
    assert len(slept) == 2
    assert [path.read_bytes() for path in found] == expected


def test_regions_that_were_not_reached_are_no_regions_without_commitments(
    stage: Stage, slept: list[float]
) -> None:
    """Google answers 200 with what it could reach: retried, then said with their names."""
    gone = altered(lambda page: {**page, "unreachables": ["regions/europe-west4"]})
    rows_with(stage, "compute-commitments", Fault(gone, COMPUTE))
    assert len(slept) == 1
    said = refusal(stage, "compute-commitments", gone, COMPUTE)
    assert "not reached: regions/europe-west4" in said.reason
    warned = {"items": {"regions/us-east1": {"warning": {"code": "UNREACHABLE"}}}}
    said = refusal(stage, "compute-commitments", altered(lambda _: warned), COMPUTE)
    assert "not reached: regions/us-east1" in said.reason


@each
def test_an_answer_beyond_the_bound_is_refused(
    feed: str,
    matching: str,
    operation: str,
    stage: Stage,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bound of 60 kB, an answer of 61,000 bytes."""
    monkeypatch.setattr(asking, "BODY_MAX_BYTES", 60_000)
    said = refusal(stage, feed, faults.huge(61_000), matching)
    assert said.operation == operation
    assert "61,000 bytes" in said.reason
    assert "bulk export" in said.remedy
    assert slept == []


def test_an_answer_of_200_mb_is_refused(stage: Stage) -> None:
    """By the bound that is really there."""
    said = refusal(stage, "compute-commitments", faults.huge(200 << 20), COMPUTE)
    assert "209,715,200 bytes" in said.reason
