"""Inputs on which engines might differ: made from a seed, and by hand at the edges.

``mixed`` has nulls, 24 digits, skew, rows that repeat, one hot key with many sessions, zones and
edges of hours, and beside them what calls for steps of their own: a plan that ends, lots, an
agreement, a clock that is off, a renamed tag, a charge on two invoices.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import trueup
from tests.reconcile.prepaid import COLUMNS, LATE, VENDOR, at, balance, cost
from tests.reconcile.test_agreements import SPEND
from tests.reconcile.test_balance_leg import DRAWN, END, LOT
from tests.reconcile.test_causes import BUSY, ENDS, billed, instant, shifted, spent, tagged
from tests.reconcile.test_invoice_leg import invoice
from tests.seeds.results import asserted_tables, inputs_of
from tests.world import faults
from trueup.api import parsed_period
from trueup.config import read_configuration
from trueup.model.combined import combined
from trueup.model.dataset import Dataset
from trueup.model.inputs import Inputs
from trueup.model.rules import Rules, read_rules
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table
from trueup.period import Period

HOT_SESSIONS = 40
METERED = ("start", "end", "quantity", "meter", "model", "team", "tags", "provider", "unit",
           "resource", "capacity", "session", "agent", "account")  # fmt: skip
USAGE_COLUMNS = {"window_start": "start", "window_end": "end", "resource_id": "resource",
                 "session_id": "session", "account_id": "account"}  # fmt: skip
OPENED = LOT.replace("2026-10-01", "2026-10-03T01:00:00Z")  # as the period begins
RULE_LOT = OPENED.replace('"lot"', '"ruled"') + 'applies_to = { ServiceName = "^Ruled$" }\n'
CARRIED = LOT.replace('"lot"', '"carried"')
PERIOD = "2026-10-03T01:00:00Z/2026-11-15T00:00:00Z"  # cuts rows of two hours
INVOICES = [
    invoice("7.00", issuer=VENDOR),
    invoice("7.00", "INV-2", issuer=VENDOR, billing_period="2026-11"),
]


@dataclass(frozen=True)
class Case:
    """One run's inputs, the same for every engine."""

    inputs: Inputs
    period: Period | None
    rules: Rules
    as_of: datetime
    later: Dataset | None = None  # the same bill as it was restated


def world(folder: Path) -> Case:
    """Three days of four providers, with faults of every class."""
    faults.write(faults.make(3, datetime(2026, 10, 1, tzinfo=UTC), 3), folder)
    config = read_configuration(folder / "trueup.toml")
    assert config.run.as_of
    inputs = inputs_of(config, asserted_tables(folder / "asserted"))
    bills = sorted((folder / "restated" / "bills").iterdir())
    later = combined([trueup.read_charges(sorted(map(str, one.iterdir()))) for one in bills])
    return Case(inputs, config.run.period, config.rules, config.run.as_of, later)


def empty(folder: Path) -> Case:
    """One free charge of no account, no contract, a telemetry file without a row, no period."""
    charge = cost("0.00", at(3), SubAccountId="", SkuId="", ResourceId="", ServiceName="")
    bill = _written(folder / "bill.csv", COLUMNS, [charge])
    return Case(Inputs(trueup.read_charges(bill), usage=_usage(folder, [])), None, Rules(), LATE)


