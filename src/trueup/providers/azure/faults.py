"""What goes wrong when Azure is asked: each exception of the SDKs as a fault.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/common-deployment-errors
https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from trueup.adapter.feed import BrokenAnswer, Fault, FaultKind, exact_json

# One service throttles by several meters, each with a wait of its own in a header of its own.
WAITS = re.compile(r"(?:x-ms-ratelimit-.*-)?retry-after", re.IGNORECASE)
SKEW_MAX_SECONDS = 300  # how far a token's times may be off

# A 401 or 403 is a matter of the credential, except where its code says that it is one of rights.
CREDENTIALS = frozenset(
    {
        "AuthenticationFailed",
        "ExpiredAuthenticationToken",
        "InvalidAuthenticationInfo",
        "InvalidAuthenticationToken",
        "InvalidAuthenticationTokenTenant",
        "InvalidAuthenticationTokenAudience",
    }
)
CLOCK = re.compile(
    r"not yet valid|AADSTS500133|AADSTS700024|lifetime validation failed, the token is not yet"
    r"|request date header too old|not within its valid time range",
    re.IGNORECASE,
)
# azure-identity passes on why it got no token in words alone.
MOMENTARY = re.compile(
    r"Authentication failed: (?:Expecting value|JSON is invalid|None\b"  # a login page, say
    r"|HTTP Error: (?:429|5\d\d)|\('Connection |.{0,9}HTTPSConnection)"
)


def fault(error: BaseException) -> Fault | None:
    """What an exception of azure-core, azure-identity or a client means."""
    from azure.core import exceptions as sdk

    if isinstance(error, sdk.DeserializationError):
        return Fault(FaultKind.BROKEN, _shortened(str(error)))
    if isinstance(error, sdk.HttpResponseError) and error.response is not None:
        return refused(error.response)
    if isinstance(error, sdk.ClientAuthenticationError):  # azure-identity's own: no token
        return _no_token(str(error))
    if isinstance(error, sdk.HttpResponseError):  # a body that ended before its time
        return Fault(FaultKind.BROKEN, _shortened(str(error)))
    if isinstance(error, sdk.ServiceRequestError | sdk.ServiceResponseError):
        return Fault(FaultKind.TRANSIENT, _shortened(str(error)))
    if isinstance(error, sdk.AzureError):
        return Fault(FaultKind.REFUSED, _shortened(str(error)))
    return None


def _no_token(text: str) -> Fault:
    if MOMENTARY.search(text):
        return Fault(FaultKind.TRANSIENT, _shortened(text))
    kind = FaultKind.CLOCK if CLOCK.search(text) else FaultKind.CREDENTIALS
    return Fault(kind, _shortened(text))


def refused(response: Any) -> Fault:
    """What an answer with a status above 299 means."""
    status = int(response.status_code)
    code, message = said(response)
    text = _shortened(f"{status} {code}: {message}")
    wait = longest_wait(response.headers)
    if status < 300:
        return Fault(FaultKind.BROKEN, text)
    if status == 429 or (status == 503 and wait is not None):
        return Fault(FaultKind.THROTTLED, text, wait)
    if status == 408 or status >= 500:
        return Fault(FaultKind.TRANSIENT, text, wait)
    if status in {401, 403}:
        return _unauthorised(response.headers, status, code, text)
    return Fault(FaultKind.REFUSED, text)


def _unauthorised(headers: Mapping[str, str], status: int, code: str, text: str) -> Fault:
    of_credential = code in CREDENTIALS or (status == 401 and not code)
    if not of_credential:
        return Fault(FaultKind.DENIED, text)
    ahead = skew_seconds(headers)
    if abs(ahead) > SKEW_MAX_SECONDS:
        side = "ahead of" if ahead > 0 else "behind"
        return Fault(FaultKind.CLOCK, f"{text} (it is {abs(ahead):,.0f} s {side} the provider's)")
    return Fault(FaultKind.CLOCK if CLOCK.search(text) else FaultKind.CREDENTIALS, text)


def skew_seconds(headers: Mapping[str, str]) -> float:
    """How far this machine's clock is ahead of the provider's; 0 where it does not say."""
    try:
        told = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return 0.0
    return now() - told.timestamp()


def now() -> float:
    """This machine's clock."""
    return time.time()


def longest_wait(headers: Mapping[str, str]) -> float | None:
    """The longest wait in seconds that any header asks for; None: no header does."""
    return max(_waits(headers), default=None)


def _waits(headers: Mapping[str, str]) -> Iterator[float]:
    for name, value in headers.items():
        if not WAITS.fullmatch(name):
            continue
        if value.strip().isdigit():
            yield int(value)
            continue
        try:  # a date, held against the provider's own clock
            told = parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError, TypeError):
            continue
        yield max(0.0, told.total_seconds())


def said(response: Any) -> tuple[str, str]:
    """The code and message of a refusal, in the forms that the services use."""
    code = str(response.headers.get("x-ms-error-code") or "")
    try:
        found = exact_json(response.text().encode())
    except (BrokenAnswer, UnicodeDecodeError):
        return code, ""
    told = found.get("error", found) if isinstance(found, dict) else {}
    if not isinstance(told, dict):
        return code or str(told), ""
    return str(told.get("code") or code), str(told.get("message") or "")


def _shortened(text: str) -> str:
    """The first sentences: identity's messages run over many lines."""
    line = " ".join(text.split())
    return line if len(line) <= 400 else f"{line[:399]}…"
