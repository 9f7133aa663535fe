"""The first provider's tokens: on demand, by the hour, with breaks of most classes planted."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.world import tokens
from tests.world.aws_bill import ACCOUNT, CURRENCY, OTHER_ACCOUNT, PROVIDER, bill_row
from tests.world.company import Session
from tests.world.dice import Dice
from tests.world.ledger import HOUR, Call, Charge, Ledger, Party, Value
from tests.world.tokens import Key, Model, Place

LARGE = Model(
    "kestrel-large",
    {
        "input_tokens": Decimal("0.003"),
        "output_tokens": Decimal("0.015"),
        "cache_read_tokens": Decimal("0.0003"),
        "cache_write_tokens": Decimal("0.00375"),
    },
    "1000 Tokens",
    1000,
)
MINI = Model(
    "kestrel-mini",
    {"input_tokens": Decimal("0.00025"), "output_tokens": Decimal("0.00125")},
    "1000 Tokens",
    1000,
)
HOME = Place(PROVIDER, ACCOUNT, "us-east-1")
EUROPE = Place(PROVIDER, OTHER_ACCOUNT, "eu-west-1")
WORDS = {
    "input_tokens": "input-tokens",
    "output_tokens": "output-tokens",
    "cache_read_tokens": "cache-read-input-tokens",
    "cache_write_tokens": "cache-write-input-tokens",
}
PREFIXES = {"us-east-1": "USE1", "eu-west-1": "EUW1"}


def add_tokens(ledger: Ledger, known: list[Session]) -> list[Call]:
    """All calls and what the bill makes of them; returns the calls that telemetry saw."""
    dice = Dice(ledger.seed, "bedrock")
    calls = tokens.traffic(dice, HOME, LARGE, ledger.hours(), known, 55)
    calls += tokens.traffic(dice, HOME, MINI, ledger.hours(), known[::2], 40)
    calls += tokens.traffic(dice, EUROPE, MINI, ledger.hours(), known[1::3], 50)
    for week in range(0, ledger.days, 7):
        calls = _plant_calls(ledger, dice, calls, week, known[0].party())
    unbilled_from = ledger.end - dice.between(2, 4) * HOUR
    calls.append(tokens.call(dice, HOME, LARGE, unbilled_from, known[0].party()))
    seen = [call for call in calls if not _is_unseen(ledger, call)]
    for key, parties in tokens.metered(calls).items():
        _bill(ledger, key, parties, unbilled_from)
    return seen


# Plants, by week: hours of the week's first three days.
def _hour(ledger: Ledger, at: datetime) -> tuple[int, int]:
    """Day within its week of the period, and hour."""
    return (at - ledger.start).days % 7, at.hour


OVERBILLED = (0, 9)  # LARGE output: a quarter too much
UNDERBILLED = (1, 9)  # LARGE input: a fifth too little
NOT_BILLED = (0, 13)  # LARGE cache writes
UNSEEN = (0, 3)  # MINI in Europe: called past the gateway
COPIED = (1, 15)  # MINI at home: the row of input tokens appears twice
LATE = (2, 5)  # MINI at home: on the bill two hours later
SILENT = {(2, hour) for hour in range(4, 10)}  # no other call of MINI at home around it
BOUNDARY = (1, 20)  # LARGE cache reads: apart by exactly 1 %, which is still agreement
NEAR = (2, 11)  # LARGE cache writes: apart by less


def _is_unseen(ledger: Ledger, call: Call) -> bool:
    return (call.account, _hour(ledger, call.at)) == (OTHER_ACCOUNT, UNSEEN)


def _plant_calls(
    ledger: Ledger, dice: Dice, calls: list[Call], week: int, party: Party
) -> list[Call]:
    """Make sure that there is something at each planted hour, and nothing in the silent ones."""

    def of_week(at: datetime, places: set[tuple[int, int]]) -> bool:
        return (at - ledger.start).days // 7 * 7 == week and _hour(ledger, at) in places

    def kept(call: Call) -> bool:
        if (call.model, call.account) == (MINI.name, ACCOUNT):
            return not of_week(call.at, SILENT)
        return not (call.model == LARGE.name and of_week(call.at, {BOUNDARY}))

    found = [call for call in calls if kept(call)]
    wanted = [
        (HOME, LARGE, OVERBILLED), (HOME, LARGE, UNDERBILLED), (HOME, LARGE, NOT_BILLED),
        (EUROPE, MINI, UNSEEN), (HOME, MINI, COPIED), (HOME, MINI, LATE), (HOME, LARGE, NEAR),
    ]  # fmt: skip
    for place, model, (day, hour) in wanted:
        if week + day < ledger.days:
            step = 20 if model is LARGE else 1
            at = ledger.at(week + day, hour)
            if model is LARGE:
                found = [one for one in found if (one.model, _trunc(one.at)) != (LARGE.name, at)]
            found.append(tokens.call(dice, place, model, at, party, step))
    if week + BOUNDARY[0] < ledger.days:
        at = ledger.at(week + BOUNDARY[0], BOUNDARY[1])
        counts = {"input_tokens": 60_000, "output_tokens": 12_000, "cache_read_tokens": 495_000}
        found.append(Call(at + HOUR / 3, PROVIDER, ACCOUNT, "us-east-1", LARGE.name, party, counts))
    return found


def _trunc(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _model(name: str) -> Model:
    return LARGE if name == LARGE.name else MINI


def _planted(ledger: Ledger, key: Key, count: int) -> tuple[str, int]:
    """The verdict on a row, and how many tokens the bill states."""
    place = (key.model, key.meter, _hour(ledger, key.start))
    if place == (LARGE.name, "output_tokens", OVERBILLED):
        return "quantity", count * 5 // 4
    if place == (LARGE.name, "input_tokens", UNDERBILLED):
        return "quantity", count * 4 // 5
    if place == (LARGE.name, "cache_read_tokens", BOUNDARY):
        return "matched", count * 100 // 99
    if place == (LARGE.name, "cache_write_tokens", NEAR):
        return "matched", count - count // 200
    if place == (LARGE.name, "cache_write_tokens", NOT_BILLED):
        return "missing_in_billing", 0
    return "matched", count


def _bill(ledger: Ledger, key: Key, parties: dict[Party, int], unbilled_from: datetime) -> None:
    """One row of the bill, or what stands for it."""
    model = _model(key.model)
    verdict, count = _planted(ledger, key, sum(parties.values()))
    if key.model == LARGE.name and key.start >= unbilled_from:
        verdict = "pending"
    if verdict in ("pending", "missing_in_billing"):
        ledger.cells.append(
            tokens.unbilled(PROVIDER, key, parties, model, currency=CURRENCY, verdict=verdict)
        )
        return
    found = tokens.cell(
        PROVIDER, key, parties, model, currency=CURRENCY, verdict=verdict, billed=count
    )
    ledger.cells.append(found)
    start, here = key.start, (key.model, _hour(ledger, key.start))
    copies = 1
    if key.account == OTHER_ACCOUNT and here == (MINI.name, UNSEEN):
        found.verdict, found.weights, found.metered = "missing_in_usage", {}, Decimal(0)
    elif key.account == ACCOUNT and here == (MINI.name, LATE):
        start += 2 * HOUR
        found.verdict, found.end = "timing", start + HOUR
    elif (key.account, *here, key.meter) == (ACCOUNT, MINI.name, COPIED, "input_tokens"):
        found.verdict, copies = "duplicate", 2
        found.extra, found.extra_cost = found.billed, found.cost
        found.billed, found.cost = 2 * found.billed, 2 * found.cost
    found.rows = copies
    ledger.charges += copies * [_row(key, start, model, model.quantity(count))]


def _row(key: Key, start: datetime, model: Model, quantity: Decimal) -> Charge:
    meter = f"{PREFIXES[key.region]}-{key.model}-{WORDS[key.meter]}"
    more: dict[str, Value] = {
        "ChargeDescription": f"Amazon Bedrock {key.model} {key.meter.replace('_', ' ')}",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": model.unit,
        "ListUnitPrice": model.prices[key.meter],
        "PricingQuantity": quantity,
        "PricingUnit": model.unit,
        "RegionId": key.region,
        "RegionName": None,
        "ServiceName": "Amazon Bedrock",
        "SkuId": f"BR{key.model[8:].upper()}{key.meter.replace('_', '').upper()}",
        "SkuMeter": meter,
        "SkuPriceDetails": {"x_Model": key.model},
        "SubAccountId": key.account,
    }
    cost = quantity * model.prices[key.meter]
    return bill_row(start, start + HOUR, cost, **more)
