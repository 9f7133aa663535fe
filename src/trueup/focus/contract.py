"""Contracts typed by hand: the ``[[commitment]]`` tables of a TOML file, checked key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

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
from trueup.focus.contract_values import (
    Amount,
    Instant,
    NotNegative,
    Positive,
    Text,
    in_zone,
    read_category,
    read_interval,
    read_lower,
    zone_of,
)
from trueup.toml import read_toml

Share = Annotated[Amount, Field(ge=0, le=1)]
Order = Literal["priority", "-priority", "expiry", "-expiry", "start", "-start"]
CATEGORIES = Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"]


class Table(BaseModel):
    """Unknown keys are mistakes, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ManualAdjustment(Table):
    """What a document added to a lot, or took from it, at an instant."""

    at: Instant
    quantity: Amount


class Milestone(Table):
    """What an agreement has to have reached in all, since its start, when ``due`` comes."""

    due: Instant
    amount: Positive


class Eligible(Table):
    """What counts towards an agreement, where the contract differs from its provider's rules."""

    categories: tuple[CATEGORIES, ...] | None = None
    include: dict[str, str] | None = None
    exclude: dict[str, str] | None = None
    marketplace: dict[str, str] | None = None
    marketplace_share: Share | None = None
    marketplace_limit: Share | None = None

    @field_validator("include", "exclude", "marketplace")
    @classmethod
    def _patterns(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        return checked_patterns(given)


class ContractLot(Table):
    """One lot of a commitment that has several: granted at ``start``, lost at ``end``."""

    id: Text
    granted: Positive
    start: Instant
    end: Instant
    priority: int | None = None
    type: Text | None = None
    opening_quantity: NotNegative | None = None
    opening_at: Instant | None = None
    cost_per_credit: NotNegative | None = None
    rollover: Share | None = None
    overage_rate: NotNegative | None = None
    adjustments: tuple[ManualAdjustment, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> ContractLot:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        if (self.opening_quantity is None) != (self.opening_at is None):
            raise ValueError("opening_quantity and opening_at belong together")
        return self


class Contract(Table):
    """One commitment as a person writes it; a lot of credits where ``total`` is given.

    ``start`` is inclusive, ``end`` exclusive. ``cost`` and ``quantity`` are per fulfilment
    interval or for the whole term, as ``per`` says; ``total`` is always for the whole term.
    """

    id: Text
    provider: Text
    start: Instant
    end: Instant
    zone: str | None = None
    contract: Text | None = None
    category: Annotated[Literal["Spend", "Usage"], BeforeValidator(read_category)] | None = None
    type: Text | None = None
    layer: (
        Annotated[Literal["benefit", "funding", "agreement"], BeforeValidator(read_lower)] | None
    ) = None
    cost: NotNegative | None = None
    quantity: NotNegative | None = None
    unit: Text | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    interval: Annotated[str, BeforeValidator(read_interval)] | None = None
    per: Annotated[Literal["interval", "term"], BeforeValidator(read_lower)] | None = None
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
    lots: tuple[ContractLot, ...] = ()
    pool: Text | None = None
    priority: int | None = None
    draw_order: tuple[Order, ...] | None = None
    rollover: Share | None = None
    adjustments: tuple[ManualAdjustment, ...] = ()
    overage_rate: NotNegative | None = None
    milestones: tuple[Milestone, ...] = ()
    eligible: Eligible | None = None

    @field_validator("applies_to")
    @classmethod
    def _patterns(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        return checked_patterns(given)

    @model_validator(mode="before")
    @classmethod
    def _in_its_zone(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("zone") is not None:
            return in_zone(given, zone_of(given["zone"]))
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Contract:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        if self.total is not None and self.quantity is not None:
            raise ValueError("give total (credits of the whole term) or quantity, not both")
        if self.total is not None and self.per == "interval":
            raise ValueError('total is for the whole term: leave per out or set per = "term"')
        if self.total is None and self.credit_unit is not None and not self.lots:
            raise ValueError("credit_unit needs total, the number of credits granted")
        for name in ("cost", "fee", "cost_per_credit"):
            if getattr(self, name) is not None and self.currency is None:
                raise ValueError(f"{name} needs currency, such as USD")
        if (self.opening_quantity is None) != (self.opening_at is None):
            raise ValueError("opening_quantity and opening_at belong together")
        if self.compute_units_per_credit is not None and self.compute_unit is None:
            raise ValueError("compute_units_per_credit needs compute_unit, such as TPU-Chip-Hours")
        self._check_lots()
        return self

    def _check_lots(self) -> None:
        if self.lots and (self.opening_quantity is not None or self.cost is not None):
            raise ValueError("with lots, cost and opening_quantity are each lot's own")
        granted = [lot.granted for lot in self.lots]
        if self.lots and self.total is not None and sum(granted) != self.total:
            raise ValueError(f"total = {self.total}, but its lots grant {sum(granted)}")
        if self.lots and not (self.credit_unit or self.unit or self.compute_unit or self.currency):
            raise ValueError("lots need currency, or credit_unit where they are no money")
        for lot in self.lots:
            if lot.start < self.start or lot.end > self.end:
                raise ValueError(f"lot {lot.id!r} is not within start and end of its commitment")


def checked_patterns(given: dict[str, str] | None) -> dict[str, str] | None:
    """Charge columns and regular expressions; ValueError names the one that is wrong."""
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
    document = read_toml(path, source)
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
        for name in (contract.id, *(lot.id for lot in contract.lots)):
            if name in seen:
                mistakes.append(
                    f"{source}: commitment {number}: id = {name!r}: "
                    f"already used by commitment {seen[name]}"
                )
            seen.setdefault(name, number)
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
        known = _keys_at(item["loc"][:-1])
        close = get_close_matches(str(item["loc"][-1]), known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        return f"{key} = {_shown(item['input'])}: no such key; {hint}"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "string_pattern_mismatch" and key == "currency":
        message = "must be a code of three capital letters, such as USD"
    return f"{key} = {_shown(item['input'])}: {message}" if key else message


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value) if isinstance(value, Decimal | date | time) else repr(value)


def _keys_at(place: tuple[str | int, ...]) -> list[str]:
    """The keys of a table inside a contract."""
    model: type[BaseModel] = Contract
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_tables(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables(inner)
