"""A table of exchange rates as a CSV file, read into the rules that name it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.model.rule_table import rows_of

KEY = "exchange_rate_file"
COLUMNS = ("from", "to", "rate", "provider", "valid_from", "valid_to", "source")
NEEDED = ("from", "to", "rate")


def with_rate_file(rules: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The rules with the rates of their ``exchange_rate_file`` after those they state themselves.

    Its path is relative to ``folder``. Raises ConfigurationError as ``rows_of`` does; values are
    checked as those of the rules are.
    """
    given = rules.get(KEY)
    stated = rules.get("exchange_rate", ())
    if not isinstance(given, str) or not isinstance(stated, list | tuple):
        return dict(rules)
    rows = rows_of(folder / Path(given).expanduser(), KEY, COLUMNS, NEEDED)
    return {**rules, "exchange_rate": [*stated, *rows]}
