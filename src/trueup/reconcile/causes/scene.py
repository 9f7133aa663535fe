"""The breaks of a run beside the evidence of where they come from; and a cause as it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

import ibis.expr.types as ir

from trueup.engine.engine import Engine
from trueup.errors import UnitError
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.metering import COUNTED, base_factor
from trueup.reconcile.terms import Terms
from trueup.reconcile.text import text_of
from trueup.units import parse_unit

BREAKS_MAX = 20_000  # so many, the largest, are looked at one by one
HOUR = timedelta(hours=1)
ROUNDING = Fraction(1, 10**12)  # figures of breaks are rounded at 18 decimals
ID_DIGITS = 16

Break = Mapping[str, Any]


@dataclass(frozen=True)
class Scene:
    """What a cause is looked for in.

    ``breaks`` have the columns of the result and ``tier`` and ``shift_seconds``. The tables are
    as the usage leg leaves them, null without usage: ``groups`` as it judged them, ``cells`` the
    metered cells, ``usage`` the rows as read, ``allocated`` cost by group and party.
    """

    breaks: Sequence[Break]
    charges: ir.Table
    terms: Sequence[Terms]
    window: Period
    rules: Rules
    scale: int
    engine: Engine
    groups: ir.Table | None = None
    cells: ir.Table | None = None
    usage: ir.Table | None = None
    allocated: ir.Table | None = None

    def of_class(self, *classes: str) -> list[Break]:
        """The breaks of these classes that a single pair of quantities made."""
        return [row for row in self.breaks if row["class"] in classes and row["rule"] != SUMMED]


SUMMED = "accumulated"


@dataclass(frozen=True)
class Cause:
    """One cause, the breaks it explains, and what a person reads of it.

    ``subject`` tells it from others of its name, and is the same in every run. ``moved`` is the
    money, per currency, of a cause that no break carries.
    """

    name: str
    subject: tuple[str | None, ...]
    breaks: Sequence[Break]
    explanation: str
    remedy: str
    moved: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same for the same cause in every run."""
        return sha256(text_of((self.name, *self.subject)).encode()).hexdigest()[:ID_DIGITS]


Search = Callable[[Scene], list[Cause]]


def grouped(
    rows: Iterable[Break], key: Callable[[Break], tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[Break]]:
    """The breaks by a key, in the order they come."""
    found: dict[tuple[Any, ...], list[Break]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def subject(row: Break) -> tuple[str | None, ...]:
    """Whose meter it is: provider, account, held resource, model, meter and tier."""
    held = None if row["meter"] in COUNTED else row["resource_id"]
    return (row["provider"], row["account_id"], held, row["model"], row["meter"], row["tier"])


def in_base(row: Break, side: str) -> Fraction:
    """``billed`` or ``expected`` in base units of the meter; as it stands where no unit is read."""
    value = Fraction(row[side] or 0)
    try:
        return value * base_factor(parse_unit(row["unit"] or ""), row["meter"])
    except UnitError:
        return value


def equal(one: Fraction, other: Fraction) -> bool:
    """Equal but for the rounding of the figures at the edge."""
    return abs(one - other) <= ROUNDING * abs(one)


def near(one: Fraction, other: Fraction, row: Break, rules: Rules) -> bool:
    """Equal within the tolerance of the usage leg for that provider."""
    relative = Fraction(rules.tolerance_of("usage", row["provider"]).relative)
    return abs(one - other) <= relative * abs(one)


def hours(row: Break) -> list[datetime]:
    """The hours of a break's period."""
    count = max(1, (row["period_end"] - row["period_start"]) // HOUR)
    return [row["period_start"] + number * HOUR for number in range(count)]


def counted(number: int, noun: str = "break") -> str:
    """``1 break``, ``312 breaks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def named(*parts: str | None) -> str:
    """What is known of a subject, as a person reads it."""
    return " ".join(part for part in parts if part) or "a subject without a name"


def shown(value: Fraction | Decimal | int) -> str:
    """A figure with at most six decimals and a comma at every thousand."""
    rounded = Decimal(round(Fraction(value) * 10**6)).scaleb(-6)
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
