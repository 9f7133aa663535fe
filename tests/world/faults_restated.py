"""The bill of the same days as it is known after they were closed, and how it differs, by item.

Rows are changed in place, taken away and added; others are put right by correction rows, written
as a difference or as a ledger does: a reversal and its replacement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.world.bills import bills
from tests.world.dice import Dice
from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import Charge, Ledger, Value
from tests.world.rewriting import COSTS, amount, with_values

FOLDER = "restated"
KEY = (
    "provider", "billing_account_id", "account_id", "service", "sku", "resource_id",
    "commitment_id", "category", "status", "period_start", "period_end", "currency",
)  # fmt: skip
SUBJECT = ("billing_account_id", "service", "sku", "category", "status", "period_end")
QUANTITIES = ("ConsumedQuantity", "PricingQuantity")


def restate(ledger: Ledger) -> list[Charge]:
    """The charges as known later."""
    dice = Dice(ledger.seed, "restated")
    charges = list(ledger.charges)
    places = [place for place, charge in enumerate(charges) if _ordinary(charge)]
    gone: set[int] = set()
    more: list[Charge] = []

    def some(count: int) -> list[int]:
        return [places.pop(dice.between(0, len(places) - 1)) for _ in range(count)]

    for place in some(dice.between(2, 5)):
        charges[place] = _times(charges[place], dice.one_of((Decimal("0.5"), Decimal("1.25"))))
    gone.update(some(dice.between(1, 3)))
    for place in some(dice.between(1, 3)):  # usage of a thing that nobody knew of
        named = {"ResourceId": "arrived-late", "SkuId": "LATE", "SkuPriceId": None}
        more.append(with_values(charges[place], **named))
    less = Decimal("-0.25")  # by the difference
    more += [_corrects(_times(charges[place], less)) for place in some(2)]
    for place in some(2):  # a reversal and its replacement
        reversal, again = Decimal(-1), Decimal("0.75")
        more += [_corrects(_times(charges[place], part)) for part in (reversal, again)]
    for place in some(1):  # only a correction, of nothing that is on the bill
        unknown = _corrects(_times(charges[place], Decimal(-1)))
        more.append(with_values(unknown, ResourceId=None, SkuId="GOODWILL", SkuPriceId=None))
    for place in some(2):  # one row written as two: nothing is restated by that
        charges[place] = _times(charges[place], Decimal("0.5"))
        more.append(charges[place])
    return [charge for place, charge in enumerate(charges) if place not in gone] + more


def _ordinary(charge: Charge) -> bool:
    values = charge.values
    usage = values["ChargeCategory"] == "Usage" and not values.get("ChargeClass")
    return usage and values.get("ConsumedQuantity") is not None and charge.effective > 0


def _times(charge: Charge, part: Decimal) -> Charge:
    more: dict[str, Value] = {
        name: amount(charge, name) * part
        for name in (*COSTS, *QUANTITIES, "PricingCurrencyEffectiveCost")
        if charge.values.get(name) is not None
    }
    return with_values(charge, **more)


def _corrects(charge: Charge) -> Charge:
    kept = {name: value for name, value in charge.values.items() if name != "ContractApplied"}
    return Charge(charge.provider, charge.file, {**kept, "ChargeClass": "Correction"})


def files(ledger: Ledger, charges: Sequence[Charge]) -> dict[str, bytes]:
    """The bill as known later, in the files of the first one below a folder of its own."""
    later = replace(ledger, charges=list(charges))
    return {f"{FOLDER}/{path}": content for path, content in bills(later).items()}


def _key(charge: Charge) -> tuple[str | None, ...]:
    def said(*columns: str) -> str | None:
        found = (charge.values.get(column) for column in columns)
        return next((text(value) for value in found if value is not None), None)

    return (
        charge.provider,
        said("BillingAccountId"),
        said("SubAccountId", "BillingAccountId"),
        said("ServiceName"),
        said("SkuPriceId", "SkuId", "ChargeDescription"),
        said("ResourceId"),
        said("CommitmentDiscountId"),
        said("ChargeCategory"),
        said("CommitmentDiscountStatus"),
        said("ChargePeriodStart"),
        said("ChargePeriodEnd"),
        said("BillingCurrency"),
    )


@dataclass(frozen=True)
class Side:
    """The rows of one item in one version of the bill."""

    rows: Sequence[Charge]

    @property
    def effective(self) -> Decimal:
        return total(charge.effective for charge in self.rows)

    @property
    def billed(self) -> Decimal:
        return total(charge.billed for charge in self.rows)

    @property
    def corrected(self) -> bool:
        return all(charge.values.get("ChargeClass") == "Correction" for charge in self.rows)

    @property
    def units(self) -> set[str]:
        found = (_measure(charge)[1] for charge in self.rows)
        return {unit for unit in found if unit is not None}

    @property
    def quantity(self) -> Decimal | None:
        known = [quantity for quantity, _ in map(_measure, self.rows) if quantity is not None]
        return total(known) if known else None


def _measure(charge: Charge) -> tuple[Decimal | None, str | None]:
    """A row's quantity and unit: consumed, where both are stated, else priced."""
    values = charge.values
    for quantity, unit in (
        ("ConsumedQuantity", "ConsumedUnit"),
        ("PricingQuantity", "PricingUnit"),
    ):
        number, name = values.get(quantity), values.get(unit)
        if isinstance(number, Decimal) and name is not None:
            return number, text(name)
    return None, None


