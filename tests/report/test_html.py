"""report.html as text: order, honesty, safety, size."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from markupsafe import escape

from tests.report.sample import make_outcome
from tests.report.sample_commitments import DAY, FORMULA, START
from trueup.report.actions import to_do
from trueup.report.html import render_html
from trueup.report.html.charts import band, labels
from trueup.report.html.series import step_of
from trueup.report.html.svg import sanitised
from trueup.report.result import Result

SIZE_MAX = 3_000_000


class Outline(HTMLParser):
    """Collects elements, headings, and everything that could run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.headings: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attrs
        self._heading = tag in ("h1", "h2")

    def handle_data(self, data: str) -> None:
        if self._heading and data.strip():
            self.headings.append(data.strip())

    def handle_endtag(self, _: str) -> None:
        self._heading = False


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    return parser


@pytest.fixture(scope="module")
def page(result: Result) -> str:
    return render_html(result)


def test_the_sections_come_in_reading_order(page: str) -> None:
    """The money first, then what to do, utilization, breaks, burn-down and the proofs."""
    assert outline(page).headings == [
        *("October 2026", "The money", "What to do", "Utilization", "Breaks"),
        *("Burn and runway", "Forecast", "Burn-down", "Allocation", "Unattributed", "Pending"),
        *("Control totals", "Sources", "Notes"),
    ]


def test_the_page_lists_what_the_terminal_lists(result: Result, page: str) -> None:
    """Each thing to do stands in both faces with the same amount and step."""
    said = " ".join(result.summary().split())
    shown = page[page.index('id="to-do"') : page.index('id="utilization"')]
    found = to_do(result)
    assert [action.what for action in found if action.what].count("expires") == 2
    for action in found:
        assert str(escape(action.about)) in shown
        assert " ".join(action.about.split()) in said
        assert str(escape(action.step)) in shown
        assert action.step in said


def test_long_tables_are_folded(page: str) -> None:
    """Files and their hashes are there, but only when asked for; captions stand outside."""
    folded = re.findall(r"<details><summary>([^<]+)</summary>", page)
    assert "What this report was made from (5)" in folded
    assert "Rows and sums per file (5)" in folded
    assert page.count("<details>") == page.count("</details>") == len(folded)


def test_findings_in_sight_are_the_largest() -> None:
    """Of 40 resources of 1 to 40 USD the 25 largest are in sight: 16 to 40; 15 are folded."""
    row = make_outcome().tables["breaks"].rows()[1]
    rows = [
        {**row, "id": f"{n}", "resource_id": f"r-{n:02}", "amount": Decimal(n), "currency": "USD"}
        for n in range(1, 41)
    ]
    page = render_html(Result(make_outcome(breaks=rows)))
    section = page[page.index('id="breaks"') : page.index('id="burn-down"')]
    sight, _, folded = section.partition("<details><summary>15 more</summary>")
    assert set(re.findall(r"r-(\d\d)<", sight)) == {f"{n:02}" for n in range(16, 41)}
    assert set(re.findall(r"r-(\d\d)<", folded)) == {f"{n:02}" for n in range(1, 16)}


def test_what_was_not_compared_is_not_called_agreed() -> None:
    """Without a matched row the tile and the section say why instead of that nothing is wrong."""
    page = render_html(Result(make_outcome(breaks=[], buckets=[])))
    assert page.count("the telemetry holds no row") == 4  # lead, two tiles, section
    assert "agree within tolerance" not in page
    assert "no breaks" not in page


def test_nothing_in_it_runs_or_fetches(page: str) -> None:
    """No scripts, frames, links outside, images or event handlers, though the input is full."""
    found = outline(page)
    assert not {"script", "iframe", "img", "link", "object", "form"} & set(found.tags)
    for name, value in found.attributes:
        assert not name.startswith("on"), name
        if name in ("href", "src", "xlink:href"):
            assert value is not None
            assert value.startswith("#")
        if name == "style":
            assert "url(" not in (value or "")
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_hostile_text_is_shown_as_text(page: str) -> None:
    """Script tags are escaped, control characters written out, formulas left alone."""
    assert "&lt;script&gt;document.title=" in page
    assert "<script" not in page
    assert FORMULA.replace('"', "&#34;").replace("&A1", "&amp;A1") in page
    assert "\\x1b[31m\\x00red" in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page)


