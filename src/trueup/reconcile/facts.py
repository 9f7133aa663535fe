"""Charges and usage for an engine: facts, and the profiles they have in common.

See ``model.split`` for what the two are. What a profile means is worked out once per profile;
facts only carry its number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from trueup.engine.engine import Engine
from trueup.engine.integers import EDGE_SCALE, WHOLE, whole
from trueup.errors import IntegrityError
from trueup.model.dataset import Dataset
from trueup.model.split import DECIMALS, PROFILE, split_rows
from trueup.model.splits import SPLITS

NOTHING = pa.schema([])


def scanned(dataset: Dataset, engine: Engine) -> ir.Table:
    """The rows of a dataset as they were read."""
    if dataset.table.files:
        return engine.scan(dataset.table.files, dataset.table.schema)
    return engine.load(dataset.table.to_arrow())


@dataclass(frozen=True)
class Facts:
    """``rows``: own columns, whole amounts, ``profile``. ``profiles`` are kept: ``profile``, what
    it has, and ``decimals_`` of each amount, null where its facts have none. ``parties`` likewise.
    """

    rows: ir.Table
    profiles: ir.Table
    parties: ir.Table | None = None


def facts_of(dataset: Dataset, folder: Path, engine: Engine) -> Facts:
    """The facts of charges or usage; what no reader has split yet is split into ``folder``.

    Raises IntegrityError unless there is a fact for every row.
    """
    files = dataset.table.split or split_rows(
        dataset.table, SPLITS[dataset.kind], folder / f"{dataset.kind}-{uuid4().hex}"
    )
    facts = sum(pq.read_metadata(file).num_rows for file in files.facts)
    if facts != len(dataset.table):
        raise IntegrityError(
            f"{dataset.kind}: {len(dataset.table)} rows read, but {facts} to compute with; "
            "nothing was written, please report this as a defect"
        )
    kept = {
        kind: engine.keep(engine.scan(paths, NOTHING)) for kind, paths in files.profiles.items()
    }
    return Facts(engine.scan(files.facts, NOTHING), kept[PROFILE], kept.get("party"))


def with_columns(facts: Facts, rows: ir.Table, wanted: Iterable[str], engine: Engine) -> Facts:
    """The facts of charges with profiles that have all these columns of ``rows``.

    A column whose values hardly repeat is no part of a profile until somebody asks for it.
    """
    more = [name for name in wanted if name not in facts.profiles.columns]
    if not more:
        return facts
    told = facts.rows.select("x_ChargeId", PROFILE).join(
        rows.select("x_ChargeId", *more), "x_ChargeId"
    )
    sets = told.select(PROFILE, *more).distinct()
    order = [ibis.asc(name, nulls_first=True) for name in (PROFILE, *more)]
    finer = engine.keep(sets.mutate(finer=ibis.row_number().over(order_by=order)))
    same = [told[name].identical_to(finer[name]) for name in (PROFILE, *more)]
    named = told.inner_join(finer, same).select(told.x_ChargeId, finer.finer)
    return Facts(
        engine.keep(facts.rows.drop(PROFILE).join(named, "x_ChargeId").rename(profile="finer")),
        engine.keep(facts.profiles.join(finer, PROFILE).drop(PROFILE).rename(profile="finer")),
    )


def decimals_of(profiles: ir.Table, amount: str) -> ir.Value:
    """In how many decimals the facts of a profile count an amount; null where they have none."""
    return profiles[DECIMALS + amount]


def step(profiles: ir.Table, amount: str, scale: int) -> ir.Value:
    """What the facts' count of an amount is multiplied by, to count it in ``scale`` decimals."""
    return tens(scale - decimals_of(profiles, amount))


def tens(power: ir.Value) -> ir.Value:
    """Ten to a power from 0 to 18 as a whole number; null for any other power."""
    branches = [(power == each, whole(10**each)) for each in range(EDGE_SCALE + 1)]
    return ibis.cases(*branches, else_=ibis.null(WHOLE)).cast(WHOLE)