def mixed(folder: Path, seed: int = 11) -> Case:
    """Generated rows among those that call for every step."""
    dice = Random(seed)
    bill = [*_charges(dice), *DRAWN, *spent("12.00"), *_twice(), *_drawn_otherwise()]
    bill += [billed(hour, quantity) for hour, quantity in enumerate(BUSY, 1)]
    bill += [billed(hour, "100", model="m2") for hour in range(48)]
    bill += _days_of_a_zone()
    bill += _taken_back()
    late = [row | {"team": "search"} for row in shifted(3)]
    metered = [row | {"provider": "Cloud Nine"} for row in (*late, *_tagged())]
    (folder / "contract.toml").write_text(ENDS + OPENED + RULE_LOT + CARRIED + SPEND)
    balances = [balance("lot", END, "43.17")]
    inputs = Inputs(
        trueup.read_charges(_written(folder / "bill.csv", [*COLUMNS, "InvoiceId", "Tags"], bill)),
        trueup.read_commitments(folder / "contract.toml"),
        _usage(folder, [*_meters(dice), *metered, *_metered_in_a_zone()]),
        trueup.read_invoices(_written(folder / "invoices.csv", list(INVOICES[0]), INVOICES)),
        asserted={
            "provider_balances": Table.from_rows(RESULT_TABLES["provider_balances"], balances)
        },
    )
    # Tags are no part of a profile: a rule that asks for them has the charges split finer.
    asks = {"match": {"Tags": "^nobody$"}, "meter": "gpu"}
    owned = {"idle": "owner", "owners": {"g1": "claims", "z1": "search"}}
    rules = read_rules({"tolerance": [{"relative": "0.01"}], "meter": [asks], **owned})
    return Case(inputs, parsed_period(PERIOD), rules, LATE)


def _tagged() -> list[dict[str, str]]:
    return [row | {"model": "m2"} for row in tagged(("search", "chat"))]


def _charges(dice: Random) -> list[dict[str, str]]:
    """GPU hours: skewed over resources, some refunded, some of no account, SKU or tag."""
    rows = []
    for number in range(120):
        resource = f"g{min(dice.randrange(9), dice.randrange(9))}"
        hour = dice.randrange(30)
        amount = f"{dice.randrange(10**6)}.{dice.randrange(10**18):018d}"
        row = billed(hour, "1") | {
            "ConsumedQuantity": f"{dice.randrange(1, 4)}.{dice.randrange(10**6):06d}",
            "ConsumedUnit": "Hours",
            "EffectiveCost": f"-{amount}" if number % 17 == 0 else amount,
            "BilledCost": amount[:-9] if number % 3 else "0",
            "ChargePeriodStart": _zoned(hour, dice),
            "ChargePeriodEnd": _zoned(hour + dice.choice((1, 1, 1, 2)), dice),
            "ResourceId": resource,
            "SubAccountId": dice.choice(("ml", "ml", "data", "")),
            "SkuId": dice.choice(("gpu", "GPU", "")),
            "SkuPriceDetails": dice.choice(('{"GpuCount": 1}', '{"GpuCount": 2}', "")),
            "BillingCurrency": "EUR" if number % 13 == 0 else "USD",
            "ProviderName": VENDOR,
            "PublisherName": VENDOR,
            "InvoiceIssuerName": VENDOR,
            "ServiceName": "Größe",
            "Tags": dice.choice(("", '{"team": "é"}')),
        }
        rows += [row] * (3 if number % 29 == 0 else 1)  # a duplicate key, and a duplicate row
    return rows


def _days_of_a_zone() -> list[dict[str, str]]:
    """GPU hours by days of +05:30 at another vendor, the first cut by the period; one is missing."""
    usual = _charges(Random(1))[1] | {"ConsumedQuantity": "30", "ConsumedUnit": "GPU-Hours"}
    names = ("ProviderName", "PublisherName", "InvoiceIssuerName")
    return [
        usual
        | dict.fromkeys(names, "Half Past")
        | {
            "ResourceId": resource,
            "SubAccountId": "ml",
            "ServiceName": "Zone",
            "SkuPriceDetails": "",
        }
        | {
            "ChargePeriodStart": f"2026-10-{day:02d}T00:00:00+05:30",
            "ChargePeriodEnd": f"2026-10-{day + 1:02d}T00:00:00+05:30",
        }
        for resource in ("z1", "z2")
        for day in (3, 4, 5)
    ]


def _taken_back() -> list[dict[str, str]]:
    """Money alone, of a day that is metered and of one that is not."""
    money = {"ConsumedQuantity": "", "ConsumedUnit": "", "ChargeClass": "Correction"}
    money |= {"EffectiveCost": "-1.50", "BilledCost": "-1.50"}
    days = _days_of_a_zone()
    return [row | money for row in (days[1], days[-1])]


