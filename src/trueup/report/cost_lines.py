"""What a result's period cost, as lines that statements are made of, and what weighs on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from trueup.attribute.cost_line import CostLine, Kind, total
from trueup.attribute.mapping import CompanyMap
from trueup.attribute.weights import Measured, Price
from trueup.errors import IntegrityError
from trueup.model.table import Table
from trueup.money import EXACT, plain
from trueup.report.figures import cost_by, sums_by
from trueup.units import to_base

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.model.rules import TokenPrice

KINDS: tuple[Kind, ...] = ("usage", "unused", "unattributed")
UNUSED, BILLED = "unused", "billed"  # a reason and a state of spend
PRICED_UNIT = 1_000_000  # tokens of a token price


class Charged(Protocol):
    """What chargeback needs of a result: its period and these tables."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def allocations(self) -> Table: ...
    @property
    def identity(self) -> Table: ...
    @property
    def spend(self) -> Table: ...
    @property
    def activity(self) -> Table: ...


def cost_lines(result: Charged, company: CompanyMap) -> list[CostLine]:
    """Usage by payer, unused commitment, and what is unattributed by reason, of every currency.

    Raises IntegrityError unless each kind adds up to its part of the identity.
    """
    lines = [*_usage(result, company), *_unused(result), *_unattributed(result)]
    _check(lines, result)
    return lines


def _usage(result: Charged, company: CompanyMap) -> Iterator[CostLine]:
    about = ("team", "cost_centre", "provider", "model", "agent")
    columns = tuple(sorted(company.columns.union(about)))
    sums: dict[tuple[Any, ...], Decimal] = {}
    for names, cost in cost_by(result, columns):
        row = dict(zip(("currency", *columns), names, strict=True))
        key = row["currency"], company.payer(row), row["provider"], row["model"], row["agent"]
        sums[key] = EXACT.add(sums.get(key, Decimal(0)), cost)
    for (currency, payer, provider, model, agent), cost in sums.items():
        yield CostLine(
            currency=currency or "",
            kind="usage",
            **payer._asdict(),
            provider=provider,
            about=model,
            agent=agent,
            cost=cost,
        )


def _unused(result: Charged) -> Iterator[CostLine]:
    columns = ("state", "currency", "provider", "reason", "commitment_id")
    for (state, currency, provider, reason, name), row in sums_by(result.spend, columns, "cost"):
        if state == BILLED and reason == UNUSED and row["cost"]:
            yield _apart(currency, "unused", provider, name, row["cost"])


def _unattributed(result: Charged) -> Iterator[CostLine]:
    columns = ("state", "currency", "provider", "reason")
    for (state, currency, provider, reason), row in sums_by(result.spend, columns, "cost"):
        if state == BILLED and reason not in (None, UNUSED):
            yield _apart(currency, "unattributed", provider, reason, row["cost"] or Decimal(0))


def _apart(
    currency: str | None, kind: Kind, provider: str | None, about: str | None, cost: Decimal
) -> CostLine:
    return CostLine(currency or "", kind, None, None, provider, about, cost)


def _check(lines: Sequence[CostLine], result: Charged) -> None:
    """Each kind of line adds up to its part of the identity."""
    for row in result.identity:
        parts = (row["allocated"], row["unused"], row["unattributed"])
        for kind, expected in zip(KINDS, parts, strict=True):
            place = row["currency"], kind
            found = total(line.cost for line in lines if (line.currency, line.kind) == place)
            if found != expected:
                raise IntegrityError(
                    f"chargeback in {row['currency']}: {kind} is {plain(found, 2)}, the identity "
                    f"says {plain(expected, 2)}; please report this as a defect"
                )


def measured(result: Charged, company: CompanyMap) -> list[Measured]:
    """What was metered of each payer, in base units; activity knows no sessions."""
    about = {"provider", "model", "meter", "capacity", "unit", "team", "cost_centre"}
    columns = tuple(sorted(about | company.columns - {"session"}))
    found = []
    for names, sums in sums_by(result.activity, columns, "quantity", "rows"):
        row = {"session": None, **dict(zip(columns, names, strict=True))}
        found.append(
            Measured(
                payer=company.payer(row),
                provider=row["provider"],
                model=row["model"],
                meter=row["meter"],
                capacity=row["capacity"],
                quantity=Fraction(sums["quantity"] or 0) * to_base(row["unit"]),
                rows=sums["rows"] or 0,
            )
        )
    return found


def token_prices(result: Charged, some: Sequence[Measured], stated: Sequence[TokenPrice]) -> Price:
    """Prices of tokens: the first stated that matches, else the bill's own.

    The bill's own is what tokens of a provider, model and meter cost, accrued cost included, by
    what was metered of them.
    """
    costs: dict[tuple[str | None, ...], Fraction] = {}
    columns = ("currency", "provider", "model", "meter", "reason")
    for (*place, reason), row in sums_by(result.spend, columns, "cost"):
        if reason != "missing_in_usage" and row["cost"] is not None:
            key = tuple(place)
            costs[key] = costs.get(key, Fraction()) + Fraction(row["cost"])
    quantities: dict[tuple[str | None, ...], Fraction] = {}
    for each in some:
        kind = each.provider, each.model, each.meter
        quantities[kind] = quantities.get(kind, Fraction()) + each.quantity

    def price(currency: str, each: Measured) -> Fraction | None:
        for entry in stated:
            if entry.currency in (None, currency) and all(
                re.search(pattern, getattr(each, name) or "", re.IGNORECASE)
                for name, pattern in entry.match.items()
            ):
                return Fraction(entry.price) / PRICED_UNIT
        kind = each.provider, each.model, each.meter
        cost = costs.get((currency, *kind))
        return cost / quantities[kind] if cost is not None and quantities[kind] else None

    return price
