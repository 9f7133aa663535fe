"""`trueup record`: a provider's answers kept, and what was not asked or failed is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("vcr")

from tests.cli.month import trueup
from tests.fetch.nimbus import ANSWERS, CONNECTOR, EXPORT, FEED, answering, stands

from trueup.fetch.cassette.provenance import read_provenance

RECORD = ("record", "nimbus", "--out", "october", "--key-file", "key")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stands(monkeypatch)


@contextmanager
def configured(
    answers: Mapping[str, tuple[int, bytes]] = ANSWERS, more: str = ""
) -> Iterator[None]:
    """Inside, trueup.toml names a server that answers."""
    with answering(answers) as endpoint:
        text = f'{more}\n[providers.nimbus]\nendpoint = "{endpoint}"\n'
        Path("trueup.toml").write_text(text, encoding="utf-8")
        yield


def test_answers_are_kept_for_the_configurations_period() -> None:
    """One feed; the key is made beside the recording, not in it."""
    with configured(more='[run]\nperiod = "2026-10"'):
        found = trueup(*RECORD)
    assert (found.exit_code, found.stdout) == (0, "recorded 1 feeds of nimbus in october\n")
    assert set(read_provenance(Path("october")).sha256) == {"plans.yaml", "costs.yaml"}
    assert sorted(path.name for path in Path().iterdir()) == ["key", "october", "trueup.toml"]


def test_the_period_of_the_command_line_counts() -> None:
    """September, whatever the configuration says."""
    with configured(more='[run]\nperiod = "2026-10"'):
        assert trueup(*RECORD, "--period", "2026-09").exit_code == 0
    period = read_provenance(Path("october")).period
    assert period == "2026-09-01T00:00:00Z/2026-10-01T00:00:00Z"


def test_without_a_period_nothing_is_asked() -> None:
    """Exit 2, with the option."""
    with configured():
        found = trueup(*RECORD)
    assert found.exit_code == 2
    assert "recording needs a period: --period 2026-10" in found.stderr
    assert not Path("october").exists()


@pytest.mark.parametrize(("text", "known"), [("", "none"), ("[providers.nimbus]\n", "nimbus")])
def test_a_provider_that_is_not_configured_is_wrong_use(text: str, known: str) -> None:
    """With those that are."""
    Path("trueup.toml").write_text(text, encoding="utf-8")
    found = trueup("record", "stratus", "--out", "october", "--period", "2026-10")
    assert found.exit_code == 2
    said = f"trueup.toml: has no [providers.stratus]; configured are: {known}"
    assert said in found.stderr


def test_what_failed_and_what_was_not_asked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that is refused makes it partial; an export lacks a setting."""
    lacking = replace(EXPORT, needs=("account",))
    stands(monkeypatch, replace(CONNECTOR, feeds=(FEED,), exports=(lacking,)))
    with configured({"/plans": (403, b"{}")}):
        found = trueup(*RECORD, "--period", "2026-10")
    assert found.exit_code == 3
    assert found.stdout.splitlines() == [
        "not asked: costs: needs account in [providers.nimbus]",
        "recorded 0 feeds of nimbus in october",
    ]
    assert found.stderr.startswith("failed: plans (ListPlans): the provider refused the request")
    assert "; check the settings of [providers.nimbus]" in found.stderr
