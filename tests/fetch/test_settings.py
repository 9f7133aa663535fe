"""A provider's part of a configuration."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.fetch.nimbus import CONNECTOR, NAME, stands

from trueup.adapter.feed import Setting
from trueup.adapter.registry import providers
from trueup.errors import ConfigurationError
from trueup.fetch.settings import check_settings, connector_of

SETTINGS = (
    Setting("endpoint", "where it answers"),
    Setting("signed", "whether requests are signed", bool),
    Setting("accounts", "whose they are", list),
)


def test_a_provider_that_is_read_from_files_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its bills are listed where files are."""
    stands(monkeypatch)
    monkeypatch.setitem(providers(), NAME, replace(providers()[NAME], connector=None))
    with pytest.raises(ConfigurationError, match=r"list its exported files under \[\[charges\]\]"):
        connector_of(NAME)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"endpont": "x"}, "nimbus.endpont: there is no such key; did you mean"),
        ({"endpoint": 5}, 'nimbus.endpoint = 5: it is text in quotes, as "this": where it answers'),
        ({"signed": "yes"}, "nimbus.signed = 'yes': it is true or false: whether requests are"),
        ({"accounts": "acme"}, "nimbus.accounts = 'acme': it is a list, as "),
        ({"accounts": ["acme", 5]}, "nimbus.accounts = "),
    ],
)
def test_a_wrong_key_or_kind_is_named(
    given: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it should be, and what it is about."""
    stands(monkeypatch, replace(CONNECTOR, settings=SETTINGS))
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        check_settings(NAME, given)


def test_right_settings_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its kind; none is needed."""
    stands(monkeypatch, replace(CONNECTOR, settings=SETTINGS))
    check_settings(NAME, {"endpoint": "x", "signed": True, "accounts": ["acme"]})
    check_settings(NAME, {})
