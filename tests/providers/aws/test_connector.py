"""What is declared: permissions in the policy, settings in the template; and a recording's clock."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from tests.world.world import World

from trueup.fetch.cassette.case import record_case
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import fetch_one, replayed
from trueup.fetch.settings import check_settings
from trueup.providers.aws.connector import connector

FOLDER = files("trueup.providers.aws")


def test_the_policy_allows_what_is_asked_and_nothing_else() -> None:
    """Every permission of every feed and export, read-only."""
    policy = json.loads(FOLDER.joinpath("policy.json").read_text("utf-8"))
    allowed = [action for statement in policy["Statement"] for action in statement["Action"]]
    declared = connector()
    needed = {
        permission
        for operations in (
            *(feed.operations for feed in declared.feeds),
            *(export.operations for export in declared.exports),
        )
        for permission in operations.values()
    }
    assert sorted(allowed) == sorted(needed)


def test_the_template_shows_every_setting_and_is_valid() -> None:
    """Turned on, it is a configuration that is accepted."""
    template = FOLDER.joinpath("template.toml").read_text("utf-8")
    block = tomllib.loads(re.sub(r"^#(?! )|^# (?=\w+ = )", "", template, flags=re.MULTILINE))
    given = block["providers"]["aws"]
    assert given.pop("enabled") is False
    assert given.keys() == {one.name for one in connector().settings}
    check_settings("aws", given)


def test_a_recording_of_a_running_month_asks_the_same_when_it_is_played(
    cloud: Any, worlds: Callable[[int], World], tmp_path: Path
) -> None:
    """Recorded at noon of the third day: two days of use, whenever it is played."""
    ledger = worlds(1).ledger
    noon = ledger.start + timedelta(days=2, hours=12)
    folder = tmp_path / "case"
    settings: dict[str, Any] = {}
    fetched = record_case("aws", settings, cloud.period, folder, b"key", noon, origin="synthetic")
    assert fetched.failures == ()
    assert cloud.asked("ce.us-east-1") == 1 + 2 * 2
    workspace = tmp_path / "workspace"
    (workspace / "fetched").mkdir(parents=True)
    place = Place(
        Landing.at(workspace / "landing"), workspace / "fetched", datetime(2026, 1, 1, tzinfo=UTC)
    )
    played = replayed("aws", folder, cloud.period, place)
    assert played.failures == ()
    assert [(fed.feed, fed.rows) for fed in played.feeds] == [
        ("savings-plans", 2),
        ("savings-plans-utilization", 4),
    ]


def test_what_lacks_a_setting_is_not_asked_and_says_so(cloud: Any, tmp_path: Path) -> None:
    """Nothing that costs a permission or a request beyond Savings Plans is asked unbidden."""
    place = Place(Landing.at(tmp_path / "landing"), tmp_path, cloud.at)
    fetched = fetch_one("aws", {}, cloud.period, place)
    assert fetched.not_asked == (
        "savings-plan-rates: needs rate_services in [providers.aws]",
        "reserved-instances: needs regions, account in [providers.aws]",
        "reserved-databases: needs regions in [providers.aws]",
        "training-plans: needs regions in [providers.aws]",
        "provisioned-throughput: needs regions in [providers.aws]",
        "reservations-utilization: needs reserved_services in [providers.aws]",
        "export: needs export_bucket in [providers.aws]",
    )
    assert fetched.failures == ()
