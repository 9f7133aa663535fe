"""The twin's answers have the shapes of the SDK's own models, and hold all that trueup reads."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.providers.aws.holdings import HELD
from tests.twin import aws
from tests.twin.conformance_aws import READ, XML_SERVICES, complaints
from tests.twin.exchange import Request
from tests.world.world import World

from trueup.errors import ProviderError

LISTS = (
    "savings-plans",
    "savings-plan-rates",
    "reserved-instances",
    "reserved-databases",
    "training-plans",
    "provisioned-throughput",
    "savings-plans-utilization",
    "reservations-utilization",
)
Answers = dict[tuple[str, str], list[bytes]]


def operation_of(request: Request) -> tuple[str, str] | None:
    """Which operation of which service; None for the content of an object."""
    if ".s3." in request.host:
        return ("s3", "ListObjectsV2") if "list-type" in request.query else None
    service = request.host.split(".")[0].replace("api", "sagemaker")
    target = request.headers.get("x-amz-target", "").split(".")[-1]
    if service == "bedrock":
        return service, "ListProvisionedModelThroughputs"
    return service, target or request.form.get("Action") or request.path.lstrip("/")


@pytest.fixture(scope="module")
def answers(
    running_cloud: Any, worlds: Callable[[int], World], tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """Every answer to everything that is asked, by operation."""
    found: Answers = {}
    twin = aws.answerer(worlds(1), HELD)

    def kept(request: Request) -> Any:
        response = twin(request)
        operation = operation_of(request)
        if operation is not None:
            found.setdefault(operation, []).append(response.body)
        return response

    running_cloud.answers = kept
    for name in LISTS:
        running_cloud.rows(name)
    running_cloud.files(tmp_path_factory.mktemp("shapes"))
    return found


def test_every_answer_has_the_shape_of_the_sdks_model(answers: Answers) -> None:
    """No unknown field, no wrong type, no unknown value, nothing required that is missing."""
    assert answers.keys() == READ.keys()
    assert [
        complaint
        for (service, operation), bodies in answers.items()
        for body in bodies
        for complaint in complaints(service, operation, body)
    ] == []


def test_every_list_has_several_pages(answers: Answers) -> None:
    """But for those that have none: EC2's, and the totals of Cost Explorer."""
    whole = {("ec2", "DescribeReservedInstances"), ("ce", "GetSavingsPlansUtilization")}
    assert {key for key, bodies in answers.items() if len(bodies) == 1} == whole


def values(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Each place that a path leads to, as its holder and key."""
    name, _, rest = path.partition(".")
    key = name.removesuffix("[]")
    if not isinstance(value, dict) or key not in value:
        return
    if not rest:
        yield value, key
        return
    for item in value[key] if name.endswith("[]") else [value[key]]:
        yield from values(item, rest)


def elements(root: Xml.Element, path: str) -> list[tuple[Xml.Element, Xml.Element]]:
    """Each element that a path leads to, with its parent."""
    parents, _, name = path.rpartition(".")
    places = root.findall(f"./{parents.replace('.', '/')}") if parents else [root]
    return [(place, child) for place in places for child in place.findall(name)]


def parsed(body: bytes) -> Xml.Element:
    root = Xml.fromstring(body)  # noqa: S314  what the twin wrote
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


@pytest.mark.parametrize("operation", READ, ids="-".join)
def test_every_field_that_is_read_is_there(operation: tuple[str, str], answers: Answers) -> None:
    """Each path of the list leads to something in at least one answer."""
    bodies = answers[operation]
    for path in READ[operation]:
        if operation[0] in XML_SERVICES:
            assert any(elements(parsed(body), path) for body in bodies), path
        else:
            assert any([*values(json.loads(body), path)] for body in bodies), path


MUTATIONS = ("dropped", "renamed", "retyped")


@pytest.mark.parametrize("how", MUTATIONS)
@pytest.mark.parametrize("operation", READ, ids="-".join)
def test_the_walker_sees_each_change(
    operation: tuple[str, str], how: str, answers: Answers
) -> None:
    """A field renamed or of another type is complained about; dropped only where it is required."""
    service, name = operation
    for path in READ[operation]:
        seen = [
            bool(complaints(service, name, changed))
            for body in answers[operation]
            for changed in _changed(service, body, path, how)
        ]
        assert seen, path
        if how == "renamed" or (how == "retyped" and not _is_text(operation, path)):
            assert all(seen), path


def _is_text(operation: tuple[str, str], path: str) -> bool:
    """XML is all text: another type shows only where the text must be a number or an instant."""
    typed = ("Count", "uration", "rice", "mount", "start", "end", "Time", "Size", "AZ", "Modified")
    return operation[0] in XML_SERVICES and not path.rpartition(".")[2].endswith(typed)


def _changed(service: str, body: bytes, path: str, how: str) -> Iterator[bytes]:
    if service in XML_SERVICES:
        root = parsed(body)
        for parent, child in elements(root, path):
            if how == "dropped":
                parent.remove(child)
            elif how == "renamed":
                child.tag += "Of"
            else:
                child.text = "several"
            yield Xml.tostring(root)
            return
        return
    whole = json.loads(body)
    for holder, key in values(whole, path):
        if how == "dropped":
            del holder[key]
        elif how == "renamed" and path != "UtilizationsByTime[].Groups[].Attributes.reservationARN":
            holder[key + "Of"] = holder.pop(key)
        else:
            holder[key] = {"a": 1} if isinstance(holder[key], int | str) else 1
        yield json.dumps(whole).encode()
        return


@pytest.mark.parametrize(
    ("operation", "path"),
    [(operation, path) for operation, paths in READ.items() for path in paths],
    ids=str,
)
def test_what_is_listed_as_read_is_read(
    operation: tuple[str, str],
    path: str,
    cloud: Any,
    worlds: Callable[[int], World],
    tmp_path: Path,
) -> None:
    """Without it the rows are others, or the answer is refused."""
    twin = aws.answerer(worlds(1), HELD)
    names = [name for name in (*LISTS, "export") if any(
        operation[1] == said.partition(":")[2] or (said == "s3:ListBucket" and operation[0] == "s3")
        for said in cloud.asker(name).permissions
    )]  # fmt: skip
    assert names

    def told() -> list[object]:
        found: list[object] = []
        for name in names:
            try:
                rows = cloud.rows(name) if name != "export" else cloud.files(tmp_path)
                found.append([str(row) for row in rows])
            except ProviderError as error:
                found.append(str(error))
        return found

    def without(request: Request) -> Any:
        response = twin(request)
        if operation_of(request) != operation:
            return response
        changed = next(_changed(operation[0], response.body, path, "dropped"), response.body)
        return type(response)(changed, response.status, response.headers)

    cloud.answers = twin
    whole = told()
    cloud.answers = without
    assert told() != whole
