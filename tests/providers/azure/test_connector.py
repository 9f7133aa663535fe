"""What is declared: settings, permissions, hosts; and that nothing is needed to declare it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from types import SimpleNamespace

import pytest
from tests.providers.azure.conftest import Stage
from tests.twin import azure

from trueup.adapter.feed import Export, Feed
from trueup.errors import MissingDependency
from trueup.fetch.settings import connector_of
from trueup.providers.azure.client import Connection

FOLDER = files("trueup.providers.azure")


def test_the_policy_has_every_permission_and_no_other() -> None:
    """Those that the feeds and the export name."""
    connector = connector_of("azure")
    sources: list[Feed | Export] = [*connector.feeds, *connector.exports]
    needed = {permission for source in sources for permission in source.operations.values()}
    policy = json.loads(FOLDER.joinpath("policy.json").read_text("utf-8"))
    (granted,) = policy["properties"]["permissions"]
    assert {*granted["actions"], *granted["dataActions"]} == needed
    assert granted["notActions"] == granted["notDataActions"] == []


def test_the_template_has_every_setting() -> None:
    """Commented, each as it would stand in a configuration."""
    template = FOLDER.joinpath("template.toml").read_text("utf-8")
    shown = re.sub(r"^# ?(?=\[|[a-z_]+ = )", "", template, flags=re.MULTILINE)
    given = tomllib.loads(shown)["providers"]["azure"]
    assert given.keys() - {"enabled"} == {one.name for one in connector_of("azure").settings}
    assert azure.SETTINGS.keys() == given.keys() - {"enabled"}


def test_every_operation_of_a_feed_is_declared_and_asked(stage: Stage) -> None:
    """An operation without a permission would be refused without naming one."""
    fetched = stage.fetch()
    connector = connector_of("azure")
    assert [one.feed for one in fetched.feeds] == [one.name for one in connector.feeds]
    index = (stage.folder / "landing" / "journal.jsonl").read_text("utf-8").splitlines()
    landed = [json.loads(line)["body"] for line in index]
    for feed in connector.feeds:
        mine = {json.loads(one["asked"])[0] for one in landed if one["feed"] == feed.name}
        assert mine <= feed.operations.keys()


def test_token_hosts_are_not_those_of_the_api() -> None:
    """What hands out credentials is never recorded."""
    connector = connector_of("azure")
    assert any(re.fullmatch(one, azure.LOGIN) for one in connector.token_hosts)
    assert not any(re.fullmatch(one, azure.LOGIN) for one in connector.hosts)
    assert all(
        any(re.fullmatch(one, host) for one in connector.hosts)
        for host in (azure.MANAGEMENT, "brackenmoorcosts.blob.core.windows.net")
    )


@pytest.mark.parametrize(
    "missing", ["azure.mgmt.billingbenefits", "azure.storage.blob", "azure.identity"]
)
def test_a_missing_package_is_named_with_its_extra(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any of them: the words to install all of them."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependency, match=r"pip install 'trueup\[azure\]'"):
        connector_of("azure").connect({}, True)  # noqa: FBT003


def test_declaring_imports_no_sdk() -> None:
    """The connector is read by `trueup doctor` where nothing is installed."""
    code = (
        "import sys; from trueup.fetch.settings import connector_of; connector_of('azure');"
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msal')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_closing_ends_the_credentials_connections_too() -> None:
    """It has its own, to the token service."""
    closed: list[bool] = []
    Connection({}, SimpleNamespace(close=lambda: closed.append(True))).close()
    assert closed == [True]
