"""One spelling for every value that is hashed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from trueup.workspace.canonical import canonical


def test_keys_are_sorted_and_amounts_are_text_without_exponent() -> None:
    """RFC 8785: no white space, keys by their UTF-16 units, text as UTF-8."""
    value = {
        "b": [Decimal("1E+2"), Fraction(1, 3), None, True],
        "a": datetime(2026, 11, 9, tzinfo=UTC),
        "é": timedelta(hours=1),
    }
    assert canonical(value) == (
        '{"a":"2026-11-09T00:00:00+00:00","b":["100","1/3",null,true],"é":3600}'.encode()
    )
