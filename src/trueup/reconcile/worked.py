"""One reconciliation as far as the legs have brought it, before its tables are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from trueup.engine.engine import Engine
from trueup.model.dataset import Dataset
from trueup.reconcile.billed import Bill
from trueup.reconcile.commitments import CommitmentFindings
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.usage import UsageFindings


@dataclass(frozen=True)
class Worked:
    """What went in and what each leg found."""

    leg_run: LegRun
    charges: Bill
    usage: UsageFindings | None
    further: Sequence[Findings]  # of the legs after the first two
    datasets: Sequence[Dataset]  # charges first, usage last where it was given

    @property
    def every(self) -> ir.Table:
        """All charges with whole amounts."""
        return self.charges.told(self.charges.every)

    @property
    def touching(self) -> ir.Table:
        """Those that touch the period, whole."""
        return self.charges.told(self.charges.touching)

    @property
    def bill(self) -> ir.Table:
        """Every accepted charge."""
        return self.leg_run.charges

    @property
    def rows(self) -> ir.Table:
        """Those of the period, cut to it."""
        return self.leg_run.billed

    @property
    def commitments(self) -> CommitmentFindings:
        return self.leg_run.commitments

    @property
    def scale(self) -> int:
        return self.leg_run.scale

    @property
    def engine(self) -> Engine:
        return self.leg_run.engine
