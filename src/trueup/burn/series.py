"""What was burned, interval by interval: billed, or accrued until the bill has arrived."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trueup.errors import IntegrityError

if TYPE_CHECKING:
    import pyarrow as pa

COMMITMENT, TEAM = "commitment", "team"
QUANTITY, COST = "quantity", "cost"
BILLED, ACCRUED = "billed", "accrued"
NO_TEAM = "no_team"
DRAWS = {"drawdown": -1, "refund": -1, "overage": 1}  # what of a ledger is burn, and its sign
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Tables = Mapping[str, "pa.Table"]


@dataclass(frozen=True, order=True)
class Subject:
    """Of what a series is; text, "" where it says nothing."""

    by: str
    commitment_id: str
    provider: str
    team: str
    reason: str
    measure: str
    unit: str


@dataclass(frozen=True)
class Burned:
    """One interval of a series; ``amount`` without the figures that are not known."""

    subject: Subject
    start: datetime
    end: datetime
    state: str
    amount: Fraction | None
    unknown: int = 0


def commitments_burned(tables: Tables) -> list[Burned]:
    """Every commitment in its own unit and in money, the bill's word before what is accrued.

    ``tables`` are result tables by name: utilization, movements, burn_down, credits, commitments
    and spend.
    """
    billed = [*_used(tables["utilization"]), *_drawn_down(tables)]
    return settled(billed, _accrued(tables, billed))


def _used(utilization: pa.Table) -> Iterable[Burned]:
    for row in utilization.to_pylist():
        for measure, name, unit in (
            (QUANTITY, "used_quantity", row["unit"]),
            (COST, "used_cost", row["currency"]),
        ):
            if unit is not None:
                subject = _of_commitment(row, measure, unit)
                yield _one(subject, row["interval_start"], row["interval_end"], row[name])


def _drawn_down(tables: Tables) -> Iterable[Burned]:
    """Lots by their ledger, hour by hour; what has none, and agreements, by the day."""
    priced = {row["lot_id"]: row for row in tables["credits"].to_pylist()}
    sums: dict[tuple[Subject, datetime], Fraction] = defaultdict(Fraction)
    of_lots = set()
    for row in tables["movements"].to_pylist():
        of_lots.add(row["lot_id"])
        if row["kind"] in DRAWS:
            hour = row["at"].replace(minute=0, second=0, microsecond=0)
            amount = Fraction(row["quantity"]) * DRAWS[row["kind"]]
            for subject, price in _measures(row, priced.get(row["lot_id"])):
                sums[subject, hour] += amount * price
    for (subject, hour), amount in sums.items():
        yield Burned(subject, hour, hour + HOUR, BILLED, amount)
    by_interval = set(tables["utilization"].column("commitment_id").to_pylist())
    for row in tables["burn_down"].to_pylist():
        used = row["used_quantity"]
        if row["commitment_id"] in of_lots | by_interval or row["unit"] is None or used == 0:
            continue  # nought: a day without a draw, or one that the bill has not reached
        for subject, price in _measures(row, priced.get(row["commitment_id"])):
            cost = None if used is None else Fraction(used) * price
            yield _one(subject, row["day"], row["day"] + DAY, cost)


def _measures(
    row: Mapping[str, Any], lot: Mapping[str, Any] | None
) -> Iterable[tuple[Subject, Fraction]]:
    """A lot's own unit, and money where a credit has a price."""
    yield _of_commitment(row, QUANTITY, row["unit"]), Fraction(1)
    if lot and lot["cost_per_credit"] is not None and lot["currency"] not in (None, row["unit"]):
        yield _of_commitment(row, COST, lot["currency"]), Fraction(lot["cost_per_credit"])


def _accrued(tables: Tables, billed: Iterable[Burned]) -> Iterable[Burned]:
    """What rates draw on commitments: in money, and in units that count in it or have a price.

    In others it is not known.
    """
    import pyarrow.compute as pc

    known: dict[str, set[Subject]] = defaultdict(set)
    for one in billed:
        known[one.subject.commitment_id].add(one.subject)
    units = {
        row["commitment_id"]: row["unit"]
        for name in ("commitments", "credits")
        for row in tables[name].to_pylist()
        if row["unit"]
    }
    prices = _prices(tables["credits"])
    spend = tables["spend"]
    of_commitments = pc.is_valid(spend.column("commitment_id"))
    accrued = spend.filter(pc.and_(pc.equal(spend.column("state"), ACCRUED), of_commitments))
    by = ("commitment_id", "provider", "currency", "start", "end")
    for row in _summed(accrued, "drawn", by):
        name, currency = row["commitment_id"], row["currency"]
        subjects = known.get(name) or {
            _of_commitment(row, QUANTITY, units.get(name, currency)),
            _of_commitment(row, COST, currency),
        }
        for subject in sorted(subjects):
            price = 1 if subject.unit == currency else prices.get((name, subject.unit, currency))
            amount = row["amount"] / price if price and row["amount"] is not None else None
            unknown = row["unknown"] or int(amount is None)
            yield Burned(subject, row["start"], row["end"], ACCRUED, amount, unknown)


