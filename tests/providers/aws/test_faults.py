"""What goes wrong on the way: asked again within bounds, or an error that says what to do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from tests.twin import faults
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.adapter.feed import BrokenAnswer
from trueup.errors import MissingDependency, ProviderError
from trueup.fetch import asking
from trueup.fetch.asking import ATTEMPTS_MAX
from trueup.providers.aws import client

PLANS, USED = "savings-plans", "savings-plans-utilization"
TRAINING, MODELS = "training-plans", "provisioned-throughput"
FEE = '{"TrainingPlanSummaries": [{"TrainingPlanArn": "arn:x", "Status": "Active", "UpfrontFee": %s}]}'
OPERATIONS = {
    "savings-plans": "savingsplans:DescribeSavingsPlans",
    "reserved-instances": "ec2:DescribeReservedInstances",
    "reserved-databases": "rds:DescribeReservedDBInstances",
    "training-plans": "sagemaker:ListTrainingPlans",
    "provisioned-throughput": "bedrock:ListProvisionedModelThroughputs",
    "savings-plans-utilization": "ce:GetSavingsPlansUtilization",
}  # one of each protocol of this provider: JSON over POST and GET, with and without target; XML
XML = ("reserved-instances", "reserved-databases")


def refused(feed: str, code: str, message: str, status: int = 400, **headers: str) -> Altered:
    """An error as the service of a feed writes it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if feed in XML:
        inner = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        text = (
            f"<Response><Errors>{inner}</Errors></Response>"
            if feed == "reserved-instances"
            else f"<ErrorResponse>{inner}</ErrorResponse>"
        )
        named["content-type"] = "text/xml"
    else:
        text = f'{{"__type": "{code}", "message": "{message}"}}'
        named |= {"content-type": "application/json", "x-amzn-errortype": code}
    return lambda _, __: Response(text.encode(), status, named)


def failing(cloud: Any, alter: Altered, times: int = ALWAYS, matching: str = ".*") -> Fault:
    fault = Fault(alter, matching, times)
    cloud.answers = fault.over(cloud.answers)
    return fault


def error_of(cloud: Any, feed: str = PLANS) -> ProviderError:
    with pytest.raises(ProviderError) as found:
        cloud.rows(feed)
    assert found.value.provider == "aws"
    assert found.value.operation == OPERATIONS.get(feed, feed)
    return found.value


