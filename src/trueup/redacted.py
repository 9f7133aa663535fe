"""Text that may be shown and kept: what is secret in it, or looks so, is ``***``.

Nothing is known here of where a text comes from: an SDK's exception, a URL of the configuration, a
traceback, a provider's answer. Hiding twice changes nothing.
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

# The token of a list's next page is none of these: it opens nothing, and it is evidence.
_PAGED = "".join(f"(?<!{word})(?<!{word}[_-])" for word in ("next", "page", "continuation", "skip"))
_NAME = (
    r"[\w.%-]*(?:passw(?:or)?d|pwd|pass_?phrase|secret|signature|credentials?|authorization|cookie"
    rf"|{_PAGED}token"
    r"|(?:access|account|api|private|secret|shared|signing|subscription)[_-]?key(?:[_-]?id)?)"
)
_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*-?(?:token|key|signature)"
_WORD = r"[^\s&;,#\"'<>\])}\\]"
_SCHEME = r"[a-z][a-z0-9+.-]{0,31}"  # bounded, so that no text takes long
_STARTS = r"(?<![\w.%-])"


def _patterns(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """Each begins with a group: what is kept, before what is hidden."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_CERTAIN = _patterns(
    r"()-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    r"()\b(?-i:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"()\b(?-i:eyJ)[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    r"()\bya29\.[\w-]{16,}",
    r"()\b(?:gh[opsru]_|github_pat_|glpat-|xox[abeoprs]-|sk-)[\w-]{16,}",
    # Who signs in by a URL (a container of abfs is no user); a key may have a slash in it.
    rf"(\b(?!(?:abfss?|wasbs?)://[^\s:@/]+@){_SCHEME}://)[^\s/?#\"'<>]*(?=@)",
    rf"(\b{_SCHEME}://)[^\s/@:\"'<>]+:(?!\d+(?:/|\Z))[^\s@\"'<>]{{1,512}}(?=@)",
    r"(\bhooks\.slack\.com/|\bdiscord(?:app)?\.com/api/webhooks/|\bapi\.telegram\.org/bot"
    rf"|\.webhook\.office\.com/){_WORD}+",
    rf"([?&](?:amp;)?(?:sig|key|code|pass|auth|{_NAME})=){_WORD}+(?<![:.])",
    rf"({_STARTS}(?:{_HEADER}):[ \t]*+)[^\s\"'*][^\r\n\"']*",
    rf"({_STARTS}\"?{_NAME}\"?\s*[:=]\s*\")(?:[^\"\\]|\\.)+",
    rf"({_STARTS}'?{_NAME}'?\s*[:=]\s*')(?:[^'\\]|\\.)+",
    rf"(<{_NAME}>)[^<]+",
    r"(\b(?:Bearer|Basic|SharedKey)\s+)(?-i:(?=\S*[A-Z0-9=]))[\w.~+/=:-]{12,}",
)
_LIKELY = _patterns(
    rf"([?&][\w.%~-]+=){_WORD}{{{LONG},}}(?<![:.])",
    rf"({_STARTS}{_NAME}\s*=\s*)[^\s&;,\"'<>\])}}*][^\s&;,\"'<>\])}}]*",
)
_URL = re.compile(rf"\b({_SCHEME})(://)[^\s\"'<>]+(?<![:;.,])", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(
    r"SECRET|TOKEN|PASSW|PASS_?PHRASE|PWD_|_KEY(?:_ID)?$|^KEY$|API_?KEY|CREDENTIAL|SAS$",
    re.IGNORECASE,
)
# What a bill may well say, too: a date, an amount, a column's name.
_ORDINARY = re.compile(r"[\d.,:/TZ+-]+|[A-Za-z]+(?:[_. /-][A-Za-z]+)*")
_OF_A_PLACE = re.compile(r"(?:FILE|PATH|DIR|URI|CREDENTIALS|ENDPOINT)$", re.IGNORECASE)


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text as it may be shown: without secrets, and without what only looks like one."""
    for value in _known(environment):
        text = text.replace(value, HIDDEN)
    text = _URL.sub(_of_a_service, scrubbed(text, environment))
    for pattern in _LIKELY:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def scrubbed(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text as it may be kept: without what is secret by its name, its form or its place.

    Hidden are also the values of variables whose names say that they are secret; of this process
    where no ``environment`` is given. One that is a word or a figure is none of these: what is kept
    is evidence. JSON stays JSON.
    """
    for value in _known(environment):
        if not _ORDINARY.fullmatch(value):
            text = text.replace(value, HIDDEN)
    for pattern in _CERTAIN:
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


def _known(environment: Mapping[str, str] | None) -> Iterator[str]:
    """Values of secret variables, as they stand and as a URL has them; long ones first."""
    found = {
        value.strip()
        for name, value in (os.environ if environment is None else environment).items()
        if _SECRET_VARIABLE.search(name) and not _OF_A_PLACE.search(name)
    }
    spelt = {form for value in found for form in (value, quote(value, safe=""))}
    yield from sorted((one for one in spelt if len(one) >= SHORTEST), key=len, reverse=True)
