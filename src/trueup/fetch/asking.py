"""Asking a provider: retried within bounds, paged to the end, never a part taken for the whole."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from trueup.adapter.feed import (
    RETRIED,
    Answer,
    BrokenAnswer,
    Changed,
    Connector,
    Fault,
    FaultKind,
    Page,
)
from trueup.errors import ProviderError

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.period import Period

T = TypeVar("T")

ATTEMPTS_MAX = 5
WAIT_MAX_SECONDS = 60.0
RETRY_AFTER_MAX_SECONDS = 900.0  # a provider that asks for more is reported, not waited for
PAGES_MAX = 10_000
BODY_MAX_BYTES = 64 << 20

REMEDIES = {
    FaultKind.THROTTLED: "run again later, or raise the account's request quota",
    FaultKind.TRANSIENT: "check the network and the provider's status page, then run again",
    FaultKind.BROKEN: "run again; if it stays, something between here and the provider alters "
    "answers (a proxy, a login page)",
    FaultKind.CREDENTIALS: "renew the credentials; `trueup doctor` shows which are looked for",
    FaultKind.DENIED: "grant the permission {permission}; the provider's folder has the whole "
    "least-privilege policy",
    FaultKind.CLOCK: "set this machine's clock (NTP), then run again",
    FaultKind.REFUSED: "check the settings of [providers.{provider}]",
}


@dataclass
class Asker:
    """Asks one provider on behalf of one feed; see ``trueup.adapter.feed.Asking``."""

    provider: str
    connector: Connector
    connection: Any
    settings: Mapping[str, Any]
    period: Period
    at: datetime
    permissions: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False  # a recording answers

    def once(self, operation: str, ask: Callable[[], bytes], **asked: str) -> Answer:
        return Answer(operation, asked, 1, self._bounded(operation, self.retried(operation, ask)))

    def pages(
        self, operation: str, ask: Callable[[str | None], Page], **asked: str
    ) -> Iterator[Answer]:
        """Every page in order. A token or a page that comes again raises ``Changed``."""
        token: str | None = None
        tokens: set[str] = set()
        bodies: set[bytes] = set()
        for number in range(1, PAGES_MAX + 1):
            page = self.retried(operation, partial(ask, token))
            digest = hashlib.sha256(self._bounded(operation, page.body)).digest()
            if digest in bodies:
                raise Changed(f"{operation}: page {number} repeats an earlier page")
            if not page.empty:
                bodies.add(digest)
            yield Answer(operation, asked, number, page.body)
            token = page.token
            if not token:
                return
            if token in tokens:
                raise Changed(f"{operation}: the token after page {number} was given before")
            tokens.add(token)
        raise self.error(operation, f"more than {PAGES_MAX:,} pages", "ask for a shorter period")

    def retried(self, operation: str, ask: Callable[[], T]) -> T:
        """What ``ask`` returns, at most ``ATTEMPTS_MAX`` times asked; ProviderError otherwise."""
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS_MAX),
            wait=self._wait,
            retry=retry_if_exception(self._is_retried),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return attempts(ask)
        except BaseException as error:
            self._translate(operation, error)
            raise

    def _translate(self, operation: str, error: BaseException) -> None:
        """Raise the ProviderError that an SDK's exception means; leave alone what is not its."""
        fault = self._fault(error)
        if fault is not None:
            raise self.failed(operation, fault) from error

    def failed(self, operation: str, fault: Fault) -> ProviderError:
        """The error for an operator: provider, operation, what was said, what to do."""
        permission = self.permissions.get(operation, operation)
        remedy = REMEDIES[fault.kind].format(permission=permission, provider=self.provider)
        tried = f" ({ATTEMPTS_MAX} attempts)" if fault.kind in RETRIED else ""
        return self.error(operation, f"{fault.kind.value}{tried}: {fault.said}", remedy)

    def error(self, operation: str, reason: str, remedy: str) -> ProviderError:
        return ProviderError(self.provider, operation, reason, remedy)

    def _bounded(self, operation: str, body: bytes) -> bytes:
        if len(body) > BODY_MAX_BYTES:
            raise self.error(
                operation,
                f"an answer of {len(body):,} bytes, more than the bound of {BODY_MAX_BYTES:,}",
                "ask for a shorter period, or read the provider's bulk export",
            )
        return body

    def _fault(self, error: BaseException) -> Fault | None:
        if _unrecorded(error):
            return Fault(FaultKind.REFUSED, "the recording has no answer to this question")
        if isinstance(error, BrokenAnswer):
            return Fault(FaultKind.BROKEN, str(error))
        return self.connector.fault(error)

    @staticmethod
    def _sleep(seconds: float) -> None:
        time.sleep(seconds)

    def _is_retried(self, error: BaseException) -> bool:
        fault = self._fault(error)
        if fault is None or fault.kind not in RETRIED:
            return False
        return (fault.retry_after or 0) <= RETRY_AFTER_MAX_SECONDS

    def _wait(self, state: RetryCallState) -> float:
        """What the provider asked for, else growing waits with jitter."""
        error = state.outcome.exception() if state.outcome else None
        fault = self._fault(error) if error else None
        if fault is not None and fault.retry_after is not None:
            return fault.retry_after
        return wait_exponential_jitter(initial=1, max=WAIT_MAX_SECONDS)(state)


def _unrecorded(error: BaseException | None) -> bool:
    """Whether vcrpy has no answer, however deep an SDK has wrapped that."""
    while error is not None:
        if type(error).__name__ == "CannotOverwriteExistingCassetteException":
            return True
        error = error.__cause__ or error.__context__
    return False