def _items(charges: Sequence[Charge]) -> dict[tuple[str | None, ...], Side]:
    found: dict[tuple[str | None, ...], list[Charge]] = defaultdict(list)
    for charge in charges:
        found[_key(charge)].append(charge)
    return {key: Side(rows) for key, rows in found.items()}


def restatements(ledger: Ledger, later: Sequence[Charge]) -> list[Row]:
    """Every item of the period that is not what it was."""
    before, after = _items(ledger.charges), _items(later)
    rows: list[Row] = []
    for key in before.keys() | after.keys():
        was, now = before.get(key, Side(())), after.get(key, Side(()))
        units = was.units | now.units
        moved: dict[str, Decimal] = {
            "effective": now.effective - was.effective,
            "billed": now.billed - was.billed,
            "quantity": (now.quantity or Decimal(0)) - (was.quantity or Decimal(0)),
        }
        if not any(moved.values()):
            continue
        one_unit = len(units) == 1
        row: Row = dict(zip(KEY, key, strict=True))
        row |= {"kind": _kind(was, now), "unit": next(iter(units)) if one_unit else None}
        row |= _figures("effective", lambda side: side.effective, was, now)
        row |= _figures("billed", lambda side: side.billed, was, now)
        if one_unit:
            row |= _figures("quantity", lambda side: side.quantity, was, now)
        row |= {"rows_before": str(len(was.rows)), "rows_after": str(len(now.rows))}
        rows.append(row)
    return rows


def _figures(name: str, of: Callable[[Side], Decimal | None], was: Side, now: Side) -> Row:
    one, other = of(was), of(now)
    return {
        f"{name}_before": None if one is None else text(one),
        f"{name}_after": None if other is None else text(other),
        f"{name}_delta": text((other or Decimal(0)) - (one or Decimal(0))),
    }


def _kind(was: Side, now: Side) -> str:
    if not was.rows:
        return "correction" if now.corrected else "added"
    return "changed" if now.rows else "removed"


def answers(items: Sequence[Mapping[str, object]]) -> list[Row]:
    """The break of each item of a closed period: what it costs now, and what it did."""
    return [
        {
            "class": "restatement",
            "leg": "restatement",
            "rule": "restated",
            "provider": one["provider"],
            "commitment_id": one["commitment_id"],
            "account_id": one["account_id"],
            "resource_id": one["resource_id"],
            "subject": " | ".join(str(one[name] or "-") for name in SUBJECT),
            "period_start": one["period_start"],
            "period_end": one["period_end"],
            "billed": one["effective_after"],
            "expected": one["effective_before"],
            "unit": one["currency"],
            "amount": one["effective_delta"],
            "currency": one["currency"],
        }
        for one in items
    ]
