"""What was metered of each payer, and what its tokens cost: from tables of a few rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trueup.attribute.cost_line import Payer
from trueup.attribute.mapping import CompanyMap
from trueup.model.rules import Mapped, TokenPrice
from trueup.model.schema import ALLOCATIONS
from trueup.model.spend_schema import ACTIVITY, SPEND
from trueup.model.table import Table
from trueup.report.cost_lines import measured, token_prices

OUTPUT = {"provider": "aws", "model": "large", "meter": "output_tokens"}
INPUT = {"provider": "aws", "model": "large", "meter": "input_tokens"}
NONE = Table.from_rows(ALLOCATIONS, [])  # what is not looked at


@dataclass(frozen=True)
class Given:
    spend: Table
    activity: Table
    start: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    end: datetime = datetime(2026, 11, 1, tzinfo=UTC)
    as_of: datetime = datetime(2026, 11, 9, tzinfo=UTC)
    allocations: Table = NONE
    commitments: Table = NONE
    identity: Table = NONE


def spent(cost: str | None, state: str = "billed", reason: str | None = None) -> dict[str, Any]:
    known = {"cost": None if cost is None else Decimal(cost)}
    return {**OUTPUT, **known, "state": state, "reason": reason, "currency": "USD"}


def metered(what: dict[str, str], quantity: str, **more: Any) -> dict[str, Any]:
    unit = {"unit": "Tokens", "capacity": "busy", "rows": 1}
    return {**what, **unit, "quantity": Decimal(quantity), **more}


GIVEN = Given(
    Table.from_rows(
        SPEND,
        [
            *(spent("10"), spent("2", reason="no_rule"), spent("3", "accrued")),
            *(spent("5", reason="missing_in_usage"), spent(None, "accrued")),
        ],
    ),
    Table.from_rows(
        ACTIVITY,
        [
            metered(OUTPUT, "1000", team="a", rows=2),
            metered(OUTPUT, "0.5", unit="1000 Tokens", agent="bot"),
            metered(INPUT, "70", team="a"),
        ],
    ),
)
COMPANY = CompanyMap([Mapped(match={"agent": "bot"}, team="b", cost_centre="4711")])


def test_metered_work_is_of_mapped_payers_in_base_units() -> None:
    """Half of 1000 tokens is 500; the agent's team comes from the company's map."""
    found = {
        (each.meter, each.payer): (each.quantity, each.rows) for each in measured(GIVEN, COMPANY)
    }
    assert found == {
        ("output_tokens", Payer("a")): (Fraction(1000), 2),
        ("output_tokens", Payer("b", "4711")): (Fraction(500), 1),
        ("input_tokens", Payer("a")): (Fraction(70), 1),
    }


def test_tokens_are_priced_by_the_rules_else_by_the_bill() -> None:
    """(10 + 2 + 3) / 1500 is a cent; what telemetry never saw says nothing of the price."""
    some = measured(GIVEN, COMPANY)
    written = next(each for each in some if each.meter == "output_tokens")
    read = next(each for each in some if each.meter == "input_tokens")
    price = token_prices(GIVEN, some, ())
    assert price("USD", written) == Fraction(1, 100)
    assert price("EUR", written) is None
    assert price("USD", read) is None
    stated = TokenPrice(match={"meter": "^INPUT"}, price=Decimal(20), currency="USD")
    price = token_prices(GIVEN, some, [stated])
    assert price("USD", read) == Fraction(20, 10**6)
    assert price("EUR", read) is None
    assert price("USD", written) == Fraction(1, 100)
