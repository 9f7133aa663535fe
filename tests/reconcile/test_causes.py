"""Each cause: where it stands out, where it nearly does, and that agreement has none.

Bills and meters are made by hand, an hour a row; what a cause says is the arithmetic of its test.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import trueup
from tests.reconcile.test_commitments import at
from tests.reconcile.test_commitments import reconciled as with_contract
from tests.reconcile.test_usage import gpu, metered, reconciled
from tests.test_worked_hour import CHARGE_COLUMNS, CONTRACT, PLAN, charge
from trueup.engine.engine import open_engine
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.causes import restated
from trueup.reconcile.causes.scene import Scene
from trueup.reconcile.causes.search import explain

D = Decimal
MIDNIGHT = datetime(2026, 10, 3, tzinfo=UTC)
AS_OF = "2026-11-20T00:00:00Z"
DAY = MIDNIGHT.isoformat()
INPUT, CACHED, OUTPUT = "input_tokens", "cache_read_tokens", "output_tokens"
SKUS = {INPUT: "input", CACHED: "cached input", OUTPUT: "output"}

Row = dict[str, str]


def instant(hour: int) -> str:
    return (MIDNIGHT + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")


def billed(hour: int, quantity: str, meter: str = INPUT, model: str = "m1", **more: str) -> Row:
    """Tokens of a model, a millionth of a dollar each."""
    return gpu(
        quantity,
        str(D(quantity) / 1_000_000),
        ChargePeriodStart=instant(hour),
        ChargePeriodEnd=instant(hour + 1),
        ConsumedUnit="Tokens",
        ResourceId="",
        ServiceName="Models",
        SkuId=f"{SKUS[meter]} {model}",
        SkuPriceDetails=json.dumps({"Model": model}),
        **more,
    )


def used(hour: int, quantity: str, meter: str = INPUT, model: str = "m1", **more: str) -> Row:
    return {"start": instant(hour), "end": instant(hour + 1), "quantity": quantity,
            "meter": meter, "model": model} | more  # fmt: skip


def compared(
    folder: Path, bill: Sequence[Row], meters: Sequence[Row], **given: Any
) -> trueup.Result:
    for name, columns, rows in (
        ("bill.csv", CHARGE_COLUMNS, bill),
        ("meters.csv", list(meters[0]), meters),
    ):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    renamed = {"start": "window_start", "end": "window_end"}
    usage = trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns={renamed.get(name, name): name for name in meters[0]},
        constants={"provider": "Cloud Nine", "account_id": "ml", "unit": "Tokens"},
    )
    return trueup.reconcile(folder / "bill.csv", usage=usage, as_of=AS_OF, **given)


def causes(result: trueup.Result) -> dict[str, dict[str, Any]]:
    """By name; what each says of its breaks is what the breaks themselves add up to."""
    found = result.causes.rows()
    for row in found:
        mine = [each for each in result.breaks.rows() if each["cause_id"] == row["cause_id"]]
        mine = [each for each in mine if each["currency"] == row["currency"]]
        assert len(mine) == row["breaks"]
        if mine and row["currency"]:
            assert row["amount"] == sum(abs(each["amount"]) for each in mine)
            assert row["net_amount"] == sum(each["amount"] for each in mine)
    return {row["cause"]: row for row in found}


# --- a unit that is off ---


def test_a_thousandfold_unit_explains_all_breaks_of_its_sku(tmp_path: Path) -> None:
    """5,000 and 7,000 billed, 5 and 7 metered: 49.95 + 69.93 = 119.88 of 120.00 USD at stake."""
    costs = ({"BilledCost": cost, "EffectiveCost": cost} for cost in ("50.00", "70.00"))
    bill = [billed(hour, q) | next(costs) for hour, q in enumerate(("5000", "7000"))]
    found = causes(compared(tmp_path, bill, [used(0, "5"), used(1, "7")]))
    assert set(found) == {"unit_factor"}
    cause = found["unit_factor"]
    assert (cause["breaks"], cause["amount"]) == (2, D("119.88"))
    assert "1,000 times" in cause["explanation"]
    assert "12,000 billed against 12 metered" in cause["explanation"]


def test_seconds_for_hours_are_told_by_a_single_break(tmp_path: Path) -> None:
    """Metered 7,200 h for 2 h billed: 3,600 to the digit is no chance."""
    found = causes(reconciled(tmp_path, [gpu("2", "20.00")], [metered("7200")]))
    assert found["unit_factor"]["breaks"] == 1
    assert "what is metered is 3,600 times what is billed" in found["unit_factor"]["explanation"]


def test_nearly_3600_once_is_no_unit(tmp_path: Path) -> None:
    """7,201 h for 2 h is within 1 % of it, but one break has to have it to the digit."""
    assert causes(reconciled(tmp_path, [gpu("2", "20.00")], [metered("7201")])) == {}


@pytest.mark.parametrize(("second", "expected"), [("30", {"unit_factor"}), ("31", set())])
def test_tenfold_needs_different_quantities(
    tmp_path: Path, second: str, expected: set[str]
) -> None:
    """20 for 2 and 30 for 3 are a unit; with 31 for 3 they are two differences."""
    bill = [billed(0, "20"), billed(1, second)]
    found = causes(compared(tmp_path, bill, [used(0, "2"), used(1, "3")]))
    assert set(found) == expected


def test_ten_machines_of_which_one_is_metered_are_no_unit(tmp_path: Path) -> None:
    """10 h for 1 h, hour after hour: nine machines without a meter look like that, too."""
    bill = [billed(hour, "10") for hour in range(4)]
    assert causes(compared(tmp_path, bill, [used(hour, "1") for hour in range(4)])) == {}


# --- cached tokens counted twice ---


def cached_twice(extra: str) -> tuple[list[Row], list[Row]]:
    """Hour 0: 1,000 input and 400 cached; hour 1: 2,000 and 700. Metered with ``extra`` more."""
    bill = [
        billed(0, "1000"),
        billed(1, "2000"),
        billed(0, "400", CACHED),
        billed(1, "700", CACHED),
    ]
    meters = [used(0, "1400"), used(1, str(2700 + int(extra)))]
    return bill, [*meters, used(0, "400", CACHED), used(1, "700", CACHED)]


def test_cached_tokens_in_the_input_tokens_are_found(tmp_path: Path) -> None:
    """1,400 - 1,000 = 400 and 2,700 - 2,000 = 700: exactly what was read from the cache."""
    found = causes(compared(tmp_path, *cached_twice("0")))
    assert set(found) == {"cached_tokens_twice"}
    assert found["cached_tokens_twice"]["breaks"] == 2
    assert "1,100 more input tokens are metered" in found["cached_tokens_twice"]["explanation"]


def test_a_bill_that_counts_cached_tokens_twice_is_to_be_claimed(tmp_path: Path) -> None:
    """Billed 1,400 and 2,700, metered 1,000 and 2,000."""
    bill, meters = cached_twice("0")
    swapped = [billed(0, "1400"), billed(1, "2700"), *bill[2:]]
    given = [used(0, "1000"), used(1, "2000"), *meters[2:]]
    found = causes(compared(tmp_path, swapped, given))
    assert found["cached_tokens_twice"]["remedy"].startswith("claim")


def test_one_small_difference_that_equals_the_cache_is_chance(tmp_path: Path) -> None:
    """Hour 1 is off by 701, not 700: the 400 of hour 0 alone are below 1,000 tokens."""
    assert causes(compared(tmp_path, *cached_twice("1"))) == {}


# --- one thing under two names ---


def two_names(last: str) -> tuple[list[Row], list[Row]]:
    """m1 agrees; m2 is billed in three hours, "eu m2" metered in them."""
    same = [billed(0, "10")], [used(0, "10")]
    bill = [billed(hour, quantity, model="m2") for hour, quantity in enumerate(("31", "47", "59"))]
    meters = [used(h, q, model="eu m2") for h, q in enumerate(("31", "47", last))]
    return [*same[0], *bill], [*same[1], *meters]


def test_a_model_under_two_names_explains_both_sides(tmp_path: Path) -> None:
    """Three breaks of either side, the same quantities hour by hour."""
    found = causes(compared(tmp_path, *two_names("59")))
    assert set(found) == {"model_alias"}
    assert sum(row["breaks"] for row in [found["model_alias"]]) >= 3
    assert '"eu-m2" = "m2"' in found["model_alias"]["remedy"]


def test_a_model_that_agrees_in_two_hours_of_three_is_another(tmp_path: Path) -> None:
    """60 metered for 59 billed: two of three are not four in five."""
    assert causes(compared(tmp_path, *two_names("60"))) == {}


# --- a clock that is off ---

BUSY = ("11", "13", "17", "19", "23", "29")


def shifted(hours: int, quantities: Iterable[str] = BUSY) -> list[Row]:
    return [used(hour + hours, quantity) for hour, quantity in enumerate(quantities)]


@pytest.mark.parametrize("hours", [1, 2, -3])
def test_a_clock_that_is_off_explains_every_hour(tmp_path: Path, hours: int) -> None:
    """Each of six hours is metered ``hours`` later, to the token."""
    bill = [billed(hour, quantity) for hour, quantity in enumerate(BUSY)]
    result = compared(tmp_path, bill, shifted(hours))
    found = causes(result)
    assert set(found) == {"clock_shift"}
    assert all(row["cause_id"] for row in result.breaks.rows())
    way = f"{abs(hours)} hour{'s' if abs(hours) > 1 else ''} {'later' if hours > 0 else 'earlier'}"
    assert way in found["clock_shift"]["explanation"]


def test_one_late_charge_is_no_clock(tmp_path: Path) -> None:
    """The last hour is metered one later, all others agree: a break of timing without a cause."""
    bill = [billed(hour, quantity) for hour, quantity in enumerate(BUSY)]
    meters = [*shifted(0)[:5], used(6, "29")]
    result = compared(tmp_path, bill, meters)
    assert [row["class"] for row in result.breaks.rows()] == ["timing"]
    assert causes(result) == {}


def test_two_late_charges_among_hours_that_agree_are_no_clock(tmp_path: Path) -> None:
    """Hours 1 and 5 are an hour late, and the three between them agree."""
    quantities = ("11", "13", "0", "19", "23", "29", "0")
    bill = [billed(hour, q) for hour, q in enumerate(quantities) if q != "0"]
    meters = [used(hour + (hour in (1, 5)), q) for hour, q in enumerate(quantities) if q != "0"]
    result = compared(tmp_path, bill, meters)
    assert [row["class"] for row in result.breaks.rows()] == ["timing", "timing"]
    assert causes(result) == {}


# --- a meter that stopped ---


def test_hours_without_any_usage_row_are_a_meter_that_stopped(tmp_path: Path) -> None:
    """Of 24 hours the meter reported all but 10, 11 and 12; each is billed for 1,000 tokens."""
    bill = [billed(hour, str(1000 + hour)) for hour in range(24)]
    meters = [used(hour, str(1000 + hour)) for hour in range(24) if hour not in (10, 11, 12)]
    found = causes(compared(tmp_path, bill, meters))
    assert set(found) == {"telemetry_missing"}
    cause = found["telemetry_missing"]
    # 1,010 + 1,011 + 1,012 tokens at a millionth of a dollar
    assert (cause["breaks"], cause["amount"]) == (3, D("0.003033"))
    assert "from 2026-10-03 10:00 to 2026-10-03 13:00 UTC (3 hours)" in cause["explanation"]


def test_a_meter_that_reports_another_model_did_not_stop(tmp_path: Path) -> None:
    """In hour 11 the meter counted m2: m1's charges of 10 to 12 are breaks, and no silence."""
    bill = [billed(hour, str(1000 + hour)) for hour in range(24)] + [billed(11, "5", model="m2")]
    meters = [used(hour, str(1000 + hour)) for hour in range(24) if hour not in (10, 11, 12)]
    result = compared(tmp_path, bill, [*meters, used(11, "5", model="m2")])
    assert len(result.breaks) == 3
    assert causes(result) == {}


