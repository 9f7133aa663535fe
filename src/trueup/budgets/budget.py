"""``[[budget]]``, ``[alerts]`` and ``[gate]`` of ``trueup.toml``: who may spend how much, and when.

Amounts are exact: in quotes, or a bare decimal of a TOML file. Windows are in UTC.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from trueup.budgets.snapshot import SCOPE
from trueup.model.mistakes import close_to
from trueup.model.rules import Exact, Strict
from trueup.money import EXACT
from trueup.period import Period, add_months

_TICK = timedelta(microseconds=1)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SPANS = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_SPAN = re.compile(r"([1-9]\d{0,4})([dh])")


def _percent(value: object) -> object:
    if isinstance(value, Decimal):
        return value
    try:
        share = Decimal(str(value).removesuffix("%").strip())
    except InvalidOperation:
        share = Decimal("NaN")
    if not str(value).endswith("%") or not share.is_finite() or share <= 0:
        raise ValueError('it is a share of the amount, as "80%"')
    return share


def _span(value: object) -> object:
    if value is None or isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(str(value))
    if found is None:
        raise ValueError('it is a number of days or hours, as "30d" or "24h"')
    return int(found[1]) * _SPANS[found[2]]


Span = Annotated[timedelta, BeforeValidator(_span)]


class Threshold(Strict):
    """A share of the amount, of which figure, and what is to happen there."""

    on: Literal["actual", "accrued", "forecast"] = "accrued"
    at: Annotated[Decimal, BeforeValidator(_percent)]  # percent of the amount, boundary included
    act: Literal["notify", "queue", "stop"] = "notify"

    def limit(self, amount: Decimal) -> Decimal:
        """The money at which it is reached, exact."""
        return EXACT.multiply(amount, self.at).scaleb(-2, EXACT)


DEFAULT = (
    Threshold(on="accrued", at=Decimal(80)),
    Threshold(on="forecast", at=Decimal(100)),
    Threshold(on="accrued", at=Decimal(100), act="queue"),
)


class BudgetTerms(Strict):
    """``[[budget]]``: what a scope may spend in a calendar window, or in one that rolls."""

    name: str = Field(min_length=1)
    scope: dict[str, str] = Field(default_factory=dict)  # all must match; none: everything
    amount: Annotated[Exact, Field(gt=0)]
    currency: str = Field(min_length=1)
    period: Literal["day", "week", "month", "quarter", "year"] | None = None  # None: a month
    rolling: Span | None = None
    thresholds: tuple[Threshold, ...] = DEFAULT

    @field_validator("scope")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in SCOPE:
                raise ValueError(
                    f"{name!r} is no part of a scope; {close_to(name, SCOPE)}"
                    f"it has {', '.join(SCOPE)}"
                )
        if "commitment" in value and not value.keys() <= {"commitment", "provider"}:
            raise ValueError("a commitment is bought as a whole: beside it only provider may stand")
        return value

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if self.rolling is None:
            return self
        if self.period is not None:
            raise ValueError("give either period or rolling, not both")
        if "thresholds" not in self.model_fields_set:
            kept = tuple(one for one in DEFAULT if one.on != "forecast")
            object.__setattr__(self, "thresholds", kept)
        elif any(one.on == "forecast" for one in self.thresholds):
            raise ValueError("what rolls ends now, so there is nothing to forecast: use accrued")
        return self

    def window(self, known_until: datetime) -> Period:
        """The window that holds the last instant before ``known_until``."""
        if self.rolling is not None:
            return Period(known_until - self.rolling, known_until)
        last = known_until - _TICK
        day = last.replace(hour=0, minute=0, second=0, microsecond=0)
        kind = self.period or "month"
        if kind in _MONTHS:
            months = _MONTHS[kind]
            start = day.replace(day=1, month=(day.month - 1) // months * months + 1)
            return Period(start, add_months(start, months))
        days = 7 if kind == "week" else 1
        start = day - timedelta(days=day.weekday() if kind == "week" else 0)
        return Period(start, start + timedelta(days=days))

    def window_name(self, window: Period) -> str:
        """A window by its name, the same in every run: 2026-10, 2026-Q4, the last 720 hours."""
        if self.rolling is not None:
            return f"the last {self.rolling // _SPANS['h']} hours"
        start = window.start
        names = {
            "year": f"{start:%Y}",
            "quarter": f"{start:%Y}-Q{(start.month + 2) // 3}",
            "month": f"{start:%Y-%m}",
            "week": f"week of {start:%Y-%m-%d}",
            "day": f"{start:%Y-%m-%d}",
        }
        return names[self.period or "month"]


def terms_of(configuration: bytes) -> tuple[BudgetTerms, ...]:
    """The budgets of a ``trueup.toml`` that a run has kept: as TOML, or as JSON without secrets."""
    text = configuration.decode()
    kept = json.loads(text) if text.startswith("{") else tomllib.loads(text, parse_float=Decimal)
    told = kept.get("budget", [])
    return tuple(map(BudgetTerms.model_validate, told if isinstance(told, list) else [told]))


class Alerts(Strict):
    """``[alerts]``: where crossings and bad nights are told, and which nights are bad.

    ``env:NAME`` keeps a secret out of the file.
    """

    urls: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    on: tuple[Literal["failed", "partial", "material_breaks"], ...] = ("failed", "partial")


class Gate(Strict):
    """``[gate]``: what `trueup budget check` answers where it does not know enough."""

    max_age: Span = timedelta(hours=48)  # of what is known of the spend
    stale: Literal["allow", "queue", "stop"] = "queue"
