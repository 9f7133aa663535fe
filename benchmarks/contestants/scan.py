"""The least that anybody must do: read the columns that the tables are made of."""

from __future__ import annotations

import duckdb

from benchmarks.contestants.arguments import Arguments, arguments

CHARGES = """
SELECT max(strlen(ResourceId)), max(strlen(SkuMeter)), max(strlen(ChargeCategory)),
    max(strlen(CommitmentDiscountStatus)), max(strlen(CommitmentDiscountId)),
    max(ChargePeriodStart), max(ConsumedQuantity), sum(EffectiveCost) FROM '{charges}'
"""
USAGE = """
SELECT max(strlen(resource_id)), max(strlen(meter)), max(strlen(session_id)), max(window_start),
    sum(quantity) FROM '{usage}'
"""


def run(told: Arguments) -> None:
    """Read, and let go."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(CHARGES.format(charges=told.charges)).fetchall()
        connection.execute(USAGE.format(usage=told.usage)).fetchall()


if __name__ == "__main__":
    run(arguments())
