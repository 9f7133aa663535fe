"""A table of exchange rates as a CSV file, read into the rules that name it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.errors import ConfigurationError

KEY = "exchange_rate_file"
COLUMNS = ("from", "to", "rate", "provider", "valid_from", "valid_to", "source")
NEEDED = ("from", "to", "rate")


def with_rate_file(rules: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The rules with the rates of their ``exchange_rate_file`` after those they state themselves.

    Its path is relative to ``folder``. Raises ConfigurationError naming the file where it cannot
    be read or has other columns than ``COLUMNS``; values are checked as those of the rules are.
    """
    given = rules.get(KEY)
    if not isinstance(given, str):
        return dict(rules)
    path = folder / Path(given).expanduser()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, restkey="")
            names = list(table.fieldnames or ())
            rows = [{k: v for k, v in row.items() if v not in (None, "")} for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: {KEY}: cannot be read: {error}") from error
    lacking = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if lacking or unknown:
        wrong = f"missing {', '.join(lacking)}" if lacking else f"unknown {', '.join(unknown)}"
        raise ConfigurationError(f"{path}: {KEY}: {wrong}; its columns are {', '.join(COLUMNS)}")
    stated = rules.get("exchange_rate", ())
    return (
        {**rules, "exchange_rate": [*stated, *rows]}
        if isinstance(stated, list | tuple)
        else dict(rules)
    )
