"""Exchanges recorded while a provider is asked; nothing is written that was not scrubbed first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trueup.adapter.feed import Connector
from trueup.errors import IntegrityError
from trueup.fetch.cassette.provenance import write_recording
from trueup.fetch.cassette.pseudonyms import Pseudonyms, foreign
from trueup.fetch.cassette.replay import recorder_of
from trueup.redacted import scrubbed

ALWAYS_KEPT = ("content-type",)


@contextmanager
def recording(connector: Connector, file: Path, pseudonyms: Pseudonyms) -> Iterator[None]:
    """Inside, every exchange with the provider's API is kept; at the end they are written.

    Raises IntegrityError, with nothing written, where an id, an address or a secret would be.
    """
    kept: list[dict[str, Any]] = []

    class Held:
        """A persister of vcrpy that only hands over."""

        @staticmethod
        def load_cassette(*_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
            return [], []

        @staticmethod
        def save_cassette(_: str, cassette: dict[str, Any], **__: Any) -> None:
            kept.append(cassette)

    vcr = recorder_of(connector)
    vcr.register_persister(Held)
    vcr.before_record_request = lambda request: None if _is_token(connector, request) else request
    with vcr.use_cassette(str(file), record_mode="all"):
        yield
    if kept:
        _write(file, kept[-1], connector, pseudonyms)


def _is_token(connector: Connector, request: Any) -> bool:
    host = urlsplit(request.uri).hostname or ""
    return any(re.fullmatch(pattern, host) for pattern in connector.token_hosts)


def _write(
    file: Path, cassette: Mapping[str, Any], connector: Connector, pseudonyms: Pseudonyms
) -> None:
    from vcr.serialize import serialize
    from vcr.serializers import yamlserializer

    for request in cassette["requests"]:
        _scrub_request(request, (*ALWAYS_KEPT, *connector.asking_headers), pseudonyms)
    for response in cassette["responses"]:
        _scrub_response(response, connector, pseudonyms)
    text: str = serialize(dict(cassette), yamlserializer)
    left = foreign(text)
    if left:
        raise IntegrityError(
            f"{file}: nothing was written, as it would hold {len(left):,} ids or secrets: "
            f"{'; '.join(left[:5])}"
        )
    write_recording(file, text)


def _scrub_request(request: Any, kept: Iterable[str], pseudonyms: Pseudonyms) -> None:
    request.uri = pseudonyms.of(request.uri)
    request.headers = _headers(request.headers, kept, pseudonyms.of)
    request.body = _body(request.body, pseudonyms)


def _scrub_response(response: dict[str, Any], connector: Connector, pseudonyms: Pseudonyms) -> None:
    kept = (*ALWAYS_KEPT, *connector.answering_headers)
    response["headers"] = _headers(response["headers"], kept, pseudonyms.of)
    body = _body(response["body"]["string"], pseudonyms, connector.personal)
    response["body"] = {"string": body}


def _headers(
    headers: Mapping[str, Any], kept: Iterable[str], mapped: Callable[[str], str]
) -> dict[str, list[str]]:
    """The headers of an allow-list; everything else may be a key or a token."""
    wanted = set(kept)
    found = {}
    for name, value in headers.items():
        if name.lower() in wanted:
            values = value if isinstance(value, list) else [value]
            texts = (item.decode() if isinstance(item, bytes) else str(item) for item in values)
            found[name.lower()] = [mapped(text) for text in texts]
    return found


def _body(body: object, pseudonyms: Pseudonyms, personal: Collection[str] = ()) -> Any:
    """Text with its ids replaced; what is no text stays, if its content holds no id either."""
    if not body:
        return body
    if isinstance(body, str):
        return pseudonyms.of(body)
    if not isinstance(body, bytes):
        raise IntegrityError(f"a body of type {type(body).__name__} cannot be recorded")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = _readable(body)
        left = foreign(text) if scrubbed(text) == text else [*foreign(text), "a secret"]
        if left:
            raise IntegrityError(
                "nothing was written: a file of the export holds ids or secrets, which cannot be "
                f"replaced inside it ({'; '.join(left[:3])}); record without the export and list "
                "its files under [[charges]]"
            ) from None
        return body
    try:
        return pseudonyms.of(pseudonyms.of_members(text, personal)).encode()
    except json.JSONDecodeError as error:
        raise IntegrityError(
            f"nothing was written: what an answer says of people cannot be replaced ({error})"
        ) from error


def _readable(body: bytes) -> str:
    """What a packed file says: gzip or Parquet as text."""
    import gzip
    import io

    if body.startswith(b"\x1f\x8b"):
        return gzip.decompress(body).decode("utf-8", "replace")
    if body.startswith(b"PAR1"):
        import pyarrow.csv as pc
        import pyarrow.parquet as pq

        text = io.BytesIO()
        pc.write_csv(pq.read_table(io.BytesIO(body)), text)
        return text.getvalue().decode("utf-8", "replace")
    return body.decode("latin-1")
