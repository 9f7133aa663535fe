"""What the template draws: grids of cells, every text made harmless and short beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from trueup.model.display import legible
from trueup.report import numbers

Kind = Literal["text", "number", "id", "prose", "when"]

TEXT_MAX = 240  # characters of one text in the page; the whole text is in the Parquet file


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller second line, the exact figure where the text is rounded."""

    text: str
    sub: str | None = None
    exact: str | None = None
    muted: bool = False
    tone: str | None = None  # over | under: which way a break points
    depth: int = 0  # levels below the top, at most 3: it is set in by so many steps


@dataclass(frozen=True)
class Column:
    """One column of a grid."""

    label: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Grid:
    """One table of the page; without rows it says why."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = ()
    empty: str = "Nothing to show."
    more: str | None = None
    stacked: bool = False  # on a phone, each row becomes a block of labelled lines
    widths: Sequence[int] = ()  # of the columns in percent; none: as the text wants
    folded: str | None = None  # what stands for the table until it is opened


@dataclass(frozen=True)
class Figure:
    """A chart: one drawing for every width, or one for wide and one for narrow screens."""

    caption: str
    label: str  # what a screen reader says
    wide: str  # sanitised SVG
    narrow: str | None = None
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)  # (colour, meaning)


def text(value: object, sub: object = None) -> Cell:
    """A text from anywhere; what is absent is a muted dash."""
    if value is None or value == "":
        return Cell("—", muted=True, sub=_short(sub))
    return Cell(_short(value) or "", _short(sub))


def _short(value: object) -> str | None:
    return None if value is None or value == "" else legible(str(value), TEXT_MAX)


def money(value: Decimal | None, currency: str | None, reason: str | None = None) -> Cell:
    """An amount with its currency; unknown ones say so, with the reason."""
    if value is None:
        return Cell(numbers.NOT_KNOWN, _short(reason), muted=True)
    code = f" {legible(currency, 12)}" if currency else ""
    return Cell(numbers.money(value) + code, exact=numbers.exact(value) + code)


def exact_money(value: Decimal | None, currency: str | None) -> Cell:
    """An amount to its last digit."""
    code = f" {legible(currency, 12)}" if currency and value is not None else ""
    return Cell(numbers.exact(value) + code, muted=value is None)


def quantity(value: Decimal | None, unit: str | None) -> Cell:
    """A quantity with its unit."""
    if value is None:
        return Cell(numbers.NOT_KNOWN, muted=True)
    said = f" {legible(unit, 40)}" if unit else ""
    if unit and unit[0].isdigit():  # 1000 Tokens
        said = f" \N{MULTIPLICATION SIGN}{said}"
    return Cell(numbers.quantity(value) + said, exact=numbers.grouped(value) + said)


def share(value: Decimal | None) -> Cell:
    """A share of 1 in percent."""
    return Cell(numbers.percent(value), muted=value is None)


def rows_counted(value: int | None) -> Cell:
    """A count of rows."""
    return Cell(numbers.NOT_KNOWN, muted=True) if value is None else Cell(f"{value:,}")


def when(value: datetime | None, end: datetime | None = None) -> Cell:
    """An instant in UTC, or a half-open interval by its start and length."""
    if value is None:
        return Cell("—", muted=True)
    moment = value.astimezone(UTC)
    at_midnight = (moment.hour, moment.minute) == (0, 0)
    if end is None:
        return Cell(f"{moment:%Y-%m-%d}" if at_midnight else f"{moment:%Y-%m-%d %H:%M}")
    return Cell(f"{moment:%Y-%m-%d %H:%M}", sub=numbers.length(end - value))
