"""pandas at its best: columns by Arrow, text as categories, keys as one integer, float64 figures.

Not exact: costs are binary floats, so that shares are off in their last digits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contestants.arguments import Arguments, arguments

METERS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
HOUR_US = 3_600_000_000
Numbers = npt.NDArray[np.int64]
UNIT = 1e10  # costs are shared in 10^-10 USD


def _read(file: Path, columns: list[str], texts: list[str]) -> pd.DataFrame:
    table = pq.read_table(file, columns=columns, read_dictionary=texts)
    fields = []
    for field in table.schema:
        decimal = pa.types.is_decimal(field.type)
        fields.append(field.with_type(pa.float64()) if decimal else field)
    return table.cast(pa.schema(fields)).to_pandas(split_blocks=True, self_destruct=True)


def _hours(times: pd.Series) -> Numbers:
    instants: Numbers = times.dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64")
    return instants // HOUR_US


class Resources:
    """Numbers of resources, in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def codes(self, column: pd.Series) -> Numbers:
        names = column.cat.categories
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in names]
        found: Numbers = np.asarray(numbers, dtype=np.int64)[column.cat.codes.to_numpy()]
        return found

    def named(self, codes: Numbers) -> pd.Categorical:
        return pd.Categorical.from_codes(codes.astype("int32"), list(self._numbers))


def _meters(column: pd.Series) -> Numbers:
    numbers = [METERS.index(name.replace(" ", "_")) for name in column.cat.categories]
    found: Numbers = np.asarray(numbers, dtype=np.int64)[column.cat.codes.to_numpy()]
    return found


def _key(resource: Numbers, meter: Numbers, hour: Numbers) -> Numbers:
    return (resource << 24) + (meter << 21) + (hour - 450_000)


def _unpacked(keys: Numbers, resources: Resources) -> dict[str, object]:
    hours = (keys & 2_097_151) + 450_000
    return {
        "resource": resources.named(keys >> 24),
        "meter": pd.Categorical.from_codes((keys >> 21 & 7).astype("int8"), list(METERS)),
        "hour": (hours * HOUR_US).astype("datetime64[us]"),
    }


def _charges(file: Path) -> pd.DataFrame:
    texts = ["ResourceId", "SkuMeter", "ChargeCategory", "CommitmentDiscountStatus"]
    texts.append("CommitmentDiscountId")
    figures = ["ChargePeriodStart", "ConsumedQuantity", "EffectiveCost"]
    rows = _read(file, [*texts, *figures], texts)
    return rows[rows.ChargeCategory == "Usage"]


def _billed(charges: pd.DataFrame, resources: Resources) -> pd.DataFrame:
    rows = charges[charges.CommitmentDiscountStatus != "Unused"]
    key = _key(
        resources.codes(rows.ResourceId), _meters(rows.SkuMeter), _hours(rows.ChargePeriodStart)
    )
    q = np.rint(rows.ConsumedQuantity.to_numpy() * 1000).astype("int64")
    frame = pd.DataFrame({"k": key, "billed": q, "cost": rows.EffectiveCost.to_numpy()})
    return frame.groupby("k", sort=False).sum()


def _parties(file: Path, resources: Resources) -> tuple[pd.DataFrame, pd.Index]:
    texts = ["resource_id", "meter", "session_id"]
    rows = _read(file, [*texts, "window_start", "quantity"], texts)
    key = _key(resources.codes(rows.resource_id), _meters(rows.meter), _hours(rows.window_start))
    sessions = rows.session_id.cat.reorder_categories(sorted(rows.session_id.cat.categories)).cat
    frame = pd.DataFrame({"k": key, "s": sessions.codes, "weight": rows.quantity})
    return frame.groupby(["k", "s"], sort=False, as_index=False).sum(), sessions.categories


def _matching(billed: pd.DataFrame, parties: pd.DataFrame) -> pd.DataFrame:
    metered = parties.groupby("k", sort=False).agg(
        metered=("weight", "sum"), sessions=("weight", "size")
    )
    both = billed.join(metered, how="outer")
    near = (both.billed - both.metered).abs() * 100 <= both.billed.abs()
    both["verdict"] = np.select(
        [both.billed.isna(), both.metered.isna(), near],
        ["missing_in_billing", "missing_in_usage", "matched"],
        "quantity",
    )
    return both


def _shares(parties: pd.DataFrame, matching: pd.DataFrame) -> pd.DataFrame:
    found = parties.merge(matching, left_on="k", right_index=True)
    found = found[found.cost.notna()]
    units = np.rint(found.cost * UNIT)
    exact = units.abs() * found.weight / found.metered
    found["floor"] = np.floor(exact)
    found["rest"] = exact - found.floor
    several = found[found.sessions > 1].sort_values(
        ["k", "rest", "s"], ascending=[True, False, True]
    )
    place = several.groupby("k", sort=False).cumcount()
    left = np.rint(several.cost * UNIT).abs() - several.groupby("k", sort=False).floor.transform(
        "sum"
    )
    shared = several.floor + (place < left)
    found["units"] = units
    found.loc[several.index, "units"] = shared * np.sign(several.cost)
    return found


def _utilization(charges: pd.DataFrame, told: Arguments) -> None:
    rows = charges[charges.CommitmentDiscountStatus.notna()]
    hours = pd.Series(_hours(rows.ChargePeriodStart), index=rows.index, name="hour")
    by = [rows.CommitmentDiscountId, hours, rows.CommitmentDiscountStatus]
    sums = rows.EffectiveCost.groupby(by, observed=True, sort=False).sum().unstack(fill_value=0.0)  # noqa: PD010  # faster
    sums = sums.reset_index()
    figures = _read(told.contracts, ["ContractCommitmentId", "ContractCommitmentCost"], [])
    joined = sums.merge(figures, left_on="CommitmentDiscountId", right_on="ContractCommitmentId")
    pd.DataFrame(
        {
            "commitment": joined.CommitmentDiscountId.astype("str"),
            "hour": (joined.hour.to_numpy() * HOUR_US).astype("datetime64[us]"),
            "committed": joined.ContractCommitmentCost,
            "used": joined.Used,
            "unused": joined.Unused,
        }
    ).to_parquet(told.out / "utilization.parquet", index=False)


def run(told: Arguments) -> None:
    """Write the tables; the word ``matching`` asks for that one alone."""
    resources = Resources()
    charges = _charges(told.charges)
    billed = _billed(charges, resources)
    if "matching" not in told.words:
        _utilization(charges, told)
    del charges
    parties, sessions = _parties(told.usage, resources)
    matching = _matching(billed, parties)
    figures = matching[["billed", "metered"]].fillna(0).astype("int64")
    keys = matching.index.to_numpy()
    pd.DataFrame(
        {**_unpacked(keys, resources), **dict(figures.items()), "verdict": matching.verdict}
    ).to_parquet(told.out / "matching.parquet", index=False)
    if "matching" in told.words:
        return
    shares = _shares(parties, matching)
    pd.DataFrame(
        {
            **_unpacked(shares.k.to_numpy(), resources),
            "session": pd.Categorical.from_codes(shares.s.to_numpy(), sessions),
            "cost": shares.units / UNIT,
        }
    ).to_parquet(told.out / "shares.parquet", index=False)


if __name__ == "__main__":
    run(arguments())
