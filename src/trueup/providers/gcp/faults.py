"""What an exception of Google's SDKs (or of requests below them) means.

https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from trueup.adapter.feed import Fault, FaultKind
from trueup.providers.gcp.client import Refusal

THROTTLED = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded"})
# 403s that no permission mends.
REFUSED = frozenset(
    {
        "SERVICE_DISABLED",
        "accessNotConfigured",
        "billingNotEnabled",
        "quotaExceeded",
        "responseTooLarge",
    }
)
SKEW_MAX_SECONDS = 300
# What the token endpoint says of an assertion that is dated in the future or the past.
SKEWED = ("reasonable timeframe", "Token used too early", "Token used too late")


def fault(error: BaseException) -> Fault | None:
    """None: the exception is none of theirs."""
    import requests
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth import exceptions as auth
    from google.protobuf.json_format import ParseError

    text = str(error) or type(error).__name__
    if isinstance(error, Refusal):
        return Fault(FaultKind.REFUSED, text)
    if isinstance(error, GoogleAPICallError):
        return _refused(error)
    if isinstance(error, ParseError | requests.exceptions.ContentDecodingError):
        return Fault(FaultKind.BROKEN, text)
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return Fault(FaultKind.BROKEN, f"the answer ends too soon: {text}")
    if isinstance(error, auth.TransportError):
        return Fault(FaultKind.TRANSIENT, text)
    if isinstance(error, auth.GoogleAuthError):
        return _unauthorized(error, text)
    if isinstance(error, requests.exceptions.RequestException):
        return Fault(FaultKind.TRANSIENT, text)
    return None


def _unauthorized(error: Any, text: str) -> Fault:
    if any(words in text for words in SKEWED):
        return Fault(FaultKind.CLOCK, text)
    kind = FaultKind.TRANSIENT if error.retryable else FaultKind.CREDENTIALS
    return Fault(kind, text)


def _refused(error: Any) -> Fault:
    """A status that is no success: Google says why in ``reason`` and in words."""
    reasons = {str(one.get("reason")) for one in error.errors if isinstance(one, dict)}
    reasons |= {str(error.reason)} if getattr(error, "reason", None) else set()
    said, status = str(error), int(error.code or 0)
    headers = getattr(error.response, "headers", {})
    if status == 429 or reasons & THROTTLED:
        return Fault(FaultKind.THROTTLED, said, _seconds(headers.get("retry-after")))
    if status >= 500:
        return Fault(FaultKind.TRANSIENT, said, _seconds(headers.get("retry-after")))
    if status == 401:
        skew = _skew(headers.get("date")) or 0.0
        if abs(skew) > SKEW_MAX_SECONDS:
            return Fault(FaultKind.CLOCK, f"{said} (this clock is {skew:+,.0f} s from theirs)")
        return Fault(FaultKind.CREDENTIALS, said)
    if status == 403 and not reasons & REFUSED:
        return Fault(FaultKind.DENIED, said)
    return Fault(FaultKind.REFUSED, said)


def _seconds(after: str | None) -> float | None:
    """Retry-After, which is a number of seconds or an instant; None: neither."""
    if after is not None and after.isdigit():
        return int(after)
    skew = _skew(after)
    return None if skew is None else max(0.0, -skew)


def _skew(instant: str | None) -> float | None:
    """By how many seconds this machine's clock is ahead of an instant in a header, if it is one."""
    try:
        theirs = parsedate_to_datetime(instant or "")
    except ValueError:
        return None
    aware = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    return (datetime.now(UTC) - aware).total_seconds()
