"""How a provider is reached, and whether its part of a configuration is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.adapter.feed import Connector, Setting
from trueup.adapter.registry import providers
from trueup.errors import ConfigurationError
from trueup.model.mistakes import close_to

RIGHT = {str: 'text in quotes, as "this"', bool: "true or false", list: 'a list, as ["this"]'}


def connector_of(provider: str) -> Connector:
    """How a provider is reached; its module is imported now, its SDK when it is connected."""
    connector = providers()[provider].connector
    if connector is None:
        raise ConfigurationError(
            f"{provider} cannot be asked; list its exported files under [[charges]]"
        )
    return connector()


def check_settings(provider: str, given: Mapping[str, Any]) -> None:
    """Raise ValueError where a key of ``[providers.<name>]`` is unknown or of a wrong kind."""
    own: tuple[Setting, ...] = connector_of(provider).settings
    known = {setting.name: setting for setting in own}
    for key, value in given.items():
        if key not in known:
            names = ["enabled", *known]
            raise ValueError(
                f"{provider}.{key}: there is no such key; {close_to(key, names)}"
                f"known here: {', '.join(names)}"
            )
        kind = known[key].kind
        items = value if kind is list and isinstance(value, list) else [""]
        if not isinstance(value, kind) or not all(isinstance(item, str) for item in items):
            raise ValueError(
                f"{provider}.{key} = {value!r}: it is {RIGHT[kind]}: {known[key].about}"
            )
