"""Every exception trueup raises on purpose.

TrueupError
├── UsageError              the caller asked for something impossible (exit code 2)
│   └── ConfigurationError  a key of a configuration, rules or contract file is wrong
├── SourceError             a whole file or provider could not be read; names it
├── ProviderError           a provider did not answer: provider, operation, reason, remedy
│   └── NothingYet          its bill holds nothing of the period
├── MissingDependency       an optional package is needed; says which extra installs it
├── CurrencyMismatch        two currencies were about to be added
├── UnitError               a unit cannot be parsed, or two units do not convert exactly
└── IntegrityError          an identity or a control total does not hold: nothing was written

What is wrong with a *row* is never an exception: it is a row of ``rejects``.
What does not agree between bill and telemetry is never an exception: it is a row of ``breaks``.
"""

from __future__ import annotations

from errno import EDQUOT, ENOSPC
from os import strerror

from trueup.redacted import redacted


class TrueupError(Exception):
    """Base of all errors raised on purpose; its text says what, where and what to do next.

    No secret is in it: not of a URL that was given, nor of what an SDK or a file system said.
    """

    def __init__(self, text: str) -> None:
        super().__init__(redacted(text))


class UsageError(TrueupError):
    """A call or command cannot be carried out as it was given."""


class ConfigurationError(UsageError):
    """A configuration, rules or contract file has a wrong key or value."""


class SourceError(TrueupError):
    """A whole source (file, URL or provider) could not be read.

    ``source`` is the path or URL as it was given, without what is secret in it.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = redacted(source)
        self.reason = redacted(reason)


class ProviderError(TrueupError):
    """A provider could not be asked, or what it answered cannot be the whole."""

    def __init__(self, provider: str, operation: str, reason: str, remedy: str) -> None:
        super().__init__(f"{provider}: {operation}: {reason}; {remedy}")
        self.provider = provider
        self.operation = operation
        self.reason = redacted(reason)
        self.remedy = remedy


class NothingYet(ProviderError):
    """A provider was asked, and its bill holds nothing of the period, or of a part of it."""


class MissingDependency(TrueupError):
    """An optional package is needed for what was asked."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is needed for this: pip install 'trueup[{extra}]'")
        self.package = package
        self.extra = extra


class CurrencyMismatch(TrueupError):
    """Two amounts of different currencies were about to be added or compared."""


class UnitError(TrueupError):
    """A unit cannot be read, or there is no exact factor between two units."""


class IntegrityError(TrueupError):
    """An identity that every run checks did not hold; the run cannot be trusted."""


def disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, is that a disk has no room left.

    Delta Lake and DuckDB say so in their text alone.
    """
    while error is not None:
        if getattr(error, "errno", None) in (ENOSPC, EDQUOT) or strerror(ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
