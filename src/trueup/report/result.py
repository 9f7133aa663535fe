"""The result of a reconciliation as a person holds it: tables, a summary and writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.model.table import Table
from trueup.report.ahead import Ahead
from trueup.report.order import ordered

if TYPE_CHECKING:
    from trueup.attribute.drivers import By
    from trueup.budgets.budget import BudgetTerms
    from trueup.budgets.measure import Measured
    from trueup.forecast.foreseen import Foreseen
    from trueup.model.dataset import Dataset
    from trueup.model.outcome import Outcome
    from trueup.model.rules import Rules
    from trueup.report.chargeback import Chargeback


class Result(Ahead):
    """What one reconciliation found, over one half-open UTC period, known at ``as_of``.

    Every table attribute is a Table in a fixed order. All writers write whole files or none, the
    same bytes for the same result; they raise UsageError where a path cannot be written to.
    """

    def __init__(
        self,
        outcome: Outcome,
        budgets: Sequence[tuple[BudgetTerms, Measured]] = (),
        foreseen: Foreseen | None = None,
    ) -> None:
        self.outcome = outcome
        self.budgets = budgets  # of a run in a workspace, as far as it knew
        if foreseen is not None:  # the same
            self.foreseen = foreseen
        self.written: list[Path] = []  # what ``write`` left behind, for the summary

    @property
    def start(self) -> datetime:
        return self.outcome.start

    @property
    def end(self) -> datetime:
        return self.outcome.end

    @property
    def as_of(self) -> datetime:
        return self.outcome.as_of

    @property
    def charges(self) -> Dataset:
        """The charges that went in."""
        return self.outcome.inputs.charges

    @property
    def contracts(self) -> Dataset | None:
        """The contract commitments that went in, if any."""
        return self.outcome.inputs.commitments

    @property
    def usage(self) -> Dataset | None:
        """The telemetry that went in, if any."""
        return self.outcome.inputs.usage

    def _table(self, name: str) -> Table:
        return ordered(name, self.outcome.tables[name])

    @cached_property
    def commitments(self) -> Table:
        """One row per commitment and currency over the period."""
        return self._table("commitments")

    @cached_property
    def utilization(self) -> Table:
        """One row per commitment and fulfilment interval."""
        return self._table("utilization")

    @cached_property
    def breaks(self) -> Table:
        """One row per break, per currency by the amount at stake; amounts not known last."""
        return self._table("breaks")

    @cached_property
    def pending(self) -> Table:
        """Metered, not yet billed, and still inside the source's lag."""
        return self._table("pending")

    @cached_property
    def allocations(self) -> Table:
        """Effective cost by session, agent, tool, team and cost centre."""
        return self._table("allocations")

    @cached_property
    def spend(self) -> Table:
        """What each hour cost whom, billed or accrued; its billed rows add up to the identity."""
        return self._table("spend")

    @cached_property
    def activity(self) -> Table:
        """What was metered of whom, hour by hour."""
        return self._table("activity")

    @cached_property
    def session_costs(self) -> Table:
        """What sessions cost, step by step: billed, accrued, and rated beside the bill."""
        return self._table("session_costs")

    @cached_property
    def rated(self) -> Table:
        """What no bill holds by the hour, priced by the rules: in neither spend nor identity."""
        return self._table("rated")

    @cached_property
    def credits(self) -> Table:
        """One row per credit lot or contract, the next to expire first."""
        return self._table("credits")

    @cached_property
    def control_totals(self) -> Table:
        """Rows and sums in and out, per source and currency."""
        return self._table("control_totals")

    @cached_property
    def identity(self) -> Table:
        """Per currency: billed = allocated + unused + unattributed."""
        return self._table("identity")

    @cached_property
    def billed_identity(self) -> Table:
        """Per currency, on BilledCost: billed = compared + unused + not compared."""
        return self._table("billed_identity")

    @cached_property
    def straddling(self) -> Table:
        """Charges that an edge of the period cuts, and how much of them is inside."""
        return self._table("straddling")

    @cached_property
    def unattributed_by_reason(self) -> Table:
        """The unattributed cost, itemised."""
        return self._table("unattributed_by_reason")

    @cached_property
    def buckets(self) -> Table:
        """Where every accepted row ended: matched, break, pending or out of scope."""
        return self._table("buckets")

    @cached_property
    def burn_down(self) -> Table:
        """One row per commitment and day."""
        return self._table("burn_down")

    @cached_property
    def sources(self) -> Table:
        """Every file that was read, with its sha256 and row counts."""
        return self._table("sources")

    @cached_property
    def rejects(self) -> Table:
        """Every row that could not be read, with its reason."""
        return self._table("rejects")

    @cached_property
    def provider_utilization(self) -> Table:
        """What providers' own APIs say was used of commitments; empty where none was asked."""
        return self._table("provider_utilization")

    @cached_property
    def provider_balances(self) -> Table:
        """What they say is left of lots."""
        return self._table("provider_balances")

    @cached_property
    def provider_rates(self) -> Table:
        """What they say a unit costs, from an instant on."""
        return self._table("provider_rates")

    @cached_property
    def movements(self) -> Table:
        """The ledger of every lot: what moved its balance, hour by hour."""
        return self._table("movements")

    @cached_property
    def roll_forward(self) -> Table:
        """Opening to closing per lot, for the period and each day, beside the provider's figure."""
        return self._table("roll_forward")

    @cached_property
    def claims(self) -> Table:
        """Where the provider's own rules give another bill, and the money that is claimable."""
        return self._table("claims")

    @cached_property
    def claim_lines(self) -> Table:
        """The charges behind each claim, with the arithmetic of each."""
        return self._table("claim_lines")

    @cached_property
    def invoices(self) -> Table:
        """One row per invoice and currency: what it is made of, and what it says."""
        return self._table("invoices")

    @cached_property
    def invoice_bridge(self) -> Table:
        """From the cost of the usage period to what was invoiced, step by step."""
        return self._table("invoice_bridge")

    @cached_property
    def agreements(self) -> Table:
        """How far agreements are met, one row a milestone."""
        return self._table("agreements")

    @cached_property
    def conversions(self) -> Table:
        """Charges priced in one currency and billed in another, by day, beside the rate table."""
        return self._table("conversions")

    @cached_property
    def figures(self) -> Table:
        """One figure as contract, bill and provider say it, and which of them agree."""
        return self._table("figures")

    @cached_property
    def causes(self) -> Table:
        """One cause that explains many breaks, largest money first."""
        return self._table("causes")

    @cached_property
    def break_rows(self) -> Table:
        """The rows of both sides of every break."""
        return self._table("break_rows")

    @cached_property
    def restatements(self) -> Table:
        """How the period's charges differ from what an earlier run knew of them."""
        return self._table("restatements")

    @cached_property
    def break_states(self) -> Table:
        """What is known of each break over the runs of a workspace; empty without one."""
        return self._table("break_states")

    @cached_property
    def true_ups(self) -> Table:
        """Journal deltas of closed periods, posted into this one."""
        return self._table("true_ups")

    @cached_property
    def notes(self) -> Table:
        """What a reader of the figures has to know."""
        return self._table("notes")

    @cached_property
    def unused(self) -> Table:
        """Utilization rows with something unused, largest first: by cost, then by quantity."""
        from trueup.report.unused import unused

        return unused(self.utilization)

    @property
    def tables(self) -> dict[str, Table]:
        """All result tables by name, in the order of the reports."""
        return {name: getattr(self, name) for name in self.outcome.tables}

    def material_breaks(self, threshold: Decimal | None = None) -> Table:
        """Breaks of at least ``threshold``, by size; None: every break.

        An amount that is not known may be as large, so such a break is material.
        """
        if threshold is None:
            return self.breaks
        least = abs(threshold)
        rows = [row for row in self.breaks if row["amount"] is None or abs(row["amount"]) >= least]
        return Table.from_rows(self.breaks.schema, rows)

    def summary(self) -> str:
        """The screen to read every morning; plain text, at most 100 characters wide."""
        from trueup.report.summary import summary_text

        return summary_text(self)

    def to_json(self, path: str | Path) -> Path:
        """Write result.json; see docs/reference/result.schema.json."""
        from trueup.report.json import write_json

        return write_json(self, Path(path))

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one self-contained HTML file."""
        from trueup.report.html import write_html

        return write_html(self, Path(path))

    def to_excel(self, path: str | Path) -> Path:
        """Write the workbook: a sheet a table, totals as formulas."""
        from trueup.report.excel import write_excel

        return write_excel(self, Path(path))

    def to_parquet(self, directory: str | Path) -> list[Path]:
        """Write ``<table>.parquet`` for every table into a folder."""
        from trueup.report.parquet import write_parquet

        return [
            write_parquet(table, Path(directory) / f"{name}.parquet")
            for name, table in self.tables.items()
        ]

    def chargeback(self, rules: Rules | Mapping[str, Any] | str | Path | None = None) -> Chargeback:
        """Statements of what each team, cost centre and business unit bears, and ledger entries.

        ``[chargeback]`` of the rules says who belongs to whom and who pays for unused commitment;
        without ``rules`` it is that of the run. Raises ConfigurationError for rules that cannot be,
        IntegrityError where the statements would not add up to the identity.
        """
        from trueup.report.chargeback import of_result

        return of_result(self, rules)

    def anomalies(self) -> Table:
        """Days of the period on which spend, quantity, price or utilization was not as expected.

        By money, each excess once (``model.spend_schema.ANOMALIES``). What is expected and the
        limits are estimates from the other days; money is actual - expected, exactly. Smaller
        amounts than ``material_amount`` of the run are left out. Raises UsageError where the
        period is too short to say what is usual.
        """
        from trueup.report.anomalies import within

        return within(self)

    def efficiency(self, by: str = "team", over: str = "period") -> Table:
        """Tokens, requests and sessions per credit and GPU-hour, and utilization of GPUs held.

        ``by`` is ``team``, ``agent`` or ``model``, ``over`` is ``period``, ``day`` or ``week``;
        columns are those of ``model.spend_schema.EFFICIENCY``. Raises UsageError for others.
        """
        from trueup.report.efficiency import within

        return within(self, by, over)

    def drivers(self, by: By = "team", against: str = "week") -> Table:
        """What drove cost in the period's last ``week`` or ``day``, and what changed since before.

        ``by``: ``team``, ``agent``, ``tool`` or ``model``. Columns: ``model.spend_schema.DRIVERS``;
        what is rated has its own rows. Raises UsageError where the period has no such time before.
        """
        from trueup.report.drivers import within

        return within(self, by, against)

    def unused_trace(self) -> Table:
        """What was unused in the last week, and what stood idle or was quiet in those hours.

        One row per commitment under ``model.spend_schema.UNUSED_TRACE``; exact is what is unused,
        the rest an indication. Raises UsageError where less than two weeks are known.
        """
        from trueup.report.drivers import trace_within

        return trace_within(self)

    def to_focus(self, directory: str | Path) -> list[Path]:
        """Write what FOCUS 1.4 has a dataset for; see report.focus for what is and is not."""
        from trueup.report.focus import write_focus

        return write_focus(self, Path(directory)).files

    def write(self, directory: str | Path) -> list[Path]:
        """Write everything: result.json, report.html, report.xlsx and parquet/.

        Where the run's rules have ``[chargeback]``, its statements and journal are in chargeback/.
        """
        from trueup.report.chargeback import write_where_asked

        folder = Path(directory)
        self.written = [
            self.to_html(folder / "report.html"),
            self.to_excel(folder / "report.xlsx"),
            self.to_json(folder / "result.json"),
        ]
        parquet = self.to_parquet(folder / "parquet")
        self.written.append(folder / "parquet")
        charged = write_where_asked(self, folder / "chargeback")
        self.written += [folder / "chargeback"] if charged else []
        return [*self.written[:3], *parquet, *charged]

    def __repr__(self) -> str:
        return self.summary()
