"""Breaks: what makes two the same, the sentence of each, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pytest

from trueup.engine.engine import open_engine
from trueup.engine.integers import as_whole
from trueup.errors import IntegrityError
from trueup.model.schema import BREAKS
from trueup.reconcile.breaks import ASIDE, WITH_ASIDE, all_breaks, break_id

FIRST, SECOND = (datetime(2026, 10, day, tzinfo=UTC) for day in (1, 2))
LISTED = {"class": "quantity", "leg": "invoice", "currency": "USD", "period_start": FIRST}
UNSAID = ("id", "leg", "subject", "cause_id", "explanation")  # by the usage leg itself
USED = pa.schema(
    [
        *(each for each in BREAKS if each.name not in UNSAID),
        *(pa.field("contradicted", pa.bool_()), pa.field("rows_key", pa.string()), *ASIDE),
    ]
)


def found(
    listed: Sequence[dict[str, Any]], used: Sequence[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Every break in its order: those that a leg lists, and those of the usage leg."""
    with open_engine("duckdb") as engine:
        met = None if used is None else engine.load(as_whole(used, USED))
        breaks = all_breaks(listed, [], met, engine).breaks
        texts = [each.name for each in WITH_ASIDE if pa.types.is_string(each.type)]
        assert all(breaks[name].type().is_string() for name in texts)
        collected = engine.collect(breaks)
    assert collected.column_names == WITH_ASIDE.names
    rows: list[dict[str, Any]] = collected.to_pylist()
    return rows


SENTENCES = {
    "timing": "The same quantity stands in the bill at another hour than in the telemetry.",
    "quantity": "Billed and metered quantities differ by more than the tolerance.",
    "duplicate": "The bill holds identical charges; without the copies it agrees with the meter.",
    "missing_in_usage": "Billed, but the meter that reports on it saw nothing.",
    "missing_in_billing": "Used, but not on the bill although its provider's lag has passed.",
    "commitment": "Used and unused on the bill do not add up to what the contract commits.",
    "price": None,
}


def test_every_class_has_its_sentence_unless_the_leg_says_one() -> None:
    """A class of another leg has none; a contract that no charge carries is no missing usage."""
    listed: list[dict[str, Any]] = [LISTED | {"class": kind} for kind in SENTENCES]
    said = {one["class"]: one["explanation"] for one in found(listed)}
    assert said == SENTENCES
    [own] = found([LISTED | {"explanation": "The SKU has another price."}])
    assert own["explanation"] == "The SKU has another price."
    [lacking] = found([LISTED | {"class": "missing_in_billing", "leg": "commitment"}])
    assert lacking["explanation"] == (
        "The contract is active, but no charge of the period carries it."
    )
    [other] = found([LISTED | {"leg": "commitment"}])
    assert other["explanation"] == SENTENCES["quantity"]


def test_breaks_of_the_usage_leg_stand_beside_those_that_are_listed() -> None:
    """Its leg is usage; what was billed while another meter counted work is said so."""
    used = [
        {
            "class": kind,
            "provider": "p",
            "tier": "batch",
            "shift_seconds": 3600,
            "contradicted": yes,
        }
        for kind, yes in (("missing_in_usage", True), ("quantity", True), ("duplicate", None))
    ]
    told = {(one["leg"], one["class"]): one for one in found([LISTED], used)}
    assert {about: one["explanation"] for about, one in told.items()} == {
        ("usage", "missing_in_usage"): (
            "Billed, and the meter of what was held saw nothing, though another counted work on it."
        ),
        ("usage", "quantity"): SENTENCES["quantity"],
        ("usage", "duplicate"): SENTENCES["duplicate"],
        ("invoice", "quantity"): SENTENCES["quantity"],
    }
    met, listed = told["usage", "quantity"], told["invoice", "quantity"]
    assert [met[name] for name in ("subject", "tier", "shift_seconds")] == [None, "batch", 3600]
    assert [listed[name] for name in ("cause_id", "tier", "shift_seconds")] == [None] * 3


def test_a_break_is_the_same_by_what_it_is_about() -> None:
    """The digest of its names and its first second, whatever its figures are.

    1 October 2026 begins 1,790,812,800 s after 1970: 20,727 days of 86,400 s.
    """
    names = {
        name: name.upper()
        for name in (
            *("class", "leg", "provider", "commitment_id", "account_id", "region_id"),
            *("resource_id", "model", "meter", "subject"),
        )
    }
    one = names | {"period_start": FIRST, "currency": "USD", "rule": None}
    text = "\x1f".join([*names.values(), "1790812800", "USD", "\x00", "\x00"])
    expected = sha256(text.encode()).hexdigest()[:16]
    assert break_id(one) == expected
    figures = {"billed": Decimal(3), "amount": Decimal(2), "period_end": SECOND}
    assert [each["id"] for each in found([one | figures])] == [expected]


@pytest.mark.parametrize(
    "name",
    [
        *("class", "leg", "provider", "commitment_id", "account_id", "region_id", "resource_id"),
        *("model", "meter", "subject", "currency", "rule"),
    ],
)
def test_another_name_makes_another_break(name: str) -> None:
    """Each of them tells breaks apart, in a table and one by one."""
    other = LISTED | {name: "other"}
    assert len({one["id"] for one in found([LISTED, other])}) == 2
    assert break_id(LISTED) != break_id(other)


def test_an_hour_and_a_tier_make_another_break() -> None:
    """In the table of the usage leg a tier does; the second in which it begins does anywhere."""
    assert break_id(LISTED) != break_id(LISTED | {"period_start": SECOND})
    used = [{"class": "quantity", "tier": tier} for tier in ("batch", "flex")]
    assert len({one["id"] for one in found([], used)}) == 2


def test_the_largest_money_comes_first() -> None:
    """-9, 8, then what has no amount like 0: by hour, leg, class and provider."""
    rows: list[dict[str, Any]] = [
        {"subject": "h", "amount": Decimal(0), "period_start": SECOND},
        {"subject": "g", "amount": None, "leg": "price"},
        {"subject": "f", "amount": None, "class": "timing"},
        {"subject": "e", "amount": None, "provider": "b"},
        {"subject": "d", "amount": None, "provider": "a", "class": "quantity"},
        {"subject": "c", "amount": Decimal(0), "class": "duplicate"},
        {"subject": "b", "amount": Decimal(8), "period_start": SECOND},
        {"subject": "a", "amount": Decimal(-9), "period_start": SECOND},
    ]
    assert [one["subject"] for one in found([LISTED | row for row in rows])] == [*"abcdefgh"]


def test_a_break_whose_rows_are_not_all_listed_is_named() -> None:
    """By its id and class, and what it counts on either side."""
    rows = [("billed", 0, 1), ("metered", 0, 1), ("metered", 0, 2)]
    one = LISTED | {"rows_billed": 1, "rows_metered": 3, "rows": rows}
    with pytest.raises(IntegrityError) as caught:
        found([one])
    assert str(caught.value) == (
        f"break {break_id(LISTED)} (quantity) counts 1 billed and 3 metered rows, but 1 and 2 are "
        "listed behind it; please report this as a defect"
    )


def test_a_usage_row_may_stand_behind_several_breaks() -> None:
    """2 metered rows are listed for the 1 that it counts: it has 2 from then on."""
    rows = [("metered", 0, 1), ("metered", 0, 2)]
    [one] = found([LISTED | {"rows_billed": 0, "rows_metered": 1, "rows": rows}])
    assert (one["rows_billed"], one["rows_metered"]) == (0, 2)
