"""Contracts typed by hand: the ``[[commitment]]`` tables of a TOML file, checked key by key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from trueup.errors import ConfigurationError
from trueup.focus.columns import COST_AND_USAGE, DATASETS

INTERVALS = {
    "hourly": "Hourly",
    "daily": "Daily",
    "weekly": "Weekly",
    "monthly": "Monthly",
    "quarterly": "Quarterly",
    "semi-annual": "Semi-Annual",
    "annual": "Annual",
    "full period": "Full Period",
}

INTEGER_DIGITS_MAX = 20
DECIMALS_MAX = 18


def _amount(value: object) -> object:
    """An exact decimal that DECIMAL(38, 18) holds, from a TOML number or text."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("must be a number, such as 1000 or 0.35")
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
        raise ValueError("must be a plain number without separators, such as 1000 or 0.35")
    sign, figures, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("must be a finite number")
    significant = "".join(map(str, figures)).lstrip("0").rstrip("0")
    exponent += len(figures) - len("".join(map(str, figures)).rstrip("0"))
    if not significant:
        return Decimal(0)
    if -exponent > DECIMALS_MAX or len(significant) + exponent > INTEGER_DIGITS_MAX:
        raise ValueError(
            f"must have at most {INTEGER_DIGITS_MAX} digits before the point "
            f"and {DECIMALS_MAX} decimals"
        )
    return Decimal((sign, tuple(map(int, significant)), exponent))


def _instant(value: object) -> object:
    """An instant in UTC; a date is its midnight, a time without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("must be a time such as 2026-10-01T00:00:00Z") from None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError("must be a date or a time such as 2026-10-01T00:00:00Z")


def _interval(value: object) -> object:
    key = re.sub(r"[ _-]+", " ", str(value).strip().lower()).replace("semi annual", "semi-annual")
    if key not in INTERVALS:
        raise ValueError(f"must be one of {', '.join(INTERVALS)}")
    return INTERVALS[key]


def _category(value: object) -> object:
    return value.strip().capitalize() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Amount = Annotated[Decimal, BeforeValidator(_amount)]
Positive = Annotated[Amount, Field(gt=0)]
NotNegative = Annotated[Amount, Field(ge=0)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Text = Annotated[str, Field(min_length=1)]


class Contract(BaseModel):
    """One commitment as a person writes it; a lot of credits where ``total`` is given.

    ``start`` is inclusive, ``end`` exclusive. ``cost`` and ``quantity`` are per fulfilment
    interval or for the whole term, as ``per`` says; ``total`` is always for the whole term.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Text
    provider: Text
    start: Instant
    end: Instant
    contract: Text | None = None
    category: Annotated[Literal["Spend", "Usage"], BeforeValidator(_category)] | None = None
    type: Text | None = None
    layer: Annotated[Literal["benefit", "funding", "agreement"], BeforeValidator(_lower)] | None = (
        None
    )
    cost: NotNegative | None = None
    quantity: NotNegative | None = None
    unit: Text | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    interval: Annotated[str, BeforeValidator(_interval)] | None = None
    per: Annotated[Literal["interval", "term"], BeforeValidator(_lower)] | None = None
    description: str | None = None
    fee: NotNegative | None = None
    basis: Text | None = None
    opening_quantity: NotNegative | None = None
    opening_at: Instant | None = None
    document: Text | None = None
    total: Positive | None = None
    credit_unit: Text | None = None
    compute_unit: Text | None = None
    compute_units_per_credit: Positive | None = None
    cost_per_credit: NotNegative | None = None
    applies_to: dict[str, str] | None = None

    @field_validator("applies_to")
    @classmethod
    def _patterns(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        known = [column.name for column in DATASETS[COST_AND_USAGE]]
        for name, pattern in (given or {}).items():
            if name not in known and not name.startswith("x_"):
                close = get_close_matches(name, known, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise ValueError(f"{name!r} is not a FOCUS or x_ column{hint}")
            fault = _pattern_fault(pattern)
            if fault:
                raise ValueError(f"{name} = {pattern!r} is not a regular expression: {fault}")
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Contract:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        if self.total is not None and self.quantity is not None:
            raise ValueError("give total (credits of the whole term) or quantity, not both")
        if self.total is not None and self.per == "interval":
            raise ValueError('total is for the whole term: leave per out or set per = "term"')
        if self.total is None and self.credit_unit is not None:
            raise ValueError("credit_unit needs total, the number of credits granted")
        for name in ("cost", "fee", "cost_per_credit"):
            if getattr(self, name) is not None and self.currency is None:
                raise ValueError(f"{name} needs currency, such as USD")
        if (self.opening_quantity is None) != (self.opening_at is None):
            raise ValueError("opening_quantity and opening_at belong together")
        if self.compute_units_per_credit is not None and self.compute_unit is None:
            raise ValueError("compute_units_per_credit needs compute_unit, such as TPU-Chip-Hours")
        return self


def _pattern_fault(pattern: str) -> str | None:
    """Why a pattern cannot be used, by the engine that will: it knows no look-around."""
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    finally:
        connection.close()
    return None


def read_contracts(source: str, path: Path) -> list[Contract]:
    """The contracts of a TOML file; ConfigurationError lists every mistake.

    A mistake names the file, the table's number, the key, the value and what would be right.
    """
    try:
        with path.open("rb") as file:
            document = tomllib.load(file, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: not valid TOML: {error}") from error
    tables = document.get("commitment", [])
    unknown = sorted(set(document) - {"commitment"})
    if unknown:
        raise ConfigurationError(
            f"{source}: {unknown[0]!r} is not known here; a contract is a [[commitment]] table"
        )
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(f"{source}: write each contract as a [[commitment]] table")
    return _checked(source, tables)


def _checked(source: str, tables: list[dict[str, Any]]) -> list[Contract]:
    contracts, mistakes = [], []
    for number, table in enumerate(tables, start=1):
        try:
            contracts.append(Contract.model_validate(table))
        except ValidationError as error:
            mistakes += [f"{source}: commitment {number}: {line}" for line in _lines(error)]
    seen: dict[str, int] = {}
    for number, contract in enumerate(contracts, start=1):
        if contract.id in seen:
            mistakes.append(
                f"{source}: commitment {number}: id = {contract.id!r}: "
                f"already used by commitment {seen[contract.id]}"
            )
        seen.setdefault(contract.id, number)
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    return contracts


def _lines(error: ValidationError) -> list[str]:
    return [_line(item) for item in error.errors()]


def _line(item: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "missing":
        return f"{key} is missing"
    if item["type"] == "extra_forbidden":
        close = get_close_matches(key, Contract.model_fields, 1)
        hint = (
            f"did you mean {close[0]}?" if close else f"known: {', '.join(Contract.model_fields)}"
        )
        return f"{key} = {_shown(item['input'])}: no such key; {hint}"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "string_pattern_mismatch" and key == "currency":
        message = "must be a code of three capital letters, such as USD"
    return f"{key} = {_shown(item['input'])}: {message}" if key else message


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Decimal | datetime | date) else repr(value)
