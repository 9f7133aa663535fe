"""What every command shares when it shows rows: figures, names, the terminal's width, JSON."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from trueup.cli import sheet


def test_a_machine_reads_exact_text() -> None:
    """No exponent, no trailing zero, UTC; null stays null."""
    row = {
        "cost": Decimal("1234.500000000000000000"),
        "large": Decimal("1E+3"),
        "at": datetime(2026, 10, 3, 14, tzinfo=UTC),
        "day": date(2026, 10, 3),
        "name": None,
    }
    assert json.loads(sheet.to_json([row])) == [
        {
            "cost": "1234.5",
            "large": "1000",
            "at": "2026-10-03T14:00:00Z",
            "day": "2026-10-03",
            "name": None,
        }
    ]


def test_a_person_reads_grouped_figures() -> None:
    """Two decimals of money; what is not nothing is never shown as nothing."""
    amounts = (Decimal("1234567.891"), Decimal("0.001"), None)
    assert [sheet.amount(each) for each in amounts] == ["1,234,567.89", "< 0.01", "-"]
    assert sheet.quantity(Decimal("1500000.123456")) == "1,500,000.1235"


@pytest.mark.parametrize(
    ("name", "of", "reason", "shown"),
    [
        ("search", "team", None, "search"),
        (None, "team", None, "(nobody)"),
        (None, "agent", "missing_in_usage", "(nobody: missing in usage)"),
        (None, "team", "no_team", "(nobody)"),
        (None, "model", "idle", "(no model: idle)"),
    ],
)
def test_nobody_has_one_name(name: str | None, of: str, reason: str | None, shown: str) -> None:
    """With the reason, where it says more."""
    assert sheet.named(name, of, reason) == shown


def test_a_narrow_terminal_shortens_names_and_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """30 columns: 16 for the name beside a gap of 2 and a figure of 12."""
    rows = [("a-very-long-name-of-a-commitment", "1,234,567.89")]
    whole = sheet.aligned(("NAME", "COST"), rows, ("COST",))
    assert whole.splitlines()[1].startswith("a-very-long-name-of-a-commitment  1,234,567.89")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(sheet, "get_terminal_size", lambda: os.terminal_size((30, 24)))
    head, line = sheet.aligned(("NAME", "COST"), rows, ("COST",)).splitlines()
    assert line == "a-very-…mitment   1,234,567.89"
    assert head == "NAME                      COST"


def test_nothing_in_json_steers_a_terminal() -> None:
    """A name with an escape sequence is written as JSON escapes it, and read as it was."""
    row = {"name": "a\x1b[31m\u202eb", "plain": "caf\u00e9"}
    shown = sheet.to_json(row)
    assert "\\u001b[31m\\u202eb" in shown
    assert "caf\u00e9" in shown
    assert shown.replace("\n", "").isprintable()
    assert json.loads(shown) == row


def test_what_has_no_text_is_refused() -> None:
    """A set has no order: two runs would not write the same."""
    with pytest.raises(TypeError, match="set has no JSON"):
        sheet.to_json({"a": {1}})


def test_a_terminal_that_no_name_fits_keeps_twelve_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """10 columns: the name is shortened to 12, and the line is longer than the terminal."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(sheet, "get_terminal_size", lambda: os.terminal_size((10, 24)))
    rows = [("a-very-long-name-of-a-commitment", "1,234,567.89")]
    line = sheet.aligned(("NAME", "COST"), rows, ("COST",)).splitlines()[1]
    assert line.startswith("a-ve")
    assert line.index("1,234,567.89") == 12 + 2
