"""A table of whom usage belongs to as a CSV file, read into the rules that name it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.model.rule_table import rows_of

KEY = "map_file"
NEEDED = ("level", "name")
COLUMNS = (*NEEDED, "team", "cost_centre", "business_unit")


def with_map_file(rules: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The rules with the rows of ``[chargeback] map_file`` after the entries of ``map``.

    Its path is relative to ``folder``. Raises ConfigurationError as ``rows_of`` does; values are
    checked as those of the rules are.
    """
    policy = rules.get("chargeback")
    given = policy.get(KEY) if isinstance(policy, Mapping) else None
    stated = policy.get("map", ()) if isinstance(policy, Mapping) else None
    if not isinstance(given, str) or not isinstance(stated, list | tuple):
        return dict(rules)
    rows = rows_of(folder / Path(given).expanduser(), f"chargeback.{KEY}", COLUMNS, NEEDED)
    return {**rules, "chargeback": {**rules["chargeback"], "map": [*stated, *rows]}}
