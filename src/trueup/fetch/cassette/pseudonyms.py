"""Ids and addresses made unrecognisable, the same everywhere; and a look for those that are not.

Each kind of id has a reserved range. A pseudonym lies in it, so that mapping twice changes nothing
and what is related stays related; ``foreign`` finds every id outside, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from trueup.redacted import HIDDEN, scrubbed


@dataclass(frozen=True)
class Kind:
    """One kind of id: how it looks, what is reserved of it, how a digest becomes one."""

    name: str
    looks: re.Pattern[str]
    reserved: re.Pattern[str]
    made: Callable[[re.Match[str], str], str]  # of the match and 64 hexadecimal digits


def _decimal(digest: str, length: int) -> str:
    return str(int(digest, 16) % 10**length).zfill(length)


KINDS = (
    Kind(
        "OCID",
        re.compile(r"\bocid1\.[a-z0-9]+\.[a-z0-9]*\.[a-z0-9-]*\.{1,2}[A-Za-z0-9_-]+"),
        re.compile(r"ocid1\..*\.[A-Za-z0-9_-]{0,24}"),
        lambda found, digest: f"{found[0].rpartition('.')[0]}.trueup{digest[:12]}",
    ),
    Kind(
        "GUID",
        re.compile(
            r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z])"
        ),
        re.compile(r".*-00000000[0-9a-fA-F]{4}"),
        lambda _, digest: "-".join(
            [digest[:8], digest[8:12], digest[12:16], digest[16:20], f"00000000{digest[20:24]}"]
        ),
    ),
    Kind(
        "billing account",
        re.compile(r"(?<![0-9A-Z])[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}(?![0-9A-Z])"),
        re.compile(r"000000-.*"),
        lambda _, digest: f"000000-{digest[:6].upper()}-{digest[6:12].upper()}",
    ),
    Kind(
        "account number",
        re.compile(r"(?<![\d.\-A-Za-z])\d{12}(?![\d.A-Za-z])"),
        re.compile(r"4100000\d{5}"),
        lambda _, digest: f"4100000{_decimal(digest, 5)}",
    ),
    Kind(
        "email address",
        re.compile(r"[A-Za-z0-9._%+-]+(?:@|%40)[A-Za-z0-9.-]+\.[A-Za-z]{2,}"),
        re.compile(r".*(?:@|%40)example\.(?:com|net|org)"),
        lambda _, digest: f"{digest[:12]}@example.com",
    ),
)
SECRETS = (
    ("an access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a signed token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    (
        "a shared access signature",
        re.compile(rf"[?&](?:sig|Signature|X-Amz-Signature)=(?!{re.escape(HIDDEN)})"),
    ),
    (
        "a bearer token",
        re.compile(r"\b[Bb]earer [A-Za-z0-9._~+/-]{16,}|\bya29\.[A-Za-z0-9_-]{16,}"),
    ),
)


# A name is whole where no word goes on: billing is none in cloudbilling, and one in %2Fbilling.
BEGINS, ENDS = r"(?:(?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2}))", r"(?![A-Za-z0-9_])"


class Pseudonyms:
    """Maps ids by HMAC with a key that stays with its owner; ``names`` are mapped as they stand."""

    def __init__(self, key: bytes, names: Iterator[str] | tuple[str, ...] = ()) -> None:
        self._key = key
        self._names = {name: self.of_name(name) for name in names if len(name) > 3}

    def of_name(self, name: str) -> str:
        """A pseudonym for a name that has no shape of its own: a project, a bucket."""
        if any(kind.looks.search(name) for kind in KINDS):
            return self.of_ids(name)
        return self._plain(name)

    def of(self, text: str) -> str:
        """The text without secrets, and with every id and every known name replaced."""
        text = scrubbed(text)
        for name in sorted(self._names, key=len, reverse=True):
            text = re.sub(f"{BEGINS}{re.escape(name)}{ENDS}", self._names[name], text)
        return self.of_ids(text)

    def of_members(self, text: str, members: Collection[str]) -> str:
        """JSON with every text under these members replaced, and else as it was written.

        Raises ValueError where what stands under one of them is no JSON.
        """
        pattern = re.compile(rf'"(?:{"|".join(map(re.escape, members)) or "(?!)"})"\s*:\s*')
        parts, end = [], 0
        for found in pattern.finditer(text):
            if found.start() >= end:
                value, after = json.JSONDecoder().raw_decode(text, found.end())
                parts += [text[end : found.end()], json.dumps(self._hidden(value))]
                end = after
        return "".join([*parts, text[end:]])

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._hidden(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._hidden(one) for one in value]
        return self._plain(value) if value and isinstance(value, str) else value

    def of_ids(self, text: str) -> str:
        for kind in KINDS:
            text = kind.looks.sub(partial(self._made, kind), text)
        return text

    def _made(self, kind: Kind, found: re.Match[str]) -> str:
        if kind.reserved.fullmatch(found[0]):
            return found[0]
        return kind.made(found, self._digest(found[0].lower()))

    def _plain(self, text: str) -> str:
        """As short and plain as the strictest names are."""
        known = re.fullmatch(r"trueup[0-9a-f]{10}", text)
        return text if known else f"trueup{self._digest(text)[:10]}"

    def _digest(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def foreign(text: str) -> list[str]:
    """What must not be stored: ids outside the reserved ranges, and secrets; without their text."""
    found = [
        f"{kind.name} {match[0][:4]}… at character {match.start():,}"
        for kind in KINDS
        for match in kind.looks.finditer(text)
        if not kind.reserved.fullmatch(match[0])
    ]
    found += [
        f"{name} at character {match.start():,}"
        for name, pattern in SECRETS
        for match in pattern.finditer(text)
    ]
    return found
