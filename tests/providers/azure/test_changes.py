"""Data that changes while it is read: pages that come again, parts that do not make their sum."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.providers.azure.altering import (
    LOTS,
    MANIFEST,
    PART,
    altered,
    edited,
    instead,
    refused,
)
from tests.providers.azure.conftest import Stage, Undisturbed, world_of
from tests.twin import azure_export
from tests.twin.azure_export import blob_refusal
from tests.twin.exchange import Request, Response, as_json
from tests.twin.faults import ALWAYS

from trueup.adapter.feed import exact_json
from trueup.fetch import asking


def repeating(request: Request, response: Response) -> Response:
    """A page whose next address is its own."""
    body = exact_json(response.body)
    body["nextLink"] = f"https://{request.host}{request.path}?{request.query_text}"
    return as_json(body)


def test_a_token_that_repeats_is_refused(stage: Stage) -> None:
    """The second page leads to itself: read again three times, then reported."""
    answerer = altered(repeating, rf"{LOTS}\?.*skiptoken", times=ALWAYS)
    error = refused(stage, "agreements", answerer)
    assert "the data changed while it was read, 3 times" in error.reason
    assert "repeats an earlier page" in error.reason


def test_the_same_token_after_another_page_is_refused(stage: Stage) -> None:
    """Each page is another one, and leads to itself."""
    numbers = iter(range(1000))

    def another(request: Request, response: Response) -> Response:
        body = exact_json(repeating(request, response).body)
        return as_json({**body, "twin": next(numbers)})

    answerer = altered(another, rf"{LOTS}\?.*skiptoken", times=ALWAYS)
    assert "was given before" in refused(stage, "agreements", answerer).reason
    assert next(numbers) == 3 * 2


def test_a_list_without_end_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another page and another token each time; here it ends after ten, which nobody knows."""
    monkeypatch.setattr(asking, "PAGES_MAX", 3)
    numbers = iter(range(10, 0, -1))

    def more(request: Request, _: Response) -> Response:
        left = next(numbers) - 1
        link = f"https://{request.host}{request.path}?%24skiptoken={left}"
        return as_json({"value": [], "nextLink": link if left else None, "twin": left})

    answerer = altered(more, LOTS, times=ALWAYS)
    assert "more than 3 pages" in refused(stage, "agreements", answerer).reason
    assert len(stage.asked) == 3


def test_a_page_that_comes_twice_is_noticed(stage: Stage, undisturbed: Undisturbed) -> None:
    """The first page in the place of the second, once: read again, and whole."""
    expected = undisturbed("balances")
    first: list[bytes] = []

    def again(_: Request, response: Response) -> Response:
        first.append(response.body)
        return replace(response, body=first[0])

    answerer = altered(again, "/BRKN-EUR/.*events", times=2)
    assert stage.one("balances", answerer) == expected
    assert len([one for one in stage.asked if one.path.endswith("/events")]) > 10


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("reservations", "/reservations\\?"),
        ("savings-plans", "/savingsPlans\\?"),
        ("savings-plan-utilization", "/benefitUtilizationSummaries"),
        ("agreements", LOTS),
    ],
)
def test_what_is_on_two_pages_is_a_list_that_changed(name: str, where: str, stage: Stage) -> None:
    """A list that shifts while it is read names something twice: it is read again, then refused."""

    def doubled(_: Request, response: Response) -> Response:
        body = exact_json(response.body)
        return as_json({**body, "value": body["value"] * 2})

    error = refused(stage, name, altered(doubled, where, times=ALWAYS))
    assert "the data changed while it was read, 3 times" in error.reason
    assert "is listed twice" in error.reason


