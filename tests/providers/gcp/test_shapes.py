"""Every answer of the twin is one of the installed SDK's own; fields that are read are there."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.providers.gcp.conftest import SOURCES, Stage
from tests.twin.conformance_gcp import ABSENT, OPTIONAL, READ, complaints, missing
from tests.twin.exchange import Answerer, Request, Response

pytest.importorskip("googleapiclient.discovery_cache", reason="no discovery document here")

OPERATIONS = {
    r"GET compute\..*/aggregated/commitments": "compute.regionCommitments.aggregatedList",
    r"GET cloudbilling\..*/services$": "cloudbilling.services.list",
    r"GET cloudbilling\..*/skus$": "cloudbilling.services.skus.list",
    r"POST bigquery\..*/queries$": "bigquery.jobs.query",
    r"GET bigquery\..*/queries/": "bigquery.jobs.getQueryResults",
    r"GET bigquery\..*/tables/": "bigquery.tables.get",
}
Mutation = Callable[[Any], Any]


def operation_of(request: Request) -> str:
    asked = f"{request.method} {request.host}{request.path}"
    (found,) = (name for pattern, name in OPERATIONS.items() if re.match(pattern, asked))
    return found


@pytest.fixture
def answered(stage: Stage) -> dict[str, list[bytes]]:
    """Every body that the twin gives while everything is fetched, by operation."""
    given: dict[str, list[bytes]] = defaultdict(list)
    stage.play(1)
    answerer = stage.answerer
    assert answerer is not None

    def kept(request: Request, answerer: Answerer = answerer) -> Response:
        response = answerer(request)
        assert response.status == 200
        given[operation_of(request)].append(response.body)
        return response

    stage.answerer = kept
    for name in SOURCES:
        if name == "billing-export":
            stage.files()
        else:
            stage.fetch(name)
    return given


def test_every_operation_that_an_adapter_declares_is_answered(
    answered: dict[str, list[bytes]],
) -> None:
    """What the feeds and the export name as operations is what they ask, and is looked at here."""
    declared = {name for source in SOURCES.values() for name in source.operations}
    assert answered.keys() == READ.keys() == declared - {"billing-export"}


def test_every_answer_is_one_of_the_sdks(answered: dict[str, list[bytes]]) -> None:
    """No field that the SDK does not know, none of another type."""
    found = {name: [complaints(body, name) for body in bodies] for name, bodies in answered.items()}
    assert found == {name: [[] for _ in bodies] for name, bodies in answered.items()}


def test_every_field_that_is_read_is_there(answered: dict[str, list[bytes]]) -> None:
    """In every item of every list; and what is left out by choice is left out."""
    assert {name: missing(bodies, name) for name, bodies in answered.items()} == {
        name: [] for name in READ
    }
    for name, paths in OPTIONAL.items():
        assert all(_occurs(answered[name], path) for path in paths), name
    for name, paths in ABSENT.items():
        assert not any(_occurs(answered[name], path) for path in paths), name


def _occurs(bodies: list[bytes], path: str) -> bool:
    from tests.twin.conformance_gcp import _has

    parts = path.replace("[]", "").replace("{}", "").split(".")
    return any(_deep(json.loads(body), parts) for body in bodies) or _has(
        [json.loads(body) for body in bodies], path
    )


def _deep(value: Any, parts: list[str]) -> bool:
    """Whether a chain of names occurs, through whatever lists and maps lie between."""
    if not parts:
        return True
    if isinstance(value, list):
        return any(_deep(item, parts) for item in value)
    if isinstance(value, dict):
        if parts[0] in value:
            return _deep(value[parts[0]], parts[1:])
        return any(_deep(item, parts) for item in value.values())
    return False


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of a JSON value that is text, a number or a truth."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value[:1]):
            yield from places(item, (*path, number))
    else:
        yield path


def mutated(body: bytes, path: tuple[Any, ...], change: Mutation) -> bytes:
    value = json.loads(body)
    place = value
    for part in path[:-1]:
        place = place[part]
    change((place, path[-1]))
    return json.dumps(value).encode()


def renamed(where: Any) -> None:
    place, name = where
    if isinstance(name, str):
        place[f"{name}Renamed"] = place.pop(name)


def nested(where: Any) -> None:
    place, name = where
    place[name] = {"made": "up"}


def retyped(where: Any) -> None:
    place, name = where
    place[name] = place[name] == "x" if isinstance(place[name], str) else "x"


ANY = re.compile(r"^rows|^items\.[^.]+\.warning\.data")  # cells of rows may hold anything


@pytest.mark.parametrize("operation", READ)
def test_the_walker_finds_what_is_altered(operation: str, answered: dict[str, list[bytes]]) -> None:
    """Each field in turn renamed, made an object and given another type: it complains each time."""
    body = max(answered[operation], key=len)
    tried = 0
    for path in places(json.loads(body)):
        if ANY.match(".".join(map(str, path))):
            continue
        names_a_map = path[:1] == ("items",) and len(path) < 3
        for change in (renamed, nested, retyped):
            if change is renamed and (not isinstance(path[-1], str) or names_a_map):
                continue
            altered = mutated(body, path, change)
            if altered != json.dumps(json.loads(body)).encode():
                tried += 1
                assert complaints(altered, operation), (path, change.__name__)
    assert tried > 8


@pytest.mark.parametrize(
    ("operation", "path"), [(name, path) for name in READ for path in READ[name]]
)
def test_a_field_that_is_read_and_gone_is_found(
    operation: str, path: str, answered: dict[str, list[bytes]]
) -> None:
    """Dropped everywhere, it is named."""
    gone = path.rpartition(".")[2].removesuffix("[]").removesuffix("{}")
    bodies = [json.dumps(_without(json.loads(body), gone)).encode() for body in answered[operation]]
    assert path in missing(bodies, operation)


def _without(value: Any, gone: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, gone) for name, item in value.items() if name != gone}
    return [_without(item, gone) for item in value] if isinstance(value, list) else value
