"""Rows of a feed as text, and what changes while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.fetch.nimbus import AT, CONNECTOR

from trueup.adapter.feed import BALANCES, TABLES, BrokenAnswer, Changed
from trueup.errors import IntegrityError, ProviderError
from trueup.fetch.asking import Asker
from trueup.fetch.feeds import READINGS_MAX, _safe, csv_text, unchanged
from trueup.period import parse_period

ASKER = Asker("nimbus", CONNECTOR, None, {}, parse_period("2026-10"), AT)


def test_rows_become_text_in_a_stable_order() -> None:
    """Whatever the order they came in; what is not known is empty."""
    rows: list[dict[str, str | None]] = [
        {"provider": "nimbus", "lot_id": "b", "granted": None},
        {"provider": "nimbus", "lot_id": "a", "granted": "1.00"},
    ]
    head, *lines = csv_text(BALANCES, rows).splitlines()
    assert head == ",".join(TABLES[BALANCES])
    assert lines == ["nimbus,a,,,1.00,,,,,,,,,", "nimbus,b,,,,,,,,,,,,"]


def test_a_column_that_the_table_has_not_is_refused() -> None:
    """An adapter that gives it would lose it without a word."""
    with pytest.raises(IntegrityError, match=r"balances: no such column: \['colour'\]"):
        csv_text(BALANCES, [{"provider": "nimbus", "colour": "red"}])


def reading(*outcomes: Exception | str) -> Callable[[], str]:
    """What gives these, one after the other."""
    left: Iterator[Any] = iter(outcomes)

    def read() -> str:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    return read


def test_what_changes_is_read_again_up_to_three_times() -> None:
    """Twice is borne; the third time it is said, with when to come back."""
    twice = [Changed("page 2")] * (READINGS_MAX - 1)
    assert unchanged("plans", ASKER, reading(*twice, "whole")) == "whole"
    with pytest.raises(ProviderError, match="the data changed while it was read, 3 times: page 2"):
        unchanged("plans", ASKER, reading(*twice, Changed("page 2")))


def test_what_is_broken_is_read_once() -> None:
    """An answer of another shape does not become right by asking."""
    with pytest.raises(ProviderError, match="an answer is not what the API gives: cut"):
        unchanged("plans", ASKER, reading(BrokenAnswer("cut"), "whole"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b.csv", "a/b.csv"),
        ("/../a/./b.csv", "a/b.csv"),
        ("..", "unnamed"),
        ("a\\b\0.csv", "a_b_.csv"),
    ],
)
def test_a_file_stays_below_its_folder(name: str, path: str) -> None:
    """Whatever the provider calls it."""
    assert _safe(name).as_posix() == path
