"""What usage costs by dated rates alone, without any bill: the estimate before one arrives."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
from ibis import _

from trueup.engine.engine import open_engine
from trueup.model.dataset import Dataset
from trueup.model.rules import Rules
from trueup.model.spend_schema import SESSION_COSTS
from trueup.model.table import Table
from trueup.period import Period
from trueup.reconcile.cells import metered_parties
from trueup.reconcile.facts import facts_of, scanned
from trueup.reconcile.metered import (
    KIND_DIMENSION,
    by_hour,
    classify_kinds,
    described,
    distinct_kinds,
    metered_rows,
    numbered_parties,
)
from trueup.reconcile.rated import rated
from trueup.reconcile.result_table import result_table
from trueup.reconcile.scale import base_sizes
from trueup.reconcile.session_costs import of_rates, of_work, summed, table_of, with_tools
from trueup.reconcile.session_tags import in_period
from trueup.reconcile.sides import as_table, kinds_told
from trueup.reconcile.things import said


def rated_usage(usage: Dataset, period: Period | None, rules: Rules, engine_name: str) -> Table:
    """The table ``session_costs`` of usage, all of it rated or unrated."""
    with open_engine(engine_name) as engine, TemporaryDirectory(prefix="trueup-split-") as name:
        facts = facts_of(usage, Path(name), engine)
        heard = said(facts, engine)
        kinds, _unknown = classify_kinds(distinct_kinds(heard, engine), rules)
        sizes, left_out = base_sizes(kind.counted for kind in kinds)
        told = engine.load(as_table(kinds_told(kinds, sizes, left_out), KIND_DIMENSION))
        names = heard.select(said_resource=_.said_resource_id, resource=_.said_resource_id)
        spoken = engine.keep(
            described(heard, told, names.distinct()).mutate(
                thing=_.profile, matchable=ibis.literal(value=True)
            )
        )
        parties, people = numbered_parties(facts, engine)
        pieces = by_hour(metered_rows(facts, spoken, parties), period)
        about = spoken.drop("allocated", "matchable").rename(
            unit="meter_unit", unit_factor="factor"
        )
        seen = metered_parties(pieces, engine).join(about, "thing")
        work = of_work(engine.keep(seen))
        sums = engine.keep(summed(of_rates(rated(with_tools(work, people), rules, engine))))
        tagged = in_period(scanned(usage, engine), period)
        found = table_of(sums, people, tagged, rules, engine)
        return result_table(found.order_by(*SESSION_COSTS.names), SESSION_COSTS, engine)
