"""Chargeback of the worked hour, by hand, in every policy; and of results of any kind."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

import trueup
from tests.report.sample_inputs import FOCUS_1_4
from tests.test_worked_hour import ALLOCATED, BUSY, PLAN, reconciled
from trueup.attribute.hierarchy import APART
from trueup.errors import ConfigurationError, IntegrityError, UsageError
from trueup.model.schema import IDENTITY
from trueup.model.table import Table

ACCOUNTS = {"cost_account": "6520", "clearing_account": "1480"}
COMPANY: dict[str, Any] = {
    "cost_centres": {"s1": "4711", "s2": "4712"},
    "business_units": {"4711": "retail", "4712": "retail"},
    **ACCOUNTS,
}


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> trueup.Result:
    """Its two sessions are the teams: s1 4.65, s2 1.55; unused 1.50; e2's 2.30 nobody used."""
    return reconciled(tmp_path_factory.mktemp("hour"), [*ALLOCATED, *BUSY], team="session")


def amounts(result: trueup.Result, **policy: Any) -> dict[tuple[str | None, ...], str]:
    rows = result.chargeback({"chargeback": COMPANY | policy}).statements.rows()
    return {
        (row["business_unit"], row["cost_centre"], row["team"]): f"{row['amount']:.2f}"
        for row in rows
    }