def test_a_meter_with_many_pauses_did_not_stop(tmp_path: Path) -> None:
    """Nights without usage are usual here: 12 of 24 hours report, so three more say nothing."""
    quiet = {*range(12), 20, 21, 22}
    bill = [billed(hour, str(1000 + hour)) for hour in range(12, 24)]
    meters = [used(hour, str(1000 + hour)) for hour in range(24) if hour not in quiet]
    period = "2026-10-03"
    assert causes(compared(tmp_path, bill, meters, period=period)) == {}


# --- a commitment that ended ---

ENDS = CONTRACT.replace("2027-01-01T00:00:00Z", "2026-10-03T04:00:00Z")


def spent(after: str) -> list[Row]:
    """Four hours of 8.50 + 1.50 under the plan, then four on demand at ``after``."""
    rows: list[Row] = []
    for hour in range(4):
        window = (instant(hour), instant(hour + 1))
        rows += [at(charge("e1", "8.50", "2"), window), at(charge(PLAN, "1.50", None), window)]
    free = dict.fromkeys(name for name in CHARGE_COLUMNS if name.startswith("Commitment"))
    for hour in range(4, 8):
        row = at(charge("e1", after, "2"), (instant(hour), instant(hour + 1)))
        rows.append({**row, **dict.fromkeys(free, "")})
    return rows


