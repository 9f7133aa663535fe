"""Chargeback of a result: statements per unit of the company, and entries for the ledger."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.attribute.cost_line import CostLine, Payer, total
from trueup.attribute.hierarchy import LEVELS, Hierarchy
from trueup.attribute.journal import Accounts, journal
from trueup.attribute.mapping import CompanyMap
from trueup.attribute.shared_cost import Sharing, shared_cost
from trueup.attribute.statement import Statement, statements
from trueup.attribute.weights import Weights
from trueup.errors import UsageError
from trueup.model.mistakes import close_to
from trueup.model.spend_schema import COST_LINES, JOURNAL, STATEMENTS
from trueup.model.table import Table
from trueup.money import plain
from trueup.report.atomic import replacing
from trueup.report.cost_lines import KINDS, Charged, cost_lines, measured, token_prices
from trueup.report.parquet import write_parquet

if TYPE_CHECKING:
    from trueup.model.rules import Chargeback as Policy
    from trueup.model.rules import Rules
    from trueup.report.result import Result

STATEMENTS_FILE, LINES_FILE, JOURNAL_FILE = "statements.parquet", "lines.parquet", "journal.csv"
PAGE_FILE, BOOK_FILE, FOCUS_FILE = "statements.html", "statements.xlsx", "CostAndUsage.parquet"
FILES = (STATEMENTS_FILE, LINES_FILE, PAGE_FILE, BOOK_FILE, FOCUS_FILE, JOURNAL_FILE)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of text that a spreadsheet would execute


class Chargeback:
    """The whole effective cost of a result's period, charged by a policy.

    What nobody is charged for has a place of its own on every level, so that each level adds up to
    the billed cost of the identity. Raises IntegrityError where the lines do not.
    """

    def __init__(self, result: Charged, policy: Policy) -> None:
        self.start, self.end, self.as_of = result.start, result.end, result.as_of
        self.policy = policy
        company = CompanyMap(policy.map)
        lines = cost_lines(result, company)
        known = Hierarchy(policy.cost_centres, policy.business_units).knowing(lines)
        lines = known.placed(lines)
        weights = self._weights(result, company, known, lines)
        self.unpriced = weights.unpriced() if "by_tokens" in self.policies else []
        owners = {name: known.payer(Payer(team)) for name, team in policy.owners.items()}
        self._sharing = Sharing(policy.unused, owners, policy.unattributed)
        self.lines = shared_cost(lines, self._sharing, weights)
        self.units = statements(self.lines)

    @property
    def policies(self) -> set[str]:
        """All policies that the rules name."""
        return {self.policy.unused, *self.policy.unattributed.values()}

    def _weights(
        self, result: Charged, company: CompanyMap, known: Hierarchy, lines: Sequence[CostLine]
    ) -> Weights:
        """With what was metered, where a policy asks for it."""
        if not any(each.startswith("by_") for each in self.policies):
            return Weights(lines)
        some = [replace(each, payer=known.payer(each.payer)) for each in measured(result, company)]
        return Weights(lines, some, token_prices(result, some, self.policy.token_price))

    @cached_property
    def statements(self) -> Table:
        """One row per unit, level and currency: what it is made of, and the amount charged."""
        return Table.from_rows(STATEMENTS, [statement_row(each) for each in self.units])

    @cached_property
    def journal(self) -> Table:
        """Entries of the period's last day, balanced in every currency; needs both accounts."""
        if not self.has_accounts:
            raise UsageError(
                "a journal needs the ledger's accounts: set cost_account and clearing_account "
                "under [chargeback] in the rules"
            )
        policy = self.policy
        accounts = Accounts(
            policy.cost_account or "", policy.clearing_account or "", policy.rounding_account
        )
        day = (self.end - timedelta(microseconds=1)).date()
        entries = journal(self.units, accounts, day)
        return Table.from_rows(JOURNAL, [asdict(each) for each in entries])

    @property
    def has_accounts(self) -> bool:
        """Say whether the rules name the ledger's accounts."""
        return bool(self.policy.cost_account and self.policy.clearing_account)

    def method_of(self, line: CostLine) -> str:
        """How it came to whom it falls to: ``usage``, ``unused/even``, ``unattributed/apart``."""
        return "usage" if line.kind == "usage" else f"{line.kind}/{self._sharing.policy_of(line)}"

    def of_team(self, team: str) -> list[Statement]:
        """Its statements, one per place and currency; UsageError that names the nearest teams."""
        found = [each for each in self.teams if each.place[-1] == team]
        if not found:
            known = sorted({each.place[-1] for each in self.teams if each.place[-1] is not None})
            raise UsageError(
                f"no team {team!r} is charged; {close_to(team, known)}teams: {', '.join(known)}"
            )
        return found

    @property
    def teams(self) -> list[Statement]:
        """The statements of the lowest level, without what nobody is charged for."""
        return [each for each in self.units if each.level == "team" and any(each.place)]

    def to_csv(self, path: str | Path) -> Path:
        """Write the journal for the ledger to import: plain amounts, the empty side empty.

        Text that a spreadsheet would take for a formula has an apostrophe before it.
        """
        target = Path(path)
        rows = self.journal.rows()
        with (
            replacing(target) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.journal.columns)
            writer.writerows([_plain_cell(each) for each in row.values()] for row in rows)
        return target

    def to_html(self, path: str | Path, team: str | None = None) -> Path:
        """Write the statements of all teams as one page, or that of one team alone."""
        from trueup.report.html.statement_page import write_page

        return write_page(self, Path(path), team)

    def to_excel(self, path: str | Path, team: str | None = None) -> Path:
        """Write a workbook: a sheet of units, a sheet for each team, the journal; or one team."""
        from trueup.report.statement_book import write_book

        return write_book(self, Path(path), team)

    def to_focus(self, directory: str | Path) -> Path:
        """Write every cost as a FOCUS 1.4 charge with the Allocated columns, as Parquet."""
        from trueup.report.allocated_charges import write_allocated

        return write_allocated(self, Path(directory) / FOCUS_FILE)

    def write(self, folder: str | Path) -> list[Path]:
        """Write all of it into a folder; the journal where the rules name its accounts."""
        place = Path(folder)
        clear(place)
        lines = Table.from_rows(COST_LINES, [asdict(each) for each in self.lines])
        written = [
            write_parquet(self.statements, place / STATEMENTS_FILE),
            write_parquet(lines, place / LINES_FILE),
            self.to_html(place / PAGE_FILE),
            self.to_excel(place / BOOK_FILE),
            self.to_focus(place),
        ]
        if self.has_accounts:
            written.append(self.to_csv(place / JOURNAL_FILE))
        return written


def of_result(result: Result, rules: Rules | Mapping[str, Any] | str | Path | None) -> Chargeback:
    """See ``Result.chargeback``."""
    from trueup.model.rules import Chargeback as NoPolicy
    from trueup.model.rules import read_rules

    said = result.outcome.chargeback if rules is None else read_rules(rules).chargeback
    return Chargeback(result, said or NoPolicy())


def write_where_asked(result: Result, folder: Path) -> list[Path]:
    """Write all of it where the run's rules have it, else take away what an earlier run wrote."""
    if result.outcome.chargeback is None:
        clear(folder)
        return []
    return result.chargeback().write(folder)


def clear(folder: Path) -> None:
    """Take away what an earlier run wrote, so that nothing of it passes for this one's."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def statement_row(each: Statement) -> dict[str, Any]:
    """A statement as a row of STATEMENTS."""
    parts: dict[str, Any] = {
        kind: total(line.cost for line in each.lines if line.kind == kind) for kind in KINDS
    }
    return {
        "level": each.level,
        **dict(zip(LEVELS, each.path, strict=False)),
        "currency": each.currency,
        **parts,
        "exact": each.exact,
        "rounding": each.rounding,
        "amount": each.amount,
    }


def _plain_cell(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value, 2) if value else ""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
