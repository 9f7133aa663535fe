"""``read_charges``: bills in FOCUS 1.0 to 1.4, any number of files, as one typed dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.adapter.registry import provider_of_bill
from trueup.focus.columns import CHARGES, COST_AND_USAGE, DATASETS
from trueup.focus.extras import ExtraNames
from trueup.focus.intake import Intake
from trueup.focus.landing import Landed, Landing
from trueup.focus.native import NativeFile, as_focus
from trueup.focus.projection import SOURCE_ID, SOURCE_ROW, Reading, Span, select
from trueup.focus.provider import ProviderColumn, ProviderOf
from trueup.focus.raw import Part, open_raw
from trueup.focus.recognition import REQUIRED, Recognition, recognise
from trueup.model.dataset import Dataset

SPAN = Span("ChargePeriodStart", "ChargePeriodEnd", may_be_empty=True)
ROWS_PER_SOURCE = 1 << 32  # x_ChargeId is unique and ordered by source, then row


@dataclass(frozen=True)
class Bill:
    """One file to read: recognised, its further columns named."""

    part: Part
    recognition: Recognition
    extras: dict[str, int]  # output name -> index in the file


def read_charges(*sources: Any, provider_of: ProviderOf | None = None) -> Dataset:
    """Read bills: paths, globs, fsspec URLs, lists of them, pandas, polars or Arrow tables.

    Takes FOCUS 1.0 to 1.4 as CSV (comma, semicolon, tab; plain, gzip or zstd by content) or
    Parquet, recognised by its columns, whatever their order. The table has the 65 columns of
    FOCUS 1.4, ``x_Provider``, ``x_PublisherName``, ``x_SourceId``, ``x_SourceRow``,
    ``x_ChargeId``, then every further column of the files as text. Amounts and quantities are
    exact DECIMAL(38, 18), times UTC; how values are repaired is in ``trueup.focus.repair``.

    A row is accepted when it has BilledCost, EffectiveCost, BillingCurrency, a ChargeCategory of
    the specification, and a charge period that does not end before it starts, and when no number
    or time in it is unreadable; otherwise it is one row of ``rejects``. A JSON value that cannot
    be read is null, and counted in the source's note. A file with the bytes of another one is a
    copy: all its rows are rejected, so that no cost counts twice. Raises SourceError, naming
    the file, when one cannot be read at all. ``provider_of`` translates ServiceProviderName to the
    provider's slug; the default asks the installed adapters.
    """
    with Landing() as landing:
        bills, copies, extra_names = _bills(landing, sources)
        extras = [pa.field(name, pa.string()) for name in extra_names]
        providers = ProviderColumn(provider_of or provider_of_bill)

        def finished(rows: pa.Table) -> pa.Table:
            return _numbered(providers.added(rows))

        with Intake("charges", pa.schema([*CHARGES, *extras])) as intake:
            read = ((_reading(bill, extra_names), bill.part) for bill in bills)
            for reading, parts in by_layout(read):
                intake.read(parts, reading, finished)
            for copy in copies:
                intake.refuse_copy(*copy)
            return intake.dataset()


def by_layout(read: Iterable[tuple[Reading, Part]]) -> list[tuple[Reading, list[Part]]]:
    """Files that the same query reads, together: planning one takes longer than a small file."""
    layouts: dict[tuple[str, str], tuple[Reading, list[Part]]] = {}
    for reading, part in read:
        key = select(reading), repr(part.file.types)
        layouts.setdefault(key, (reading, []))[1].append(part)
    return list(layouts.values())


def _numbered(rows: pa.Table) -> pa.Table:
    before = pc.multiply(rows[SOURCE_ID].cast(pa.int64()), ROWS_PER_SOURCE)
    return rows.append_column("x_ChargeId", pc.add(before, rows[SOURCE_ROW]))


def _bills(
    landing: Landing, sources: Sequence[Any]
) -> tuple[list[Bill], list[tuple[int, Landed, int]], list[str]]:
    """Every bill once, its copies, and all further columns in the order of first appearance.

    A copy is its number, where it landed, and the number of the bill whose bytes it has.
    """
    names = ExtraNames(CHARGES.names, kept=("PublisherName",))
    bills: list[Bill] = []
    copies: list[tuple[int, Landed, int]] = []
    known: dict[str, int] = {}
    for source_id, landed in enumerate(landing.all(sources), start=1):
        first_id = known.setdefault(landed.sha256, source_id)
        if first_id != source_id:
            copies.append((source_id, landed, first_id))
            continue
        file = as_focus(open_raw(landed))
        recognition = recognise(landed.source, file.header, COST_AND_USAGE, landed.path)
        name = file.format if isinstance(file, NativeFile) else recognition.format
        part = Part(source_id, landed, file, name, recognition.notes)
        bills.append(Bill(part, recognition, names.of_file(file.header, recognition)))
    return bills, copies, names.all


def _reading(bill: Bill, extra_names: Sequence[str]) -> Reading:
    positions = bill.recognition.positions

    def there(*names: str) -> list[str]:
        return [name for name in names if name in positions]

    return Reading(
        columns=DATASETS[COST_AND_USAGE],
        positions=positions,
        types=bill.part.file.types,
        required=REQUIRED[COST_AND_USAGE],
        closed=("ChargeCategory",),
        span=SPAN,
        texts=bill.extras,
        first_of={
            "ServiceProviderName": there("ServiceProviderName", "ProviderName"),
            "x_PublisherName": there("PublisherName"),
            **{name: () for name in extra_names if name not in bill.extras},
        },
    )
