"""The contestants: each a program that reads a month's files and writes the same three tables.

``python -m benchmarks.contestants.NAME MONTH OUT`` writes to the folder OUT

- ``matching.parquet``: resource, meter, hour, billed, metered (tokens), verdict: matched, quantity,
  missing_in_usage or missing_in_billing; the tolerance is 1 % of what is billed;
- ``utilization.parquet``: commitment, hour, committed, used, unused (USD, 10 decimals);
- ``shares.parquet``: resource, meter, hour, session, cost: the effective cost of each key that was
  billed and metered, by tokens, by the largest remainder at 10 decimals, ties by session.
"""