def _metered_in_a_zone() -> list[dict[str, str]]:
    """Capacity of one of its machines for two days, who was busy on it, and hours of no machine."""
    usual = {"provider": "Half Past", "meter": "gpu", "unit": "GPU-Hours", "account": "ml"}
    held = usual | {"start": instant(0), "end": instant(40), "quantity": "50"}
    busy = usual | {"quantity": "3", "capacity": "busy", "resource": "z1"}
    return [
        held | {"resource": "z1", "capacity": "allocated"},
        busy | {"start": instant(3), "end": instant(5), "team": "search"},
        busy | {"start": instant(17), "end": instant(19), "team": "chat"},
        held | {"capacity": "allocated", "team": "search"},
    ]


def _meters(dice: Random) -> list[dict[str, str]]:
    """Capacity of every resource and hour, some missing; sessions on few, very many on one."""
    rows = []
    for number in range(150):
        hour, session = dice.randrange(30), dice.randrange(12)
        rows.append(
            {
                "start": _zoned(hour, dice),
                "end": _zoned(hour + dice.choice((0, 1, 1, 3)), dice),
                "quantity": str(dice.choice((0, 1, 1800, 3600, 3601, 7200))),
                "resource": f"g{min(dice.randrange(9), dice.randrange(9))}",
                "capacity": "allocated" if number % 3 else "busy",
                "session": f"s{session}" if number % 3 == 0 and session else "",
                "agent": dice.choice(("", "planner", "Planner")),
                "account": dice.choice(("ml", "data", "")),
            }
        )
    hot = {"resource": "g0", "start": instant(5), "end": instant(6), "account": "ml"}
    rows.append(hot | {"quantity": "7200", "capacity": "allocated"})
    rows += [
        hot | {"quantity": str(1 + number % 7), "capacity": "busy", "session": f"hot-{number}"}
        for number in range(HOT_SESSIONS)
    ]
    rows += rows[-2:]
    usual = {"provider": VENDOR, "meter": "gpu", "unit": "GPU-Seconds"}
    return [usual | row for row in rows]


def _zoned(hour: int, dice: Random) -> str:
    """The same instant, said in a zone."""
    zone = dice.choice((0, 0, 2, 5.5, -7))
    local = datetime.fromisoformat(instant(hour)).timestamp() + zone * 3600
    said = datetime.fromtimestamp(local, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    minutes = round(abs(zone) * 60)
    return f"{said}{'-' if zone < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _twice() -> list[dict[str, str]]:
    """A charge of the last hour of October on both months' invoices."""
    first = cost("7.00", at(31, 23), InvoiceId="INV-1")
    months = {
        "BillingPeriodStart": "2026-11-01T00:00:00Z",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    }
    return [first, first | months | {"InvoiceId": "INV-2"}]


def _drawn_otherwise() -> list[dict[str, str]]:
    """By the lot's rule, and by the id that the charge carries."""
    carried = {
        "CommitmentDiscountId": "carried",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountStatus": "Used",
        "CommitmentDiscountType": "Term",
        "CommitmentDiscountQuantity": "3.333333333333333333",
        "CommitmentDiscountUnit": "USD",
    }
    return [
        cost("12.00", at(4, 2), ServiceName="Ruled"),
        cost("130.00", at(5, 2), ServiceName="Ruled"),
        cost("3.333333333333333333", at(6), ServiceName="Carried", **carried),
    ]


def _usage(folder: Path, rows: Sequence[Mapping[str, str]]) -> Any:
    path = _written(folder / "meters.csv", METERED, rows)
    named = {
        name: USAGE_COLUMNS.get(name, name)
        for name in (
            "meter",
            "model",
            "team",
            "tags",
            "provider",
            "unit",
            "capacity",
            "agent",
            "quantity",
        )
    }
    return trueup.read_usage(path, format="table", columns=named | USAGE_COLUMNS)


def _written(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


CASES = {"world": world, "mixed": mixed, "empty": empty}
