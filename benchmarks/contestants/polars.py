"""polars at its best: lazy and streaming, keys as one integer, costs as Int128, exact."""

from __future__ import annotations

import polars as pl

from benchmarks.contestants.arguments import Arguments, arguments

METERS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
HOUR_US = 3_600_000_000
UNIT = 10_000_000_000  # costs are shared in 10^-10 USD


def _hours(name: str) -> pl.Expr:
    return pl.col(name).dt.timestamp("us") // HOUR_US


def _meter(name: str, separator: str) -> pl.Expr:
    known = {meter.replace("_", separator): number for number, meter in enumerate(METERS)}
    return pl.col(name).replace_strict(known, return_dtype=pl.Int64)


def _key(meter: pl.Expr, hour: pl.Expr) -> pl.Expr:
    return pl.col("r") * (1 << 24) + meter * (1 << 21) + (hour - 450_000)


def named(rows: pl.LazyFrame, resources: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of a key in place of ``k``."""
    meter = (pl.col("k") // (1 << 21) % 8).replace_strict(
        dict(enumerate(METERS)), return_dtype=pl.String
    )
    hour = (pl.col("k") % (1 << 21) + 450_000) * HOUR_US
    return (
        rows.with_columns(
            r=pl.col("k") // (1 << 24), meter=meter, hour=hour.cast(pl.Datetime("us"))
        )
        .join(resources, on="r")
        .drop("k", "r")
    )


def resources_of(told: Arguments) -> pl.LazyFrame:
    """Each resource of either side with its number."""
    billed = pl.scan_parquet(told.charges).select(resource="ResourceId").unique()
    metered = pl.scan_parquet(told.usage).select(resource="resource_id").unique()
    names = pl.concat([billed, metered]).drop_nulls().unique().with_row_index("r")
    return names.with_columns(pl.col("r").cast(pl.Int64)).collect(engine="streaming").lazy()


def billed_of(told: Arguments, resources: pl.LazyFrame) -> pl.LazyFrame:
    """Tokens and cost (in units) per key, as billed."""
    rows = pl.scan_parquet(told.charges).filter(
        (pl.col("ChargeCategory") == "Usage")
        & pl.col("CommitmentDiscountStatus").ne_missing("Unused")
    )
    keyed = rows.join(resources, left_on="ResourceId", right_on="resource").select(
        k=_key(_meter("SkuMeter", " "), _hours("ChargePeriodStart")),
        billed=(pl.col("ConsumedQuantity") * 1000).cast(pl.Int64),
        cost=pl.col("EffectiveCost"),
    )
    return keyed.group_by("k").agg(pl.col("billed").sum(), pl.col("cost").sum())


def parties_of(told: Arguments, resources: pl.LazyFrame) -> pl.LazyFrame:
    """Tokens per key and session, as metered."""
    rows = pl.scan_parquet(told.usage).join(resources, left_on="resource_id", right_on="resource")
    keyed = rows.select(
        "session_id",
        "quantity",
        k=_key(_meter("meter", "_"), _hours("window_start")),
    )
    return keyed.group_by("k", "session_id").agg(weight=pl.col("quantity").sum())


def matching_of(billed: pl.LazyFrame, parties: pl.LazyFrame) -> pl.LazyFrame:
    """Both sides of every key with the verdict."""
    metered = parties.group_by("k").agg(metered=pl.col("weight").sum(), sessions=pl.len())
    near = (pl.col("billed") - pl.col("metered")).abs() * 100 <= pl.col("billed").abs()
    verdict = (
        pl.when(pl.col("billed").is_null())
        .then(pl.lit("missing_in_billing"))
        .when(pl.col("metered").is_null())
        .then(pl.lit("missing_in_usage"))
        .when(near)
        .then(pl.lit("matched"))
        .otherwise(pl.lit("quantity"))
    )
    return billed.join(metered, on="k", how="full", coalesce=True).with_columns(verdict=verdict)


def _units() -> pl.Expr:
    """A cost as a whole number of units: as text its digits are those of the number."""
    return (pl.col("cost").cast(pl.Decimal(38, 10)) * UNIT).cast(pl.Int128)


def shares_of(parties: pl.LazyFrame, matching: pl.LazyFrame) -> pl.LazyFrame:
    """Units of cost per key and session, by the largest remainder."""
    both = matching.filter(pl.col("cost").is_not_null() & pl.col("metered").is_not_null())
    found = parties.join(
        both.select("k", "metered", "sessions", units=_units()), on="k"
    ).with_columns(pl.col("weight", "metered").cast(pl.Int128))
    product = pl.col("units").abs() * pl.col("weight")
    several = found.filter(pl.col("sessions") > 1).with_columns(
        floor=product // pl.col("metered"), rest=product % pl.col("metered")
    )
    left = several.group_by("k").agg(left=pl.col("units").first().abs() - pl.col("floor").sum())
    ordered = several.sort("k", "rest", "session_id", descending=[False, True, False])
    placed = ordered.with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
    first = placed.group_by("k").agg(first=pl.col("n").min())
    ranked = placed.join(first, on="k").join(left, on="k")
    more = (pl.col("n") - pl.col("first") < pl.col("left")).cast(pl.Int128)
    shared = ranked.select(
        "k", "session_id", units=pl.col("units").sign() * (pl.col("floor") + more)
    )
    single = found.filter(pl.col("sessions") == 1).select("k", "session_id", "units")
    return pl.concat([shared, single])


def write_utilization(told: Arguments) -> None:
    """Committed, used and unused per commitment and hour."""
    rows = pl.scan_parquet(told.charges).filter(
        (pl.col("ChargeCategory") == "Usage") & pl.col("CommitmentDiscountStatus").is_not_null()
    )
    cost, status = pl.col("EffectiveCost"), pl.col("CommitmentDiscountStatus")
    sums = rows.group_by(commitment="CommitmentDiscountId", hour=_hours("ChargePeriodStart")).agg(
        used=cost.filter(status == "Used").sum(), unused=cost.filter(status == "Unused").sum()
    )
    contracts = pl.scan_parquet(told.contracts).select(
        commitment="ContractCommitmentId", committed="ContractCommitmentCost"
    )
    sums.join(contracts, on="commitment").select(
        "commitment",
        (pl.col("hour") * HOUR_US).cast(pl.Datetime("us")),
        "committed",
        "used",
        "unused",
    ).sink_parquet(told.out / "utilization.parquet")


def run(told: Arguments) -> None:
    """Write the tables; the word ``matching`` asks for that one alone."""
    resources = resources_of(told)
    parties = parties_of(told, resources).collect(engine="streaming").lazy()
    billed = billed_of(told, resources)
    matching = matching_of(billed, parties).collect(engine="streaming").lazy()
    named(
        matching.select("k", pl.col("billed", "metered").fill_null(0), "verdict"), resources
    ).sink_parquet(told.out / "matching.parquet")
    if "matching" in told.words:
        return
    write_utilization(told)
    shares = shares_of(parties, matching).select(
        "k",
        session="session_id",
        cost=pl.col("units").cast(pl.Decimal(38, 0))
        * pl.lit("0.0000000001").str.to_decimal(scale=10),
    )
    named(shares, resources).sink_parquet(told.out / "shares.parquet")


if __name__ == "__main__":
    run(arguments())
