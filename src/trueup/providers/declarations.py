"""Reads the tables that lie beside an adapter: capacity factors, SKU patterns, its template.

They are data files so that a person can check them line by line against the provider's page.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from trueup.adapter.native import NativeExport
from trueup.adapter.provider import CapacityFactor, MeterPattern
from trueup.adapter.rating import Rating, Stage


def _table(package: str, name: str) -> dict[str, Any]:
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))


def read_factors(package: str) -> tuple[CapacityFactor, ...]:
    """The factors of ``factors.toml``: one ``[[family]]`` per source, its instance types below."""
    return tuple(
        CapacityFactor(
            instance_type=instance_type,
            meter=family["meter"],
            count=count,
            valid_from=family["valid_from"],
            source=family["source"],
        )
        for family in _table(package, "factors.toml")["family"]
        for instance_type, count in family["count"].items()
    )


def read_meters(package: str) -> tuple[MeterPattern, ...]:
    """The patterns of ``meters.toml`` in its order, each for every column it names."""
    return tuple(
        MeterPattern(column, entry["pattern"], entry["meter"], entry.get("tier"))
        for entry in _table(package, "meters.toml")["meter"]
        for column in entry["columns"]
    )


def read_template(package: str) -> str:
    """The commented block that ``trueup init`` writes for this provider."""
    return files(package).joinpath("template.toml").read_text(encoding="utf-8")


def read_rating(package: str) -> Callable[[], Rating]:
    """The rules of ``rating.toml``, read when they are first asked for: a field a key."""

    @cache
    def rating() -> Rating:
        said = _table(package, "rating.toml")
        return Rating(
            stages=tuple(
                Stage(**{name: _frozen(value) for name, value in stage.items()})
                for stage in said.pop("stage", ())
            ),
            sizes={
                group: {size: Fraction(str(units)) for size, units in sizes.items()}
                for group, sizes in said.pop("sizes", {}).items()
            },
            **{name: _frozen(value) for name, value in said.items()},
        )

    return rating


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def read_native(
    package: str, name: str, file: str, identified_by: tuple[str, ...], optional: tuple[str, ...]
) -> NativeExport:
    """An export whose query lies beside the adapter, as a person can read it."""
    sql = files(package).joinpath(file).read_text(encoding="utf-8")
    return NativeExport(name, frozenset(identified_by), sql, frozenset(optional))
