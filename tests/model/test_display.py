"""How a table looks in a terminal and in a notebook."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.model.display import (
    TEXT_WIDTH_MAX,
    UNKNOWN,
    _cut,
    cell,
    instant,
    legible,
    table_html,
    table_text,
)
from trueup.model.schema import ALLOCATIONS, IDENTITY, UTILIZATION
from trueup.model.table import Table


def allocations(*rows: dict[str, Any]) -> Table:
    return Table.from_rows(ALLOCATIONS, list(rows))


def test_numbers_stand_to_the_right_and_keep_every_digit() -> None:
    """Two costs of different length end in the same column, exact, with two decimals at least."""
    text = table_text(
        allocations(
            {"team": "a", "currency": "USD", "cost": Decimal("6.2")},
            {"team": "b", "currency": "USD", "cost": Decimal("1234.000000000000000001")},
        )
    )
    header, _, first, second = text.splitlines()[:4]
    assert first.endswith(" 6.20")
    assert second.endswith(" 1234.000000000000000001")
    assert len(first) == len(second) == len(header)


def test_quantities_lose_their_trailing_zeros_and_costs_keep_two() -> None:
    """A quantity of 8 shows as 8, a cost of 8 as 8.00."""
    row = {"used_quantity": Decimal(8), "used_cost": Decimal(8), "commitment_id": "c"}
    text = table_text(Table.from_rows(UTILIZATION, [row]))
    assert set(text.splitlines()[2].split()) == {"c", "8", "8.00"}


def test_every_decimal_of_the_identity_is_money() -> None:
    """The identity's zero difference shows as 0.00."""
    row = {"currency": "USD", "billed": Decimal(1), "difference": Decimal(0)}
    assert table_text(Table.from_rows(IDENTITY, [row])).splitlines()[2].split() == [
        *("USD", "1.00", "0.00"),
    ]


def test_the_rest_is_counted() -> None:
    """Of 25 rows ten are shown and the other 15 are counted."""
    rows = [{"team": f"t{n}", "currency": "USD", "cost": Decimal(n)} for n in range(25)]
    text = table_text(allocations(*rows))
    assert "15 more rows" in text
    assert "t9" in text
    assert "t10" not in text


def test_an_empty_table_says_so() -> None:
    """Without rows there are the column names and `no rows`."""
    text = table_text(allocations())
    assert "currency" in text
    assert text.endswith("no rows")


def test_a_narrow_terminal_loses_columns_but_no_digits() -> None:
    """At 60 characters a row still fits, and what is left out is named."""
    row = {
        "session": "s" * 30,
        "agent": "agent",
        "tool": "tool",
        "currency": "USD",
        "cost": Decimal("12345678.123456789012345678"),
    }
    text = table_text(allocations(row), width=60)
    assert "12345678.123456789012345678" in text
    assert all(len(line) <= 60 for line in text.splitlines()[:3])
    assert "more column" in text
    assert "session" in text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb", "a\\nb"),
        ("left\u202eright", "left\\u202eright"),
        ("null\x00", "null\\x00"),
        ("Zürich 東京", "Zürich 東京"),
    ],
)
def test_what_does_not_print_is_escaped(given: str, shown: str) -> None:
    """Terminal sequences, line ends and direction overrides show as what they are."""
    assert legible(given) == shown
    row = {"team": given, "currency": "USD", "cost": Decimal(1)}
    text = table_text(allocations(row))
    assert shown in text
    assert given == shown or given not in text


def test_text_is_not_read_as_console_markup() -> None:
    """A team named `[bold]x[/bold]` keeps its brackets."""
    row = {"team": "[bold]x[/bold]", "currency": "USD", "cost": Decimal(1)}
    assert "[bold]x[/bold]" in table_text(allocations(row))


def test_html_escapes_every_text() -> None:
    """Markup in a cell or in a column's name comes out as text."""
    schema = pa.schema([pa.field("<b>", pa.string()), pa.field("cost", pa.decimal128(38, 18))])
    table = Table.from_rows(schema, [{"<b>": "<script>x</script>", "cost": Decimal("-0.5")}])
    html = table_html(table)
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert '<td style="text-align:right">-0.50</td>' in html


def test_an_instant_is_written_in_utc() -> None:
    """Midnight UTC ends in Z and has no fraction."""
    assert instant(datetime(2026, 10, 1, tzinfo=UTC)) == "2026-10-01T00:00:00Z"


def test_a_cell_is_the_text_of_one_value() -> None:
    """An instant in UTC, yes or no, a dash for what is not known; money has two decimals."""
    values = [(None, "-"), (True, "yes"), (False, "no"), ("a\x1bb", "a\\x1bb"), (3, "3")]
    assert [cell(value) for value, _ in values[1:]] == [text for _, text in values[1:]]
    assert cell(None) == UNKNOWN
    assert cell(datetime(2026, 10, 3, 14, tzinfo=UTC)) == instant(
        datetime(2026, 10, 3, 14, tzinfo=UTC)
    )
    assert (cell(Decimal("2.5"), money=True), cell(Decimal("2.50"))) == ("2.50", "2.5")


def test_long_text_is_cut_in_its_middle_and_no_number_is() -> None:
    """Identifiers differ at their ends; a number that lost digits would be another one."""
    name = "arn:" + "x" * 100 + ":end"
    digits = "-" + "1" * 100 + ".5"
    found = _cut(name)
    assert len(found) <= TEXT_WIDTH_MAX
    assert (found[:4], found[-4:], found.count("\u2026")) == ("arn:", ":end", 1)
    assert (_cut(digits), _cut("short")) == (digits, "short")
