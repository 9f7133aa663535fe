"""One spelling for every JSON value (RFC 8785), so that a hash of it means something."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

NOTHING = "0" * 64  # the hash before the first


def canonical(value: object) -> bytes:
    """The value as canonical JSON. Amounts are text, instants ISO 8601, durations whole seconds."""
    import rfc8785

    return rfc8785.dumps(_plain(value))  # type: ignore[arg-type]  # checked there


def sha256_of(value: object) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.days * 86_400 + value.seconds
    return value
