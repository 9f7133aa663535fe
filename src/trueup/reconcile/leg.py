"""What every leg after the first two gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.model.dataset import Dataset
from trueup.model.inputs import Unread
from trueup.model.rules import Rules
from trueup.model.table import Table
from trueup.period import Period
from trueup.reconcile.commitments import CommitmentFindings
from trueup.reconcile.facts import Facts
from trueup.reconcile.terms import Terms


@dataclass(frozen=True)
class LegRun:
    """The inputs of a leg. ``window`` is the period, or the span of the files without one.

    ``charges`` are all accepted charges under FOCUS's names, ``facts`` the same split; ``billed``
    are those of the period, cut to it, with whole amounts of 10^-``scale`` (see
    ``reconcile.billed``); ``rows`` are the same without what their profiles say. ``charge_files``
    are the typed Parquet files behind ``charges``, for what only their JSON tells. ``asserted``
    holds what providers say themselves: ``provider_utilization``, ``provider_balances`` and
    ``provider_rates``.
    """

    charges: ir.Table
    facts: Facts
    charge_files: Sequence[Path]
    billed: ir.Table
    rows: ir.Table
    applied: pa.Table
    terms: Sequence[Terms]
    commitments: CommitmentFindings
    invoices: Dataset | None
    asserted: Mapping[str, Table]
    period: Period | None
    window: Period
    rules: Rules
    as_of: datetime
    scale: int
    engine: Engine
    compared: ir.Table | None = None  # ``charge_id`` of the charges that the usage leg compared
    held: ir.Table | None = None  # what its breaks hold of charges (see ``reconcile.held``)
    rejects: Table | None = None  # charges that could not be read
    unread: Sequence[Unread] = ()  # sources of charges that could not be read


@dataclass
class Findings:
    """What a leg found: breaks and tables, as rows of their schemas.

    A break is a row of ``BREAKS`` without ``id``; one that brings an ``explanation`` keeps it.

    What stands behind a break is told in one of two ways, or both. ``rows`` of a break lists
    (side, source_id, source_row) for a few: side is billed, metered, contract, invoice or
    provider, the source one of that kind of dataset. For many, ``break_rows`` are expressions with
    ``rows_key``, ``side``, ``source_id`` and ``source_row``, and the break names its ``rows_key``,
    a text that means something within the run only. Of a break with either, ``rows_billed`` must
    be as many as are listed on that side, or left out; ``rows_metered`` becomes it.
    """

    breaks: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    break_rows: list[ir.Table] = field(default_factory=list)
