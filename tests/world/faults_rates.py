"""Rates by contract, rows that were billed at other prices, and a price cut the bill overlooked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.world import azure, bedrock, gcp, oci, sagemaker
from tests.world.attribution import scale
from tests.world.dice import Dice
from tests.world.faults_plan import price_id
from tests.world.figures import Row, total
from tests.world.focus import text
from tests.world.ledger import Cell, Charge, Drawing, Ledger, Value
from tests.world.rewriting import amount, at_price, with_values

RULE = "rate"


@dataclass(frozen=True)
class Sku:
    """What the contract states a price of; ``wrong`` is another one that rows were billed at."""

    provider: str
    id: str
    meter: str
    unit: str
    price: Decimal
    currency: str
    wrong: Decimal | None = None
    cut: Decimal | None = None
    resource: str | None = None  # only its rows are billed wrongly


CHIPS = Sku("gcp", "TPU-v5e", "tpu_chip", "TPU-Chip-Hours", gcp.CHIP_HOUR, "USD",
            Decimal("1.35"), Decimal("1.10"), gcp.SLICE_B.resource)  # fmt: skip
NODES = Sku("oci", "B95909", "gpu", "GPU-Hours", oci.GPU_HOUR, "USD",
            Decimal("3.15"), Decimal("2.80"))  # fmt: skip
ANSWERS = Sku("gcp", "PRO-OUTPUT-TOKENS", "output_tokens", gcp.PRO.unit,
              gcp.PRO.prices["output_tokens"], "USD", Decimal("15.00"), Decimal("10.50"))  # fmt: skip
MINI = Sku("aws", "BRMINIOUTPUTTOKENS", "output_tokens", bedrock.MINI.unit,
           bedrock.MINI.prices["output_tokens"], "USD", None, Decimal("0.00115"))  # fmt: skip
BURST = Sku("gcp", "TPU-v6e", "tpu_chip", "TPU-Chip-Hours", gcp.BURST_CHIP_HOUR, "USD")
VISION = Sku("aws", price_id(sagemaker.VISION), "instance", "Hours",
             sagemaker.VISION.on_demand, "USD")  # fmt: skip
LEGACY = Sku("aws", price_id(sagemaker.LEGACY), "instance", "Hours",
             sagemaker.LEGACY.on_demand, "USD")  # fmt: skip
LARGE = Sku("azure", "PLOVER-LARGE-INPUT-TOKENS", "input_tokens", azure.LARGE.unit,
            azure.LARGE.prices["input_tokens"], "EUR")  # fmt: skip
SKUS = (CHIPS, NODES, ANSWERS, MINI, BURST, VISION, LEGACY, LARGE)


@dataclass(frozen=True)
class Stated:
    """A price of a SKU by contract, from an instant up to another, and where it is stated."""

    sku: Sku
    price: Decimal
    since: datetime | None
    until: datetime | None
    by_rules: bool  # in the rules, or by the provider


@dataclass
class RateFaults:
    """Every rate, and how many rows of which SKU were billed at another price."""

    stated: list[Stated]
    changed: dict[str, int] = field(default_factory=dict)


def misprice(ledger: Ledger) -> RateFaults:
    """Bill some rows of one SKU wrongly, cut the price of another, and state every rate."""
    dice = Dice(ledger.seed, "rates")
    wrong = dice.one_of([sku for sku in SKUS if sku.wrong])
    cut = dice.one_of([sku for sku in SKUS if sku.cut and sku is not wrong])
    found = RateFaults([])
    for sku in SKUS:
        # What a provider tells without a contract (list prices) is none: only one tells its own.
        by_rules = dice.percent(50) or sku.provider != "oci"
        if sku is cut and sku.cut is not None:
            at = ledger.at(dice.between(1, ledger.days - 1), 0)
            found.stated += [
                Stated(sku, sku.price, None, at, by_rules),
                Stated(sku, sku.cut, at, None, by_rules),
            ]
        else:
            found.stated.append(Stated(sku, sku.price, None, None, by_rules))
    found.changed[wrong.id] = _bill_wrongly(ledger, dice, wrong)
    return found


def _bill_wrongly(ledger: Ledger, dice: Dice, sku: Sku) -> int:
    """Bill a few rows at the wrong price: cell, and what the row drew of a lot, follow its cost."""
    if sku.wrong is None:
        raise ValueError(f"{sku.id} has no wrong price")
    sound: dict[datetime, list[Cell]] = defaultdict(list)
    for cell in ledger.cells:
        alone = cell.verdict == "matched" and cell.rows == 1
        if alone and (cell.provider, cell.meter) == (sku.provider, sku.meter):
            sound[cell.start].append(cell)
    places = [
        (place, cell)
        for place, charge in enumerate(ledger.charges)
        if _may_be_wrong(charge, sku)
        for cell in sound[charge.start]
        if _is_of(charge, cell)
    ]
    count = min(len(places), dice.between(2, 5))
    chosen: set[int] = set()
    while len(chosen) < count:
        chosen.add(dice.between(0, len(places) - 1))
    for number in sorted(chosen):
        place, cell = places[number]
        changed = at_price(ledger.charges[place], sku.wrong)
        if changed.values.get("ContractApplied"):
            changed = _drawn_anew(ledger, ledger.charges[place], changed)
        ledger.charges[place] = changed
        cell.cost = changed.effective
    return count


def _may_be_wrong(charge: Charge, sku: Sku) -> bool:
    values = charge.values
    here = sku.resource is None or values.get("ResourceId") == sku.resource
    return here and values.get("SkuId") == sku.id and not values.get("ChargeClass")


def _is_of(charge: Charge, cell: Cell) -> bool:
    """Whether a charge is the only row of a cell that starts with it."""
    same = (charge.values["PricingQuantity"], charge.effective) == (cell.billed, cell.cost)
    if cell.resource is not None:
        return same and charge.values.get("ResourceId") == cell.resource
    return same and str(charge.values["ChargeDescription"]).startswith(f"{cell.model} ")


def _drawn_anew(ledger: Ledger, before: Charge, after: Charge) -> Charge:
    """The row with its element at the new cost; the drawing of the old one is replaced."""
    old = Drawing(oci.POOL, before.start, before.effective)
    ledger.drawings[ledger.drawings.index(old)] = Drawing(oci.POOL, after.start, after.effective)
    element: dict[str, object] = {
        "ContractId": oci.CONTRACT,
        "ContractCommitmentId": oci.POOL,
        "ContractCommitmentAppliedCost": after.effective,
    }
    return with_values(after, ContractApplied={"Elements": [element]})


def _price(charge: Charge, known: list[Stated]) -> Decimal | None:
    """The contract's price of a unit when the charge began, if it states one."""
    ids = {charge.values.get("SkuId"), charge.values.get("SkuPriceId")}
    for one in known:
        of_it = one.sku.id in ids and one.sku.provider == charge.provider
        begun = one.since is None or one.since <= charge.start
        if of_it and begun and (one.until is None or charge.start < one.until):
            return one.price
    return None


