"""A fictional company whose contracts, telemetry and four bills derive from one ledger.

The generator plants breaks of every class and states the right answers from what it planted, in
plain Python and Decimal. It imports nothing of trueup: a defect there cannot hide here.

The faults of prices, lots, invoices, currencies and restated bills are a layer of their own
(``faults``): a world without it stays as it is.

    python -m tests.world --seed 7 --start 2026-10-01 --days 31 --out examples/nightly
"""
