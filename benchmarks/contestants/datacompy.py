"""datacompy on polars: the matching table only, which is what it is for.

It caps polars, so it runs in an environment of its own (see ``environment``). Both sides are summed
per key by polars, the keys as one integer; datacompy joins and compares them.
"""

from __future__ import annotations

import datacompy
import polars as pl

from benchmarks.contestants.arguments import Arguments, arguments
from benchmarks.contestants.polars import billed_of, named, parties_of, resources_of


def run(told: Arguments) -> None:
    """Write ``matching.parquet``."""
    resources = resources_of(told)
    billed = billed_of(told, resources).select("k", tokens="billed").collect(engine="streaming")
    parties = parties_of(told, resources).group_by("k").agg(tokens=pl.col("weight").sum())
    metered = parties.collect(engine="streaming")
    # |df1 - df2| <= rel_tol x |df2|: what is billed stands second.
    compared = datacompy.PolarsCompare(
        metered, billed, join_columns="k", abs_tol=0, rel_tol=0.01, df1_name="m", df2_name="b"
    )
    both = compared.intersect_rows.select(
        "k",
        billed="tokens_b",
        metered="tokens_m",
        verdict=pl.when("tokens_match").then(pl.lit("matched")).otherwise(pl.lit("quantity")),
    )
    nothing = pl.lit(0, dtype=pl.Int64)
    only_billed = compared.df2_unq_rows.select(
        "k", billed="tokens", metered=nothing, verdict=pl.lit("missing_in_usage")
    )
    only_metered = compared.df1_unq_rows.select(
        "k", billed=nothing, metered="tokens", verdict=pl.lit("missing_in_billing")
    )
    rows = pl.concat([both, only_billed, only_metered]).lazy()
    named(rows, resources).sink_parquet(told.out / "matching.parquet")


if __name__ == "__main__":
    run(arguments())
