"""Parts of the search for causes that a whole run seldom comes to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trueup.model.rules import Rules
from trueup.reconcile.causes import silence, tags, units
from trueup.reconcile.causes.names import Pair, _each_once, _field
from trueup.reconcile.causes.scene import BREAKS_MAX, Scene
from trueup.reconcile.causes.search import bounded

START = datetime(2026, 10, 3, tzinfo=UTC)


def test_names_that_differ_in_two_fields_are_no_alias() -> None:
    """Model, resource and account; one of them may differ, if both sides say it."""
    assert _field(("m", "r", "a"), ("n", "r", "a")) == "model"
    assert _field(("m", "r", "a"), ("n", "s", "a")) is None
    assert _field(("m", "r", "a"), ("m", "r", "a")) is None
    assert _field((None, "r", "a"), ("n", "r", "a")) is None


def pair(*ids: str) -> Pair:
    billed, *metered = ({"id": one, "meter": "input_tokens"} for one in ids)
    return Pair(billed, metered, Fraction(5000))


def test_a_break_stands_in_one_alias() -> None:
    """Two breaks of m may be n1's; one of them may be n2's too, and is taken already."""
    theirs: tuple[str | None, ...] = ("m", None, None)
    found = {
        ("p", "input_tokens", "standard", theirs, ("n2", None, None)): [pair("b1", "u3")],
        ("p", "input_tokens", "standard", theirs, ("n1", None, None)): [
            pair("b1", "u1"),
            pair("b2", "u2"),
        ],
    }
    [cause] = _each_once(found)
    assert cause.subject == ("p", "model", "m", "n1")
    assert [row["id"] for row in cause.breaks] == ["b1", "u1", "b2", "u2"]


@pytest.mark.parametrize("text", ["[1]", "{", '"team"', "null"])
def test_tags_that_are_no_object_say_nothing(text: str) -> None:
    """A JSON text of another shape, or none."""
    assert list(tags._tags(text)) == []


def test_tags_are_those_that_are_texts() -> None:
    """A number names no team."""
    assert list(tags._tags('{"team": "ml", "size": 3}')) == [("team", "ml")]


def test_without_an_allocation_no_money_moved() -> None:
    """Usage that was compared with nothing costs nothing that could be of nobody."""
    scene = cast("Scene", SimpleNamespace(allocated=None, groups=None))
    assert tags._moved("team", "p", START, scene) == {}


def silent(*breaks: str, hour: int = 0) -> dict[str, Any]:
    rows = [{"id": one} for one in breaks]
    start = START + timedelta(hours=hour)
    key = ("p", "a", f"meter-{hour}")
    return {"key": key, "start": start, "end": start + timedelta(hours=3), "rows": rows}


def test_one_break_is_no_silence_of_a_meter() -> None:
    """Two breaks of meters that were silent at the same time are; one, or one each apart, is none."""
    assert list(silence._merged([silent("b1")])) == []
    assert list(silence._merged([silent("b1"), silent("b2", hour=5)])) == []
    [cause] = silence._merged([silent("b1"), silent("b2", hour=2)])
    assert len(cause.breaks) == 2


@pytest.mark.parametrize(
    ("billed", "metered", "factors"),
    [
        ("5000", "5", [1000]),
        ("5010", "5", [1000]),  # 0.2 % off, within the 1 % of a factor that is no chance
        ("50", "5", [10]),
        ("50.1", "5", []),  # ten machines may look like that: a small factor is to the digit
    ],
)
def test_a_small_factor_is_one_to_the_last_digit(
    billed: str, metered: str, factors: list[int]
) -> None:
    """A thousandfold difference is no chance, a tenfold one may be."""
    row = {"billed": Decimal(billed), "expected": Decimal(metered), "provider": "p"}
    row |= {"unit": "Tokens", "meter": "input_tokens"}
    assert list(units._factors(row, Rules())) == factors


def test_a_search_among_the_largest_alone_is_said() -> None:
    """Up to 20,000 breaks are all looked at."""
    assert bounded(BREAKS_MAX) == []
    [note] = bounded(BREAKS_MAX + 1)
    assert note["code"] == "causes_bounded"
    assert "among the 20,000 largest of 20,001 breaks" in note["text"]