def test_the_end_of_a_commitment_shows_in_the_cost_on_demand(tmp_path: Path) -> None:
    """4 x 12.00 = 48.00 on demand after it, nothing before, when the plan paid 4 x 8.50 = 34.00."""
    found = causes(with_contract(tmp_path, spent("12.00"), ENDS))
    cause = found["commitment_ended"]
    assert (cause["breaks"], cause["amount"], cause["currency"]) == (0, 48, "USD")
    assert "ended at 2026-10-03 04:00 UTC" in cause["explanation"]
    assert "the commitment paid 34: 48 more" in cause["explanation"]


def test_a_commitment_whose_work_ended_with_it_is_no_cause(tmp_path: Path) -> None:
    """4 x 4.00 = 16.00 is less than half of 34.00."""
    assert causes(with_contract(tmp_path, spent("4.00"), ENDS)) == {}


def test_a_commitment_that_goes_on_is_no_cause(tmp_path: Path) -> None:
    """It ends a year later: the same bill leaves four hours without it."""
    assert "commitment_ended" not in causes(with_contract(tmp_path, spent("12.00")))


# --- a tag that was renamed ---


def tagged(squads: Sequence[str], days: int = 2) -> list[Row]:
    """24 rows a day by two teams; on the second day only the tag squad tells which."""
    rows = []
    for hour in range(24 * days):
        team = ("search", "chat")[hour % 2]
        late = hour >= 24
        said = {"squad": squads[hour % 2]} if late else {"env": "prod"}
        rows.append(used(hour, "100", team="" if late else team, tags=json.dumps(said)))
    return rows


