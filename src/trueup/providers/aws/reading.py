"""Raw bodies read: lists of JSON or XML, and what must be in them."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from trueup.adapter.feed import Answer, Asking, BrokenAnswer, Page, exact_json


def listing(body: bytes, items: str, next_key: str) -> Page:
    """A page of a JSON list; BrokenAnswer where it holds no such list."""
    found = exact_json(body)
    listed(found, items)
    return Page(body, found.get(next_key))


def listed(found: Any, items: str) -> list[Any]:
    """The items of a list; BrokenAnswer where there is no such list."""
    if not isinstance(found, dict) or not isinstance(found.get(items), list):
        raise BrokenAnswer(f"no list of {items} in {found!r:.100}")
    items_found: list[Any] = found[items]
    return items_found


def pages(
    asking: Asking,
    name: str,
    call: tuple[str, str, str],
    items: str,
    asked: Mapping[str, str],
    *,
    next_key: str = "nextToken",
    **parameters: Any,
) -> Iterator[Answer]:
    """Every page of a JSON list; ``call`` is the service, the SDK's method and the region."""
    service, method, region = call

    def page(following: str | None) -> Page:
        more = {next_key: following} if following else {}
        body = asking.connection.ask(service, method, region, **parameters, **more)
        return listing(body, items, next_key)

    yield from asking.pages(name, page, **asked)


def items_of(
    answers: Sequence[Answer], operation: str, items: str
) -> Iterator[tuple[Answer, dict[str, Any]]]:
    """Every item of an operation's pages, with the answer it stands in."""
    for answer in answers:
        if answer.operation == operation:
            yield from ((answer, item) for item in answer.json()[items])


def need(item: Any, name: str) -> Any:
    """What an item says; BrokenAnswer where it says nothing."""
    if not isinstance(item, Mapping):
        raise BrokenAnswer(f"no {name} in {item!r:.200}")
    value = item.get(name)
    if value in (None, ""):
        raise BrokenAnswer(f"no {name} in {dict(item)!r:.200}")
    return value


def amount(value: Any) -> Decimal:
    """A number as it is written; BrokenAnswer where it is none."""
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise BrokenAnswer(f"{value!r} is no number") from error
    if not found.is_finite():
        raise BrokenAnswer(f"{value!r} is no number")
    return found


def meaning(states: Mapping[str, str], item: Mapping[str, Any], name: str) -> str:
    """What a state means; BrokenAnswer for one that is not known, lest it be passed over."""
    said = need(item, name)
    if said not in states:
        raise BrokenAnswer(f"{name} {said!r} is not known; known are {', '.join(states)}")
    return states[said]


def xml(body: bytes) -> Xml.Element:
    """XML without its namespaces."""
    try:
        root = Xml.fromstring(body)  # noqa: S314  the provider's own answer, over TLS
    except Xml.ParseError as error:
        raise BrokenAnswer(f"not XML: begins with {body[:40]!r}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def fields(element: Xml.Element) -> dict[str, str]:
    """The texts of an element's children by name."""
    return {child.tag: (child.text or "").strip() for child in element if len(child) == 0}
