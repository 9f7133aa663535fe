"""Chargeback of a result against the statements that follow from its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import trueup
from tests.world.charged import BUSINESS_UNITS, statements
from tests.world.comparison import Row

POLICIES = ("apart", "proportional", "even")
ACCOUNTS = {"cost_account": "6520", "clearing_account": "1480"}


def assert_charged(expected: Mapping[str, Sequence[Row]], result: trueup.Result) -> None:
    """Every unit of every level by every policy; each journal balances, and clears the teams."""
    for policy in POLICIES:
        told = {"unused": policy, "business_units": BUSINESS_UNITS, **ACCOUNTS}
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
