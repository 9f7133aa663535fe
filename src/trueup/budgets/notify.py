"""Delivers an alert by mail, chat or webhook: whatever URL Apprise understands.

A URL may hold a secret: it stands in no message, no journal and no log.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trueup.errors import MissingDependency

if TYPE_CHECKING:
    from apprise import NotifyBase as Service

FROM_ENVIRONMENT = "env:"


@dataclass(frozen=True)
class Destination:
    """Where alerts go; ``name`` is what may be written down of it."""

    name: str
    url: str = field(repr=False)  # empty: the variable that should hold it is not set

    @property
    def remedy(self) -> str:
        """What to do when nothing arrives there."""
        if not self.url:
            return f"set {self.name.removeprefix(FROM_ENVIRONMENT)} to a URL of Apprise"
        return f"`apprise -vv -b test URL` with the URL of {self.name} says why"


def destinations(urls: Sequence[str], environment: Mapping[str, str]) -> list[Destination]:
    """The destinations of ``[alerts] urls``; ``env:NAME`` is read from the environment."""
    found = []
    for url in urls:
        if url.startswith(FROM_ENVIRONMENT):
            name = url.removeprefix(FROM_ENVIRONMENT)
            found.append(Destination(url, environment.get(name, "").strip()))
        else:
            scheme = url.partition("://")[0] if "://" in url else "no URL"
            digest = hashlib.sha256(url.encode()).hexdigest()
            found.append(Destination(f"{scheme} {digest[:8]}", url))
    return found


def service(to: Destination) -> Service | str:
    """What sends to a destination, or why there is none. Raises MissingDependency."""
    if not to.url:
        return "it is not set"
    try:
        from apprise import Apprise
    except ImportError as error:
        raise MissingDependency("apprise", "alerts") from error
    with _unlogged():
        found = Apprise.instantiate(to.url)
    return "it holds no URL that Apprise understands" if found is None else found


def deliver(to: Destination, title: str, text: str) -> str | None:
    """Send a message; why it was not delivered, or None. Raises MissingDependency."""
    sender = service(to)
    if isinstance(sender, str):
        return sender
    with _unlogged():
        sent = sender.notify(title=title, body=text)
    return None if sent else "the service refused it, or could not be reached"


@contextmanager
def _unlogged() -> Iterator[None]:
    """Without Apprise's own log: of a token that it refuses it tells all."""
    log = logging.getLogger("apprise")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
