"""``read_commitments``: contract commitments in FOCUS 1.3 and 1.4, or typed by hand in TOML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.adapter.registry import provider_of_bill
from trueup.focus.charges import by_layout
from trueup.focus.columns import COMMITMENTS, CONTRACT_COMMITMENT, DATASETS, Column
from trueup.focus.intake import Intake
from trueup.focus.landing import Landed, Landing
from trueup.focus.layer import AGREEMENT, BENEFIT, FULL_PERIOD, FUNDING, LayerOf, layer
from trueup.focus.projection import Reading, Span
from trueup.focus.provider import ProviderColumn, ProviderOf, registered_layer
from trueup.focus.raw import Part, open_raw
from trueup.focus.recognition import REQUIRED, Recognition, recognise
from trueup.model.dataset import Dataset
from trueup.model.table import Table

if TYPE_CHECKING:
    from pydantic import BaseModel

    from trueup.focus.contract import Contract

SPAN = Span("ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", may_be_empty=False)

# What FOCUS cannot say, a file may state in columns of these names.
STATED = (
    Column("x_Layer", values=(BENEFIT, FUNDING, AGREEMENT)),
    Column("x_QuantityBasis"),
    Column("x_Per", values=("interval", "term")),
    Column("x_Fee", "decimal"),
    Column("x_OpeningQuantity", "decimal"),
    Column("x_OpeningAt", "time"),
    Column("x_ComputeUnit"),
    Column("x_ComputeUnitsPerCredit", "decimal"),
    Column("x_CostPerCredit", "decimal"),
    Column("x_AppliesTo", "json"),
    Column("x_Pool"),
    Column("x_Priority", "decimal"),
    Column("x_DrawOrder"),
    Column("x_Rollover", "decimal"),
    Column("x_Adjustments", "json"),
    Column("x_OverageRate", "decimal"),
    Column("x_Milestones", "json"),
    Column("x_Eligibility", "json"),
    Column("x_Document"),
)
# What a lot may have of its own, else its commitment's.
OF_LOT = (
    "priority",
    "type",
    "opening_quantity",
    "opening_at",
    "cost_per_credit",
    "rollover",
    "overage_rate",
)
CLOSED = ("ContractCommitmentCategory", "x_Layer", "x_Per")


def read_commitments(
    *sources: Any,
    provider_of: ProviderOf | None = None,
    layer_of: LayerOf = registered_layer,
) -> Dataset:
    """Read contract commitments: paths, globs, fsspec URLs, lists of them, or tables.

    Takes FOCUS Contract Commitment 1.3 and 1.4 as CSV, CSV.gz or Parquet, recognised by its
    columns, and files named ``*.toml`` with ``[[commitment]]`` tables. The table has the 30
    columns of FOCUS 1.4, then trueup's own (``trueup.focus.columns.COMMITMENT_ADDITIONS``), which
    a FOCUS file may state too. Values are repaired as ``trueup.focus.repair`` says; 1.3 rows have
    no fulfilment interval. ``x_Layer`` is decided in ``trueup.focus.layer`` where it is not stated.

    A row needs ContractCommitmentId, a category (Spend or Usage), a period that ends after it
    starts, and no unreadable number or time; otherwise it is one row of ``rejects``. Raises
    SourceError for a file that cannot be read at all, ConfigurationError for a mistake in TOML.
    """
    providers = ProviderColumn(provider_of or provider_of_bill)

    def finished(rows: pa.Table) -> pa.Table:
        return _layered(providers.added(rows), layer_of)

    with Landing() as landing, Intake("commitments", COMMITMENTS) as intake:
        parts = []
        for source_id, landed in enumerate(landing.all(sources), start=1):
            if landed.source.lower().endswith(".toml"):
                _take_toml(intake, source_id, landed, providers, layer_of)
            else:
                parts.append(_part(source_id, landed))
        for reading, same in by_layout(parts):
            intake.read(same, reading, finished)
        return intake.dataset()


def _part(source_id: int, landed: Landed) -> tuple[Reading, Part]:
    file = open_raw(landed)
    recognition = recognise(landed.source, file.header, CONTRACT_COMMITMENT, landed.path)
    positions = dict(recognition.positions)
    for column in STATED:
        if column.name in file.header:
            positions[column.name] = list(file.header).index(column.name)
    reading = Reading(
        columns=(*DATASETS[CONTRACT_COMMITMENT], *STATED),
        positions=positions,
        types=file.types,
        required=REQUIRED[CONTRACT_COMMITMENT],
        closed=CLOSED,
        span=SPAN,
        texts={},
    )
    notes = [*recognition.notes, *_unused(recognition, positions, list(file.header))]
    return reading, Part(source_id, landed, file, recognition.format, notes)


def _unused(recognition: Recognition, positions: dict[str, int], header: list[str]) -> list[str]:
    names = [header[index] for index in recognition.others if index not in positions.values()]
    return [f"columns that are not used: {', '.join(names[:5])}"] if names else []


def _layered(rows: pa.Table, layer_of: LayerOf) -> pa.Table:
    """Contracts are few: their layers are decided one by one."""
    names = (
        "x_Layer",
        "x_Provider",
        "ContractCommitmentType",
        "ContractCommitmentCategory",
        "ContractCommitmentFulfillmentInterval",
    )
    layers = [
        stated or layer(provider, kind, category, interval, layer_of)
        for stated, provider, kind, category, interval in zip(
            *(rows[name].to_pylist() for name in names), strict=True
        )
    ]
    place = rows.schema.get_field_index("x_Layer")
    return rows.set_column(place, "x_Layer", pa.array(layers, pa.string()))


def _take_toml(
    intake: Intake,
    source_id: int,
    landed: Landed,
    providers: ProviderColumn,
    layer_of: LayerOf,
) -> None:
    from trueup.focus.contract import read_contracts

    contracts = read_contracts(landed.source, landed.path)
    rows: list[dict[str, Any]] = []
    for number, contract in enumerate(contracts, start=1):
        place = {"x_SourceId": source_id, "x_SourceRow": number}
        found = _rows(contract, providers.of(contract.provider), layer_of)
        rows.extend(row | place for row in found)
    intake.write(Table.from_rows(COMMITMENTS, rows).to_arrow())
    notes = [] if rows else ["no [[commitment]] table"]
    intake.add_source(source_id, landed, "toml", len(rows), len(rows), notes)


def _rows(contract: Contract, provider: str | None, layer_of: LayerOf) -> Iterator[dict[str, Any]]:
    """A contract typed by hand as rows of the commitments table: one, or one for each lot."""
    if not contract.lots:
        yield _row(contract, provider, layer_of)
    in_credits = contract.credit_unit or contract.unit or contract.compute_unit
    for lot in contract.lots:
        one = contract.model_copy(
            update={
                "id": lot.id,
                "contract": contract.contract or contract.id,
                "layer": contract.layer or FUNDING,
                "start": lot.start,
                "end": lot.end,
                "total": lot.granted if in_credits else None,
                "cost": None if in_credits else lot.granted,
                "pool": contract.pool or contract.id,
                "adjustments": lot.adjustments,
                **{name: _either(getattr(lot, name), getattr(contract, name)) for name in OF_LOT},
            }
        )
        yield _row(one, provider, layer_of) | {
            "ContractPeriodStart": contract.start,
            "ContractPeriodEnd": contract.end,
        }


def _either(own: Any, common: Any) -> Any:
    return common if own is None else own


def _elements(given: Iterable[BaseModel]) -> str | None:
    """Small tables as FOCUS writes lists: a JSON object with ``Elements``; none are null."""
    elements = [one.model_dump(mode="json") for one in given]
    return json.dumps({"Elements": elements}, sort_keys=True) if elements else None


def _row(contract: Contract, provider: str | None, layer_of: LayerOf) -> dict[str, Any]:
    """A contract typed by hand as a row of the commitments table."""
    is_lot = contract.total is not None
    quantity = contract.total if is_lot else contract.quantity
    category = contract.category or ("Spend" if quantity is None else "Usage")
    kind = contract.type or ("Credits" if is_lot else None)
    interval = contract.interval or (FULL_PERIOD if is_lot else None)
    stands_on = contract.layer or layer(provider, kind, category, interval, layer_of)
    if interval is None and stands_on != BENEFIT:
        interval = FULL_PERIOD
    per = "term" if interval == FULL_PERIOD else "interval" if interval else None
    unit = "Credits" if is_lot else None
    applies_to = contract.applies_to
    return {
        "BillingCurrency": contract.currency,
        "ContractCommitmentCategory": category,
        "ContractCommitmentCost": contract.cost,
        "ContractCommitmentDescription": contract.description,
        "ContractCommitmentFulfillmentInterval": interval,
        "ContractCommitmentId": contract.id,
        "ContractCommitmentPeriodEnd": contract.end,
        "ContractCommitmentPeriodStart": contract.start,
        "ContractCommitmentQuantity": quantity,
        "ContractCommitmentType": kind,
        "ContractCommitmentUnit": contract.unit or contract.credit_unit or unit,
        "ContractId": contract.contract or contract.id,
        "ContractPeriodEnd": contract.end,
        "ContractPeriodStart": contract.start,
        "ServiceProviderName": contract.provider,
        "x_Provider": provider,
        "x_Layer": stands_on,
        "x_QuantityBasis": contract.basis,
        "x_Per": contract.per or per,
        "x_Fee": contract.fee,
        "x_OpeningQuantity": contract.opening_quantity,
        "x_OpeningAt": contract.opening_at,
        "x_ComputeUnit": contract.compute_unit,
        "x_ComputeUnitsPerCredit": contract.compute_units_per_credit,
        "x_CostPerCredit": contract.cost_per_credit,
        "x_AppliesTo": None if applies_to is None else json.dumps(applies_to, sort_keys=True),
        "x_Pool": contract.pool,
        "x_Priority": None if contract.priority is None else Decimal(contract.priority),
        "x_DrawOrder": ",".join(contract.draw_order) if contract.draw_order else None,
        "x_Rollover": contract.rollover,
        "x_Adjustments": _elements(contract.adjustments),
        "x_OverageRate": contract.overage_rate,
        "x_Milestones": _elements(contract.milestones),
        "x_Eligibility": contract.eligible.model_dump_json(exclude_none=True)
        if contract.eligible
        else None,
        "x_Document": contract.document,
    }
