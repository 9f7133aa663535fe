from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from tests.complaints.closing import tables_after_close
from tests.complaints.golden import FOLDER, UPDATE, Case, cases, difference, rewritten

from trueup.model.columns import AMOUNT, TEXT, columns_as
from trueup.model.table import Table

# Every thread that users' complaints were collected from, repository by repository.
THREADS = {
    "aws-solutions-library-samples/cloud-intelligence-dashboards-framework": (1087,),
    "BerriAI/litellm": (
        *(8514, 12313, 15740, 17814, 18599, 26919, 27588),
        *(35290, 36168, 36943, 39455, 41344),
    ),
    "FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec": (491, 647, 976, 1085, 1434, 2036),
    "getlago/lago-api": (879, 4639, 4641, 4642, 5564),
    "hystax/optscale": (62, 239, 558, 596),
    "kubecost/kubecost": (1521,),
    "langfuse/langfuse": (9386, 10592, 12306),
    "microsoft/finops-toolkit": (1003, 1194, 1676, 1751, 1957, 2307),
    "MicrosoftDocs/azure-docs": (51759,),
    "opencost/opencost": (2296, 3032, 3438, 3839),
    "project-koku/koku": (3098, 5252, 5393, 5446, 5578),
}
DOCUMENT = """\
# A case

1 + 1 = 2

## shares

| team | cost |
|---|---|
| red | 2.00 |
"""
SHARES = columns_as(team=TEXT, cost=AMOUNT)


def named(case: Case) -> str:
    return f"{case.name}: {', '.join(case.threads)}"


@pytest.mark.parametrize("case", cases(), ids=named)
def test_what_users_complained_of_comes_out_right(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each complaint's inputs give what a person worked out from them, table by table."""
    monkeypatch.chdir(tmp_path)
    closes = (case.folder / "trueup.toml").exists()
    found = difference(case, tables_after_close(case, tmp_path) if closes else case.tables())
    if found:
        pytest.fail(found, pytrace=False)


def test_every_thread_has_its_golden() -> None:
    """The cases name all threads, each once, and no others."""
    wanted = [f"{name}#{number}" for name, numbers in THREADS.items() for number in numbers]
    assert sorted(thread for case in cases() for thread in case.threads) == sorted(wanted)


def test_the_documentation_leads_from_each_thread_to_its_golden(root: Path) -> None:
    """A row of the page for each case: its folder, its threads with their addresses."""
    page = (root / "docs" / "reference" / "complaints.md").read_text(encoding="utf-8")
    rows = {found[1]: line for line in page.splitlines() if (found := re.search(r"`(\w+)/`", line))}
    assert sorted(rows) == [case.name for case in cases()]
    for case in cases():
        addresses = re.findall(r"https://github.com/(\S+?)/issues/(\d+)", rows[case.name])
        assert {f"{name}#{number}" for name, number in addresses} == set(case.threads), case.name


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_golden_shows_how_it_was_worked_out(case: Case) -> None:
    """A complaint in a sentence or two, and arithmetic in words beside the tables."""
    assert len(case.said["complaint"].split()) > 10
    prose = [line for line in case.expected.splitlines() if not line.startswith(("|", "#"))]
    assert sum(line.count("=") for line in prose) >= 1


def shares(cost: str) -> Table:
    return Table.from_rows(SHARES, [{"team": "red", "cost": Decimal(cost)}])


def case_of(folder: Path, text: str) -> Case:
    (folder / "expected.md").write_text(text, encoding="utf-8")
    return Case(folder)


def test_a_figure_that_differs_is_shown_line_by_line(tmp_path: Path) -> None:
    """2.00 was worked out and 3.00 comes out: the line, once with minus and once with plus."""
    found = difference(case_of(tmp_path, DOCUMENT), {"shares": shares("3.00")})
    assert "-| red | 2.00 |\n+| red | 3.00 |\n" in found
    assert difference(Case(tmp_path), {"shares": shares("2.00")}) == ""


def test_a_table_without_a_row_says_so(tmp_path: Path) -> None:
    """No row is one line of none, so that an expected nothing is written down too."""
    nothing = rewritten(DOCUMENT, {"shares": Table.from_rows(SHARES, [])})
    assert nothing.endswith("|---|---|\n| none | none |\n")


def test_what_was_worked_out_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to write goldens anew, it fills a table without rows and leaves one that has some."""
    monkeypatch.setenv(UPDATE, "1")
    tables = {"shares": shares("3.00")}
    assert difference(case_of(tmp_path, DOCUMENT), tables) != ""
    assert (tmp_path / "expected.md").read_text(encoding="utf-8") == DOCUMENT
    empty = DOCUMENT.replace("| red | 2.00 |\n", "")
    assert difference(case_of(tmp_path, empty), tables) == ""
    assert Case(tmp_path).expected == DOCUMENT.replace("2.00", "3.00")


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    """Without the variable an empty table is a difference, and the file stays as it is."""
    empty = DOCUMENT.replace("| red | 2.00 |\n", "")
    assert "+| red | 3.00 |" in difference(case_of(tmp_path, empty), {"shares": shares("3.00")})
    assert Case(tmp_path).expected == empty


def test_every_folder_here_is_a_case() -> None:
    """No folder of inputs is left out for lack of its case.toml."""
    folders = {path.parent.name for path in FOLDER.glob("*/*") if path.parent.name != "__pycache__"}
    assert folders == {case.name for case in cases()}
