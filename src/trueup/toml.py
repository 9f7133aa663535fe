"""TOML files: read exactly, bounded in what they cost, refused in words."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from trueup.errors import ConfigurationError
from trueup.files import ENDLESS, is_endless

BYTES_MAX = 16 << 20  # it is read whole: five seconds, a few hundred megabytes of memory
KEY_PARTS_MAX = 64  # of a dotted key, whose time grows with their square

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{KEY_PARTS_MAX}}}")


def read_toml(path: Path, source: str) -> dict[str, Any]:
    """What a file says; OSError where it cannot be opened, ConfigurationError where it is no TOML.

    ``source`` is the file's name for a person.
    """
    if is_endless(path):
        raise ConfigurationError(f"{source}: {ENDLESS}")
    with path.open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        size = BYTES_MAX >> 20
        raise ConfigurationError(f"{source}: longer than {size} MiB: divide it into several files")
    try:
        text = content.decode("utf-8-sig")  # some editors begin a file with a mark
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{source}: not UTF-8 text, as TOML must be") from error
    if _LONG_KEY.search(text):
        raise ConfigurationError(
            f"{source}: not valid TOML here: a key of more than {KEY_PARTS_MAX} parts"
        )
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f'{source}: not valid TOML: {error}; text such as "2026-10" stands in quotes'
        ) from error
    except (ValueError, ArithmeticError) as error:
        raise ConfigurationError(f"{source}: not valid TOML: a number too long: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{source}: not valid TOML here: nested too deep") from error