def answers(ledger: Ledger, planted: RateFaults) -> list[Row]:
    """A break by account and SKU, of the rows on demand whose cost is not quantity x rate."""
    wrong: dict[tuple[str, str, str, str], list[tuple[Charge, Decimal]]] = defaultdict(list)
    least = Decimal(1).scaleb(-scale(ledger))
    for charge in ledger.charges:
        values = charge.values
        on_demand = values.get("PricingCategory") == "Standard"
        if values["ChargeCategory"] != "Usage" or values.get("ChargeClass") or not on_demand:
            continue
        price = _price(charge, planted.stated)
        if price is None:
            continue
        expected = amount(charge, "PricingQuantity") * price
        if charge.effective == expected:
            continue
        if abs(charge.effective - expected) <= least:
            raise ValueError(f"{charge.values['SkuId']}: too little to be told from rounding")
        subject = values.get("SkuPriceId") or values["SkuId"]
        key = (charge.provider, str(values["SubAccountId"]), str(subject), charge.currency)
        wrong[key].append((charge, expected))
    return [_break(key, rows) for key, rows in wrong.items()]


def _break(key: tuple[str, str, str, str], rows: list[tuple[Charge, Decimal]]) -> Row:
    provider, account, subject, currency = key
    billed = total(charge.effective for charge, _ in rows)
    expected = total(one for _, one in rows)
    ends = [charge.values["ChargePeriodEnd"] for charge, _ in rows]
    return {
        "class": "price",
        "leg": "price",
        "rule": RULE,
        "provider": provider,
        "commitment_id": None,
        "account_id": account,
        "subject": subject,
        "period_start": text(min(charge.start for charge, _ in rows)),
        "period_end": text(max(end for end in ends if isinstance(end, datetime))),
        "billed": text(billed),
        "expected": text(expected),
        "unit": currency,
        "amount": text(billed - expected),
        "currency": currency,
    }


def rates(planted: RateFaults) -> list[dict[str, Value]]:
    """The rates that providers state, as rows of their table."""
    return [
        {
            "provider": one.sku.provider,
            "commitment_id": None,
            "sku_id": one.sku.id,
            "sku": one.sku.id,
            "unit": one.sku.unit,
            "price": one.price,
            "currency": one.sku.currency,
            "valid_from": one.since,
            "valid_to": one.until,
            "operation": "onesubscription:ListRateCards",
        }
        for one in planted.stated
        if not one.by_rules
    ]


def rules_toml(planted: RateFaults) -> str:
    """The rates that were typed from contracts, as ``[[rules.rate]]``."""
    return "".join(_table(one) for one in planted.stated if one.by_rules)


def _table(one: Stated) -> str:
    sku = one.sku
    lines = [
        "\n[[rules.rate]]",
        f'match = {{ provider = "^{sku.provider}$", sku_id = "^{sku.id}$" }}',
        f'meter = "{sku.meter}"',
        f'unit = "{sku.unit}"',
        f'price = "{text(one.price)}"',
        f'currency = "{sku.currency}"',
    ]
    if one.since:
        lines.append(f"valid_from = {one.since:%Y-%m-%d}")
    if one.until:
        lines.append(f"valid_to = {one.until:%Y-%m-%d}")
    return "\n".join(lines) + "\n"
