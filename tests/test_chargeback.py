"""Chargeback of the worked hour, by hand, in every policy; and of results of any kind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import trueup
from tests.test_worked_hour import ALLOCATED, BUSY, PLAN, reconciled
from trueup.attribute.hierarchy import APART
from trueup.errors import ConfigurationError, IntegrityError, UsageError
from trueup.model.schema import IDENTITY
from trueup.model.table import Table

COMPANY: dict[str, Any] = {
    "cost_centres": {"s1": "4711", "s2": "4712"},
    "business_units": {"4711": "retail", "4712": "retail"},
    "cost_account": "6520",
    "clearing_account": "1480",
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
        "2026-10-03,1480,,,USD,,6.20,AI compute charged to teams",
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
    assert sorted(path.name for path in written) == ["lines.parquet", "statements.parquet"]
    assert sorted(out.joinpath("chargeback").iterdir()) == sorted(written)
    page = (out / "report.html").read_text(encoding="utf-8")
    section = page.split('id="chargeback"')[1].split("</section>")[0]
    for text in (
        "nobody is charged for it",
        "no team is charged",
        "team of 4711, retail",
        "3.80 USD",
    ):
        assert text in section
    assert "(no business unit)" not in section
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
