"""A table of rules as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

from trueup.errors import ConfigurationError
from trueup.files import ENDLESS, is_endless

BYTES_MAX = 16 << 20  # each row becomes a rule, in memory


def rows_of(
    path: Path, key: str, columns: Collection[str], needed: Collection[str]
) -> list[dict[str, str]]:
    """The rows of the file that the rule ``key`` names, without their empty cells.

    Raises ConfigurationError naming file and key where it cannot be read, lacks one of ``needed``
    or has other columns than ``columns``.
    """
    try:
        if is_endless(path):
            raise ConfigurationError(f"{path}: {key}: {ENDLESS}")
        if path.stat().st_size > BYTES_MAX:
            size = BYTES_MAX >> 20
            raise ConfigurationError(f"{path}: {key}: longer than {size} MiB: name fewer rows")
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, restkey="")
            names = list(table.fieldnames or ())
            rows = [{k: v for k, v in row.items() if v not in (None, "")} for row in table]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigurationError(f"{path}: {key}: cannot be read: {error}") from error
    lacking = [name for name in needed if name not in names]
    unknown = [name for name in names if name not in columns]
    if lacking or unknown:
        wrong = f"missing {', '.join(lacking)}" if lacking else f"unknown {', '.join(unknown)}"
        raise ConfigurationError(f"{path}: {key}: {wrong}; its columns are {', '.join(columns)}")
    return rows