def test_a_tag_that_has_the_teams_from_a_day_on_was_renamed(tmp_path: Path) -> None:
    """24 x 100 tokens at a millionth of a dollar: 0.0024 USD of the second day go to none."""
    bill = [billed(hour, "100") for hour in range(48)]
    result = compared(tmp_path, bill, tagged(("search", "chat")))
    assert result.breaks.rows() == []
    cause = causes(result)["tag_renamed"]
    assert (cause["breaks"], cause["amount"], cause["currency"]) == (0, D("0.0024"), "USD")
    assert "from 2026-10-04 on usage names no team, and its tag 'squad'" in cause["explanation"]


def test_a_tag_with_other_values_is_no_heir(tmp_path: Path) -> None:
    """Its value "blue" was no team before."""
    bill = [billed(hour, "100") for hour in range(48)]
    assert causes(compared(tmp_path, bill, tagged(("search", "blue")))) == {}


def test_teams_that_stay_are_no_cause(tmp_path: Path) -> None:
    """One day alone has no change."""
    bill = [billed(hour, "100") for hour in range(24)]
    assert causes(compared(tmp_path, bill, tagged(("search", "chat"), 1))) == {}


# --- a restated bill, and the order of causes ---


def restatement(number: int, amount: str, provider: str = "Cloud Nine") -> dict[str, Any]:
    start = MIDNIGHT + timedelta(hours=number)
    return {
        "id": f"r{provider}{number}", "class": "restatement", "leg": "restatement", "rule": "restated",
        "provider": provider, "amount": D(amount), "currency": "USD",
        "period_start": start, "period_end": start + timedelta(hours=1),
    }  # fmt: skip


