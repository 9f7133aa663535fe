"""What charges drew on a commitment, and why that is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tests.reconcile.test_terms import terms
from trueup.engine.engine import Engine, open_engine
from trueup.reconcile.draws import SILENT, UNNAMED, Drawing, Draws, by_rule, draws_on, named
from trueup.reconcile.terms import Terms

HOUR = datetime(2026, 10, 3, 14, tzinfo=UTC)
WHOLE, AMOUNT = pa.decimal128(38, 0), pa.decimal128(38, 18)
EDGE = 10**18
PIECES = pa.schema(
    [
        ("at", pa.timestamp("us", tz="UTC")),
        *((name, pa.string()) for name in (
            "ChargeCategory", "CommitmentDiscountId", "CommitmentDiscountStatus",
            "CommitmentDiscountUnit", "BillingCurrency", "ConsumedUnit", "x_Provider",
            "ContractApplied", "SkuId",
        )),
        *((name, AMOUNT) for name in ("CommitmentDiscountQuantity", "EffectiveCost")),
        *((name, WHOLE) for name in ("quantity", "cost", "billed", "consumed")),
    ]
)  # fmt: skip


def piece(cost: str, **given: str | None) -> dict[str, Any]:
    """A Usage charge of one hour, in cents; quantities are those of the commitment and consumed."""
    row: dict[str, Any] = dict.fromkeys(PIECES.names)
    row |= {"at": HOUR, "ChargeCategory": "Usage", "BillingCurrency": "USD", "SkuId": "sku"}
    row |= {"EffectiveCost": Decimal(cost), "x_Provider": "p", "CommitmentDiscountStatus": "Used"}
    row |= given
    quantity, consumed = given.get("quantity"), given.get("consumed")
    row["CommitmentDiscountQuantity"] = Decimal(quantity) if quantity else None
    row["quantity"] = Decimal(quantity) * EDGE if quantity else None
    row["consumed"] = Decimal(consumed) * EDGE if consumed else None
    row["cost"] = row["billed"] = Decimal(cost) * 100
    return row


def drawing_of(
    rows: Sequence[dict[str, Any]], engine: Engine | None = None, telling: str | None = None
) -> Drawing:
    """Charges as a run has them; without an engine there are none."""
    table = pa.Table.from_pylist(list(rows), schema=PIECES)
    carried = {row["CommitmentDiscountId"] for row in rows} - {None}
    return Drawing(
        pieces=engine.load(table) if engine else ibis.memtable(table),
        applied={},
        telling=frozenset({telling} if telling else ()),
        carried=frozenset(carried),
        left_over=frozenset(),
        scale=2,
        engine=engine,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine("duckdb") as engine:
        yield engine


def lot(**given: object) -> Terms:
    usual = {"commitment_id": "lot", "layer": "funding", "interval": "full period"}
    return terms(**(usual | {"provider": "p"} | given))


CREDITS = lot(unit="credits")


def element(**given: Any) -> dict[str, Any]:
    """A group of elements of ContractApplied that name the lot: 2.00 USD, 4 credits."""
    usual = {"at": HOUR, "kind": "drawdown", "rows": 1, "currency": "USD", "unit": "credits"}
    usual |= {"cost": Decimal("2.00"), "quantity": Decimal(4), "unreadable": 0}
    return usual | {"without_cost": 0, "without_quantity": 0} | given


def applied(term: Terms, **given: Any) -> Draws:
    found = drawing_of([])
    object.__setattr__(found, "applied", {"lot": [element(**given)]})
    return named("lot", term, found)


@pytest.mark.parametrize(
    ("term", "given", "quantity", "unknown"),
    [
        (lot(), {}, 2, None),
        (CREDITS, {}, 4, None),
        (CREDITS, {"unit": None}, 4, None),
        (lot(unit="GPU-Hours"), {"unit": "GPU-Minutes"}, Fraction(4, 60), None),
        (lot(), {"unreadable": 1}, 2, "ContractApplied has amounts that are not plain numbers"),
        (lot(), {"currency": "EUR"}, 2, "it is in USD, and charges in another currency drew on it"),
        (
            lot(),
            {"without_cost": 1, "cost": None},
            0,
            "ContractApplied states quantities, and the commitment is in money",
        ),
        (
            CREDITS,
            {"without_quantity": 1},
            0,
            "ContractApplied states costs, and the commitment is in credits",
        ),
        (
            CREDITS,
            {"unit": "Tokens"},
            0,
            "Tokens and credits do not convert: one measures Tokens, the other Credits",
        ),
    ],
)
def test_what_charges_say_they_applied(
    term: Terms, given: dict[str, Any], quantity: Fraction, unknown: str | None
) -> None:
    """2.00 USD of a lot in money, 4 of one in credits; what is of another kind is said."""
    draws = applied(term, **given)
    assert draws.of(HOUR, "drawdown").quantity == quantity
    assert draws.unknown == unknown


@pytest.mark.parametrize(
    ("term", "telling", "unknown"),
    [
        (lot(), None, SILENT),
        (lot(), "p", None),  # its provider's charges tell, and none drew on it
        (lot(layer="agreement"), None, UNNAMED),
    ],
)
def test_what_no_charge_names(term: Terms, telling: str | None, unknown: str | None) -> None:
    """Nothing drawn is a figure only where charges of the provider say what they drew on."""
    draws = draws_on(term, drawing_of([], telling=telling))
    assert (draws.moved, draws.unknown) == ({}, unknown)


CARRIED: dict[str, str | None] = {"CommitmentDiscountId": "lot", "CommitmentDiscountUnit": "USD"}


@pytest.mark.parametrize(
    ("rows", "drawn", "unknown"),
    [
        ([piece("3.00", quantity="2", **CARRIED)], 2, None),
        ([piece("3.00", **CARRIED)], 3, None),  # no quantity at all: the cost
        # one row with and one without cannot be told apart: the cost of both, and it is said
        (
            [piece("3.00", quantity="2", **CARRIED), piece("1.00", **CARRIED)],
            4,
            "Used rows without CommitmentDiscountQuantity",
        ),
        ([piece("0.00", **CARRIED)], 0, "Used rows without CommitmentDiscountQuantity"),
        (
            [piece("3.00", quantity="2", **CARRIED | {"CommitmentDiscountUnit": "Hours"})],
            2,
            "it is in USD, and rows that carry it count in Hours",
        ),
    ],
)
def test_what_charges_drew_that_carry_it(
    engine: Engine, rows: list[dict[str, Any]], drawn: int, unknown: str | None
) -> None:
    """Their CommitmentDiscountQuantity, in the commitment's unit."""
    draws = named("lot", lot(), drawing_of(rows, engine))
    assert draws.of(HOUR, "drawdown").quantity == drawn
    assert draws.unknown == unknown


