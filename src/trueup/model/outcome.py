"""What one reconciliation found: tables, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trueup.model.inputs import Inputs
from trueup.model.rules import Chargeback, Rules
from trueup.model.table import Table


@dataclass(frozen=True)
class Outcome:
    """The result tables (``model.schema.RESULT_TABLES``) of one period, and their inputs."""

    start: datetime
    end: datetime
    as_of: datetime
    tables: Mapping[str, Table]
    inputs: Inputs
    # Provider -> when its figures of the period are final; null where its bill does not tell.
    final_at: Mapping[str | None, datetime | None] = field(default_factory=dict)
    material_amount: Decimal | None = None  # None: any break is material
    chargeback: Chargeback | None = None  # None: nobody asked for statements
    rules: Rules = field(default_factory=Rules)  # of the run

    @property
    def usage_leg_ran(self) -> bool:
        return self.inputs.usage is not None
