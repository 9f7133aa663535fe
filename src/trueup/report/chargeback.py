"""Chargeback of a result: statements per unit of the company, and entries for the ledger."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.attribute.cost_line import CostLine, Kind, total
from trueup.attribute.hierarchy import LEVELS, Hierarchy
from trueup.attribute.journal import Accounts, journal
from trueup.attribute.statement import Statement, statements
from trueup.attribute.unused import shared_unused
from trueup.errors import IntegrityError, UsageError
from trueup.model.spend_schema import COST_LINES, JOURNAL, STATEMENTS
from trueup.model.table import Table
from trueup.money import plain
from trueup.report.atomic import replacing
from trueup.report.figures import cost_by
from trueup.report.parquet import write_parquet

if TYPE_CHECKING:
    from trueup.model.rules import Chargeback as Policy
    from trueup.report.result import Result

FILES = ("statements.parquet", "lines.parquet", "journal.csv")
KINDS: tuple[Kind, ...] = ("usage", "unused", "unattributed")


class Chargeback:
    """The whole effective cost of a result's period, charged by a policy.

    What nobody is charged for stands under ``(nobody)`` on every level, so that each level adds up
    to the billed cost of the identity. Raises IntegrityError where the lines do not.
    """

    def __init__(self, result: Result, policy: Policy) -> None:
        self._day = (result.end - timedelta(microseconds=1)).date()
        self._policy = policy
        self.lines = shared_unused(cost_lines(result), policy.unused, policy.owners)
        hierarchy = Hierarchy(policy.cost_centres, policy.business_units)
        self._statements = statements(self.lines, hierarchy)

    @cached_property
    def statements(self) -> Table:
        """One row per unit, level and currency: what it is made of, and the amount charged."""
        return Table.from_rows(STATEMENTS, [_row(each) for each in self._statements])

    @cached_property
    def journal(self) -> Table:
        """Entries of the period's last day, balanced in every currency; needs both accounts."""
        cost, clearing = self._policy.cost_account, self._policy.clearing_account
        if cost is None or clearing is None:
            raise UsageError(
                "a journal needs the ledger's accounts: set cost_account and clearing_account "
                "under [chargeback] in the rules"
            )
        entries = journal(self._statements, Accounts(cost, clearing), self._day)
        return Table.from_rows(JOURNAL, [asdict(each) for each in entries])

    def to_csv(self, path: str | Path) -> Path:
        """Write the journal for the ledger to import: plain amounts, the empty side empty."""
        target = Path(path)
        rows = self.journal.rows()
        with (
            replacing(target) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.journal.columns)
            for row in rows:
                sides = {
                    name: plain(row[name], 2) if row[name] else "" for name in ("debit", "credit")
                }
                writer.writerow({**row, **sides}.values())
        return target

    def write(self, folder: str | Path) -> list[Path]:
        """Write statements.parquet, lines.parquet and, with accounts, journal.csv."""
        statements, lines, entries = (Path(folder) / name for name in FILES)
        made = Table.from_rows(COST_LINES, [asdict(each) for each in self.lines])
        written = [write_parquet(self.statements, statements), write_parquet(made, lines)]
        if self._policy.cost_account and self._policy.clearing_account:
            written.append(self.to_csv(entries))
        return written


def clear(folder: Path) -> None:
    """Take away what an earlier run wrote, so that nothing of it passes for this one's."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def cost_lines(result: Result) -> list[CostLine]:
    """Usage by team, unused commitment, and what is unattributed by reason, of every currency."""
    about = ("team", "cost_centre", "provider", "model")
    lines = [
        CostLine(currency or "", "usage", team, centre, provider, model, cost)
        for (currency, team, centre, provider, model), cost in cost_by(result, about)
    ]
    lines += [
        CostLine(
            row["currency"],
            "unused",
            None,
            None,
            row["provider"],
            row["commitment_id"],
            row["unused_cost"],
        )
        for row in result.commitments
        if row["unused_cost"] and row["layer"] == "benefit"
    ]
    lines += [
        CostLine(row["currency"], "unattributed", None, None, None, row["reason"], row["cost"])
        for row in result.unattributed_by_reason
    ]
    _check(lines, result)
    return lines


def _check(lines: Sequence[CostLine], result: Result) -> None:
    """Each kind of line adds up to its part of the identity."""
    for row in result.identity:
        parts = dict(
            zip(KINDS, (row["allocated"], row["unused"], row["unattributed"]), strict=True)
        )
        for kind, expected in parts.items():
            found = total(
                line.cost for line in lines if (line.currency, line.kind) == (row["currency"], kind)
            )
            if found != expected:
                raise IntegrityError(
                    f"chargeback in {row['currency']}: {kind} is {plain(found, 2)}, the identity "
                    f"says {plain(expected, 2)}; please report this as a defect"
                )


def _row(each: Statement) -> dict[str, Any]:
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
