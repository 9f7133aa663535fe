"""What tags of usage rows tell of sessions: which agent called which, and what was reasoning."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.attribute.parties import WHO
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment
from trueup.engine.integers import WHOLE, total
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.metering import plain_name
from trueup.reconcile.text import key_with_nulls

NAMED_STEP = (*WHO, "provider", "model", "meter")
CALLED_BY = r'"called_by":"((?:[^"\\]|\\.)*)"'
REASONING = r'"reasoning_tokens":"?([0-9]+)'


def in_period(usage: ir.Table, period: Period | None) -> ir.Table:
    """The usage rows with tags that start in the period."""
    tagged = usage.filter(usage.tags.notnull())
    if period is None:
        return tagged
    start = instant(tagged.window_start)
    return tagged.filter((start >= moment(period.start)) & (start < moment(period.end)))


def with_callers(rows: ir.Table, usage: ir.Table, engine: Engine) -> ir.Table:
    """Rows of sessions with ``called_by``, where usage always tells the same of their agent."""
    return _beside(rows, ("session", "agent"), _callers(usage), engine)


def with_reasoning(rows: ir.Table, usage: ir.Table, rules: Rules, engine: Engine) -> ir.Table:
    """Rows of sessions with ``reasoning``, the tokens of their step that were reasoning."""
    return _beside(rows, NAMED_STEP, _reasoning(usage, rules, engine), engine)


def _beside(rows: ir.Table, by: Sequence[str], tags: ir.Table, engine: Engine) -> ir.Table:
    """Rows with the second column of ``tags`` by its first, a key of their columns ``by``.

    Most telemetry has no such tags: then there is nothing to join.
    """
    found = engine.keep(tags)
    key, name = found.columns
    if not engine.count(found):
        return rows.mutate(**{name: ibis.null(found[name].type())})
    keyed = rows.mutate(**{key: key_with_nulls(*(rows[each] for each in by))})
    return keyed.left_join(found, key).select(rows, found[name])


def _callers(usage: ir.Table) -> ir.Table:
    """``caller_key`` of session and agent with ``called_by``, where that is always the same."""
    told = usage.filter(usage.tags.contains('"called_by":"')).mutate(
        called_by=_.tags.re_extract(CALLED_BY, 1).replace(r"\"", '"').replace("\\\\", "\\")
    )
    found = told.group_by(caller_key=key_with_nulls(told.session_id, told.agent)).aggregate(
        called_by=_.called_by.min(), several=_.called_by.nunique()
    )
    return found.filter(found.several == 1).drop("several")


def _reasoning(usage: ir.Table, rules: Rules, engine: Engine) -> ir.Table:
    """``key`` of a step with ``reasoning``, the tokens of its output that were reasoning."""
    said = usage.filter(usage.tags.contains('"reasoning_tokens":'))
    told = said.select(
        *(name for name in WHO if name != "session"),
        "provider",
        "meter",
        session="session_id",
        said_model="model",
        tokens=said.tags.re_extract(REASONING, 1).cast("int64").cast(WHOLE),
    )
    models = engine.collect(told.select("said_model").distinct()).column(0).to_pylist()
    aliases = {plain_name(one): plain_name(other) for one, other in rules.model_aliases.items()}
    plain = [aliases.get(plain_name(model), plain_name(model)) for model in models]
    text = pa.string()
    names = engine.load(pa.table({"raw": pa.array(models, text), "model": pa.array(plain, text)}))
    named = told.left_join(names, told.said_model == names.raw)
    keys = key_with_nulls(*(named[name] for name in NAMED_STEP))
    return named.group_by(key=keys).aggregate(reasoning=total(_.tokens))
