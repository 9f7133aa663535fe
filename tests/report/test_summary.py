"""The screen that the nightly job prints."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.report.sample import make_outcome
from trueup.report.result import Result


def test_it_fits_a_screen(result: Result) -> None:
    """No line is wider than 100 characters, and 60 lines are enough for the fullest sample."""
    lines = result.summary().splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 60


def test_the_money_is_the_sample_s(result: Result) -> None:
    """Committed, used, unused and utilization per currency, worked out by hand.

    EUR: a reservation of 8 and a spend commitment of 4.125 over 744 hours, 31 days at 480:
    5,952 + 3,069 + 14,880 = 23,901. Shares of an hour: 3 October 2026 and every 7 days on, two
    days of 0.7; the 18th 0.2; all else 0.9 for 6 hours and 1 for 18.
    Days of 0.7: 3, 4, 10, 11, 17, 24, 25, 31 (the 18th is at 0.2) = 8; other days 31 - 9 = 22.
    Used hours: 8 x 24 x 0.7 + 24 x 0.2 + 22 x (5.4 + 18) = 134.4 + 4.8 + 514.8 = 654.
    EUR used: 12.125 x 654 + 13,200 = 7,929.75 + 13,200 = 21,129.75.
    """
    lines = result.summary().splitlines()
    euro = next(line for line in lines if line.strip().startswith("EUR"))
    assert euro.split() == ["EUR", "23,901.00", "21,129.75", "2,771.25", "88.4", "%"]
    dollar = next(line for line in lines if line.strip().startswith("USD"))
    # 310 an hour: 230,640 committed, 310 x 654 = 202,740 used
    assert dollar.split() == ["USD", "230,640.00", "202,740.00", "27,900.00", "87.9", "%"]


def test_layers_and_currencies_are_not_added(result: Result) -> None:
    """The credits' 42,349.75 stand under credits only, and no line sums EUR and USD."""
    text = result.summary()
    assert text.count("42,349.75") == 1
    assert "254,541.00" not in text  # 23,901 + 230,640


def test_unknown_figures_are_said_to_be_missing(result: Result) -> None:
    """The plan without Unused rows is named as not in the sums, and nothing shows it as zero."""
    assert "a figure is not known: 1 of 3 commitments in USD." in result.summary()


def test_drift_shows_gross_net_and_what_to_do(result: Result) -> None:
    """Gross, net, counts by class and the five largest with the next step."""
    text = result.summary()
    assert "gross" in text
    assert "missing_in_billing 8" in text
    assert text.count("→") == 5
    assert "only then accrue it" in text


def test_specks_are_not_looked_at_first() -> None:
    """Of an amount of 0.001 EUR and one of 5 USD, only the second is listed."""
    rows = make_outcome().tables["breaks"].rows()[:2]
    rows[0] |= {"amount": Decimal("0.001"), "currency": "EUR"}
    rows[1] |= {"amount": Decimal(5), "currency": "USD"}
    text = Result(make_outcome(breaks=rows)).summary()
    assert text.count("→") == 1
    assert "1           USD 5.00" in text


def test_controls_and_identity_close_it(result: Result) -> None:
    """Rows add up (2,602,027 + 1,427) and the identity is printed to the last digit."""
    text = result.summary()
    assert "2,603,454 in = 2,602,027 accepted + 1,427 rejected: holds" in text
    joined = " ".join(text.split())
    assert "EUR 7,964.53125000000000006 allocated + 2,771.25 unused" in joined
    assert joined.count("billed: holds") == 2


def test_a_broken_identity_is_shouted() -> None:
    """A difference that is not zero is printed as such."""
    rows = make_outcome().tables["identity"].rows()
    rows[0]["difference"] += 1
    assert "billed: OFF BY 1.00" in " ".join(Result(make_outcome(identity=rows)).summary().split())


def test_nothing_found_is_said_in_words(empty_result: Result) -> None:
    """Without findings each section is one line, and the missing telemetry is named."""
    text = empty_result.summary()
    assert "no breaks" in text
    assert "No telemetry was given" in text
    assert "none on this bill" in text


def test_a_partial_run_is_in_the_first_line() -> None:
    """A source that failed leaves a note, and the head of the screen says so."""
    note = {"code": "source_failed", "subject": "bills/x.csv", "text": "PARTIAL RUN: not read"}
    text = Result(make_outcome(notes=[note])).summary()
    assert "PARTIAL RUN" in text.splitlines()[0]
    assert "bills/x.csv: PARTIAL RUN: not read" in text


def test_no_control_character_reaches_the_terminal(result: Result) -> None:
    """Hostile names show as escapes."""
    assert all(sign.isprintable() or sign == "\n" for sign in result.summary())


def test_the_files_are_named_after_writing(tmp_path: Path) -> None:
    """After `write` the summary ends with where the report is."""
    result = Result(make_outcome())
    result.write(tmp_path)
    assert str(tmp_path / "report.html") in result.summary()
