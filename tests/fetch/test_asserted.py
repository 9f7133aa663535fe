"""What providers assert as typed tables: what is no figure is named, and the rest is there."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from trueup.adapter.feed import BALANCES, TABLES
from trueup.fetch.asserted import asserted, assertions
from trueup.fetch.feeds import Fed
from trueup.fetch.providers import Fetched


def told(folder: Path, feed: str, granted: str) -> Fed:
    """A feed that gave one balance."""
    path = folder / f"{feed}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TABLES[BALANCES], restval="")
        writer.writeheader()
        writer.writerow({"lot_id": feed, "granted": granted})
    return Fed(feed, BALANCES, 1, 1, path)


@pytest.mark.parametrize("wrong", ["1.0000000000000000001", "NaN", "many", f"1{'0' * 20}"])
def test_a_feed_with_a_figure_that_is_none_is_named(wrong: str, tmp_path: Path) -> None:
    """19 decimals, 21 digits before the point and words; the other feed's row stays as written."""
    good = told(tmp_path, "good", f"1.{'0' * 17}1{'0' * 5}")
    tables, (failure,) = asserted(
        assertions([Fetched("acme", (good, told(tmp_path, "bad", wrong)), (), (), ())])
    )
    (row,) = tables["provider_balances"].rows()
    assert (row["lot_id"], row["granted"]) == ("good", Decimal("1.000000000000000001"))
    assert (row["source_id"], row["source_row"]) == (0, 1)
    assert (failure.provider, failure.what) == ("acme", "bad (bad)")
    assert f"granted = {wrong!r}" in failure.reason
    assert failure.remedy


def test_every_row_says_where_it_stands(tmp_path: Path) -> None:
    """Two feeds of balances with one row and two: their places are (0, 1), (1, 1) and (1, 2)."""
    one, two = told(tmp_path, "one", "1"), told(tmp_path, "two", "2")
    with two.path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, TABLES[BALANCES], restval="").writerow({"lot_id": "more"})
    tables, failures = asserted(assertions([Fetched("acme", (one, two), (), (), ())]))
    assert not failures
    places = [
        (row["lot_id"], row["source_id"], row["source_row"])
        for row in tables["provider_balances"].rows()
    ]
    assert places == [("one", 0, 1), ("two", 1, 1), ("more", 1, 2)]
