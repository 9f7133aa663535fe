"""Providers whose answers, headers and refusals hold secrets: none is kept, recorded or said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.secrets import planted
from tests.secrets.searched import found_in
from tests.secrets.test_secrets import said
from tests.twin.exchange import Answerer, Request, Response, as_json
from tests.twin.recordings import PROVIDERS, recorded_of, twin_of
from tests.twin.server import running
from tests.world import world

from trueup.fetch.cassette.case import record_case
from trueup.period import Period

SDKS = ("boto3", "google.cloud.bigquery", "azure.identity", "oci", "vcr")
START = datetime(2026, 10, 1, tzinfo=UTC)
SAID = {"message": planted.SAID, "code": "NotAuthorized", "__type": "AccessDeniedException"}


def leaking(answerer: Answerer, handed_out: dict[str, bool]) -> Answerer:
    """The answers, each with secrets in headers, and in its body where that is a JSON object."""

    def answer(request: Request) -> Response:
        if handed_out["refused"] and "token" not in request.path:
            return as_json(SAID | {"error": SAID}, 403, **planted.HEADERS)
        found = answerer(request)
        headers = {**found.headers, **planted.HEADERS}
        if not found.headers.get("content-type", "").startswith("application/json"):
            return replace(found, headers=headers)
        body = json.loads(found.body)
        if not isinstance(body, dict):
            return replace(found, headers=headers)
        if "access_token" in body:
            token = {**body, "access_token": planted.plain("token")}
            return replace(found, body=json.dumps(token).encode(), headers=headers)
        # As it stands, so that figures keep their digits: the members are put before its own.
        more = json.dumps(planted.ANSWERED)[:-1].encode()
        rest = found.body.lstrip()[1:]
        comma = b"" if rest.lstrip().startswith(b"}") else b", "
        return replace(found, body=more + comma + rest, headers=headers)

    return answer


@pytest.fixture
def clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    """A twin of all providers, three days of a world, and a configuration that asks for them."""
    for sdk in SDKS:
        pytest.importorskip(sdk, reason="a provider's SDK is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trueup.fetch.asking.Asker._sleep", staticmethod(lambda _: None))
    made, handed_out = world.make(7, START, 3), {"refused": False}
    text = '[run]\nperiod = "2026-10-01T00:00:00Z/2026-10-04T00:00:00Z"\nas_of = 2026-10-05T12:00:00Z\n'
    with ExitStack() as stack:
        for name in PROVIDERS:
            environment = getattr(twin_of(name), "ENVIRONMENT", {})
            stack.enter_context(patch.dict("os.environ", environment))
            text += f"[providers.{name}]\n"
            text += "".join(
                f"{key} = {json.dumps(v)}\n" for key, v in twin_of(name).SETTINGS.items()
            )
        google = json.loads(
            Path(twin_of("gcp").ENVIRONMENT["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()
        )
        secrets = {**planted.ENVIRONMENT, **planted.home(tmp_path, google)}
        stack.enter_context(patch.dict("os.environ", secrets))
        answerers = {twin_of(n).HOSTS: leaking(recorded_of(n, made), handed_out) for n in PROVIDERS}
        (tmp_path / "authority").mkdir()
        stack.enter_context(running(answerers, tmp_path / "authority"))
        (tmp_path / "trueup.toml").write_text(text)
        yield handed_out


def test_what_providers_answer_and_refuse_is_kept_and_told_without_a_secret(
    clouds: dict[str, bool], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked, recorded, played again and refused, through the providers' own SDKs."""
    said("run")
    period = Period(START, START.replace(day=4))
    for name in PROVIDERS:
        folder, key = tmp_path / "recordings" / name, b"0" * 32
        with_all = record_case(
            name, twin_of(name).SETTINGS, period, folder, key, START.replace(day=5)
        )
        assert with_all.failures == ()
        assert list(folder.glob("*.yaml*"))
    assert_nothing_is_left(tmp_path, caplog)
    # Partial: text files of an export, recorded live, are not as long as they are listed to be.
    said("run", "--replay", "recordings", "--out", "played", code=(0, 3))
    said("replay", "run-0001")
    clouds["refused"] = True
    said("run", "--out", "refused", code=2)
    said("run", "--out", "refused", "--log-format", "json", code=2)
    assert_nothing_is_left(tmp_path, caplog)


def assert_nothing_is_left(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    left = set(found_in(folder)) - {"google.json"}
    assert not left
    assert "c4nary" not in caplog.text
