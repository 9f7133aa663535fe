"""Provisioned units held, and the tokens made with them, as a plain table."""

from __future__ import annotations

import csv
import io

from tests.world.azure import Held
from tests.world.focus import text
from tests.world.ledger import HOUR, Party
from tests.world.recorded import Recorded

COLUMNS = {  # usage column -> what the table calls it
    "window_start": "from",
    "window_end": "to",
    "resource_id": "deployment",
    "meter": "what",
    "capacity": "how",
    "quantity": "amount",
    "unit": "unit",
    "session_id": "conversation",
    "agent": "agent",
    "team": "team",
    "cost_centre": "cost_centre",
}
CONSTANTS = {"provider": "azure", "service_tier": "provisioned"}


def _row(held: Held, meter: str, capacity: str, amount: int, unit: str, party: Party) -> list[str]:
    window = [text(held.start), text(held.start + HOUR)]
    who = [party.session, party.agent, party.team, party.cost_centre]
    what = [held.deployment.name, meter, capacity, str(amount), unit]
    return window + what + [part or "" for part in who]


def table(held: list[Held]) -> Recorded:
    """A row for the units, and one for each party's output tokens."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS.values())
    for one in held:
        holder = one.deployment.holder
        writer.writerow(_row(one, "instance", "allocated", one.units, "Hours", holder))
        for party, tokens in one.tokens.items():
            writer.writerow(_row(one, "output_tokens", "busy", tokens, "Tokens", party))
    records = sum(1 + len(one.tokens) for one in held)
    return Recorded(buffer.getvalue(), records)