@pytest.fixture(params=OPERATIONS)
def feed(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


MOMENTARY: dict[str, Callable[[str], Altered]] = {
    "503": lambda feed: refused(feed, "ServiceUnavailable", "come back", 503),
    "500 without a body": lambda _: faults.status(500, b""),
    "502 of a proxy": lambda _: faults.status(502, b"<html>Bad Gateway</html>"),
    "reset": lambda _: faults.reset,
    "truncated": lambda _: faults.truncated,
    "HTML with 200": lambda _: faults.html,
    "cut, announced as whole": lambda _: faults.shortened,
    "an empty object": lambda _: lambda _, __: Response(b"{}", 200, {"content-type": "text/json"}),
    "nothing": lambda _: lambda _, __: Response(b"", 200, {"content-type": "application/json"}),
    "XML of something else": lambda _: (
        lambda _, __: Response(
            b"<html><body>Sign in</body></html>", 200, {"content-type": "text/xml"}
        )
    ),
}


@pytest.mark.parametrize("kind", MOMENTARY)
def test_what_fails_for_a_moment_is_asked_again(kind: str, feed: str, cloud: Any) -> None:
    """After one wait of a second or two the rows are those without the fault."""
    right = cloud.rows(feed)
    fault = failing(cloud, MOMENTARY[kind](feed), 1)
    assert cloud.rows(feed) == right
    assert fault.times == 0
    assert len(cloud.slept) == 1
    assert 1 <= cloud.slept[0] <= 2


@pytest.mark.parametrize("kind", MOMENTARY)
def test_what_keeps_failing_is_an_error(kind: str, feed: str, cloud: Any) -> None:
    """Five attempts with growing waits, then provider, operation, what was met and what to do."""
    failing(cloud, MOMENTARY[kind](feed))
    error = error_of(cloud, feed)
    assert f"({ATTEMPTS_MAX} attempts)" in error.reason
    assert "run again" in error.remedy
    assert len(cloud.twin.asked) == ATTEMPTS_MAX
    assert len(cloud.slept) == ATTEMPTS_MAX - 1
    assert all(2**n <= wait <= 2**n + 1 for n, wait in enumerate(cloud.slept))


THROTTLING = {
    "savings-plans": "ThrottlingException",
    "reserved-instances": "RequestLimitExceeded",
    "reserved-databases": "Throttling",
    "training-plans": "ThrottlingException",
    "provisioned-throughput": "ThrottlingException",
    "savings-plans-utilization": "LimitExceededException",
}


def test_throttling_is_waited_out_as_long_as_is_asked(feed: str, cloud: Any) -> None:
    """Retry-After is slept exactly, and again."""
    right = cloud.rows(feed)
    failing(cloud, refused(feed, THROTTLING[feed], "slow down", 429, retry_after="7"), 2)
    assert cloud.rows(feed) == right
    assert cloud.slept == [7.0, 7.0]


def test_throttling_without_a_time_is_waited_out_with_growing_waits(feed: str, cloud: Any) -> None:
    """A code says it, with status 400 or 503."""
    right = cloud.rows(feed)
    failing(cloud, refused(feed, THROTTLING[feed], "slow down", 503), 3)
    assert cloud.rows(feed) == right
    assert [2**n <= wait <= 2**n + 1 for n, wait in enumerate(cloud.slept)] == [True] * 3


def test_throttling_that_does_not_end_is_an_error(feed: str, cloud: Any) -> None:
    """It names the quota."""
    failing(cloud, refused(feed, THROTTLING[feed], "slow down"))
    error = error_of(cloud, feed)
    assert "asks to slow down (5 attempts)" in error.reason
    assert "request quota" in error.remedy
    assert len(cloud.slept) == ATTEMPTS_MAX - 1


def test_a_wait_of_hours_is_reported_instead(cloud: Any) -> None:
    """Nobody waits for an hour in a nightly job."""
    failing(cloud, refused(PLANS, "ThrottlingException", "slow down", 429, retry_after="3600"))
    assert "asks to slow down" in error_of(cloud).reason
    assert cloud.slept == []


LASTING = {
    "expired": ("ExpiredTokenException", "The security token is expired", "renew the credentials"),
    "unknown key": ("UnrecognizedClientException", "invalid", "renew the credentials"),
    "wrong secret": ("SignatureDoesNotMatch", "does not match", "renew the credentials"),
    "skewed": ("RequestTimeTooSkewed", "too far", "set this machine's clock"),
    "skewed in words": (
        "InvalidSignatureException",
        "Signature expired: 20261001T000000Z is now earlier than 20261001T001000Z",
        "set this machine's clock",
    ),
    "clock ahead": (
        "InvalidSignatureException",
        "Signature not yet current: 20261001T010000Z",
        "set this machine's clock",
    ),
    "refused": ("ValidationException", "no such thing", "check the settings of [providers.aws]"),
}


@pytest.mark.parametrize("kind", LASTING)
def test_what_waiting_does_not_help_is_said_at_once(kind: str, feed: str, cloud: Any) -> None:
    """One request, no wait, and the remedy that fits."""
    code, message, remedy = LASTING[kind]
    failing(cloud, refused(feed, code, message, 403))
    error = error_of(cloud, feed)
    assert message in error.reason
    assert remedy in error.remedy
    assert cloud.slept == []
    assert len(cloud.twin.asked) == 1


DENYING = dict.fromkeys(OPERATIONS, "AccessDeniedException") | {
    "reserved-instances": "UnauthorizedOperation",
    "reserved-databases": "AccessDenied",
}


def test_a_missing_permission_is_named(feed: str, cloud: Any) -> None:
    """Which one, and where the whole policy is."""
    failing(cloud, refused(feed, DENYING[feed], "not authorized to perform this", 403))
    error = error_of(cloud, feed)
    assert f"grant the permission {OPERATIONS[feed]};" in error.remedy
    assert "a permission is missing: " in error.reason
    assert cloud.slept == []


def test_missing_credentials_are_said_at_once(cloud: Any) -> None:
    """Nothing is asked of the provider."""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    with patch.dict(os.environ):
        for key in keys:
            del os.environ[key]
        cloud.connection = client.connect({}, offline=False)
        error = error_of(cloud)
    assert "no valid credentials: Unable to locate credentials" in error.reason
    assert "renew the credentials" in error.remedy
    assert cloud.twin.asked == []


def test_a_profile_that_is_not_there_is_said_at_once(cloud: Any) -> None:
    """Where it is set, and where it is looked for."""
    with pytest.raises(ProviderError, match=r"aws: connection: .*nobody.* profile and ~/.aws"):
        client.connect({"profile": "nobody"}, offline=False)


def test_without_the_sdk_it_says_what_to_install(cloud: Any) -> None:
    """Importing trueup and its adapter needs none."""
    with (
        patch.dict("sys.modules", {"botocore.exceptions": None}),
        pytest.raises(MissingDependency, match=r"boto3 .*pip install 'trueup\[aws\]'"),
    ):
        client.connect({}, offline=False)


def test_a_token_that_repeats_is_not_followed_for_ever(cloud: Any) -> None:
    """The same token after another page: read again three times, then refused."""
    numbers = iter(range(1000))

    def answer(_: Request) -> Response:
        body = f'{{"savingsPlans": [], "nextToken": "again", "twin": {next(numbers)}}}'
        return Response(body.encode(), headers={"content-type": "application/json"})

    cloud.answers = answer
    with pytest.raises(ProviderError, match="token after page 2 was given before"):
        cloud.rows(PLANS)
    assert len(cloud.twin.asked) == 3 * 2


def test_a_list_without_end_is_given_up(cloud: Any) -> None:
    """Another page and another token each time; here it ends after ten, which nobody knows."""
    numbers = iter(range(10, 0, -1))

    def answer(_: Request) -> Response:
        body = f'{{"savingsPlans": [], "nextToken": "{next(numbers) - 1 or ""}"}}'
        return Response(body.encode(), headers={"content-type": "application/json"})

    cloud.answers = answer
    with patch.object(asking, "PAGES_MAX", 3):
        assert "more than 3 pages" in error_of(cloud).reason
    assert len(cloud.twin.asked) == 3


def test_a_page_that_comes_twice_is_not_counted_twice(cloud: Any) -> None:
    """The first page again where the second is due; once more from the start, it is right."""
    right = cloud.rows(PLANS)
    pages: list[bytes] = []

    def alter(_: Request, response: Response) -> Response:
        pages.append(response.body)
        return replace(response, body=pages[0])

    failing(cloud, alter, 2)
    assert cloud.rows(PLANS) == right
    assert len(pages) == 2


def test_a_page_that_always_comes_twice_is_an_error(cloud: Any) -> None:
    """Nothing of it is kept."""
    first: list[bytes] = []

    def alter(_: Request, response: Response) -> Response:
        first.append(response.body)
        return replace(response, body=first[0])

    failing(cloud, alter)
    with pytest.raises(ProviderError, match="page 2 repeats an earlier page"):
        cloud.rows(PLANS)


def test_a_page_that_never_comes_is_given_up(cloud: Any) -> None:
    """The client waits for an answer as long as it is set to, five times."""
    late = threading.Event()

    def alter(_: Request, response: Response) -> Response:
        late.wait(10)
        return response

    with patch.object(client, "READ_SECONDS", 0.1):
        cloud.connection = client.connect({}, offline=False)
        failing(cloud, alter)
        error = error_of(cloud)
    late.set()
    assert "Read timeout" in error.reason
    assert "check the network" in error.remedy
    assert len(cloud.slept) == ATTEMPTS_MAX - 1


def test_the_clients_wait_a_minute_and_never_retry(cloud: Any) -> None:
    """Of the bounds of the SDK's own only these are left."""
    config = cloud.connection.client("savingsplans").meta.config
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert config.retries["total_max_attempts"] == 1


def test_a_body_shorter_than_announced_is_refused_whatever_urllib3_counts(cloud: Any) -> None:
    """Version 1 of it, which the SDK allows, hands over what came."""
    short = {"status_code": 200, "headers": {"content-length": "3"}, "body": b"{}"}
    with pytest.raises(BrokenAnswer, match="2 bytes came of the 3 announced"):
        cloud.connection._checked(short)


def test_an_answer_above_the_bound_is_refused(feed: str, cloud: Any) -> None:
    """Valid, and larger than what is read: not asked again."""
    failing(cloud, faults.huge(20_000))
    with patch.object(asking, "BODY_MAX_BYTES", 10_000):
        error = error_of(cloud, feed)
    assert "an answer of 20,000 bytes, more than the bound of 10,000" in error.reason
    assert "the provider's bulk export" in error.remedy
    assert cloud.slept == []


def test_an_answer_of_200_megabytes_is_refused(cloud: Any) -> None:
    """The bound as it is."""
    failing(cloud, faults.huge(200_000_000))
    assert "an answer of 200,000,000 bytes" in error_of(cloud).reason


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        (PLANS, '{"savingsPlans": [1]}', "the SDK cannot read the answer"),
        (PLANS, '{"savingsPlans": [null]}', "no savingsPlanArn in None"),
        (PLANS, '{"savingsPlans": [{"state": "active"}]}', "no savingsPlanArn in"),
        (TRAINING, FEE % '"x"', "'x' is no number"),
        (TRAINING, FEE % '"NaN"', "'NaN' is no number"),
        (TRAINING, '{"TrainingPlanSummaries": [{"TrainingPlanArn": "arn:x"}]}', "no Status in"),
        (MODELS, '{"provisionedModelSummaries": [{"status": "InService"}]}', "no provisionedModelArn"),
        (USED, '{"SavingsPlansUtilizationsByTime": [{}], "Total": {}}', "no TimePeriod in"),
        (USED, '{"Total": {}}', "no list of SavingsPlansUtilizationsByTime"),
        ("reservations-utilization", '{"UtilizationsByTime": [{"TimePeriod": 1}]}', "cannot read"),
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_an_error(
    name: str, body: str, said: str, cloud: Any
) -> None:
    """Not a crash, and not a list that is taken for empty."""
    json = {"content-type": "application/json"}
    cloud.answers = lambda _: Response(body.encode(), headers=json)
    with pytest.raises(ProviderError, match=said) as found:
        cloud.rows(name)
    assert found.value.provider == "aws"
    assert "is not what the API gives" in found.value.reason
