"""Columns that rules match by: one that nothing has would silently match nothing."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.errors import ConfigurationError, UsageError
from trueup.focus.columns import CHARGES
from trueup.model.mistakes import close_to
from trueup.model.rules import OF_USAGE, Rules
from trueup.model.schema import USAGE

OF_RATES = (*USAGE.names, *OF_USAGE, "tier")
PLANNED_BY = (*(set(OF_USAGE) - {"sku_id"}), "model", "meter", "tier", "service_tier")


def check_columns(rules: Rules, origin: str = "rules") -> None:
    """Raise ConfigurationError for a rule that matches by a column of no charge and no usage.

    Columns under ``x_`` are a bill's own and pass.
    """
    wrong = [
        *_wrong("factor", [rule.match for rule in rules.factor], CHARGES.names),
        *_wrong("meter", [rule.match for rule in rules.meter], CHARGES.names),
        *_wrong("rate", [rule.match for rule in rules.rate], (*OF_RATES, *CHARGES.names)),
    ]
    wrong += [
        f"offer[{place}].match: {_not_planned_by(name)}"
        for place, offer in enumerate(rules.offer, start=1)
        for name in offer.match
        if name not in PLANNED_BY
    ]
    if wrong:
        raise ConfigurationError("\n".join(f"{origin}: {text}" for text in wrong))


def check_where(where: Iterable[str]) -> None:
    """Raise UsageError for a column by which usage cannot be chosen."""
    for name in where:
        if name not in PLANNED_BY:
            raise UsageError(f"where: {_not_planned_by(name)}")


def _not_planned_by(name: str) -> str:
    known = sorted(PLANNED_BY)
    return f"{name!r} is no column to choose usage by; {close_to(name, known)}{', '.join(known)}"


def _wrong(table: str, matches: Iterable[Iterable[str]], known: Iterable[str]) -> list[str]:
    names = list(known)
    return [
        f"{table}[{place}].match: {name!r} is no column of "
        f"{'usage or of ' if table == 'rate' else ''}charges, so that it matches nothing; "
        f"{close_to(name, names)}a column of the bill's own begins with x_"
        for place, match in enumerate(matches, start=1)
        for name in match
        if name not in names and not name.startswith("x_")
    ]
