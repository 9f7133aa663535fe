"""A service that no bill holds: what its provider asks for calls, and what each hour comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from tests.world.ledger import Call

TOOL, CURRENCY = "weather_feed", "USD"
FEW = 4  # of a month, at the first price
FIRST, THEN = Decimal("0.45"), Decimal("0.30")
RATE = f"""
# A service outside the bills, by the calls of a month: what sessions cost has it, apart.
[[rules.rate]]
match = {{ tool = "^{TOOL}$" }}
meter = "tool_calls"
unit = "Calls"
currency = "{CURRENCY}"
tiers = [{{ up_to = {FEW}, price = "{FIRST}" }}, {{ price = "{THEN}" }}]
source = "price list"
"""


def hours(calls: Iterable[Call]) -> dict[datetime, tuple[Decimal, Decimal]]:
    """Hour -> how many calls of a month's spans, and what they add to its cost so far."""
    counted = Counter(
        call.at.replace(minute=0, second=0, microsecond=0)
        for call in calls
        if call.party.tool == TOOL
    )
    found, before = {}, 0
    for hour, count in sorted(counted.items()):
        found[hour] = Decimal(count), _cost(before + count) - _cost(before)
        before += count
    return found


def _cost(count: int) -> Decimal:
    return min(count, FEW) * FIRST + max(count - FEW, 0) * THEN