def scene(breaks: Sequence[Mapping[str, Any]], engine: Any) -> Scene:
    names = ("id", "class", "rule", "meter", "billed", "expected", "commitment_id", "currency")
    rows = [dict.fromkeys(names) | dict(row) for row in breaks]
    window = Period(MIDNIGHT, MIDNIGHT + timedelta(days=1))
    nothing = engine.load(pa.table({"x": [1]}))
    return Scene(rows, nothing, [], window, Rules(), 2, engine)


def test_restated_charges_of_a_provider_are_one_cause() -> None:
    """2.00 - 0.50 = 1.50 net and 2.50 gross; the other provider's single one is none."""
    rows = [restatement(0, "2.00"), restatement(1, "-0.50"), restatement(2, "9.00", "Other")]
    with open_engine("duckdb") as engine:
        explained = explain(scene(rows, engine))
    [cause] = explained.rows
    assert (cause["cause"], cause["breaks"]) == ("bill_restated", 2)
    assert (cause["amount"], cause["net_amount"]) == (D("2.50"), D("1.50"))
    assert "by 1.5 USD net" in cause["explanation"]
    assert set(explained.of_break) == {"rCloud Nine0", "rCloud Nine1"}


def test_causes_are_ranked_by_their_money() -> None:
    """9.00 + 9.00 before 2.00 + 0.50, whatever order they were found in."""
    rows = [restatement(n, amount) for n, amount in enumerate(("2.00", "-0.50"))]
    rows += [restatement(n, "9.00", "Other") for n in range(2)]
    with open_engine("duckdb") as engine:
        found = explain(scene(rows, engine)).rows
    assert [row["amount"] for row in found] == [D("18.00"), D("2.50")]


def test_a_cause_has_the_same_id_in_every_run() -> None:
    """It is of the provider, not of the figures."""
    with open_engine("duckdb") as engine:
        first, second = (
            restated.find(scene([restatement(0, amount), restatement(1, "1")], engine))[0].id
            for amount in ("2.00", "3.00")
        )
    assert first == second


def test_agreement_has_no_cause(tmp_path: Path) -> None:
    """Six hours that agree, tokens of all three kinds."""
    meters = (INPUT, CACHED, OUTPUT)
    bill = [billed(hour, q, meter) for hour, q in enumerate(BUSY) for meter in meters]
    used_rows = [used(hour, q, meter) for hour, q in enumerate(BUSY) for meter in meters]
    result = compared(tmp_path, bill, used_rows)
    assert (result.breaks.rows(), result.causes.rows()) == ([], [])
