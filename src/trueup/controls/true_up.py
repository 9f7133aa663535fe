"""What arrives after a close: restated items of the closed period, and what of them posts now.

A closed period's figures stay. What its charges have become since is posted into the first open
period after it, once: what periods closed since then have posted already is taken off, by item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir

from trueup.controls.closing import Closing, short
from trueup.engine.engine import Engine, open_engine
from trueup.focus.columns import CHARGES
from trueup.model.dataset import Dataset
from trueup.money import EXACT
from trueup.period import Period, iso
from trueup.reconcile.restatement import FIGURES, KEY, restatements

_ZERO = Decimal(0)

Row = dict[str, Any]
Item = tuple[Any, ...]


def restated(
    before: Dataset | None, after: Dataset | None, period: Period, engine_name: str
) -> list[Row]:
    """How the charges of a period differ between two states of knowledge; None: no charges.

    Rows of ``RESTATEMENTS`` without ``break_id``; see ``reconcile.restatement``.
    """
    with open_engine(engine_name) as engine:
        was, now = (scanned(dataset, engine) for dataset in (before, after))
        return restatements(was, now, period, engine)


def scanned(dataset: Dataset | None, engine: Engine) -> ir.Table:
    """The charges of a dataset, or none, for an engine."""
    if dataset is None:
        return engine.load(CHARGES.empty_table())
    if dataset.table.files:
        return engine.scan(dataset.table.files, dataset.table.schema)
    return engine.load(dataset.table.to_arrow())


def true_ups(
    found: Sequence[Row], posted: Iterable[Mapping[str, Any]], closing: Closing
) -> list[Row]:
    """The rows of ``TRUE_UPS`` that a closed period posts into the open one.

    ``found`` are its restatements since the close, ``posted`` the true-ups of it that periods
    closed since then have in their closing runs. What is left is ``found`` less ``posted``: an
    item that went back to what it was posts the opposite of what was posted.
    """
    name = short(closing.period)
    already: dict[Item, Row] = {}
    for row in posted:
        if row["closed_period"] == name:
            known = already.setdefault(_item(row), {**row, **_nothing()})
            for figure in FIGURES:
                known[f"{figure}_delta"] = _sum(known[f"{figure}_delta"], row[f"{figure}_delta"])
    rows = []
    for row in found:
        item = _item(row)
        rows.append(_less(row, already.pop(item)) if item in already else row)
    rows.extend(_taken_back(known) for known in already.values())
    return [{"closed_period": name, **row} for row in rows if _moves(row)]


def _item(row: Mapping[str, Any]) -> Item:
    return tuple(row[name] for name in KEY)


def _nothing() -> Row:
    return {f"{figure}_delta": None for figure in FIGURES}


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return EXACT.add(one, other)


def _less(row: Row, posted: Row) -> Row:
    """The row from what was posted on: what was known then is what was known before."""
    moved = {}
    for figure in FIGURES:
        delta = posted[f"{figure}_delta"]
        moved[f"{figure}_before"] = _sum(row[f"{figure}_before"], delta)
        if row[f"{figure}_delta"] is not None and delta is not None:
            moved[f"{figure}_delta"] = EXACT.subtract(row[f"{figure}_delta"], delta)
    return {**row, **moved}


def _taken_back(posted: Row) -> Row:
    """An item that is what it was at the close again."""
    row = {name: value for name, value in posted.items() if name != "closed_period"}
    for figure in FIGURES:
        now, delta = row[f"{figure}_before"], row[f"{figure}_delta"]
        row[f"{figure}_before"], row[f"{figure}_after"] = _sum(now, delta), now
        row[f"{figure}_delta"] = None if delta is None else EXACT.subtract(_ZERO, delta)
    rows_before = row["rows_before"]
    return {**row, "kind": "changed", "rows_before": row["rows_after"], "rows_after": rows_before}


def _moves(row: Row) -> bool:
    return any(row[f"{figure}_delta"] for figure in FIGURES)


def note(closing: Closing, target: str) -> dict[str, str | None]:
    """The note of a later run of a closed period."""
    return {
        "code": "period_closed",
        "subject": short(closing.period),
        "text": f"this period is {closing.said}; the closed figures are those of {closing.run_id}",
        "remedy": f"differences post to {target} as true-ups; `trueup diff` shows what changed",
    }


def when_closed(closing: Closing) -> str:
    """The beginning of a restatement break's explanation."""
    act = closing.approved
    said = "" if act is None else f" on {iso(act.at)} by {act.by.text}"
    return f"{short(closing.period)} was closed{said}"
