"""What a provider can be asked for: feeds of answers, exports of files, and how asking goes wrong.

An adapter only declares and translates. It never retries, sleeps, writes or counts: that is the
core's (``trueup.fetch``). A *feed* asks an API and turns its raw answers into rows of one of the
tables in ``TABLES``; an *export* lists the files of a bulk export and downloads one of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.period import Period

Row: TypeAlias = "Mapping[str, str | None]"  # column -> text; None or absent: not known

# The tables that feeds give, with their columns beyond those of FOCUS Contract Commitment 1.4.
COMMITMENTS, UTILIZATION, BALANCES, RATES = "commitments", "utilization", "balances", "rates"
TABLES: dict[str, tuple[str, ...]] = {
    # What the provider's own API says was used of a commitment in an interval.
    UTILIZATION: (
        "provider",
        "commitment_id",
        "interval_start",
        "interval_end",
        "committed",
        "used",
        "unused",
        "unit",
        "currency",
        "operation",
    ),
    # What the provider's own API says is left of a lot at an instant.
    BALANCES: (
        "provider",
        "lot_id",
        "commitment_id",
        "kind",
        "granted",
        "drawn",
        "expired",
        "remaining",
        "unit",
        "currency",
        "starts_at",
        "expires_at",
        "at",
        "operation",
    ),
    # What the provider says a unit costs, from an instant on.
    RATES: (
        "provider",
        "commitment_id",
        "sku_id",
        "sku",
        "unit",
        "price",
        "currency",
        "valid_from",
        "valid_to",
        "operation",
    ),
}


@dataclass(frozen=True)
class Answer:
    """One raw answer, as it came: the operation, what identifies the question, the body."""

    operation: str
    asked: Mapping[str, str]
    page: int  # from 1
    body: bytes

    def json(self) -> Any:
        """The body as JSON, its numbers as they are written: Decimal, never float."""
        return exact_json(self.body)


@dataclass(frozen=True)
class Page:
    """One page of a list, and the token that asks for the next one; None: it was the last."""

    body: bytes
    token: str | None = None
    empty: bool = False  # nothing is listed: such pages may be alike


@dataclass(frozen=True)
class File:
    """One file of a bulk export, as the provider lists it.

    ``version`` changes whenever the content does (an ETag, a generation, a modification time).
    """

    name: str
    version: str
    size_bytes: int | None
    download: Callable[[IO[bytes]], None]


class Connection(Protocol):
    """A provider's clients; what else they offer is between the adapter and its feeds."""

    def close(self) -> None: ...


class Asking(Protocol):
    """What the core hands to an adapter: settings, period, connection, and a way to ask.

    Every call goes through ``once`` or ``pages``, which retry within bounds and refuse what
    cannot be the whole: a repeated token, a repeated page, an answer that is too large.
    """

    settings: Mapping[str, Any]
    period: Period
    at: datetime  # the clock of the run: what is later cannot be asked for yet
    connection: Any  # what the adapter's ``connect`` returned

    def once(self, operation: str, ask: Callable[[], bytes], **asked: str) -> Answer: ...

    def pages(
        self, operation: str, ask: Callable[[str | None], Page], **asked: str
    ) -> Iterator[Answer]: ...


@dataclass(frozen=True)
class Feed:
    """One kind of answer: how it is asked for and what it means."""

    name: str
    gives: str  # a table: commitments, utilization, balances or rates
    operations: Mapping[str, str]  # API operation -> the permission it needs
    fetch: Callable[[Asking], Iterable[Answer]]
    normalise: Callable[[Sequence[Answer]], Iterable[Row]]
    # Raises Changed where a second aggregate in the answers contradicts the rows.
    check: Callable[[Sequence[Answer]], None] | None = None
    needs: tuple[str, ...] = ()  # settings without which it is not asked
    unknown: tuple[str, ...] = ()  # columns FOCUS wants filled that the provider cannot tell


@dataclass(frozen=True)
class Export:
    """A bulk export of charges: which files there are for the period."""

    name: str
    operations: Mapping[str, str]
    files: Callable[[Asking], Iterable[File]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """One key of ``[providers.<name>]``."""

    name: str
    about: str
    kind: type = str  # str, bool or list (of text)
    identifies: bool = False  # names an account or a place of its owner: never stored as it is
    joins: str = ""  # what stands between the names in it that requests name one by one


class FaultKind(Enum):
    """Why an ask failed, as far as it decides what to do next."""

    THROTTLED = "the provider asks to slow down"
    TRANSIENT = "the provider or the network failed for a moment"
    BROKEN = "the answer was cut short or is not what the API gives"
    CREDENTIALS = "no valid credentials"
    DENIED = "a permission is missing"
    CLOCK = "this machine's clock differs from the provider's"
    REFUSED = "the provider refused the request"


RETRIED = frozenset({FaultKind.THROTTLED, FaultKind.TRANSIENT, FaultKind.BROKEN})


@dataclass(frozen=True)
class Fault:
    """What an SDK's exception means; ``retry_after`` in seconds, where the provider said so."""

    kind: FaultKind
    said: str
    retry_after: float | None = None


class BrokenAnswer(Exception):
    """An answer that cannot be the whole: cut short, not JSON, another shape than the API's."""


class Changed(Exception):
    """The data changed while it was read: its pages do not belong together."""


class Lacking(Exception):
    """An export holds no file for a part of the period, which the message names."""


@dataclass(frozen=True)
class Connector:
    """How a provider is reached: its settings, its clients, its faults, its feeds and exports.

    ``connect(settings, offline)`` makes what feeds find in ``Asking.connection``; ``offline`` is
    for replays: placeholder credentials, and nothing looked up on the machine or the network. The
    core closes the connection once everything was asked.
    ``fault`` translates an exception of the SDK; None: it is not the SDK's.
    """

    connect: Callable[[Mapping[str, Any], bool], Connection]
    fault: Callable[[BaseException], Fault | None]
    feeds: tuple[Feed, ...]
    exports: tuple[Export, ...] = ()
    settings: tuple[Setting, ...] = ()
    hosts: tuple[str, ...] = ()  # regular expressions of the API's host names
    token_hosts: tuple[str, ...] = ()  # those that hand out credentials: never recorded
    volatile: tuple[str, ...] = ()  # keys of request bodies and queries that differ at every ask
    asking_headers: tuple[str, ...] = ()  # of requests, that say what is asked
    answering_headers: tuple[str, ...] = ()  # of answers, that say what follows
    personal: tuple[str, ...] = ()  # members of JSON answers that are about people: never recorded

    @property
    def sources(self) -> tuple[Feed | Export, ...]:
        """Everything that can be asked for, feeds first."""
        return (*self.feeds, *self.exports)


def exact_json(body: bytes) -> Any:
    """JSON with its numbers as written; BrokenAnswer where it is none."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BrokenAnswer(f"not JSON that can be read: begins with {body[:40]!r}") from error


def once_each(names: Iterable[str]) -> None:
    """Raise Changed where a list names something twice: it changed between two of its pages."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Changed(f"{name} is listed twice")
        seen.add(name)
