"""Every face of the report with what the later legs find: shown where it is, absent where not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from jsonschema import Draft202012Validator
from openpyxl.workbook import Workbook

from tests.report.sample import make_outcome
from tests.report.sample_commitments import AS_OF, START
from tests.report.sample_legs import agreements, causes, claim, legs
from tests.report.test_excel import column, header_of
from tests.report.test_html import outline
from tests.report.test_json import SCHEMA
from trueup.report import claims, statements
from trueup.report.actions import of_breaks, to_do
from trueup.report.excel import WHERE_FOUND
from trueup.report.excel_made import NAMES
from trueup.report.findings import findings, first_findings
from trueup.report.html import render_html
from trueup.report.result import Result

D = Decimal
NEW = ["Causes", "Claims", "Balances", "Agreements", "Invoices", "Closed periods"]


@pytest.fixture(scope="module")
def full() -> Result:
    return Result(make_outcome(**legs()))


@pytest.fixture(scope="module")
def page(full: Result) -> str:
    return render_html(full)


@pytest.fixture(scope="module")
def text(full: Result) -> str:
    return " ".join(full.summary().split())


def section(page: str, anchor: str) -> str:
    return page[page.index(f'<section id="{anchor}"') :].partition("</section>")[0]


# --- the page ---


def test_sections_appear_where_there_is_something(page: str, result: Result) -> None:
    """All six with the later legs, none without them."""
    assert [each for each in outline(page).headings if each in NEW] == NEW
    assert not set(NEW) & set(outline(render_html(result)).headings)


def test_causes_come_before_everything_but_what_to_do(page: str) -> None:
    """Causes and claims stand before utilization and breaks."""
    order = outline(page).headings
    assert order[order.index("What to do") + 1 :][:3] == ["Causes", "Claims", "Utilization"]


def test_a_cause_stands_with_its_figures(page: str) -> None:
    """312 breaks, 1,204.50 gross and as much below zero; what has no price says so."""
    found = section(page, "causes")
    for part in ("unit factor", "312", "1,204.50 USD", "net -1,204.50 USD", "1,000 times"):
        assert part in found
    assert "no price is known" in found


def test_claimable_money_is_apart_from_indicated(page: str) -> None:
    """40.00 + 2.50 are claimable, 7.00 lack evidence; the 5.00 billed too little are no claim."""
    found = section(page, "claims")
    assert "Claimable: USD 42.50." in found
    assert "lacking: usage of the other accounts" in found
    assert "source 1, row 17" in found
    assert "-5.00" not in found
    assert "claimable 42.50" in page.partition('id="to-do"')[0]


def test_the_roll_forward_adds_up_on_the_page(page: str) -> None:
    """1,000 + 50 - 200 + 10 - 5 - 45 = 810 against 800; the lot that differs comes first."""
    found = section(page, "balances")
    order = [found.index(f">{figure}<") for figure in ("1,000", "50", "200", "10", "-5", "45")]
    assert order == sorted(order)
    assert found.index(">810<") < found.index(">800<") < found.index("the opening is not known")
    assert "994" not in found  # a day, not the period
    assert "provider differs" in found
    assert ">agree<" not in found


def test_invoices_stand_with_their_parts_and_the_bridge(page: str) -> None:
    """120.01 invoiced for 115.01 due comes first; the bridge ends in what was invoiced."""
    found = section(page, "invoices")
    assert found.index("INV-2") < found.index("INV-1")
    assert "5.00 EUR" in found
    assert "no invoice" in found
    steps = ("200.00 EUR", "-20.00 EUR", "100.00 EUR", "-44.98 EUR", "235.02 EUR")
    order = [found.index(f">{step}<") for step in steps]
    assert order == sorted(order)
    assert "USD to EUR" in found


def test_a_missed_milestone_shows_its_shortfall(page: str) -> None:
    """20,000 of 100,000 are lacking; the two still on the way have none."""
    found = section(page, "agreements")
    assert "20,000 USD" in found
    assert found.count("on the way") == 2


def test_closed_periods_are_summed_up(page: str) -> None:
    """Two changes of 2.50 each: 5.00 to be booked."""
    assert "5.00 USD" in section(page, "closed")


def test_ages_of_breaks_are_counted_by_state(page: str, full: Result) -> None:
    """Two open ones are a day old, one is 31 to 60 days."""
    assert statements.ages(full) == [
        ("deferred", "2-7", 1),
        ("open", "0-1", 2),
        ("open", "31-60", 1),
    ]
    assert "Breaks by state and age" in section(page, "breaks")


def test_hostile_text_of_the_legs_is_text(page: str) -> None:
    """Nothing of it is markup, and control characters are written out."""
    assert "<script" not in page
    assert "tool\\x1b[31m" in section(page, "causes")


# --- the screen ---


def test_the_screen_tells_causes_and_claims_before_breaks(full: Result) -> None:
    """One cause, 312 breaks, its money and the next step."""
    said = full.summary()
    heads = ("Drift ", "Causes (", "Claims (", "To look at first", "Balances ", "Invoices ")
    order = [said.index(f"\n{head}") for head in (*heads, "Agreements\n", "Closed periods\n")]
    assert order == sorted(order)
    assert "      USD 1,204.50  unit_factor         312 breaks of" in said
    assert max(map(len, said.splitlines())) <= 100
    assert all(sign.isprintable() or sign == "\n" for sign in said)


def test_the_screen_has_only_what_differs(text: str) -> None:
    """The lot with another balance, both odd invoices, the milestones that are due, the true-up."""
    assert "universal-credits-2026 1,000 810 800 10" in text
    assert "INV-2 differs 115.01 120.01 5.00" in text
    assert "INV-1" not in text
    assert "USD 20,000.00 shortfall enterprise-agreement-2026 year 1 by 2026-10-31" in text
    assert "USD 10,000.00 due soon enterprise-agreement-2026 year 2 by 2026-12-15" in text
    assert "year 4" not in text
    assert "USD 5.00 true-up of 2026-09, closed: 2 changes, billed 0.00" in text


def test_the_screen_without_them_has_no_line_more(result: Result) -> None:
    """None of their headings is on it."""
    said = result.summary()
    titles = ("Causes", "Claims", "Balances", "Invoices", "Agreements", "Closed periods")
    assert not [title for title in titles if f"\n{title}" in said]


def test_both_faces_list_the_same_to_do(full: Result, page: str, text: str) -> None:
    """What the page asks for stands on the screen: causes first, then claims."""
    found = to_do(full)
    assert [action.what for action in found[:3]] == [
        "telemetry_missing",
        "unit_factor",
        "tag_renamed",
    ]
    assert [action.what for action in found if action.what in ("claimable", "indicated")]
    for action in found:
        assert " ".join(action.about.split()) in text
        assert action.step in text
    assert "1,204.50" in section(page, "to-do")


# --- what is told once ---


def test_what_a_cause_or_a_claim_tells_is_not_looked_at_once_more() -> None:
    """Of four equal breaks one has a cause and one is a claim: two are left to look at."""
    breaks = [
        {
            **row,
            "id": f"b{number}",
            "resource_id": f"r{number}",
            "amount": D(100),
            "currency": "USD",
        }
        for number, row in enumerate([make_outcome().tables["breaks"].rows()[1]] * 4)
    ]
    breaks[0]["cause_id"] = "c-unit"
    claims_ = [{**claim(0, "claimable", "100.00"), "claim_id": "b1"}]
    found = Result(make_outcome(breaks=breaks, causes=causes(), claims=claims_))
    assert len(findings(found)) == 4
    shown = {item.row["id"] for item in first_findings(found).shown}
    assert shown == {"b2", "b3"}
    assert first_findings(found).left == 0


def test_a_lot_an_invoice_and_a_pair_are_named_as_they_are() -> None:
    """The subject is not cut at its slash, as an identifier is."""
    row = make_outcome().tables["breaks"].rows()[1] | {"subject": "EUR/USD", "leg": "price"}
    assert findings(Result(make_outcome(breaks=[row])))[0].name == "EUR/USD"


def test_an_invoice_without_a_number_has_its_issuer() -> None:
    """Two issuers bill one account: each line says which of them it is of."""
    row = make_outcome(**legs()).tables["invoices"].rows()[0]
    unnumbered = {**row, "invoice_id": None, "billing_account_id": "4100", "status": "differs"}
    rows = [{**unnumbered, "issuer": issuer} for issuer in ("Cloud Inc.", "Marketplace")]
    text = Result(make_outcome(**{**legs(), "invoices": rows})).summary()
    assert ("  EUR   Cloud Inc. 4100 " in text, "  EUR   Marketplace 4100 " in text) == (True, True)


def test_the_report_does_not_send_its_reader_to_itself() -> None:
    """Where a list is cut, the terminal points to the report, and the report to nothing."""
    amounts = [D(number) for number in range(1, 12)]
    row = make_outcome().tables["breaks"].rows()[1]
    rows = [{**row, "id": str(n), "resource_id": f"r{n}", "amount": n} for n in amounts]
    result = Result(make_outcome(breaks=rows))
    tail = "and 5 smaller ones, "
    assert tail in result.summary()
    assert ", in the report" in result.summary()
    assert all(", in the report" not in action.about for action in of_breaks(result))


def test_claims_of_intervals_add_up() -> None:
    """40.00 + 2.50 over two hours and six lines are one claim of the rule."""
    first = claims.claims(Result(make_outcome(**legs())))[0]
    assert (first.amount.known, first.intervals, first.lines) == (D("42.50"), 2, 6)
    assert claims.claimable(Result(make_outcome(**legs()))) == {"USD": D("42.50")}


def test_a_milestone_beyond_the_horizon_is_not_due() -> None:
    """61 days ahead is not due soon, 60 days is."""
    row = agreements()[1]
    days = {days: {**row, "due_at": AS_OF + timedelta(days=days)} for days in (60, 61, -1)}
    due = statements.agreements_due(Result(make_outcome(agreements=list(days.values()))))
    assert [each["due_at"] for each in due] == [AS_OF + timedelta(days=60)]


# --- the other files ---


@pytest.fixture(scope="module")
def book(full: Result, tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    path = full.to_excel(tmp_path_factory.mktemp("legs") / "report.xlsx")
    return openpyxl.load_workbook(path)


def test_the_workbook_has_their_sheets_where_they_hold_something(book: Workbook) -> None:
    """Twelve sheets more than without the later legs, and their totals are formulas."""
    new = (
        "Causes",
        "Break states",
        "Claims",
        "Claim lines",
        "Roll-forward",
        "Agreements",
        "Figures",
    )
    more = ("Invoices", "Invoice bridge", "Conversions", "Restatements", "True-ups")
    assert {*new, *more} <= set(book.sheetnames)
    assert len(WHERE_FOUND) == len(new) + len(more) + len(NAMES)


def test_claims_of_two_states_are_not_added(book: Workbook) -> None:
    """A total for claimable and one for indicated, each by its formula."""
    sheet = book["Claims"]
    top, columns = header_of(sheet)
    assert [sheet.cell(row, 1).value for row in range(1, top)] == [
        "Total USD, claimable",
        "Total USD, indicated",
    ]
    assert '"claimable"' in sheet.cell(1, columns["amount"]).value


def test_statements_are_totalled_only_where_they_add_up(book: Workbook) -> None:
    """Invoices have a total, a bridge whose last step is the sum of the others none."""
    assert header_of(book["Invoices"])[0] == 2
    assert header_of(book["Invoice bridge"])[0] == 1
    assert header_of(book["Roll-forward"])[0] == 1
    assert column(book["Invoice bridge"], "amount") == [200, -20, 100, -44.98, 235.02]


def test_hostile_text_is_no_formula_in_their_sheets(book: Workbook) -> None:
    """A remedy, an invoice's number and a SKU that begin with = are strings."""
    for title, name in (("Causes", "remedy"), ("Invoices", "invoice id"), ("Claim lines", "sku")):
        sheet = book[title]
        top, columns = header_of(sheet)
        cells = [sheet.cell(row, columns[name]) for row in range(top + 1, sheet.max_row + 1)]
        assert any(str(cell.value).startswith("=") for cell in cells), title
        assert {cell.data_type for cell in cells} <= {"s", "n"}, title


def test_the_document_is_valid_with_them(full: Result, tmp_path: Path) -> None:
    """By the published schema; ledgers and rows of breaks are in Parquet alone."""
    document = json.loads(full.to_json(tmp_path / "r.json").read_text(encoding="utf-8"))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    assert document["causes"][0]["amount"] == "310.25"
    assert document["claims"][0]["billed"] == "140.00"
    assert document["invoices"][0]["amount_due"] == "115.01"
    assert [row["difference"] for row in document["roll_forward"]] == [None, "10", None]
    assert not {"movements", "claim_lines", "break_rows"} & set(document)
    names = {path.stem for path in full.to_parquet(tmp_path)}
    assert {"movements", "claim_lines", "break_rows"} <= names


def test_a_claim_without_an_interval_has_no_time() -> None:
    """Only its lines are told."""
    row = {**claim(0, "claimable", "1.00"), "interval_start": None, "interval_end": None}
    outcome = replace(make_outcome(claims=[row]), as_of=START)
    said = " ".join(Result(outcome).summary().split())
    assert "spend_plan, 3 lines in 1 interval → Send it" in said
