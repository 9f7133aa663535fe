"""The right answers, from the ledger and what was planted in it: no matching is done here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from tests.world.attribution import attribution, identity
from tests.world.drift import BREAKS, breaks, pending_row
from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import Charge, Ledger
from tests.world.recorded import Recorded
from tests.world.standing import commitments, lots, utilization


def answers(ledger: Ledger, recorded: Mapping[str, Recorded]) -> dict[str, object]:
    """Every table of answers; amounts and instants are text, what is not known is None."""
    given, allocated, unattributed = attribution(ledger)
    tables: dict[str, object] = {
        "period": {"start": text(ledger.start), "end": text(ledger.end)},
        "as_of": text(ledger.as_of),
        "commitments": commitments(ledger),
        "utilization": utilization(ledger),
        "credits": lots(ledger),
        "breaks": breaks(ledger),
        "pending": [pending_row(cell) for cell in ledger.cells if cell.verdict == "pending"],
        "allocations": given,
        "unattributed": _by_reason(unattributed),
        "identity": identity(ledger, allocated, unattributed),
        "buckets": _buckets(ledger),
        "control_totals": _control_totals(ledger, recorded),
    }
    return tables


def _by_reason(unattributed: Mapping[tuple[str, str, str], Decimal]) -> list[Row]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (currency, reason, _), cost in unattributed.items():
        sums[currency, reason] += cost
    return [
        {"currency": currency, "reason": reason, "cost": text(cost)}
        for (currency, reason), cost in sorted(sums.items())
        if cost
    ]


def _buckets(ledger: Ledger) -> list[Row]:
    """Where the rows of the bills end: agreed, in a break by its class, or out of scope."""
    counted: dict[tuple[str, str | None], int] = defaultdict(int)
    for cell in ledger.cells:
        if cell.verdict in BREAKS:
            counted[("break", cell.verdict)] += cell.rows
        elif cell.verdict == "matched":
            counted[("matched", None)] += cell.rows
    outside = len(ledger.charges) + len(ledger.earlier) - sum(counted.values())
    counted[("out_of_scope", None)] = outside
    return [
        {"side": "billed", "bucket": bucket, "reason": reason, "rows": rows}
        for (bucket, reason), rows in sorted(counted.items(), key=str)
        if rows
    ]


def _control_totals(ledger: Ledger, recorded: Mapping[str, Recorded]) -> list[Row]:
    """Rows and sums of each bill's file by currency, also those outside the period."""
    accepted: dict[tuple[str, str], list[Charge]] = defaultdict(list)
    for charge in ledger.charges + ledger.earlier:
        accepted[(charge.file, charge.currency)].append(charge)
    rejected: dict[tuple[str, str], int] = defaultdict(int)
    for spoilt in ledger.malformed:
        rejected[(spoilt.charge.file, spoilt.charge.currency)] += 1
    bills: list[Row] = [
        {
            "source": file,
            "currency": currency,
            "rows_in": len(charges) + rejected[(file, currency)],
            "accepted": len(charges),
            "rejected": rejected[(file, currency)],
            "billed_cost": text(total(one.billed for one in charges)),
            "effective_cost": text(total(one.effective for one in charges)),
        }
        for (file, currency), charges in sorted(accepted.items())
    ]
    return bills + [
        {
            "source": file,
            "currency": None,
            "rows_in": one.records,
            "accepted": one.records - one.rejected,
            "rejected": one.rejected,
            "billed_cost": None,
            "effective_cost": None,
        }
        for file, one in sorted(recorded.items())
    ]
