"""When two requests ask the same: all of method, host, path, query, body and asking headers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Question:
    """A request as far as it says what is asked."""

    method: str
    scheme: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: str

    def __str__(self) -> str:
        return self._said

    @cached_property
    def _said(self) -> str:
        named = "".join(f" {value}" for _, value in self.headers)
        query = "&".join(f"{key}={value}" for key, value in self.query)
        body = f" {self.body}" if self.body else ""
        return f"{self.method} {self.host}{self.path}?{query}{named}{body}"


def question(request: Any, asking_headers: Iterable[str], volatile: Iterable[str]) -> Question:
    """The question in a request of vcrpy; ``volatile`` keys of query and body are left out."""
    split = urlsplit(request.uri)
    dropped = set(volatile)
    headers = {str(name).lower(): _text(value) for name, value in request.headers.items()}
    return Question(
        method=request.method,
        scheme=split.scheme,
        host=split.netloc,
        path=split.path,
        query=tuple(
            sorted(
                (key, value)
                for key, value in parse_qsl(split.query, keep_blank_values=True)
                if key not in dropped
            )
        ),
        headers=tuple((name, headers[name]) for name in sorted(asking_headers) if name in headers),
        body=_body(request.body, dropped),
    )


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return value.decode() if isinstance(value, bytes) else str(value)


def _body(body: object, dropped: set[str]) -> str:
    if not body:
        return ""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    try:
        return json.dumps(_kept(json.loads(text), dropped), sort_keys=True)
    except json.JSONDecodeError:
        return text


def _kept(value: Any, dropped: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _kept(item, dropped) for key, item in value.items() if key not in dropped}
    return [_kept(item, dropped) for item in value] if isinstance(value, list) else value
