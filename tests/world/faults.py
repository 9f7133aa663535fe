"""Faults beyond those of every world: prices, lots, invoices, currencies and a restated bill.

A layer on a world that is made already: it may bill an hour's usage otherwise, and add usage that
is billed and recorded; all else stays as it is. Each kind has a file of its own that plants it and states its answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.world import (
    faults_commitments,
    faults_currency,
    faults_invoices,
    faults_lots,
    faults_plan,
    faults_rates,
    faults_restated,
    faults_utilization,
    rerating,
    world,
)
from tests.world.faults_commitments import CommitmentFaults
from tests.world.faults_currency import CurrencyFaults
from tests.world.faults_lots import LotFaults
from tests.world.faults_plan import PlanFaults
from tests.world.faults_rates import RateFaults
from tests.world.faults_utilization import UtilizationFault
from tests.world.figures import Row
from tests.world.focus import csv_text
from tests.world.ledger import Charge, Value
from tests.world.world import World

UTILIZATION = (
    "provider", "commitment_id", "interval_start", "interval_end", "committed", "used", "unused",
    "unit", "currency", "operation",
)  # fmt: skip
BALANCES = (
    "provider", "lot_id", "commitment_id", "kind", "granted", "drawn", "expired", "remaining",
    "unit", "currency", "starts_at", "expires_at", "at", "operation",
)  # fmt: skip
RATES = (
    "provider", "commitment_id", "sku_id", "sku", "unit", "price", "currency", "valid_from",
    "valid_to", "operation",
)  # fmt: skip
CONFIGURED = """
# What issuers ask for.

[[invoices]]
paths = ["invoices.csv"]

# Prices and exchange rates by contract, typed by hand.
"""


@dataclass(frozen=True)
class Faulty:
    """A world with more faults in it, and where they are."""

    world: World
    plan: PlanFaults
    commitments: CommitmentFaults
    rates: RateFaults
    lots: LotFaults
    currency: CurrencyFaults
    utilization: UtilizationFault
    later: Sequence[Charge]  # the bill as known after the close


def make(seed: int, start: datetime, days: int) -> Faulty:
    """The world of a seed with faults of every further class, each at places that it chooses."""
    made = world.make(seed, start, days)
    ledger = made.ledger
    plan = faults_plan.misapply(made)
    commitments = faults_commitments.misapply(made)
    rates = faults_rates.misprice(ledger)
    faults_lots.add_lot(ledger)
    lots = faults_lots.misstate(ledger)
    currency = faults_currency.convert(ledger)
    faults_invoices.add_numbers(ledger)
    utilization = faults_utilization.misreport(ledger)
    later = faults_restated.restate(ledger)
    return Faulty(made, plan, commitments, rates, lots, currency, utilization, later)


def files(faulty: Faulty) -> dict[str, bytes]:
    """Every file of the world, and beside them invoices, what providers say, and the later bill."""
    ledger = faulty.world.ledger
    found = world.files(faulty.world)
    rules = faults_rates.rules_toml(faulty.rates) + faults_currency.rules_toml(faulty.currency)
    found["trueup.toml"] += (CONFIGURED + rules).encode()
    found["invoices.csv"] = faults_invoices.invoices_csv(ledger).encode()
    stated = [
        *faults_plan.rates(faulty.plan),
        *faults_commitments.rates(faulty.commitments),
        *faults_rates.rates(faulty.rates),
    ]
    said = faults_utilization.utilization(ledger, faulty.utilization)
    found["asserted/utilization.csv"] = _csv(UTILIZATION, said)
    found["asserted/balances.csv"] = _csv(BALANCES, faults_lots.statements(faulty.lots))
    found["asserted/rates.csv"] = _csv(RATES, stated)
    found["answers_of_faults.json"] = world.answers_json(dict(answers(faulty))).encode()
    return found | faults_restated.files(ledger, faulty.later)


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> bytes:
    return csv_text(columns, rows).encode()


def answers(faulty: Faulty) -> dict[str, list[Row]]:
    """The breaks of the further classes, and the tables behind them."""
    ledger = faulty.world.ledger
    restatements = faults_restated.restatements(ledger, faulty.later)
    misapplied = [
        *faults_plan.answers(ledger, faulty.plan),
        *faults_commitments.answers(ledger),
    ]
    return {
        "leg_breaks": [
            *misapplied,
            *faults_rates.answers(ledger, faulty.rates),
            *faults_lots.answers(ledger, faulty.lots),
            *faults_currency.answers(ledger, faulty.currency),
            *faults_invoices.answers(ledger),
            *faults_utilization.answers(ledger, faulty.utilization),
        ],
        "claims": rerating.claims(misapplied),
        "roll_forward": faults_lots.roll_forward(ledger, faulty.lots),
        "invoices": faults_invoices.stated(ledger),
        "conversions": faults_currency.conversions(ledger, faulty.currency),
        "restatements": restatements,
        "restated_breaks": faults_restated.answers(restatements),
    }


def write(faulty: Faulty, folder: Path) -> None:
    """Write every file below a folder."""
    for path, content in files(faulty).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
