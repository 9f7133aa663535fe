"""What is wrong with the values of a file or a call: one line each, with what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trueup.redacted import redacted

_RIGHT = {  # where pydantic's own words speak of Python rather than of what a user writes
    "bool_type": "it is true or false, without quotes",
    "string_type": 'it is text in quotes, as "this"',
    "string_too_short": "it must not be empty",
    "too_short": "at least one is needed",
    "tuple_type": 'it is a list, as ["this", "that"]',
    "mapping_type": "it is a table of keys and values",
    "dict_type": "it is a table of keys and values",
    "model_type": "it is a table of keys and values",
    "datetime_type": "it is an instant, as 2026-11-05T06:00:00Z",
    "decimal_parsing": 'it is a number, as "0.05"',
    "decimal_type": 'it is a number, as "0.05"',
}


def close_to(name: str, known: Iterable[str]) -> str:
    """``did you mean 'spark'? `` where one of the known names is near; else nothing."""
    found = get_close_matches(name.lower(), list(known), n=1)
    return f"did you mean {found[0]!r}? " if found else ""


def explain(origin: str, error: ValidationError, model: type[BaseModel]) -> str:
    """One line per mistake: where it was given, key, value, and what would be right."""
    return "\n".join(_line(origin, mistake, model) for mistake in error.errors(include_url=False))


def unknown_key(origin: str, place: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """The line for a key that a table of the model does not have."""
    known = _keys_at(model, place[:-1])
    return (
        f"{origin}: {_key(place)}: there is no such key; "
        f"{close_to(str(place[-1]), known)}known here: {', '.join(known)}"
    )


def _line(origin: str, mistake: ErrorDetails, model: type[BaseModel]) -> str:
    place = mistake["loc"]
    if mistake["type"] == "extra_forbidden":
        return unknown_key(origin, place, model)
    key = _key(place) or "(top level)"
    if mistake["type"] == "missing":
        return f"{origin}: {key}: is missing; it must be given"
    message = _RIGHT.get(mistake["type"]) or mistake["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if mistake["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", mistake["ctx"]["expected"])
        message = f"{close_to(str(mistake['input']), known)}it is one of {', '.join(known)}"
    given = mistake["input"]
    shown = "" if isinstance(given, Mapping | list | tuple) else f" = {_shown(given)}"
    return f"{origin}: {key}{shown}: {message}"


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Decimal) else redacted(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _key(place: tuple[str | int, ...]) -> str:
    """``usage[2].format``: entries are counted from 1, as a person counts them."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _keys_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """The keys that a table inside the model may have."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    fields = model.model_fields.items()
    return [field.alias or name for name, field in fields if not field.exclude]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