def test_the_money_is_there_with_currency(page: str) -> None:
    """Committed, used and unused per currency as worked out for the terminal's summary."""
    for figure in ("23,901.00", "21,129.75", "2,771.25", "230,640.00", "9,433.75", "29,528.00"):
        assert figure in page
    assert "254,541.00" not in page  # EUR and USD are never added
    assert "Provisional" in page


def test_unknown_is_not_known_with_its_reason(page: str) -> None:
    """The plan without Unused rows says why it has no utilization."""
    assert "four Used rows without a quantity, no Unused rows: utilization is unknown" in page
    assert "not known" in page
    assert "no price for it in bill or rules" in page


def test_the_identity_is_exact(page: str) -> None:
    """The identity stands to the last digit and says that it holds."""
    assert "11,853.08125000000000006" in page
    assert "0, holds" in page


def test_tables_have_captions_and_charts_have_words(page: str) -> None:
    """Every table has a caption, every chart an image role with a label."""
    found = outline(page)
    assert found.tags["caption"] == found.tags["table"]
    labelled = re.findall(r'<div role="img" aria-label="([^"]+)">', page)
    assert len(labelled) == found.tags["svg"] >= 10
    assert any("Lowest: 20.0 % on 18 October" in label for label in labelled)


def test_empty_tables_give_their_reason(empty_result: Result) -> None:
    """Without findings and telemetry each section says so in words."""
    page = render_html(empty_result)
    assert "No telemetry was given" in page
    assert "No charge names a commitment" in page
    assert "Every row was accepted." in page
    assert "Finality not known" in page


def test_the_same_result_gives_the_same_page(result: Result, page: str) -> None:
    """Charts included, nothing depends on the moment or the order of drawing."""
    assert render_html(result) == page


def test_any_input_stays_small() -> None:
    """Thousands of rows with long texts still make a page under 3 MB, cut with a count."""
    outcome = make_outcome()
    long = "<&\x00" * 3000
    breaks = [
        {**row, "id": f"{n}-{row['id']}", "resource_id": f"{n}{long}", "explanation": long}
        for n in range(40)
        for row in outcome.tables["breaks"].rows()
    ]
    utilization = [
        {**row, "commitment_id": f"{long}{n}"}
        for n in range(40)
        for row in outcome.tables["utilization"].rows()[:31]
    ]
    notes = [{"code": "c", "subject": long, "text": long, "remedy": long}] * 500
    page = render_html(Result(make_outcome(breaks=breaks, utilization=utilization, notes=notes)))
    assert len(page.encode()) < SIZE_MAX
    assert re.search(r"and [\d,]+ more in parquet/breaks.parquet", page)
    assert "and 440 more in parquet/notes.parquet" in page


def test_hours_are_drawn_for_short_periods() -> None:
    """Up to three days the steps are hours, then days, weeks and four weeks."""
    assert [step_of(days * DAY) / DAY for days in (1, 3, 4, 31, 365, 900)] == [
        *(1 / 24, 1 / 24, 1, 1, 7, 28),
    ]
    outcome = make_outcome()
    rows = [
        row for row in outcome.tables["utilization"].rows() if row["interval_start"] < START + DAY
    ]
    short = make_outcome(utilization=rows, burn_down=[])
    from dataclasses import replace

    page = render_html(Result(replace(short, end=START + DAY)))
    assert "commitment by hour" in page


@pytest.mark.parametrize(
    ("share", "name"),
    [
        ("1", "95 % and more"),
        ("0.95", "95 % and more"),
        ("0.9499", "80 to 95 %"),
        ("0.5", "50 to 80 %"),
        ("0", "under 50 %"),
    ],
)
def test_bands_include_their_lower_end(share: str, name: str) -> None:
    """Exactly 95 % is in the highest band; below 50 % in the lowest."""
    assert band(Decimal(share))[0] == name


def test_labels_stay_distinct() -> None:
    """Two names that are cut to the same text get a number."""
    found = labels(["aaaaXbbbbbbbbbb", "aaaaYbbbbbbbbbb"], 9)
    assert len(set(found.values())) == 2


def test_only_what_draws_is_let_through() -> None:
    """A drawing with a link, a script and a handler loses them; its shapes stay."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<a xlink:href="https://evil.example"><text>x</text></a><script>1</script>'
        '<path d="M0,0" onclick="x()" fill="url(https://evil.example)" id="p"/></svg>'
    )
    clean = sanitised(drawn)
    assert "evil" not in clean
    assert "script" not in clean
    assert "onclick" not in clean
    assert '<path d="M0,0"' in clean
    with pytest.raises(ValueError, match="declaration"):
        sanitised('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>')
