"""The few figures at the top of every report, summed once from a result's tables.

Currencies are never added to one another, layers neither. A sum goes over what is known and says
how many figures it lacks; with none known it is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from trueup.money import EXACT

if TYPE_CHECKING:
    from trueup.model.table import Table
    from trueup.report.result import Result

Row = dict[str, Any]


class Allocated(Protocol):
    """What has attributed cost."""

    @property
    def allocations(self) -> Table: ...


ZERO = Decimal(0)
NO_CHARGES = "no_charges_in_period"  # the codes of notes that say why nothing was compared
SOURCE_FAILED = "source_failed"  # the code of the note that a run leaves for such a source
NOT_WHOLE = "source_not_whole"  # the same of a source that breaks off
_PRECISION = 60


@dataclass
class Sum:
    """A sum of known figures, and how many were not known."""

    known: Decimal | None = None
    unknown: int = 0

    def add(self, value: Decimal | None) -> None:
        if value is None:
            self.unknown += 1
            return
        with localcontext(prec=_PRECISION):
            self.known = (self.known or ZERO) + value


@dataclass
class Commitments:
    """The benefit layer in one currency: cost, and the share of it that was used."""

    rows: int = 0
    pairs: int = 0  # of which both used and unused are known
    committed: Sum = field(default_factory=Sum)
    used: Sum = field(default_factory=Sum)
    unused: Sum = field(default_factory=Sum)
    _used_of_pairs: Decimal = ZERO
    _whole_of_pairs: Decimal = ZERO

    def add(self, row: Row) -> None:
        self.rows += 1
        self.committed.add(row["committed_cost"])
        self.used.add(row["used_cost"])
        self.unused.add(row["unused_cost"])
        if row["used_cost"] is not None and row["unused_cost"] is not None:
            self.pairs += 1
            self._used_of_pairs += row["used_cost"]
            self._whole_of_pairs += row["used_cost"] + row["unused_cost"]

    @property
    def utilization(self) -> Decimal | None:
        """Used / (used + unused) in cost, over commitments of which both are known."""
        if self._whole_of_pairs <= 0:
            return None
        with localcontext(prec=_PRECISION):
            return self._used_of_pairs / self._whole_of_pairs


@dataclass
class Drift:
    """All breaks in one currency whose amount is known, or all whose amount is not."""

    count: int = 0
    unpriced: int = 0  # further breaks in this currency, whose amount is not known
    over: Decimal = ZERO  # billed too much
    under: Decimal = ZERO  # billed too little, as a negative amount: a liability
    by_class: dict[str, Drift] = field(default_factory=dict)

    @property
    def gross(self) -> Decimal:
        return self.over - self.under

    @property
    def net(self) -> Decimal:
        return self.over + self.under

    def add(self, row: Row) -> None:
        self.by_class.setdefault(row["class"] or "", Drift()).count_in(row["amount"])
        self.count_in(row["amount"])

    def count_in(self, amount: Decimal | None) -> None:
        """Count one break and add its amount to its own side."""
        self.count += 1
        if amount is not None and amount > 0:
            self.over += amount
        elif amount is not None:
            self.under += amount


def currencies(result: Result) -> list[str]:
    """Every currency of the result, alphabetically."""
    found = {row["currency"] for row in result.identity.rows()}
    found |= {row["currency"] for row in result.commitments.rows()}
    found |= set(_distinct(result.breaks, "currency"))
    return sorted(code for code in found if code)


def _distinct(table: Table, column: str) -> list[Any]:
    import pyarrow.compute as pc

    seen: set[Any] = set()
    for batch in table.select([column]).reader():
        seen.update(pc.unique(batch.column(0)).to_pylist())
    return list(seen)


def benefit_by_currency(result: Result) -> dict[str, Commitments]:
    """Committed, used and unused cost of the benefit layer alone, per currency."""
    found: dict[str, Commitments] = {}
    for row in result.commitments.rows():
        if row["layer"] in (None, "benefit") and row["currency"] is not None:
            found.setdefault(row["currency"], Commitments()).add(row)
    return dict(sorted(found.items()))


def is_off_bill(row: Row) -> bool:
    """Say whether a break is a commitment of which the bill says nothing at all.

    That comes from the contract alone: it stands on a line of its own, outside the drift.
    """
    return (row["class"], row["leg"]) == ("missing_in_billing", "commitment")


def drift_by_currency(result: Result) -> dict[str | None, Drift]:
    """Drift per currency, and under None the breaks whose amount or currency is not known."""
    found: dict[str | None, Drift] = {}
    for row in columns_of(result.breaks, ["class", "leg", "amount", "currency"]):
        if is_off_bill(row):
            continue
        known = row["amount"] is not None and row["currency"] is not None
        found.setdefault(row["currency"] if known else None, Drift()).add(row)
        if not known and row["currency"] is not None:
            found.setdefault(row["currency"], Drift()).unpriced += 1
    return dict(sorted(found.items(), key=lambda item: (item[0] is None, item[0] or "")))


def columns_of(table: Table, names: list[str]) -> Iterator[Row]:
    """The rows, of these columns alone, in bounded memory."""
    for batch in table.select(names).reader():
        yield from batch.to_pylist()


def amounts_by_currency(rows: Iterable[Row], column: str = "amount") -> dict[str | None, Sum]:
    """A sum per currency; under None those whose currency is not known."""
    found: dict[str | None, Sum] = {}
    for row in rows:
        found.setdefault(row["currency"], Sum()).add(row[column])
    return dict(sorted(found.items(), key=lambda item: (item[0] is None, item[0] or "")))


def cost_by(
    result: Allocated, columns: tuple[str, ...]
) -> list[tuple[tuple[str | None, ...], Decimal]]:
    """Allocated cost per (currency, *columns), largest first within a currency."""
    sums = sums_by(result.allocations, ("currency", *columns), "cost")
    found = [(key, row["cost"] or ZERO) for key, row in sums]
    return sorted(
        found,
        key=lambda item: (
            item[0][0] or "",
            -item[1],
            [(part is None, part or "") for part in item[0]],
        ),
    )


def sums_by(
    table: Table, keys: Sequence[str], *columns: str
) -> Iterator[tuple[tuple[Any, ...], Row]]:
    """Exact sums of columns by keys; null where no figure is known.

    Sums batch by batch, so that a table of any length needs memory for the groups alone.
    """
    import pyarrow as pa

    from trueup.model.sums import sums_by as arrow_sums

    found: dict[tuple[Any, ...], Row] = {}
    for batch in table.select([*keys, *columns]).reader():
        part = pa.Table.from_batches([batch])
        for row in arrow_sums(part, keys, columns).to_pylist():
            sums = found.setdefault(tuple(row[name] for name in keys), dict.fromkeys(columns))
            for name in columns:
                if (more := row[name]) is not None:
                    sums[name] = _added(sums[name], more)
    yield from found.items()


def _added(sum_: Decimal | int | None, more: Decimal | int) -> Decimal | int:
    if isinstance(more, Decimal) and isinstance(sum_, Decimal):
        return EXACT.add(sum_, more)
    return more if sum_ is None else sum_ + more


def provisional(result: Result) -> bool | None:
    """True while any figure may still change, False when all are final, None when nothing tells."""
    flags = {row["provisional"] for row in result.commitments.rows()}
    flags |= set(_distinct(result.utilization, "provisional"))
    final_at = [at for at in result.outcome.final_at.values() if at is not None]
    flags |= {result.as_of < at for at in final_at}
    if True in flags or len(result.pending):
        return True
    return False if False in flags else None


def provisional_until(result: Result) -> dict[datetime, list[str]]:
    """When figures become final that are not yet, the next first, and whose they are."""
    found: dict[datetime, list[str]] = {}
    for provider, at in result.outcome.final_at.items():
        if at is not None and result.as_of < at:
            found.setdefault(at, []).append(provider or "unnamed provider")
    return {at: sorted(found[at]) for at in sorted(found)}


def not_compared(result: Result) -> str | None:
    """Why bill and telemetry were not compared with one another; None where they were."""
    if any(row["code"] == NO_CHARGES for row in result.notes):
        return "no charge falls in the period"
    if not result.outcome.usage_leg_ran:
        return "no telemetry was given"
    buckets = result.buckets.rows()
    if any(row["bucket"] in ("matched", "break") for row in buckets):
        return None
    apart = {row["reason"] or row["bucket"]: row["rows"] for row in buckets
             if row["side"] == "metered"}  # fmt: skip
    if not apart:
        return "the telemetry holds no row"
    listed = ", ".join(f"{reason} {apart[reason]:,}" for reason in sorted(apart))
    return f"no row of the telemetry has a charge to be held against ({listed})"


def is_partial(result: Result) -> bool:
    """Say whether a source could not be read, or not to its end, so that every figure lacks it."""
    return any(row["code"] in (SOURCE_FAILED, NOT_WHOLE) for row in result.notes)


def rows_in_and_out(result: Result) -> tuple[int, int, int]:
    """Rows read, accepted and rejected over all sources, without what providers say of them."""
    sources = [row for row in result.sources.rows() if row["kind"] != "provider"]
    names = ("rows_in", "accepted", "rejected")
    read, accepted, rejected = (sum(row[name] or 0 for row in sources) for name in names)
    return read, accepted, rejected


def contract_compared(result: Result) -> bool:
    """Say whether a contract was given that the bill could be held against."""
    return result.contracts is not None and any(
        row["status"] in ("complete", "partial") for row in result.commitments
    )


def classes(drift: dict[str | None, Drift]) -> list[tuple[str, int]]:
    """How many breaks there are of each class, the most frequent first."""
    found: dict[str, int] = {}
    for item in drift.values():
        for name, part in item.by_class.items():
            found[name] = found.get(name, 0) + part.count
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


class Ranked(Protocol):
    """Something with money in it, of which a report shows the largest first."""

    @property
    def currency(self) -> str | None: ...

    @property
    def size(self) -> Decimal: ...


Item = TypeVar("Item", bound=Ranked)


def largest(items: Sequence[Item], limit: int) -> list[Item]:
    """The ``limit`` largest in blocks of a currency, largest first, and one of each at least.

    Amounts of two currencies have no order: the places left go to the items that hold the most
    of their own currency's sum.
    """
    sums = amounts_by_currency({"currency": item.currency, "amount": item.size} for item in items)
    with localcontext(prec=_PRECISION):
        shares = [item.size / (sums[item.currency].known or 1) for item in items]
    order = sorted(range(len(items)), key=lambda index: (-shares[index], index))
    leaders = {items[index].currency: index for index in reversed(order)}.values()
    others = [index for index in order if index not in leaders]
    chosen = [*leaders, *others][: max(limit, len(leaders))]
    return sorted(
        (items[index] for index in chosen),
        key=lambda item: (item.currency is None, item.currency or "", -item.size),
    )


def period_text(start: datetime, end: datetime) -> str:
    """The period in words: a month, a day, an hour, or both ends of the half-open interval."""
    month_end = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    at_midnight = (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0)
    if at_midnight and start.day == 1 and end == month_end:
        return f"{start:%B %Y}"
    if at_midnight and end - start == timedelta(days=1):
        return f"{start.day} {start:%B %Y}"
    if end - start == timedelta(hours=1):
        return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M}"
    form = "%Y-%m-%d" if at_midnight and (end.hour, end.minute) == (0, 0) else "%Y-%m-%d %H:%M"
    return f"{start:{form}} to {end:{form}}"