def _prices(lots: pa.Table) -> dict[tuple[str, str, str], Fraction]:
    """What one unit of a commitment costs, by its unit and the currency; none where lots differ."""
    found: dict[tuple[str, str, str], set[Fraction]] = defaultdict(set)
    for row in lots.to_pylist():
        price = Fraction(row["cost_per_credit"] or 0)
        found[row["commitment_id"], row["unit"], row["currency"]].add(price)
    return {key: price for key, (price, *more) in found.items() if not more}


def settled(billed: Iterable[Burned], accrued: Iterable[Burned]) -> list[Burned]:
    """The bill where it has arrived, what is accrued elsewhere.

    Raises IntegrityError where an hour of a commitment would be both.
    """
    told: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    of_bill = list(billed)
    for one in of_bill:
        told[one.subject.commitment_id].append((one.start, one.end))
    spans = {name: sorted(set(found)) for name, found in told.items()}
    kept = [
        one
        for one in accrued
        if not _reached(spans.get(one.subject.commitment_id, []), one.start, one.end)
    ]
    twice = _hours(of_bill) & _hours(kept)
    if twice:
        name, hour = min(twice)
        raise IntegrityError(
            f"{name}: {hour:%Y-%m-%d %H:%M} is both billed and accrued; please report this as a "
            "defect"
        )
    return [*of_bill, *kept]


def _reached(spans: Sequence[tuple[datetime, datetime]], start: datetime, end: datetime) -> bool:
    """Whether one of the spans, in their order, shares time with [start, end)."""
    before = bisect_left(spans, (end, end))
    return before > 0 and spans[before - 1][1] > start


def _hours(burned: Iterable[Burned]) -> set[tuple[str, datetime]]:
    spans = {(one.subject.commitment_id, one.start, one.end) for one in burned}
    return {
        (name, start + number * HOUR)
        for name, start, end in spans
        for number in range(-((start - end) // HOUR))
    }


def teams_burned(spend: pa.Table) -> list[Burned]:
    """What every team was billed, and what is accrued of it, in money; nobody's by its reason.

    Raises IntegrityError unless all that is billed adds up to ``spend``.
    """
    by = ("team", "reason", "currency", "start", "end")
    found = [
        Burned(of_team(row), row["start"], row["end"], row["state"], row["amount"], row["unknown"])
        for row in _summed(spend, "cost", by)
    ]
    _check(found, spend)
    return found


def _check(found: Iterable[Burned], spend: pa.Table) -> None:
    from trueup.model.sums import sums_by

    ours: dict[str, Fraction] = defaultdict(Fraction)
    for one in found:
        if one.state == BILLED:
            ours[one.subject.unit] += one.amount or 0
    theirs: dict[str, Fraction] = defaultdict(Fraction)
    for row in sums_by(spend, ["state", "currency"], ["cost"]).to_pylist():
        if row["state"] == BILLED:
            theirs[row["currency"] or ""] += Fraction(row["cost"] or 0)
    if ours != theirs:
        raise IntegrityError(
            f"what teams burned adds up to {dict(ours)}, spend to {dict(theirs)}; please report "
            "this as a defect"
        )


def of_team(row: Mapping[str, Any]) -> Subject:
    """Of which series a row of ``spend`` is."""
    reason = row["reason"] or ("" if row["team"] else NO_TEAM)
    return Subject(TEAM, "", "", row["team"] or "", reason, COST, row["currency"] or "")


def _summed(spend: pa.Table, figure: str, by: tuple[str, ...]) -> list[dict[str, Any]]:
    """Sums of a figure of ``spend``, with how many of its rows do not know it."""
    from trueup.model.sums import known_by

    return [
        {**row, "amount": None if row[figure] is None else Fraction(row[figure])}
        for row in known_by(spend, ("state", *by), figure).to_pylist()
    ]


def _of_commitment(row: Mapping[str, Any], measure: str, unit: str) -> Subject:
    return Subject(COMMITMENT, row["commitment_id"], row["provider"] or "", "", "", measure, unit)


def _one(subject: Subject, start: datetime, end: datetime, amount: Any) -> Burned:
    known = None if amount is None else Fraction(amount)
    return Burned(subject, start, end, BILLED, known, int(known is None))
