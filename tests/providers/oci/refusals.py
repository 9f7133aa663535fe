"""What is asked of this provider's twin with faults in the way, and the errors that they end in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.providers.oci.stage import Stage
from tests.twin import faults
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError

COMMITMENTS = r"/20190111/commitments\?"
BUCKET = r"/n/bling/b/[^/]+/o\?"
FILE = r"/n/bling/b/[^/]+/o/"
USAGE = r"/20200107/usage"
FEED, DRAWDOWN = "universal-credits", "universal-credits-drawdown"
LIST_COMMITMENTS = "onesubscription:ListCommitments"


def error(status: int, code: str, message: str, **headers: str) -> Altered:
    body = json.dumps({"code": code, "message": message}).encode()
    return faults.status(status, body, **headers)


THROTTLED = "TooManyRequests", "Too many requests for the user"


def altered(change: Callable[[Any], Any]) -> Altered:
    """The answer with its JSON changed."""

    def alter(_: Request, response: Response) -> Response:
        return replace(response, body=json.dumps(change(json.loads(response.body))).encode())

    return alter


def count(stage: Stage, part: str) -> int:
    return sum(part in request.path for request in stage.asked)


def rows_with(stage: Stage, *given: Fault) -> list[dict[str, str]]:
    """What the feed gives with faults in the way, which must be what it gives without."""
    expected = stage.rows(FEED)
    stage.asked.clear()
    stage.faults = list(given)
    found = stage.rows(FEED)
    assert found == expected
    assert len(found) == 2
    return found


def refusal(
    stage: Stage, alter: Altered, matching: str = COMMITMENTS, feed: str = FEED
) -> ProviderError:
    """The error that a fault which stays ends in."""
    stage.faults = [Fault(alter, matching, times=ALWAYS)]
    with pytest.raises(ProviderError) as raised:
        stage.feed(feed)
    assert raised.value.provider == "oci"
    assert raised.value.remedy
    return raised.value
