"""Control totals and identities: computed apart from the figures they prove, in every run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import total
from trueup.errors import IntegrityError
from trueup.model.dataset import Dataset
from trueup.money import EXACT, plain

SUM = "decimal(38, 18)"


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, however many digits it takes: Python's default context would round at 28."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def control_totals(
    charges: ir.Table, datasets: Sequence[Dataset], engine: Engine
) -> list[dict[str, Any]]:
    """One row per source and currency, before any filter; rejects stand under their currency.

    A source's rows_in add up to its file's data rows. Raises IntegrityError where they do not.
    """
    accepted = engine.collect(
        charges.group_by(source_id=charges.x_SourceId, currency=charges.BillingCurrency).aggregate(
            accepted=_.count(),
            billed_cost=_.BilledCost.sum().cast(SUM),
            effective_cost=_.EffectiveCost.sum().cast(SUM),
        )
    ).to_pylist()
    totals: list[dict[str, Any]] = []
    for dataset in datasets:
        rejected = _rejected(dataset)
        for source in dataset.sources.rows():
            of_source = [
                row
                for row in accepted
                if dataset.kind == "charges" and row["source_id"] == source["source_id"]
            ]
            totals.extend(_rows_of(source, of_source, rejected.get(source["source_id"], {})))
    return totals


def _rejected(dataset: Dataset) -> dict[int, dict[str | None, int]]:
    counted: dict[int, dict[str | None, int]] = {}
    table = dataset.rejects.to_arrow().select(["source_id", "currency"])
    for row in table.group_by(["source_id", "currency"]).aggregate([([], "count_all")]).to_pylist():
        counted.setdefault(row["source_id"], {})[row["currency"]] = row["count_all"]
    return counted


def _rows_of(
    source: dict[str, Any], accepted: list[dict[str, Any]], rejected: dict[str | None, int]
) -> list[dict[str, Any]]:
    by_currency: dict[str | None, dict[str, Any]] = {row["currency"]: row for row in accepted}
    if source["kind"] != "charges":
        by_currency = {None: {"accepted": source["accepted"]}}
    currencies = sorted({*by_currency, *rejected}, key=lambda name: (name is None, name or ""))
    rows = []
    for currency in currencies or [None]:
        found = by_currency.get(currency, {})
        refused = rejected.get(currency, 0)
        rows.append(
            {
                "source": source["source"],
                "kind": source["kind"],
                "rows_in": found.get("accepted", 0) + refused,
                "accepted": found.get("accepted", 0),
                "rejected": refused,
                "currency": currency,
                "billed_cost": found.get("billed_cost"),
                "effective_cost": found.get("effective_cost"),
            }
        )
    if sum(row["rows_in"] for row in rows) != source["rows_in"]:
        raise IntegrityError(
            f"{source['source']}: {source['rows_in']} rows in, but its currencies add up to "
            f"{sum(row['rows_in'] for row in rows)}; please report this as a defect"
        )
    return rows


def check_facts(
    totals: Sequence[Mapping[str, Any]], every: ir.Table, scale: int, engine: Engine
) -> None:
    """The whole numbers that the run computes with are the amounts of the files, to the unit.

    ``totals`` are the control totals, summed from the rows as they were read; ``every`` are all
    charges with whole amounts. Raises IntegrityError with the figures where they differ.
    """
    sums = every.group_by("currency").aggregate(
        rows=_.count(), effective=total(_.effective), billed=total(_.billed)
    )
    found = {row["currency"]: row for row in engine.collect(sums).to_pylist()}
    of_bill = [one for one in totals if one["kind"] == "charges" and one["accepted"]]
    for currency in sorted({*found, *(one["currency"] for one in of_bill)}):
        mine = [one for one in of_bill if one["currency"] == currency]
        row = found.get(currency, {"rows": 0, "effective": None, "billed": None})
        figures: dict[str, tuple[Decimal | int, Decimal | int]] = {
            "rows": (row["rows"], sum(one["accepted"] for one in mine))
        }
        for name in ("effective", "billed"):
            whole = row[name] if row[name] is not None else Decimal(0)
            figures[f"{name} cost"] = (
                whole.scaleb(-scale, EXACT),
                exact_sum(one[f"{name}_cost"] for one in mine),
            )
        for name, (computed, read) in figures.items():
            if computed != read:
                raise IntegrityError(
                    f"{currency}: {name} {read} read, but {computed} computed with; "
                    "nothing was written, please report this as a defect"
                )


def identity(
    rows: ir.Table,
    allocated: dict[str, Decimal],
    unused: dict[str, Decimal],
    unattributed: dict[str, Decimal],
    engine: Engine,
) -> list[dict[str, Any]]:
    """Billed = allocated + unused + unattributed, per currency, in whole money units.

    ``rows`` are the period's charges, summed here on their own. Raises IntegrityError with the
    figures where they differ by as little as one unit.
    """
    found = engine.collect(
        rows.group_by("currency").aggregate(billed=_.effective.sum().cast("decimal(38, 0)"))
    ).to_pylist()
    table = []
    for row in sorted(found, key=lambda each: each["currency"]):
        currency = row["currency"]
        parts = [side.get(currency, Decimal(0)) for side in (allocated, unused, unattributed)]
        difference = EXACT.subtract(row["billed"], exact_sum(parts))
        if difference:
            raise IntegrityError(
                f"{currency}: billed {row['billed']} is not allocated {parts[0]} + unused "
                f"{parts[1]} + unattributed {parts[2]} (in the smallest unit of the run); "
                "nothing was written, please report this as a defect"
            )
        table.append(
            {
                "currency": currency,
                "billed": row["billed"],
                "allocated": parts[0],
                "unused": parts[1],
                "unattributed": parts[2],
                "difference": difference,
            }
        )
    return table


def billed_identity(
    billed: Mapping[str, Decimal],
    compared: Sequence[Mapping[str, Decimal]],
    unused: Mapping[str, Decimal],
    not_compared: Mapping[str, Decimal],
) -> list[dict[str, Any]]:
    """The second identity, on BilledCost: billed = compared + unused + not compared.

    Raises IntegrityError with the figures where it does not hold.
    """
    none = Decimal(0)
    table = []
    for currency in sorted(billed):
        row: dict[str, Any] = {
            "currency": currency,
            "billed": billed[currency],
            "compared": exact_sum(each.get(currency, none) for each in compared),
            "unused": unused.get(currency, none),
            "not_compared": not_compared.get(currency, none),
        }
        parts = exact_sum((row["compared"], row["unused"], row["not_compared"]))
        row["difference"] = EXACT.subtract(row["billed"], parts)
        if row["difference"]:
            raise IntegrityError(
                f"{currency}: billed cost {row['billed']} is not the {parts} of its parts (in the "
                "smallest unit of the run); nothing was written, please report this as a defect"
            )
        table.append(row)
    return table


def check_buckets(buckets: Sequence[dict[str, Any]], accepted: dict[str, int]) -> None:
    """Every accepted row is in exactly one bucket; raises IntegrityError with the counts."""
    for side, count in accepted.items():
        placed = sum(row["rows"] for row in buckets if row["side"] == side)
        if placed != count:
            raise IntegrityError(
                f"{count} accepted {side} rows, but {placed} in the buckets; "
                "please report this as a defect"
            )


def check_sum(what: str, found: Decimal, other: str, wanted: Decimal, scale: int) -> None:
    """Raises IntegrityError with both sums, of 10^-``scale`` each, where they differ."""
    if found != wanted:
        ours, theirs = (plain(each.scaleb(-scale, EXACT)) for each in (found, wanted))
        raise IntegrityError(
            f"{what} adds up to {ours}, {other} to {theirs}; nothing was written, please report "
            "this as a defect"
        )