def test_hours_that_change_between_pages_are_read_again(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """Details that do not make the day's hours, once."""
    expected = undisturbed("reservation-hours")
    late = edited(lambda text: text.replace('"usedHours": 1', '"usedHours": 9', 1))
    stage.asked.clear()
    assert stage.one("reservation-hours", altered(late, "reservationDetails")) == expected
    lists = [one for one in stage.asked if one.path.endswith("/reservationOrders")]
    assert len([one for one in lists if "skiptoken" not in one.query_text]) == 2


def test_hours_that_never_agree_are_an_error(stage: Stage) -> None:
    """Named with the day, after three readings."""
    late = edited(lambda text: text.replace('"usedHours": ', '"usedHours": 9'))
    answerer = altered(late, "reservationDetails", times=ALWAYS)
    error = refused(stage, "reservation-hours", answerer)
    assert "3 times" in error.reason
    assert "2026-10-01: 3800 hours, its instances make" in error.reason


def test_instances_of_a_lost_page_are_noticed(stage: Stage) -> None:
    """A page of details without its rows is a page like any other: the day's sum says so."""
    empty = edited(lambda text: as_json({**exact_json(text.encode()), "value": []}).body.decode())
    answerer = altered(empty, "reservationDetails.*skiptoken=4", times=ALWAYS)
    assert "its instances make" in refused(stage, "reservation-hours", answerer).reason


def test_a_balance_that_changes_between_its_answers_is_read_again(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """The lot says 1.00 more than its last event left, once; then for ever."""
    expected = undisturbed("balances")
    stale = edited(lambda text: text.replace('"value": 465315.9', '"value": 465316.9'))
    assert stage.one("balances", altered(stale, LOTS)) == expected
    error = refused(stage, "balances", altered(stale, LOTS, times=ALWAYS))
    assert "lot MACC-2025-77120: balance 465316.92895425" in error.reason


def test_an_export_that_is_being_delivered_is_listed_again(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """A manifest that names a blob which is not there yet."""
    expected = undisturbed("export")
    early = edited(lambda text: text.replace("part_0_0002", "part_0_0003"))
    assert stage.one("export", altered(early, MANIFEST)) == expected
    error = refused(stage, "export", altered(early, MANIFEST, times=ALWAYS))
    assert "part_0_0003" in error.reason


def test_a_blob_of_another_size_than_its_manifest_says_is_not_of_its_run(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """A run that overwrites its blobs writes the manifest last: listed again."""
    expected = undisturbed("export")
    older = edited(lambda text: text.replace('"byteCount": ', '"byteCount": 1'))
    assert stage.one("export", altered(older, MANIFEST)) == expected
    error = refused(stage, "export", altered(older, MANIFEST, times=ALWAYS))
    assert "which is not there" in error.reason


def test_a_blob_that_is_written_while_it_is_listed_is_not_mixed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition on its version fails: everything is listed again, and the new one is taken."""
    kept = azure_export.blobs(world_of(7))
    now = dict(kept)
    monkeypatch.setattr(azure_export, "blobs", lambda _: now)

    def written(_: Request, response: Response) -> Response:
        for name, one in kept.items():
            if name.endswith("part_0_0002.csv"):
                content = one.content.replace(b"Brackenmoor AI", b"BRACKENMOOR AI")
                now[name] = replace(one, content=content)
        return response

    assert "BRACKENMOOR AI" in stage.one("export", altered(written, "part_0_0001"))
    assert len([one for one in stage.asked if one.path.endswith("manifest.json")]) == 2


@pytest.mark.parametrize(
    "response", [blob_refusal(412, "ConditionNotMet"), blob_refusal(404, "BlobNotFound")]
)
def test_a_blob_that_is_replaced_after_it_was_listed(
    response: Response, stage: Stage, slept: list[float], undisturbed: Undisturbed
) -> None:
    """The container is listed again; what stays replaced is reported."""
    expected = undisturbed("export")
    assert stage.one("export", altered(instead(response), PART)) == expected
    stage.folder = stage.folder / "again"
    error = refused(stage, "export", altered(instead(response), PART, times=ALWAYS))
    assert "was replaced after it was listed" in error.reason
