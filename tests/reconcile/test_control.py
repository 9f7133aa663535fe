"""Control totals and identities: figures that do not add up stop the run, with the figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.engine.engine import open_engine
from trueup.errors import IntegrityError
from trueup.reconcile.control import _rows_of, billed_identity, check_buckets, identity

D = Decimal
SOURCE = {"source": "bill.csv", "kind": "charges", "rows_in": 3, "accepted": 2}
ACCEPTED: list[dict[str, Any]] = [
    {"currency": "USD", "accepted": 2, "billed_cost": D(5), "effective_cost": D(4)}
]


def test_the_rows_of_a_source_are_those_of_its_currencies() -> None:
    """2 accepted in USD and 1 rejected in no currency are the 3 of the file."""
    rows = _rows_of(SOURCE, ACCEPTED, {None: 1})
    assert [(row["currency"], row["rows_in"]) for row in rows] == [("USD", 2), (None, 1)]


def test_a_row_in_no_currency_that_is_lost_stops_the_run() -> None:
    """3 came in, and 2 are told of."""
    with pytest.raises(IntegrityError, match=r"bill.csv: 3 rows in, but .* add up to 2"):
        _rows_of(SOURCE, ACCEPTED, {})


def balance(allocated: str) -> list[dict[str, Any]]:
    """1000 cents billed, of which 300 are unused and 200 unattributed."""
    whole = pa.decimal128(38, 0)
    rows = pa.table(
        {"currency": ["USD", "USD"], "effective": pa.array([D(600), D(400)], whole)},
    )
    with open_engine("duckdb") as engine:
        parts = ({"USD": D(allocated)}, {"USD": D(300)}, {"USD": D(200)})
        return identity(engine.load(rows), *parts, engine)


def test_billed_is_allocated_unused_and_unattributed() -> None:
    """500 + 300 + 200 = 1000."""
    [row] = balance("500")
    assert (row["billed"], row["difference"]) == (1000, 0)


def test_a_cent_too_much_allocated_stops_the_run() -> None:
    """501 + 300 + 200 = 1001, not 1000."""
    said = r"USD: billed 1000 is not allocated 501 \+ unused 300 \+ unattributed 200"
    with pytest.raises(IntegrityError, match=said):
        balance("501")


def test_billed_cost_is_compared_unused_and_the_rest() -> None:
    """100 + 50 compared, 30 unused, 20 not compared: 200; in a currency of its own 7."""
    billed = {"USD": D(200), "EUR": D(7)}
    compared = [{"USD": D(100)}, {"USD": D(50), "EUR": D(7)}]
    euro, dollar = billed_identity(billed, compared, {"USD": D(30)}, {"USD": D(20)})
    assert (euro["compared"], euro["difference"]) == (7, 0)
    assert (dollar["compared"], dollar["unused"], dollar["not_compared"]) == (150, 30, 20)


def test_billed_cost_in_no_part_stops_the_run() -> None:
    """100 + 30 + 20 = 150 of 200."""
    with pytest.raises(IntegrityError, match="USD: billed cost 200 is not the 150 of its parts"):
        billed_identity({"USD": D(200)}, [{"USD": D(100)}], {"USD": D(30)}, {"USD": D(20)})


BUCKETS = [
    {"side": "billed", "rows": 2},
    {"side": "billed", "rows": 3},
    {"side": "metered", "rows": 4},
]


def test_every_row_is_in_one_bucket() -> None:
    """2 + 3 billed, 4 metered."""
    check_buckets(BUCKETS, {"billed": 5, "metered": 4})


def test_a_row_in_no_bucket_stops_the_run() -> None:
    """Of 6 billed rows 5 are placed."""
    with pytest.raises(IntegrityError, match="6 accepted billed rows, but 5 in the buckets"):
        check_buckets(BUCKETS, {"billed": 6, "metered": 4})
