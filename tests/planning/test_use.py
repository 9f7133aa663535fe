"""Usage by the hour and rate: what counts, in which hour, by which price."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.planning.table import FIRST, GPU, HOUR, YES, held, usage
from trueup.engine.engine import Engine, open_engine
from trueup.errors import UsageError
from trueup.model.rules import read_rules
from trueup.period import Period
from trueup.planning.use import Use, Wanted, use_of

TOKENS: dict[str, Any] = {
    "match": {"model": "^chat-large$"},
    "meter": "output_tokens",
    "unit": "1000000 Tokens",
    "price": "15.00",
    "currency": "USD",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine("duckdb") as opened:
        yield opened


def said(
    rows: list[dict[str, Any]], engine: Engine, wanted: Wanted | None = None, **rules: Any
) -> Use:
    given = read_rules({"rate": [GPU], **rules})
    return use_of(usage(rows), given, wanted or Wanted({}), engine)


def in_units(use: Use, at: int = 0) -> list[str]:
    """What each hour used of a rate's unit, as text."""
    one = use.priced[at]
    return [f"{amount / one.parts}" for amount in one.amounts]


def test_capacity_is_cut_at_the_hours_it_is_held_in(engine: Engine) -> None:
    """7,200 GPU-seconds from 0:30 to 2:30 are half an hour, an hour and half an hour of one GPU;
    with one GPU held from 2:00 to 3:00, hour 2 has 1.5. Nothing is used in hour 3, 2 in hour 4.
    """
    long = held(0.5, "7200", unit="GPU-Seconds", window_end=FIRST + timedelta(hours=2.5))
    use = said([long, held(2, "1"), held(4, "2")], engine)
    assert (use.start, use.hours, use.day) == (FIRST, 5, date(2026, 9, 7))
    assert in_units(use) == ["1/2", "1", "3/2", "0", "2"]
    assert use.unused_hours == 1


def test_busy_time_is_no_capacity(engine: Engine) -> None:
    """Of 2 held and 1.5 busy, the 2 that are paid for count."""
    use = said([held(0, "2"), held(0, "1.5", capacity="busy")], engine)
    assert in_units(use) == ["2"]


def test_counted_work_belongs_to_the_hour_it_starts_in(engine: Engine) -> None:
    """A call of 0:59 that ends at 1:01 made its 3,000 tokens in hour 0: 0.003 million."""
    call = held(
        0,
        "3000",
        window_start=FIRST + timedelta(minutes=59),
        window_end=FIRST + timedelta(minutes=61),
        meter="output_tokens",
        unit="Tokens",
        model="Chat Large Latest",
        capacity="busy",
    )
    aliases = {"chat-large-latest": "chat-large"}
    use = said([call], engine, rate=[TOKENS], model_aliases=aliases)
    assert in_units(use) == ["3/1000"]


def test_the_first_rate_that_speaks_of_it_on_the_day_is_its_price(engine: Engine) -> None:
    """The old price ended on the last day of the history; before it, it holds."""
    old = {**GPU, "price": "5.00", "valid_to": date(2026, 9, 8)}
    new = {**GPU, "price": "3.00"}
    rows = [held(0, "1"), held(30, "1")]
    assert said(rows, engine, rate=[old, new]).priced[0].rate.price == Decimal("3.00")
    before = Wanted({}, day=date(2026, 9, 7))
    assert said(rows, engine, before, rate=[old, new]).priced[0].rate.price == Decimal("5.00")


def test_interruptible_usage_stands_apart_at_the_spot_price(engine: Engine) -> None:
    """Tags say so in any of their ways; another key, or false, does not."""
    tags = [YES, '{"interruptible": true}', '{"INTERRUPTIBLE":"Yes"}', '{"a":1}', None]
    tags += ['{"interruptible":"false"}', '{"note":"interruptible"}']
    rows = [held(0, "1", tags=each) for each in tags]
    use = said(rows, engine, rate=[{**GPU, "spot_price": "1.50"}])
    found = {one.interruptible: (in_units(use, at), one) for at, one in enumerate(use.priced)}
    assert {flag: units for flag, (units, _one) in found.items()} == {True: ["3"], False: ["4"]}
    prices = {flag: one.price * one.parts for flag, (_units, one) in found.items()}
    assert prices == {True: Decimal("1.50"), False: Decimal("4.00")}


def test_only_what_is_chosen_counts(engine: Engine) -> None:
    """A resource by pattern; a period cuts the hours, and capacity at its edges."""
    other = held(1, "5", resource_id="test")
    rows = [held(0, "1"), held(1, "2"), held(2, "3"), other]
    assert in_units(said(rows, engine, Wanted({"resource": "^pool$"}))) == ["1", "2", "3"]
    middle = Period(FIRST + HOUR, FIRST + 2 * HOUR)
    assert in_units(said(rows, engine, Wanted({"resource": "^pool$"}, middle))) == ["2"]


def test_what_has_no_price_is_named(engine: Engine) -> None:
    """Usage of another meter or in a unit that does not convert is left out, with its rows."""
    calls = held(0, "7", meter="api_calls", unit="Calls", capacity="busy")
    odd = held(0, "7", unit="GPUs", resource_id="odd")
    use = said([held(0, "1"), calls, calls, odd], engine)
    assert {(name, rows) for name, _why, rows in use.left_out} == {
        ("acme pool api_calls", 2),
        ("acme odd gpu", 1),
    }
    assert in_units(use) == ["1"]
    with pytest.raises(UsageError, match=r"acme pool api_calls.*add a \[\[rate\]\]"):
        said([calls], engine)
    with pytest.raises(UsageError, match="no usage to plan for"):
        said([held(0, "1", capacity="busy")], engine)
    later = Period(FIRST + 50 * HOUR, FIRST + 60 * HOUR)
    with pytest.raises(UsageError, match="no usage in"):
        said([held(0, "1")], engine, Wanted({}, later))


def test_quantities_too_fine_to_be_counted_exactly_are_left_out(engine: Engine) -> None:
    """3 x 10^9 GPU-hours to the 18th decimal are more parts than are counted; 1 GPU is planned for."""
    fine = held(0, "3000000000.000000000000000001", resource_id="fine")
    found = said([held(0, "1"), fine], engine)
    assert in_units(found) == ["1"]
    [(name, why, rows)] = found.left_out
    assert name.endswith("fine gpu")
    assert (why, rows) == ("its quantities are too fine to be counted exactly", 1)
