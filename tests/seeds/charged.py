"""Chargeback of a result against the statements that follow from its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import trueup
from tests.world.charged import BUSINESS_UNITS, RENAMED, UNIT_OF_AGENT, statements
from tests.world.comparison import Row

METERED = ("by_tokens", "by_gpu_time", "by_requests")
POLICIES = ("apart", "proportional", "even")
MAP = [
    *({"level": "agent", "name": name, "business_unit": it} for name, it in UNIT_OF_AGENT.items()),
    *({"match": {"team": f"^{name}$"}, "team": it} for name, it in RENAMED.items()),
]
ACCOUNTS = {"cost_account": "6520", "clearing_account": "1480"}


def assert_charged(expected: Mapping[str, Sequence[Row]], result: trueup.Result) -> None:
    """Every unit of every level by every policy; each journal balances, and clears the teams.

    By what was metered the answers say only the whole: that is what the teams add up to, all reasons
    shared.
    """
    whole = {
        row[0]: cost for row, cost in statements(expected, "apart").items() if not any(row[1:])
    }
    for policy in METERED:
        shared = dict.fromkeys((row["reason"] for row in expected["unattributed"]), policy)
        told = {"map": MAP, "unused": policy, "unattributed": shared}
        teams: dict[str, Decimal] = {}
        for row in result.chargeback({"chargeback": told}).statements:
            if row["level"] == "team":
                teams[row["currency"]] = teams.get(row["currency"], Decimal(0)) + row["amount"]
        assert teams == whole, policy
    for policy in POLICIES:
        told = {"map": MAP, "unused": policy, "business_units": BUSINESS_UNITS, **ACCOUNTS}
        charged = result.chargeback({"chargeback": told})
        found = {
            (row["currency"], row["business_unit"], row["cost_centre"], row["team"]): row["amount"]
            for row in charged.statements
        }
        assert found == statements(expected, policy), policy
        sums: dict[tuple[str, str], Decimal] = {}
        for row in charged.journal:
            key = row["currency"], row["account"]
            sums[key] = sums.get(key, Decimal(0)) + row["debit"] - row["credit"]
        for currency in {currency for currency, _ in sums}:
            assert sums[currency, "6520"] == -sums[currency, "1480"]
