"""What the twin is asked and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """One request, its host as production names it."""

    method: str
    host: str
    path: str
    query_text: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True)
class Response:
    """One answer. ``cut`` bytes are announced and never sent; ``reset`` drops the connection."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    reset: bool = False


Answerer = Callable[[Request], Response]


def as_json(value: object, status: int = 200, **headers: str) -> Response:
    """A JSON answer; decimals are written as numbers with all their digits."""
    text = Numbers().encode(value)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(text.encode(), status, {"content-type": "application/json", **named})


class Numbers(json.JSONEncoder):
    """JSON in which a Decimal is a number, exactly as it is."""

    def encode(self, o: object) -> str:
        marks: dict[str, str] = {}

        def marked(value: object) -> object:
            if isinstance(value, Decimal):
                mark = f"\x00{len(marks)}\x00"
                marks[json.dumps(mark)] = format(value, "f")
                return mark
            if isinstance(value, dict):
                return {key: marked(item) for key, item in value.items()}
            if isinstance(value, list | tuple):
                return [marked(item) for item in value]
            return value

        text = super().encode(marked(o))
        for mark, number in marks.items():
            text = text.replace(mark, number, 1)
        return text


def paged(items: list[Any], token: str | None, size: int) -> tuple[list[Any], str | None]:
    """One page of a list and the token of the next: the position it starts at."""
    start = int(token or 0)
    following = start + size
    return items[start:following], str(following) if following < len(items) else None