def test_the_hour_is_charged_to_its_teams(hour: trueup.Result) -> None:
    """10.00 = 4.65 + 1.55 + 1.50 unused + 2.30 missing in usage; the last two are nobody's."""
    assert amounts(hour) == {
        (None, None, None): "10.00",
        (APART[0], None, None): "3.80",
        (*APART[:2], None): "3.80",
        APART: "3.80",
        ("retail", None, None): "6.20",
        ("retail", "4711", None): "4.65",
        ("retail", "4711", "s1"): "4.65",
        ("retail", "4712", None): "1.55",
        ("retail", "4712", "s2"): "1.55",
    }


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"unused": "owner", "owners": {PLAN: "s2"}}, ("4.65", "3.05", "2.30")),
        # 1.50 x 4.65 / 6.20 = 1.125 and 1.50 x 1.55 / 6.20 = 0.375: 5.775, 1.925 and 2.30 are
        # 10.00, so half a cent each is left: one cent, to the first of equal remainders.
        ({"unused": "proportional"}, ("5.78", "1.92", "2.30")),
        ({"unused": "even"}, ("5.40", "2.30", "2.30")),
    ],
)
def test_unused_commitment_goes_by_the_policy(
    hour: trueup.Result, policy: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    found = amounts(hour, **policy)
    places = ("retail", "4711", "s1"), ("retail", "4712", "s2"), APART
    assert tuple(found[place] for place in places) == expected


def test_the_ledger_gets_a_balanced_journal(hour: trueup.Result, tmp_path: Path) -> None:
    """Debits of the cost centres, one credit; what is nobody's is not posted."""
    found = hour.chargeback({"chargeback": COMPANY})
    days = {row["day"] for row in found.journal}
    assert days == {date(2026, 10, 3)}
    text = found.to_csv(tmp_path / "journal.csv").read_text(encoding="utf-8")
    assert text.splitlines() == [
        "day,account,cost_centre,team,currency,debit,credit,text",
        '2026-10-03,6520,4711,s1,USD,4.65,,"AI compute of s1, retail"',
        '2026-10-03,6520,4712,s2,USD,1.55,,"AI compute of s2, retail"',
        "2026-10-03,1480,,,USD,,6.20,AI compute charged to units",
    ]


def test_a_journal_needs_the_ledger_s_accounts(hour: trueup.Result) -> None:
    with pytest.raises(UsageError, match=r"set cost_account and clearing_account"):
        _ = hour.chargeback().journal


def test_a_policy_that_is_not_known_is_refused(hour: trueup.Result) -> None:
    with pytest.raises(ConfigurationError, match="unused"):
        hour.chargeback({"chargeback": {"unused": "fair"}})


def test_a_cost_that_is_in_no_line_stops_it(hour: trueup.Result) -> None:
    """An identity with a cent more of what is allocated than the allocations have."""
    outcome = hour.outcome
    rows = [row | {"allocated": row["allocated"] + Decimal("0.01")} for row in hour.identity]
    tables = dict(outcome.tables) | {"identity": Table.from_rows(IDENTITY, rows)}
    changed = trueup.Result(type(outcome)(**{**vars(outcome), "tables": tables}))
    with pytest.raises(IntegrityError, match=r"usage is 6\.20, the identity says 6\.21"):
        changed.chargeback()


def test_a_run_with_chargeback_in_its_rules_writes_it(tmp_path: Path) -> None:
    """Files of the policy; and none that an earlier run left."""
    meters = [*ALLOCATED, *BUSY]
    rules = {"chargeback": {name: COMPANY[name] for name in ("cost_centres", "business_units")}}
    out = tmp_path / "out"
    out.joinpath("chargeback").mkdir(parents=True)
    out.joinpath("chargeback", "journal.csv").touch()
    first = reconciled(tmp_path, meters, rules=rules, team="session")
    written = [path for path in first.write(out) if path.parent.name == "chargeback"]
    assert sorted(path.name for path in written) == [
        "CostAndUsage.parquet",
        "lines.parquet",
        "statements.html",
        "statements.parquet",
        "statements.xlsx",
    ]
    assert sorted(out.joinpath("chargeback").iterdir()) == sorted(written)
    page = (out / "report.html").read_text(encoding="utf-8")
    section = page.split('id="chargeback"')[1].split("</section>")[0]
    for text in (
        "nobody is charged for it",
        "no team is charged",
        "team of 4711, retail",
        "Amount, USD",
        "3.80",
    ):
        assert text in section
    assert "(no business unit)" not in section
    places = [*re.findall(r'<td class="id(?: depth-(\d))?" .*?<span>([^<]+)<', section)]
    assert places[0] == ("", "the whole")
    assert [depth for depth, name in places if name in ("retail", "4711", "s1")] == ["1", "2", "3"]
    rows = pq.read_table(out / "chargeback" / "statements.parquet").to_pylist()
    assert {row["team"]: row["amount"] for row in rows if row["level"] == "team"} == {
        "(nobody)": Decimal("3.80"),
        "s1": Decimal("4.65"),
        "s2": Decimal("1.55"),
    }
    lines = pq.read_table(out / "chargeback" / "lines.parquet").to_pylist()
    assert sum(row["cost"] for row in lines) == 10
    reconciled(tmp_path, meters).write(out)
    assert list(out.joinpath("chargeback").iterdir()) == []
    assert 'id="chargeback"' not in (out / "report.html").read_text(encoding="utf-8")


def test_a_map_says_whom_usage_belongs_to(hour: trueup.Result, tmp_path: Path) -> None:
    """Of the sessions, one by a pattern and one by the company's file: 4.65 and 1.55."""
    (tmp_path / "people.csv").write_text(
        "level,name,team,cost_centre,business_unit\nsession,s2,ads,4712,retail\n"
    )
    (tmp_path / "rules.toml").write_text(
        """
        [chargeback]
        map_file = "people.csv"
        map = [{ match = { session = "1$", team = "." }, team = "search" }]
        """
    )
    rows = hour.chargeback(tmp_path / "rules.toml").statements.rows()
    teams = {(row["team"], row["cost_centre"]): row["amount"] for row in rows if row["team"]}
    assert teams == {
        ("search", APART[1]): Decimal("4.65"),
        ("s2", "4712"): Decimal("1.55"),  # its team is known; its cost centre is not
        (APART[2], APART[1]): Decimal("3.80"),
    }


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"map": [{"team": "a"}]}, r"chargeback.map\[1\]: it takes either match, or level and"),
        ({"map": [{"match": {"agent": "a"}}]}, r"chargeback.map\[1\]: it names nobody: give team"),
        ({"map": [{"match": {"agnt": "a"}, "team": "b"}]}, r"no 'agnt'; did you mean 'agent'\?"),
        ({"unattributed": {"taxes": "even"}}, r"did you mean 'tax'\? it is one of idle, no_rule"),
        ({"map_file": "none.csv"}, r"none.csv: chargeback.map_file: cannot be read"),
    ],
)
def test_a_mistake_in_the_rules_is_told(
    rules: dict[str, Any], expected: str, hour: trueup.Result
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        hour.chargeback({"chargeback": rules})


def test_metered_work_shares_what_nobody_used(hour: trueup.Result) -> None:
    """Unused 1.50 by busy GPU seconds, 5400 to 1800: 1.125 and 0.375; 2.30 of e2 in halves."""
    policy = {"unused": "by_gpu_time", "unattributed": {"missing_in_usage": "even"}}
    found = amounts(hour, **policy)
    # 4.65 + 1.125 + 1.15 = 6.925 and 1.55 + 0.375 + 1.15 = 3.075: the cent to the first
    assert found["retail", "4711", "s1"] == "6.93"
    assert found["retail", "4712", "s2"] == "3.07"
    assert APART not in found


def test_every_cost_is_an_allocated_charge(hour: trueup.Result, tmp_path: Path) -> None:
    """FOCUS 1.4: its columns, the identity's sum, shares of each origin that add up to 1."""
    charged = hour.chargeback({"chargeback": COMPANY | {"unused": "proportional"}})
    table = pq.read_table(charged.to_focus(tmp_path))
    assert set(FOCUS_1_4) <= set(table.column_names)
    assert table.schema.metadata == {b"focus_dataset": b"Cost and Usage", b"focus_version": b"1.4"}
    rows = table.to_pylist()
    assert sum(row["EffectiveCost"] for row in rows) == 10
    told = {
        (row["AllocatedMethodId"], row["AllocatedResourceName"]): (
            str(row["EffectiveCost"].normalize()),
            row["AllocatedResourceId"],
            json.loads(row["AllocatedMethodDetails"])["Elements"],
            json.loads(row["AllocatedTags"]),
        )
        for row in rows
    }
    tags = {
        "s1": {"business_unit": "retail", "cost_centre": "4711", "team": "s1"},
        "s2": {"business_unit": "retail", "cost_centre": "4712", "team": "s2"},
    }
    assert told == {
        ("trueup/usage", "s1"): ("4.65", "retail/4711/s1", ratio(0.75), tags["s1"]),
        ("trueup/usage", "s2"): ("1.55", "retail/4712/s2", ratio(0.25), tags["s2"]),
        ("trueup/unused/proportional", "s1"): ("1.125", "retail/4711/s1", ratio(0.75), tags["s1"]),
        ("trueup/unused/proportional", "s2"): ("0.375", "retail/4712/s2", ratio(0.25), tags["s2"]),
        ("trueup/unattributed/apart", None): ("2.3", None, ratio(1), {}),
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"cost_centre": "a"}, {"business_unit": "a"}, {"/a/b", "a//b"}),
        (
            {"business_unit": "a", "cost_centre": "b/c"},
            {"business_unit": "a/b", "cost_centre": "c"},
            {"a/b%2Fc/b", "a%2Fb/c/b"},
        ),
        ({"business_unit": "a%2Fb"}, {"business_unit": "a/b"}, {"a%252Fb//b", "a%2Fb//b"}),
    ],
)
def test_every_place_has_an_id_of_its_own(
    first: dict[str, str], second: dict[str, str], expected: set[str], hour: trueup.Result,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A place for each level, empty or not; a slash in a name is escaped."""
    company = [
        {"match": {"team": f"^{session}$"}, "team": "b", **who}
        for session, who in (("s1", first), ("s2", second))
    ]
    charged = hour.chargeback({"chargeback": {"map": company}})
    rows = pq.read_table(charged.to_focus(tmp_path)).to_pylist()
    assert {row["AllocatedResourceId"] for row in rows} == expected | {None}


def test_a_cost_centre_without_a_team_is_charged_everywhere(tmp_path: Path) -> None:
    """4.65 of s1, whose team no one knows and whose cost centre is 4711; s2 is a team."""
    company = [{"level": "session", "name": "s1", "cost_centre": "4711"},
               {"level": "session", "name": "s2", "team": "ads"}]  # fmt: skip
    rules = {"chargeback": {"map": company, "unused": "proportional", **ACCOUNTS}}
    charged = reconciled(tmp_path, [*ALLOCATED, *BUSY], rules=rules).chargeback()
    # 4.65 + 1.125 and 1.55 + 0.375, as above
    assert charged.to_csv(tmp_path / "journal.csv").read_text(encoding="utf-8").splitlines() == [
        "day,account,cost_centre,team,currency,debit,credit,text",
        "2026-10-03,6520,,ads,USD,1.93,,AI compute of ads",
        "2026-10-03,6520,4711,,USD,5.77,,AI compute of 4711",
        "2026-10-03,1480,,,USD,,7.70,AI compute charged to units",
    ]
    rows = pq.read_table(charged.to_focus(tmp_path)).to_pylist()
    assert {(row["AllocatedResourceId"], row["AllocatedResourceName"]) for row in rows} == {
        ("/4711/", "4711"),
        ("//ads", "ads"),
        (None, None),
    }
    book = openpyxl.load_workbook(charged.to_excel(tmp_path / "book.xlsx"))
    assert book.sheetnames == ["Statements", "(no team)", "(nobody)", "ads", "Journal"]
    with pytest.raises(UsageError, match=r"teams: ads$"):
        charged.of_team("(no team)")


def test_an_owner_is_charged_in_its_own_cost_centre(hour: trueup.Result) -> None:
    """1.50 unused of s2, whose cost centre only its use tells: 1.55 + 1.50 in one place."""
    company = [{"level": "team", "name": "s2", "cost_centre": "4712"}]
    policy = {"map": company, "unused": "owner", "owners": {PLAN: "s2"}, **ACCOUNTS}
    entries = hour.chargeback({"chargeback": policy}).journal
    assert [(row["cost_centre"], row["team"], f"{row['debit']:.2f}") for row in entries] == [
        (None, "s1", "4.65"),
        ("4712", "s2", "3.05"),
        (None, None, "0.00"),
    ]


def ratio(value: float) -> list[dict[str, float]]:
    return [{"AllocatedRatio": value}]


def test_the_workbook_says_how_amounts_come_about(hour: trueup.Result, tmp_path: Path) -> None:
    """A sheet of units, one for each team and the journal; sums are formulas with their values."""
    charged = hour.chargeback({"chargeback": COMPANY | {"unused": "proportional"}})
    path = charged.to_excel(tmp_path / "statements.xlsx")
    formulas, values = (openpyxl.load_workbook(path, data_only=only) for only in (False, True))
    assert formulas.sheetnames == ["Statements", "(nobody)", "s1", "s2", "Journal"]
    cells = {
        row[0].row: (row[0].value, row[3].value, row[10].value)
        for row in formulas["Statements"].iter_rows(min_row=2)
    }
    assert cells[2] == ("company", None, '=SUMIFS($K$3:$K$10,$A$3:$A$10,"team")')
    assert cells[8] == ("team", "s1", "='s1'!$E$8")
    sums = [row[4].value for row in formulas["s1"].iter_rows(min_row=4)]
    assert sums == [1.125, 4.65, "=SUM(E4:E5)", 0.005, "=ROUND(E6+E7,2)"]
    assert [values["s1"][f"E{row}"].value for row in (6, 7, 8)] == [5.775, 0.005, 5.78]
    assert [values["Statements"][f"K{row}"].value for row in (2, 8, 10)] == [10, 5.78, 1.92]
    assert [row[5].value for row in values["Journal"].iter_rows(min_row=2)] == [5.78, 1.92, None]


def test_a_team_gets_its_own_statement(hour: trueup.Result, tmp_path: Path) -> None:
    """Nothing of any other team is on it; a team that is not charged is named, and its nearest."""
    charged = hour.chargeback({"chargeback": COMPANY | {"unused": "proportional"}})
    page = charged.to_html(tmp_path / "s1.html", "s1").read_text(encoding="utf-8")
    for text in ("s1 · 2026-10-03 14:00", "4.65", "1.12", "5.775", "5.78 USD", "USD · 4711"):
        assert text in page
    for text in ("s2", "1.55", "2.30", "4712"):
        assert text not in page
    book = openpyxl.load_workbook(charged.to_excel(tmp_path / "s1.xlsx", "s1"))
    assert book.sheetnames == ["s1"]
    with pytest.raises(
        UsageError, match=r"no team 's11' is charged; did you mean 's1'\? teams: s1, s2"
    ):
        charged.to_html(tmp_path / "s11.html", "s11")


def test_a_page_has_all_teams_and_what_is_nobody_s(hour: trueup.Result, tmp_path: Path) -> None:
    """Every section has its place in the contents; what nobody is charged for is the last."""
    charged = hour.chargeback({"chargeback": COMPANY | {"unused": "proportional"}})
    page = charged.to_html(tmp_path / "all.html").read_text(encoding="utf-8")
    anchors = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', page)
    assert anchors == [
        ("all", "All units"),
        ("team-1", "s1"),
        ("team-2", "s2"),
        ("nobody", "Nobody is charged"),
    ]
    assert all(f'id="{anchor}"' in page for anchor, _ in anchors)
    assert "missing in usage" in page.split('id="nobody"')[1]


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    """A team that looks like a formula, like markup and like no name of a sheet."""
    evil = "=HYPERLINK(1)<b>[x]:*?/" + "y" * 20
    rules = {"chargeback": {"map": [{"match": {"team": "s1"}, "team": evil}], **ACCOUNTS}}
    charged = reconciled(tmp_path, [*ALLOCATED, *BUSY], rules=rules, team="session").chargeback()
    assert f"'{evil}" in charged.to_csv(tmp_path / "journal.csv").read_text(encoding="utf-8")
    page = charged.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    book = openpyxl.load_workbook(charged.to_excel(tmp_path / "book.xlsx"))
    [title] = [name for name in book.sheetnames if name.startswith("=HYPER")]
    assert title == "=HYPERLINK(1)<b>_x_____yyyyyyyy"
    assert (book[title]["A1"].value, book[title]["A1"].data_type) == (evil, "s")


@pytest.mark.parametrize(("policy", "journal"), [(COMPANY, True), ({}, False)])
def test_the_journal_is_written_where_its_accounts_are_named(
    hour: trueup.Result, tmp_path: Path, policy: dict[str, Any], journal: bool
) -> None:
    """Statements, lines, page and workbook always; what was there before is gone."""
    charged = hour.chargeback({"chargeback": policy})
    (tmp_path / "journal.csv").write_text("of another policy")
    names = {path.name for path in charged.write(tmp_path)}
    assert {"statements.parquet", "lines.parquet"} <= names
    assert ("journal.csv" in names) is journal
    assert (tmp_path / "journal.csv").exists() is journal
