"""Compares tables with the right answers, to the last digit, and says what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from tests.world.focus import text

Row = Mapping[str, object]
NAMES_OF_ROWS = {
    "commitments": ("commitment_id", "currency"),
    "utilization": ("commitment_id", "interval_start"),
    "credits": ("commitment_id",),
    "breaks": (
        "class", "leg", "provider", "commitment_id", "resource_id", "model", "meter",
        "period_start", "period_end",
    ),
    "pending": ("provider", "resource_id", "model", "meter", "period_start", "period_end"),
    "allocations": (
        "session", "agent", "tool", "team", "cost_centre", "provider", "model", "currency",
    ),
    "unattributed": ("currency", "reason"),
    "identity": ("currency",),
    "buckets": ("side", "bucket", "reason"),
    "control_totals": ("source", "currency"),
}  # fmt: skip
LEG_ROWS = {
    "leg_breaks": (
        "class", "leg", "rule", "provider", "commitment_id", "account_id", "subject",
        "period_start", "period_end",
    ),
    "claims": ("provider", "commitment_id", "rule", "interval_start"),
    "roll_forward": ("lot_id",),
    "invoices": ("issuer",),
    "conversions": ("provider", "day"),
    "restatements": (
        "provider", "billing_account_id", "account_id", "service", "sku", "resource_id",
        "commitment_id", "category", "status", "period_start", "period_end", "currency",
    ),
    "restated_breaks": (
        "class", "leg", "rule", "provider", "commitment_id", "account_id", "resource_id",
        "subject", "period_start",
    ),
}  # fmt: skip
SHOWN_MAX = 25


def plain(column: str, value: object) -> str | None:
    """A value as comparable text: decimals without trailing zeros, instants, models normalised."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return text(value)
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return _number(Decimal(value))
    written = str(value)
    if column == "model":
        words = "".join(c if c.isalnum() else " " for c in written.lower()).split()
        return "-".join(words)
    if column not in TEXT_COLUMNS and _is_number(written):
        return _number(Decimal(written))
    return written


TEXT_COLUMNS = {
    "commitment_id", "resource_id", "session", "agent", "tool", "team", "cost_centre", "source",
}  # fmt: skip


def _is_number(written: str) -> bool:
    return written.lstrip("-").replace(".", "", 1).isdigit()


def _number(value: Decimal) -> str:
    found = format(value, "f")
    found = found.rstrip("0").rstrip(".") if "." in found else found
    return "0" if found in ("-0", "") else found


def differences(table: str, expected: Sequence[Row], found: Iterable[Row]) -> list[str]:
    """What is missing, superfluous or different, a line each; nothing where all agrees."""
    names = NAMES_OF_ROWS.get(table) or LEG_ROWS[table]
    wanted, given = _by_name(names, expected), _by_name(names, found)
    lines = [
        f"{table}: missing    {_shown(names, name)}: {dict(wanted[name][0])}"
        for name in wanted.keys() - given.keys()
    ] + [
        f"{table}: unexpected {_shown(names, name)}: {dict(given[name][0])}"
        for name in given.keys() - wanted.keys()
    ]
    for name in wanted.keys() & given.keys():
        if len(wanted[name]) != len(given[name]):
            count = f"{len(given[name])} rows, expected {len(wanted[name])}"
            lines.append(f"{table}: {_shown(names, name)}: {count}")
            continue
        lines += _cell_differences(table, _shown(names, name), wanted[name], given[name])
    return sorted(lines)


def _by_name(names: Sequence[str], rows: Iterable[Row]) -> dict[tuple[str | None, ...], list[Row]]:
    found: dict[tuple[str | None, ...], list[Row]] = {}
    for row in rows:
        key = tuple(plain(name, row.get(name)) for name in names)
        found.setdefault(key, []).append(row)
    return found


def _cell_differences(
    table: str, shown: str, wanted: Sequence[Row], given: Sequence[Row]
) -> list[str]:
    lines = []
    for column in wanted[0]:
        right = Counter(plain(column, row.get(column)) for row in wanted)
        stated = Counter(plain(column, row.get(column)) for row in given)
        if right != stated:
            values = f"{_values(stated)}, expected {_values(right)}"
            lines.append(f"{table}: {shown}: {column} is {values}")
    return lines


def _values(counted: Counter[str | None]) -> str:
    return " and ".join(str(value) for value in counted.elements())


def _shown(names: Sequence[str], key: Sequence[str | None]) -> str:
    return " ".join(f"{name}={value}" for name, value in zip(names, key, strict=True) if value)


def report(lines: Sequence[str]) -> str:
    """The first lines, and how many more there are."""
    rest = len(lines) - SHOWN_MAX
    more = [f"... and {rest} more"] if rest > 0 else []
    return "\n".join([*lines[:SHOWN_MAX], *more])
