"""The second provider's tables, and its SQL run over them by another engine.

The queries are those that are sent: translated from BigQuery's SQL, not rewritten. Columns and
types are those of the documentation; no SDK's model has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from tests.world import gcp
from tests.world.bills import VERSIONS
from tests.world.contracts import contracts
from tests.world.focus import text
from tests.world.ledger import HOUR, Charge, Covered, Ledger, Value

DATASET = f"{gcp.PROJECT}.billing_export"
FOCUS = f"{DATASET}.focus_view"
DETAILED = f"{DATASET}.gcp_billing_export_resource_v1_000000_ABCDEF_123456"
CUDS = f"{DATASET}.cud_subscriptions_export"
LOCAL = {FOCUS: "focus", DETAILED: "detailed", CUDS: "cuds"}
LEGACY_FEE = Decimal("0.75")  # of the on-demand spend that is committed

FLOAT = pa.float64()
TEXT = pa.string()
TIME = pa.timestamp("us", tz="UTC")
NUMERIC = pa.decimal128(38, 9)


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct(list(fields.items()))


CREDITS = pa.list_(_struct(id=TEXT, full_name=TEXT, type=TEXT, name=TEXT, amount=FLOAT))
DETAILED_COLUMNS = {
    "billing_account_id": TEXT,
    "invoice": _struct(month=TEXT),
    "cost_type": TEXT,
    "service": _struct(id=TEXT, description=TEXT),
    "sku": _struct(id=TEXT, description=TEXT),
    "usage_start_time": TIME,
    "usage_end_time": TIME,
    "project": _struct(id=TEXT, name=TEXT),
    "labels": pa.list_(_struct(key=TEXT, value=TEXT)),
    "cost": FLOAT,
    "currency": TEXT,
    "currency_conversion_rate": FLOAT,
    "usage": _struct(amount=FLOAT, unit=TEXT, amount_in_pricing_units=FLOAT, pricing_unit=TEXT),
    "credits": CREDITS,
    "export_time": TIME,
    "consumption_model": _struct(id=TEXT, description=TEXT),
    "subscription": _struct(instance_id=TEXT),
}
CUD_COLUMNS = {
    "billing_account_id": TEXT,
    "cud_product": _struct(id=TEXT, display_name=TEXT, type=TEXT),
    "consumption_model": _struct(id=TEXT, description=TEXT),
    "subscription": _struct(entitlement_scope=TEXT, instance_id=TEXT, display_name=TEXT),
    "region": TEXT,
    "commitent_amount": _struct(unit=TEXT, value=NUMERIC),
    "term": TEXT,
    "start_time": TIME,
    "end_time": TIME,
    "state": TEXT,
    "_PARTITIONTIME": TIME,
}
PSEUDO = ("_PARTITIONTIME",)  # asked for by name, and no column of the schema
MACROS = """
CREATE MACRO farm_fingerprint(line) AS CAST(hash(line) >> 1 AS BIGINT);
SET TimeZone = 'UTC';
"""

Result = tuple[list[str], list[tuple[str | None, ...]]]


class Tables:
    """The tables of one world in an engine of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self.engine = duckdb.connect()
        self.engine.execute(MACROS)
        self.columns = {FOCUS: _focus_columns(), DETAILED: DETAILED_COLUMNS, CUDS: CUD_COLUMNS}
        for name, rows in (
            (FOCUS, [_focus_row(charge) for charge in billed(ledger)]),
            (DETAILED, detailed(ledger)),
            (CUDS, subscriptions(ledger)),
        ):
            self.put(name, rows)

    def put(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Fill a table with rows, instead of those it had."""
        schema = pa.schema(list(self.columns[name].items()))
        self.engine.register("coming", pa.Table.from_pylist(rows, schema))
        self.engine.execute(f"CREATE OR REPLACE TABLE {LOCAL[name]} AS SELECT * FROM coming")
        self.engine.unregister("coming")

    def run(self, sql: str) -> Result:
        """The names and rows of a query's result, all of it text."""
        found = self.engine.execute(translated(sql))
        names = [column[0] for column in found.description]
        rows = found.fetchall()
        kinds = {type(value) for row in rows for value in row}
        if not kinds <= {str, type(None)}:
            raise TypeError(f"a query gives more than text: {kinds}")
        return names, rows


@lru_cache(maxsize=256)
def translated(sql: str) -> str:
    """BigQuery's SQL as the engine here understands it."""
    tree = sqlglot.parse_one(sql, read="bigquery")
    for table in tree.find_all(exp.Table):
        full = ".".join(part.name for part in table.parts)
        if full in LOCAL:
            alias = table.args.get("alias")
            table.replace(exp.Table(this=exp.to_identifier(LOCAL[full]), alias=alias))
    for kind in tree.find_all(exp.DataType):
        if kind.this in {exp.DataType.Type.DECIMAL, exp.DataType.Type.BIGDECIMAL}:
            kind.replace(exp.DataType.build("DECIMAL(38, 9)"))
    return tree.sql(dialect="duckdb")


def _focus_columns() -> dict[str, pa.DataType]:
    def kind(column: str) -> pa.DataType:
        if column.endswith(("Cost", "Quantity", "UnitPrice")):
            return NUMERIC
        return TIME if column.endswith(("PeriodStart", "PeriodEnd")) else TEXT

    return {column: kind(column) for column in VERSIONS[gcp.PROVIDER]}


def billed(ledger: Ledger) -> list[Charge]:
    """Every charge of this provider, also those before the period."""
    return [one for one in ledger.earlier + ledger.charges if one.provider == gcp.PROVIDER]


def _focus_row(charge: Charge) -> dict[str, Any]:
    def cell(value: Value) -> object:
        return text(value) if isinstance(value, dict) else value

    return {name: cell(value) for name, value in charge.values.items()}


def is_legacy(ledger: Ledger, day: datetime) -> bool:
    """By which of the two models a day was billed: a migration happens in most worlds."""
    return (ledger.seed + (day - ledger.start).days) % 3 == 0


def detailed(ledger: Ledger) -> list[dict[str, Any]]:
    """The detailed export of the commitment's hours, and rows of other kinds beside them."""
    rows = []
    lines: dict[datetime, list[Charge]] = {}
    for charge in billed(ledger):
        if charge.values.get("CommitmentDiscountStatus") == "Used":
            lines.setdefault(charge.start, []).append(charge)
    for hour in ledger.covered:
        if hour.commitment == gcp.CUD:
            legacy = is_legacy(ledger, hour.start)
            rows.append(_legacy_fee(hour) if legacy else _new_fee(hour))
            rows += [_usage(charge, legacy=legacy) for charge in lines.get(hour.start, [])]
    for start in ledger.hours()[::7]:
        rows += _others(start)
    return rows


def _line(start: datetime, sku: str, cost: Decimal, **more: Any) -> dict[str, Any]:
    return {
        "billing_account_id": "000000-ABCDEF-123456",
        "invoice": {"month": f"{start:%Y%m}"},
        "cost_type": "regular",
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": f"{len(sku):04d}-0000-0000", "description": sku},
        "usage_start_time": start,
        "usage_end_time": start + HOUR,
        "project": {"id": gcp.PROJECT, "name": "Brackenmoor production"},
        "labels": [{"key": "team", "value": "routing"}],
        "cost": float(cost),
        "currency": gcp.CURRENCY,
        "currency_conversion_rate": 1.0,
        "usage": {"amount": 3600.0, "unit": "seconds"},
        "credits": [],
        "export_time": start + timedelta(hours=9),
        "consumption_model": {"id": "7754-699E-0EBF", "description": "Default"},
        "subscription": {"instance_id": gcp.CUD},
        **more,
    }


def credit(kind: str, amount: Decimal) -> dict[str, Any]:
    return {"id": kind.lower(), "type": kind, "name": kind, "amount": float(amount)}


def _new_fee(hour: Covered) -> dict[str, Any]:
    """The fee, and in the same row what of it was used; nothing used, no credit."""
    used = [credit("FEE_UTILIZATION_OFFSET", -hour.used)] if hour.used else []
    return _line(hour.start, "Compute Flexible CUD - 1 Year", gcp.CUD_PER_HOUR, credits=used)


def _legacy_fee(hour: Covered) -> dict[str, Any]:
    """The fee of three quarters; the committed spend as its quantity, in hundredths."""
    units = float(gcp.CUD_PER_HOUR * 100)
    usage = {"amount": units, "unit": "count", "amount_in_pricing_units": units}
    fee = gcp.CUD_PER_HOUR * LEGACY_FEE
    return _line(hour.start, "Commitment - dollar based v1: GCE for 1 year", fee, usage=usage)


def _usage(charge: Charge, *, legacy: bool) -> dict[str, Any]:
    """Covered cores: at the on-demand price with a credit, or at the lower price without."""
    sku = "N4 Instance Core running in Netherlands"
    if legacy:
        covered = credit("COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE", -charge.effective)
        return _line(charge.start, sku, charge.effective, credits=[covered])
    model = {"id": "D97B-0795-975B", "description": "Compute Flexible CUD - 1 Year"}
    return _line(charge.start, sku, charge.effective * LEGACY_FEE, consumption_model=model)


def _others(start: datetime) -> list[dict[str, Any]]:
    """Rows that say nothing of a spend-based commitment, whatever they look like."""
    machines = {"instance_id": "9009"}
    none = {"instance_id": None}
    offer = credit("PROMOTION", Decimal("-0.50"))
    cores = credit("COMMITTED_USAGE_DISCOUNT", Decimal("-1.25"))
    core = "N2 Instance Core running in Netherlands"
    return [
        _line(start, core, Decimal("1.50"), subscription=none, credits=[offer]),
        _line(start, core, Decimal("2.50"), subscription=machines, credits=[cores]),
        _line(
            start,
            "Commitment v1: N2 Cpu in Netherlands for 1 Year",
            Decimal("1.75"),
            subscription=machines,
        ),
        _line(start, "Tax", Decimal("0.40"), cost_type="tax"),
    ]


def subscriptions(ledger: Ledger) -> list[dict[str, Any]]:
    """A snapshot a day; the last says that it is active, earlier ones another amount."""
    rows = []
    for one in contracts(ledger):
        if one.provider == gcp.PROVIDER and one.hourly:
            for age, (amount, state) in enumerate(
                ((one.figure, "Active"), (Decimal(1), "Pending"))
            ):
                rows.append(
                    {
                        "billing_account_id": "000000-ABCDEF-123456",
                        "cud_product": {
                            "id": "344fffc1-17f9-4e34-abf2-00000000cfff",
                            "display_name": "Flexible CUD",
                            "type": "Spend-Based",
                        },
                        "subscription": {
                            "entitlement_scope": "billingAccounts/000000-ABCDEF-123456",
                            "instance_id": one.id,
                            "display_name": one.contract,
                        },
                        "region": "global",
                        "commitent_amount": {"unit": "$/hr", "value": amount},
                        "term": "P1Y",
                        "start_time": one.start,
                        "end_time": one.end,
                        "state": state,
                        "_PARTITIONTIME": ledger.start - timedelta(days=age),
                    }
                )
    rows.append(_queued(rows[0]))
    return rows


def _queued(row: Mapping[str, Any]) -> dict[str, Any]:
    """Bought, and not yet begun: it commits to nothing in the period."""
    named = {**row["subscription"], "instance_id": "queued", "display_name": "flex-next"}
    return {**row, "subscription": named, "state": "Pending"}
