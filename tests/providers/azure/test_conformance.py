"""Every answer of the twin has the shape of the installed SDKs' own models; the walker bites."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from tests.providers.azure.conftest import Stage, world_of
from tests.providers.azure.plans import PLANS
from tests.twin import azure
from tests.twin.conformance_azure import OPERATIONS, Operation, faults_of_listing, operation_of
from tests.twin.exchange import Request, Response

from trueup.adapter.feed import exact_json

Bodies = dict[str, list[Any]]


@pytest.fixture(scope="module")
def answers(twin: Stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bodies, list[bytes]]:
    """Every answer to everything the adapter asks: by operation, and the blob listings."""
    bodies: Bodies = {}
    listings: list[bytes] = []
    answerer = azure.answerer(world_of(7), PLANS)

    def kept(request: Request) -> Response:
        response = answerer(request)
        assert response.status in {200, 206}
        if request.host == azure.MANAGEMENT:
            named = operation_of(request.path).name
            bodies.setdefault(named, []).append(exact_json(response.body))
        elif request.query.get("comp") == "list":
            listings.append(response.body)
        return response

    twin.folder = tmp_path_factory.mktemp("conformance")
    assert twin.fetch(kept).failures == ()
    return bodies, listings


@pytest.fixture(params=OPERATIONS, ids=lambda one: one.name)
def operation(request: pytest.FixtureRequest) -> Operation:
    found: Operation = request.param
    return found


def test_answers_conform_and_have_every_field_that_is_read(
    operation: Operation, answers: tuple[Bodies, list[bytes]]
) -> None:
    """No unknown field and no wrong type on any page; each read field is there."""
    bodies = answers[0][operation.name]
    assert [line for body in bodies for line in operation.faults(body)] == []
    assert operation.missing(bodies) == []


def test_every_list_has_several_pages(answers: tuple[Bodies, list[bytes]]) -> None:
    """Otherwise paging would not be tried."""
    lists = {one.name for one in OPERATIONS if one.is_list}
    assert {name for name in lists if len(answers[0][name]) < 2} == set()
    assert len(answers[1]) > 1


def test_each_read_field_is_noticed_when_it_is_gone_renamed_or_retyped(
    operation: Operation, answers: tuple[Bodies, list[bytes]]
) -> None:
    """Mutations of a good answer, one for each field that is read; none goes unseen."""
    bodies = answers[0][operation.name]
    for path in operation.reads:
        assert operation.missing([*mutated(operation, bodies, path, "drop")]) == [path]
        for how in ("rename", "retype"):
            found = [
                line
                for body in mutated(operation, bodies, path, how)
                for line in operation.faults(body)
            ]
            assert found, (path, how)


def mutated(operation: Operation, bodies: list[Any], path: str, how: str) -> Iterator[Any]:
    """The answers with one field of every item dropped, renamed or of another type."""
    for body in copy.deepcopy(bodies):
        for item in operation.items(body):
            _mutate(item, path.split("."), how)
        yield body


def _mutate(item: Any, path: list[str], how: str) -> None:
    key = path[0].removesuffix("[]")
    if not isinstance(item, dict) or key not in item:
        return
    if len(path) > 1:
        for one in item[key] if path[0].endswith("[]") else [item[key]]:
            _mutate(one, path[1:], how)
        return
    value = item.pop(key)
    if how == "rename":
        item[f"{key}X"] = value
    elif how == "retype":
        item[key] = [value]


def test_blob_listings_conform(answers: tuple[Bodies, list[bytes]]) -> None:
    """As the storage SDK's own maps of tags have them."""
    assert [line for body in answers[1] for line in faults_of_listing(body)] == []


@pytest.mark.parametrize(
    ("tag", "other", "said"),
    [
        (b"EnumerationResults", b"Results", "not EnumerationResults"),
        (b"Etag", b"Tag", "Properties.Tag: no field"),
        (b"Last-Modified", b"Modified", "Properties.Modified: no field"),
        (b"Content-Length", b"Length", "Properties.Length: no field"),
        (b"<Properties>", b"<Property>", "Blob.Property: no field"),
        (b"NextMarker", b"Next", "EnumerationResults.Next: no field"),
    ],
)
def test_a_listing_that_is_another_is_noticed(
    tag: bytes, other: bytes, said: str, answers: tuple[Bodies, list[bytes]]
) -> None:
    """Mutations of a good listing."""
    changed = answers[1][0].replace(tag, other)
    if tag.startswith(b"<"):
        changed = changed.replace(tag.replace(b"<", b"</"), other.replace(b"<", b"</"))
    assert any(said in line for line in faults_of_listing(changed))
