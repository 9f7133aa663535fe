"""The whole provider fetched: what lands, what is asked, what is left out, and replayed offline."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.providers.oci.stage import Stage
from tests.twin import oci
from tests.twin.faults import Fault, status

from trueup.fetch.cassette.case import record_case
from trueup.fetch.providers import Fetched, fetch_one, replayed
from trueup.period import Period
from trueup.workspace.journal import JOURNAL


def fetched(stage: Stage) -> Fetched:
    ledger = stage.world.ledger
    with patch.dict(os.environ, stage.environment):
        return fetch_one("oci", stage.settings, Period(ledger.start, ledger.end), stage.place)


def test_every_feed_gives_and_a_second_run_adds_nothing(stage: Stage) -> None:
    """Six feeds and three daily reports; then the same again, and only the lists are asked for."""
    first = fetched(stage)
    assert first.failures == ()
    assert first.not_asked == ()
    assert {one.feed: one.rows for one in first.feeds} == {
        "universal-credits": 2,
        "universal-credits-balances": 2,
        "universal-credits-drawdown": 3,
        "cost": 3,
        "credits": 0,
        "rate-cards": 4,
    }
    index = (stage.folder / "landing" / JOURNAL).read_bytes()
    stage.asked.clear()
    assert fetched(stage) == first
    assert (stage.folder / "landing" / JOURNAL).read_bytes() == index
    assert not [one for one in stage.asked if "/o/" in one.path]


def test_only_a_report_that_changed_is_fetched_again(stage: Stage) -> None:
    """Restatement: one report is written anew, under its old name."""
    before = {path.name: path.read_bytes() for path in stage.export()}
    name = next(name for name in oci.objects(stage.world) if "FOCUS Reports/2026/10/02" in name)
    kept = oci.objects(stage.world)
    kept[name] = oci._packed("restated"), kept[name][1]
    stage.asked.clear()
    with patch.object(oci, "objects", lambda _: kept):
        stage.show(stage.world)
        after = {path.name: path.read_bytes() for path in stage.export()}
    assert {name for name in before if before[name] != after[name]} == {name.rpartition("/")[2]}
    assert sum("/o/" in one.path for one in stage.asked) == 1


def test_reports_of_earlier_days_are_not_asked_for(stage: Stage) -> None:
    """From the period's first day on, and those of later days too: corrections come late."""
    assert [path.parts[-2] for path in stage.export()] == ["01", "02", "03"]
    kept = oci.objects(stage.world)
    late = "FOCUS Reports/2026/11/20/0001000000009999-00001.csv.gz"
    kept[late] = oci._packed("late"), stage.at + timedelta(days=45)
    with patch.object(oci, "objects", lambda _: kept):
        stage.show(stage.world)
        assert [path.parts[-3:-1] for path in stage.export()][-1] == ("11", "20")


def test_older_reports_are_chosen_by_their_age(stage: Stage) -> None:
    """Their names have no date; a line that corrects another names it."""
    import gzip

    stage.settings["export"] = "legacy"
    reports = stage.export()
    assert [path.name for path in reports] == [f"000100000000{n:04d}.csv.gz" for n in (1, 2, 3)]
    header = gzip.decompress(reports[0].read_bytes()).decode().splitlines()[0]
    assert "lineItem/backreferenceNo" in header


def test_without_the_setting_no_report_is_asked_for(stage: Stage) -> None:
    """The rest is fetched all the same, and what is missing is said."""
    del stage.settings["export"]
    found = fetched(stage)
    assert found.not_asked == ("export: needs export in [providers.oci]",)
    assert (found.charges, found.failures) == ((), ())


def test_a_feed_that_fails_leaves_the_others(stage: Stage) -> None:
    """Rate cards may not be seen: five feeds and the reports are there, the sixth is named."""
    body = b'{"code": "NotAuthorizedOrNotFound", "message": "Authorization failed"}'
    stage.faults = [Fault(status(404, body), "ratecards")]
    found = fetched(stage)
    assert len(found.feeds) == 5
    assert len(found.charges) == 3
    (failure,) = found.failures
    assert "rate-cards" in failure.what
    assert "read rate-cards in tenancy" in failure.remedy


def test_questions_are_the_same_every_time(stage: Stage) -> None:
    """No clock and no random id in method, path, query or body."""

    def asked() -> list[tuple[str, ...]]:
        stage.asked.clear()
        stage.folder /= "once more"
        fetched(stage)
        return [
            (one.method, one.host, one.path, one.query_text, one.body.decode())
            for one in stage.asked
        ]

    first = asked()
    assert asked() == first
    assert len(first) > 40


def test_every_request_goes_to_the_region_of_the_settings(stage: Stage) -> None:
    """Reports and subscriptions lie in the home region."""
    fetched(stage)
    assert {one.host for one in stage.asked} == {
        f"{service}.{oci.REGION}{rest}"
        for service, rest in (
            ("identity", ".oci.oraclecloud.com"),
            ("usageapi", ".oci.oraclecloud.com"),
            ("objectstorage", ".oraclecloud.com"),
        )
    }


def test_what_is_recorded_plays_without_the_network(stage: Stage, tmp_path: Path) -> None:
    """The same tables, with a key that is made for the replay and thrown away."""
    pytest.importorskip("vcr")
    ledger = stage.world.ledger
    period = Period(ledger.start, ledger.end)
    case = tmp_path / "case"
    with patch.dict(os.environ, stage.environment):
        recorded = record_case(
            "oci", stage.settings, period, case, b"key", stage.at, origin="synthetic", world_seed=7
        )
    assert recorded.failures == ()
    stage.faults = [Fault(status(500), times=10**6)]  # whoever asks the twin now is told so
    stage.asked.clear()
    played = replayed("oci", case, period, stage.place)
    assert played.failures == ()
    assert stage.asked == []
    assert [one.rows for one in played.feeds] == [one.rows for one in recorded.feeds]
    assert len(played.charges) == 3


def test_it_loads_without_the_sdk() -> None:
    """Neither `import trueup` nor the connector imports it; connecting says which extra to get."""
    code = (
        "import sys; sys.modules['oci'] = None\n"
        "import trueup\n"
        "from trueup.errors import MissingDependency\n"
        "from trueup.adapter.registry import providers\n"
        "connector = providers()['oci'].connector()\n"
        "try:\n"
        "    connector.connect({}, False)\n"
        "except MissingDependency as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "trueup[oci]" in done.stdout


def test_without_the_sdk_the_remedy_is_to_install_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider fails as a whole, in words that name the extra."""
    monkeypatch.setitem(sys.modules, "oci", None)
    ledger = stage.world.ledger
    period = Period(ledger.start, ledger.end)
    (failed,) = fetch_one("oci", {}, period, stage.place, offline=True).failures
    assert (failed.reason, failed.remedy) == ("oci is not installed", "pip install 'trueup[oci]'")
