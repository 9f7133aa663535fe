"""What the SDK's exceptions mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.adapter.feed import Fault, FaultKind

THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"}
)
CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
CLOCK = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
SKEWED = ("Signature expired", "Signature not yet current")  # of InvalidSignatureException


def fault(error: BaseException) -> Fault | None:
    """What an exception of botocore (or of the sockets below it) means."""
    from botocore import exceptions as sdk
    from botocore.parsers import ResponseParserError

    if isinstance(error, sdk.ClientError):
        return _refused(error.response)
    if isinstance(
        error,
        sdk.NoCredentialsError
        | sdk.PartialCredentialsError
        | sdk.CredentialRetrievalError
        | sdk.NoAuthTokenError
        | sdk.SSOError
        | sdk.TokenRetrievalError,
    ):
        return Fault(FaultKind.CREDENTIALS, str(error))
    if isinstance(error, ResponseParserError | sdk.IncompleteReadError | sdk.ChecksumError):
        return Fault(FaultKind.BROKEN, str(error))
    if isinstance(error, sdk.HTTPClientError):
        return Fault(FaultKind.TRANSIENT, str(error))
    if isinstance(error, sdk.BotoCoreError):
        return Fault(FaultKind.REFUSED, str(error))
    return None


def _refused(response: Mapping[str, Any]) -> Fault:
    said = response.get("Error", {})
    meta = response.get("ResponseMetadata", {})
    code, status = str(said.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    text = f"{code}: {said.get('Message', '')}".strip(": ")
    return Fault(_kind(code, status, text), text, _seconds(meta.get("HTTPHeaders", {})))


def _kind(code: str, status: int, text: str) -> FaultKind:
    if code in THROTTLED or status == 429:
        return FaultKind.THROTTLED
    if code in CLOCK or any(words in text for words in SKEWED):
        return FaultKind.CLOCK
    if code in DENIED:
        return FaultKind.DENIED
    if code in CREDENTIALS:
        return FaultKind.CREDENTIALS
    return FaultKind.TRANSIENT if status >= 500 else FaultKind.REFUSED


def _seconds(headers: Mapping[str, str]) -> int | None:
    """What Retry-After asks for, in seconds; None where it is not said, or said as a date."""
    after = headers.get("retry-after", "")
    return int(after) if after.isdigit() else None