RULED = '{"SkuId": "^SKU$"}'


def ruled(engine: Engine, term: Terms, *rows: dict[str, Any]) -> Draws:
    return by_rule(term, ["lot"], drawing_of(rows, engine))


@pytest.mark.parametrize(
    ("applies_to", "lacking"),
    [
        ('{"Team": "ml", "SkuId": "sku"}', "columns the bill does not have: Team"),
        ("{}", "no column"),
    ],
)
def test_a_rule_that_no_column_of_the_bill_can_meet_is_said(
    engine: Engine, applies_to: str, lacking: str
) -> None:
    """The bill has no column Team; a rule of no column would be met by every charge."""
    draws = ruled(engine, lot(applies_to=applies_to), piece("1.00"))
    assert (draws.moved, draws.unknown) == ({}, f"applies_to names {lacking}")


def test_a_rule_is_of_its_provider_where_it_has_one(engine: Engine) -> None:
    """1.00 of p and 2.00 of q: a lot of p is drawn by 1.00, one of no provider by both."""
    rows = [piece("1.00"), piece("2.00", x_Provider="q")]
    own = ruled(engine, lot(applies_to=RULED), *rows)
    of_all = ruled(engine, lot(applies_to=RULED, provider=None), *rows)
    assert own.of(HOUR, "drawdown").quantity == 1
    assert of_all.of(HOUR, "drawdown").quantity == 3


def test_a_rule_over_charges_in_another_currency_is_said(engine: Engine) -> None:
    """3.00 EUR are no 3.00 USD."""
    draws = ruled(engine, lot(applies_to=RULED), piece("3.00", BillingCurrency="EUR"))
    assert draws.unknown == "it is in USD, and its charges are in EUR"


HOURS = {
    "applies_to": RULED,
    "unit": "credits",
    "compute_unit": "GPU-Hours",
    "compute_units_per_credit": Decimal(2),
}


@pytest.mark.parametrize(
    ("consumed", "unit", "drawn", "unknown"),
    [
        ("6", "GPU-Hours", 3, None),  # a credit buys 2: 6 / 2
        ("60", "GPU-Minutes", Fraction(1, 2), None),  # 60 / 60 / 2
        ("6", None, 3, None),  # without a unit it is taken as the contract's
        (None, "GPU-Hours", 0, "charges that draw on it have no ConsumedQuantity"),
        ("6", "Tokens", 3, "Tokens and GPU-Hours do not convert"),
    ],
)
def test_credits_are_drawn_by_what_was_consumed(
    engine: Engine,
    consumed: str | None,
    unit: str | None,
    drawn: Fraction,
    unknown: str | None,
) -> None:
    """ConsumedQuantity in the contract's unit, by what a credit buys."""
    row = piece("9.00", consumed=consumed, ConsumedUnit=unit)
    draws = ruled(engine, lot(**HOURS), row)
    assert draws.of(HOUR, "drawdown").quantity == drawn
    assert (draws.unknown or "").startswith(unknown or "")
    assert bool(draws.unknown) is bool(unknown)
