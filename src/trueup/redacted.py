"""Text that may be shown and kept: what looks like a secret in it is ``***``.

Nothing is known here of where a text comes from: an SDK's exception, a URL of the configuration, a
traceback. What is hidden: who signs in by a URL, signed and token-like parameters, addresses of
services that deliver messages, fields and headers by their names, tokens and keys by their shapes,
and whatever a variable of the environment holds whose name says that it is secret. Hiding twice
changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 8  # characters of a variable's value: what is shorter is a word of many texts
LONG = 20  # characters of a parameter that is taken for a token, whatever its name

_NAME = (
    r"[\w.%-]*(?:passw(?:or)?d|pwd|pass_?phrase|secret|token|signature|credentials?|authorization"
    r"|cookie|(?:access|account|api|private|secret|shared|signing|subscription)[_-]?key(?:[_-]?id)?)"
)
_VALUE = r""""(?:[^"\\]|\\.)*(?:"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|[^\s&;,"'<>\])}]+"""
_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie|[\w-]*-(?:token|key|signature)"
_WORD = r"[^\s&;,#\"'<>\])}]"
_SCHEME = r"[a-z][a-z0-9+.-]*"

_HOOKS = (
    r"(\bhooks\.slack\.com/|\bdiscord(?:app)?\.com/api/webhooks/|\bapi\.telegram\.org/bot"
    rf"|\.webhook\.office\.com/){_WORD}+"
)
_KEYS = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|\bya29\.[\w-]{16,}"
    r"|\b(?:gh[opsru]_|github_pat_|glpat-|xox[abeoprs]-|sk-)[\w-]{16,}"
)
# What is hidden behind what is kept; each begins with a group for that.
_BEHIND = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Who signs in by a URL (a container of abfs is no user); a key may have a slash in it.
        rf"(\b(?!(?:abfss?|wasbs?)://[^\s:@/]+@){_SCHEME}://)[^\s/?#\"'<>]*(?=@)",
        rf"(\b{_SCHEME}://)[^\s/@:\"'<>]+:(?!\d+(?:/|\Z))[^\s@\"'<>]+(?=@)",
        _HOOKS,
        rf"([?&](?:sig|key|code|pass|auth|{_NAME})=){_WORD}+",
        rf"([?&][\w.%~-]+=){_WORD}{{{LONG},}}",
        rf"((?<![\w.%-])(?:{_HEADER}):[ \t]*+)[^\s\"'*][^\r\n\"']*",
        rf"((?<![\w.%-]){_NAME}[\"']?\s*=\s*)(?:{_VALUE})",
        rf"([\"']{_NAME}[\"']\s*:\s*)(?:{_VALUE})",
        r"(\b(?:Bearer|Basic|SharedKey)\s+)(?-i:(?=\S*[A-Z0-9=]))[\w.~+/=:-]{12,}",
    )
)
_URL = re.compile(rf"\b({_SCHEME})(://)[^\s\"'<>]+", re.IGNORECASE)
_SHAPE = re.compile(_KEYS)
_SECRET_VARIABLE = re.compile(
    r"SECRET|TOKEN|PASSW|PASS_?PHRASE|PWD_|_KEY(?:_ID)?$|^KEY$|API_?KEY|CREDENTIAL|SAS$",
    re.IGNORECASE,
)
_OF_A_PLACE = re.compile(r"(?:FILE|PATH|DIR|URI|CREDENTIALS|ENDPOINT)$", re.IGNORECASE)


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with every secret hidden; ``environment`` is this process's where none is given."""
    for value in _known(os.environ if environment is None else environment):
        text = text.replace(value, HIDDEN)
    text = _SHAPE.sub(HIDDEN, _URL.sub(_of_a_service, text))
    for pattern in _BEHIND:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def redacted_values(value: Any) -> Any:
    """Mappings and lists with every text in them redacted, also by the name it stands under."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(one, str) and _is_secret(str(key)) else redacted_values(one)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted_values(one) for one in value]
    return redacted(value) if isinstance(value, str) else value


def _of_a_service(found: re.Match[str]) -> str:
    """A URL where no files lie: chat and mail services have their tokens anywhere in it."""
    from fsspec import available_protocols

    known = found[1].lower() in {*available_protocols(), "wasb", "wasbs"}
    return found[0] if known else f"{found[1]}://{HIDDEN}"


def _is_secret(name: str) -> bool:
    return re.fullmatch(_NAME, name, re.IGNORECASE) is not None


def _known(environment: Mapping[str, str]) -> Iterator[str]:
    """Values of secret variables, as they stand and as a URL has them; long ones first."""
    found = {
        value.strip()
        for name, value in environment.items()
        if _SECRET_VARIABLE.search(name) and not _OF_A_PLACE.search(name)
    }
    spelt = {form for value in found for form in (value, quote(value, safe=""))}
    yield from sorted((one for one in spelt if len(one) >= SHORTEST), key=len, reverse=True)
