"""The third provider's twin with its answers altered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.providers.azure.conftest import Stage, world_of
from tests.providers.azure.plans import PLANS
from tests.twin import azure
from tests.twin.exchange import Answerer, Request, Response
from tests.twin.faults import Altered, Fault

from trueup.errors import ProviderError

LOTS = "/Microsoft.Consumption/lots"
LIST, MANIFEST, PART = "comp=list", "manifest.json", r"part_0_0002"
# What is asked and where: a list of the management API, an object, a blob listing and two blobs.
PLACES = [
    pytest.param("agreements", LOTS, id="list"),
    pytest.param("prepayment", "/balances", id="object"),
    pytest.param("price-sheet", "/pricesheets/default", id="sheet"),
    pytest.param("export", LIST, id="listing"),
    pytest.param("export", MANIFEST, id="manifest"),
    pytest.param("export", PART, id="blob"),
]


def honest() -> Answerer:
    return azure.answerer(world_of(7), PLANS)


def altered(alter: Altered, matching: str, *, times: int = 1, after: int = 0) -> Answerer:
    """The twin with its answers to some questions altered."""
    return Fault(alter, matching, times, after).over(honest())


def instead(response: Response) -> Altered:
    """Another answer in the place of the right one."""
    return lambda _, __: response


def edited(change: Callable[[str], str]) -> Altered:
    """The answer with its text changed, and its range with it where it is a blob."""

    def answer(_: Request, response: Response) -> Response:
        body = change(response.body.decode()).encode()
        headers = dict(response.headers)
        if "content-range" in headers:
            headers["content-range"] = f"bytes 0-{len(body) - 1}/{len(body)}"
        return replace(response, body=body, headers=headers)

    return answer


def refused(stage: Stage, name: str, answerer: Answerer) -> ProviderError:
    """The error that a source ends in; it names the provider and an operation."""
    with pytest.raises(ProviderError) as caught:
        stage.one(name, answerer)
    assert caught.value.provider == "azure"
    assert caught.value.operation
    assert caught.value.remedy
    return caught.value
