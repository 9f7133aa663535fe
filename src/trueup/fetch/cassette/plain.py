"""Recordings as what they are: text and bytes of one shape, never an object of Python's."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel

PARTS_MAX = 1_000_000  # of YAML: each takes half a kilobyte before it is looked at

Headers = dict[str, str | list[str | bytes]]


def _address(text: str) -> str:
    urlsplit(text)
    return text


class _Request(BaseModel):
    method: str
    uri: Annotated[str, AfterValidator(_address)]
    body: str | bytes | dict[str, str | bytes] | None
    headers: Headers


class _Status(BaseModel):
    code: int
    message: str | None


class _Response(BaseModel):
    status: _Status
    headers: Headers
    body: dict[str, str | bytes | None]


class _Interaction(BaseModel):
    request: _Request
    response: _Response


class _Recording(BaseModel):
    interactions: list[_Interaction]


def deserialize(text: str) -> dict[str, Any]:
    """What a recording says, as vcrpy asks for it; ValueError where it is none.

    Tags of Python are refused, whatever vcrpy's own loader makes of them, and so are aliases: a few
    lines of them stand for gigabytes.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for count, event in enumerate(yaml.parse(text, Loader=loader)):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("an alias, which no recording has")
            if count > PARTS_MAX:
                raise ValueError(f"more than {PARTS_MAX:,} parts: record a shorter period")
        found: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506  a safe one
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML of plain text: {error}") from error
    _Recording.model_validate(found)
    return found
