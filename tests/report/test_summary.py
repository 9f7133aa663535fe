"""The screen that the nightly job prints."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.report.sample import make_outcome
from tests.report.sample_commitments import AS_OF
from trueup.report.result import Result


def test_it_fits_a_screen(result: Result) -> None:
    """No line is wider than 100 characters, and 70 lines are enough for the fullest sample."""
    lines = result.summary().splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 70


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
    before, _, after = text.partition("\nCredits ")
    assert "42,349.75" not in before
    assert after.count("42,349.75") == 2  # the balance, and that it expires
    assert "254,541.00" not in text  # 23,901 + 230,640


def test_unknown_figures_are_said_to_be_missing(result: Result) -> None:
    """The plan without Unused rows is named as not in the sums, and nothing shows it as zero."""
    said = " ".join(result.summary().split())
    assert (
        "Not in these sums, as it is not known: committed of 1, unused of 1 of 3 commitments"
        in said
    )


def test_drift_shows_gross_net_and_what_to_do(result: Result) -> None:
    """Gross, net and counts by class; six findings, in blocks of a currency, with the next step."""
    text = result.summary()
    assert "gross" in text
    assert "missing_in_billing 8" in text
    assert "timing 8 (no money)" in " ".join(text.split())
    first = text.partition("To look at first\n")[2].partition("\n\n")[0].splitlines()
    heads = [line.split()[0] for line in first if line.startswith("      ") and line[18:20] == "  "]
    heads = [head for head in heads if head in ("EUR", "USD")]
    assert heads == ["EUR"] * 4 + ["USD"] * 2
    assert any("→ Hold the invoice until its lines are explained." in line for line in first)
    assert not any(" timing " in line for line in first)


def test_specks_are_not_looked_at_first() -> None:
    """Of an amount of 0.001 EUR and one of 5 USD, only the second is listed, the other counted."""
    rows = make_outcome().tables["breaks"].rows()[:2]
    rows[0] |= {"amount": Decimal("0.001"), "currency": "EUR"}
    rows[1] |= {"amount": Decimal(5), "currency": "USD"}
    text = Result(make_outcome(breaks=rows)).summary()
    assert "          USD 5.00  quantity " in text
    assert "  and 1 smaller one, EUR < 0.01 gross together, in the report" in text


def test_provisional_without_a_day_says_why() -> None:
    """Every provider's month is final, and usage still waits for its charge."""
    final: dict[str | None, datetime | None] = {"example": datetime(2026, 11, 1, tzinfo=UTC)}
    head = Result(replace(make_outcome(), final_at=final)).summary().splitlines()[0:2]
    assert "PROVISIONAL (usage or commitments are on no bill yet)" in " ".join(
        line.strip() for line in head
    )


def test_the_days_when_figures_are_final_are_in_the_head() -> None:
    """Of two providers, one open until 8 November, only that one is named."""
    final_at: dict[str | None, datetime | None] = {
        "one": AS_OF,
        "two": datetime(2026, 11, 8, tzinfo=UTC),
        "three": None,
    }
    head = Result(replace(make_outcome(), final_at=final_at)).summary().splitlines()[0]
    assert "PROVISIONAL until 8 Nov (two) · as of" in head


def test_without_a_compared_row_nothing_is_called_free_of_breaks() -> None:
    """Telemetry of which no row has a charge, and a period without charges, say so."""
    apart = {
        "side": "metered",
        "bucket": "out_of_scope",
        "reason": "no_bill_of_provider",
        "rows": 3,
    }
    text = Result(make_outcome(breaks=[], buckets=[apart])).summary()
    assert "Drift         not compared: no row of the telemetry has a charge" in text
    assert "no_bill_of_provider 3" in text
    note = {"code": "no_charges_in_period", "text": "no charge", "remedy": "check --period"}
    text = Result(make_outcome(breaks=[], notes=[note])).summary()
    assert "Drift         not compared: no charge falls in the period" in text
    assert "no breaks" not in text
    assert "no breaks" in Result(make_outcome(breaks=[])).summary()


def test_rejects_come_by_reason_and_repeats_apart() -> None:
    """Of five rejects two are repeats; three are unread for two reasons, the first row named."""
    rejects = [
        {"source": "a/b.csv", "row_number": 4, "column": "Cost", "reason": "not a number"},
        {"source": "a/c.csv", "row_number": 9, "column": "Cost", "reason": "not a number"},
        {"source": "a/c.csv", "row_number": 5, "reason": "no end"},
        {"source": "a/c.csv", "row_number": 7, "reason": "duplicate of row 6"},
        {"source": "a/c.csv", "row_number": 8, "reason": "duplicate of row 1 of a/b.csv"},
    ]
    text = Result(make_outcome(rejects=rejects)).summary()
    assert "  2 repeats of rows already read, counted once\n" in text
    assert "  2 rows not read: not a number: Cost, b.csv, row 4 and in 1 more file\n" in text
    assert "  1 row not read: no end: c.csv, row 5\n" in text


def test_what_lies_unused_is_listed_by_name(result: Result) -> None:
    """The reservation of 8 an hour lost 8 x 24 x 0.8 = 153.60 on the 18th, its worst day."""
    text = result.summary()
    assert (
        "EUR 720.00   87.9 % used  /providers/Capacity/ plan (azure), worst 18 Oct: 153.60" in text
    )
    assert text.index("EUR 1,680.00") < text.index("EUR 720.00") < text.index("USD 27,000.00")


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
    assert "not compared: no telemetry was given" in text
    assert "none on this bill" in text


def test_a_partial_run_is_in_the_first_line() -> None:
    """A source that failed leaves a note, and the head of the screen says so."""
    note = {
        "code": "source_failed",
        "subject": "bills/x.csv",
        "text": "PARTIAL RUN: not read",
        "remedy": "Correct the file.",
    }
    text = Result(make_outcome(notes=[note])).summary()
    assert "PARTIAL RUN" in text.splitlines()[0]
    assert "bills/x.csv: PARTIAL RUN: not read\n            → Correct the file." in text


def test_no_control_character_reaches_the_terminal(result: Result) -> None:
    """Hostile names show as escapes."""
    assert all(sign.isprintable() or sign == "\n" for sign in result.summary())


def test_the_files_are_named_after_writing(tmp_path: Path) -> None:
    """After `write` the summary ends with where the report is."""
    result = Result(make_outcome())
    result.write(tmp_path)
    assert str(tmp_path / "report.html") in result.summary()
