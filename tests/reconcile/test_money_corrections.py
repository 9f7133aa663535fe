"""Corrections without a quantity: they are allocated like the charge they correct, by hand."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

import trueup
from tests.reconcile.test_usage import AS_OF, gpu
from tests.test_worked_hour import CHARGE_COLUMNS

D = Decimal
BARE = {"ConsumedQuantity": "", "ConsumedUnit": "", "ChargeClass": "Correction"}
# Team, hours, resource, from, to: a held 3 of the 4 hours, b 1.
BOTH = [("a", "3", "r1", "14:00", "15:00"), ("b", "1", "r1", "14:00", "15:00")]


def corrected(cost: str, **more: str) -> dict[str, str]:
    return gpu("", cost, **BARE, **more)


def reconciled(
    folder: Path,
    bill: Sequence[Mapping[str, str]],
    held: Sequence[tuple[str, str, str, str, str]] = BOTH,
    period: str | None = "2026-10",
) -> trueup.Result:
    with (folder / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*CHARGE_COLUMNS, "ChargeDescription"], restval="")
        writer.writeheader()
        writer.writerows(bill)
    lines = ["start,end,team,quantity,resource"]
    lines += [
        f"2026-10-03T{start}:00Z,2026-10-03T{end}:00Z,{team},{hours},{resource}"
        for team, hours, resource, start, end in held
    ]
    (folder / "meters.csv").write_text("\n".join(lines) + "\n")
    columns = {"window_start": "start", "window_end": "end", "resource_id": "resource"}
    usage = trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns=columns | {"quantity": "quantity", "team": "team"},
        constants={
            "provider": "Cloud Nine",
            "account_id": "ml",
            "meter": "gpu",
            "unit": "GPU-Hours",
            "capacity": "allocated",
        },
    )
    return trueup.reconcile(folder / "bill.csv", usage=usage, period=period, as_of=AS_OF)


def spent(result: trueup.Result) -> dict[str, Decimal]:
    """What was spent by team, or by the reason why it is nobody's; the allocations say the same."""
    found: dict[str, Decimal] = {}
    for row in (row for row in result.spend.rows() if row["state"] == "billed"):
        name = row["team"] or row["reason"]
        found[name] = found.get(name, D(0)) + row["cost"]
    for row in result.allocations.rows():
        assert found[row["team"]] == row["cost"]
    return found


def test_it_is_allocated_like_what_it_corrects(tmp_path: Path) -> None:
    """4.00 less 1.00 for 4 hours: 3/4 of 3.00 are a's, 1/4 b's. Both rows are matched."""
    result = reconciled(tmp_path, [gpu("4", "4.00"), corrected("-1.00")])
    assert spent(result) == {"a": D("2.25"), "b": D("0.75")}
    assert result.breaks.rows() == []
    assert {(row["bucket"], row["rows"]) for row in result.buckets.rows()} == {("matched", 2)}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ResourceId": "r2"}, "refund"),  # nothing of r2 was billed
        ({"ServiceName": "Storage"}, "refund"),  # another SKU
        ({"BillingCurrency": "EUR"}, "refund"),  # nothing was billed in it
        ({"ChargePeriodStart": "2026-10-01T00:00:00Z",
          "ChargePeriodEnd": "2026-11-01T00:00:00Z"}, "refund"),  # of which hour, it does not say
    ],
)  # fmt: skip
def test_what_corrects_nothing_that_is_known_stays_by_its_reason(
    tmp_path: Path, more: dict[str, str], reason: str
) -> None:
    """4.00 are shared as before; the -1.00 is a refund."""
    result = reconciled(tmp_path, [gpu("4", "4.00"), corrected("-1.00", **more)])
    assert spent(result) == {"a": D(3), "b": D(1), reason: D(-1)}


def test_a_charge_more_is_a_correction(tmp_path: Path) -> None:
    """2.00 more for 4 hours: 3/4 of 6.00 and 1/4; beside what is not billed it is a correction."""
    result = reconciled(tmp_path, [gpu("4", "4.00"), corrected("2.00")])
    assert spent(result) == {"a": D("4.5"), "b": D("1.5")}
    (tmp_path / "other").mkdir()
    result = reconciled(tmp_path / "other", [gpu("4", "4.00"), corrected("2.00", ResourceId="r2")])
    assert spent(result) == {"a": D(3), "b": D(1), "correction": D(2)}


def test_a_correction_of_what_no_meter_saw(tmp_path: Path) -> None:
    """r2's 4.00 are missing in usage, and the -1.00 is no part of that break."""
    bill = [gpu("4", "4.00"), gpu("4", "4.00", ResourceId="r2")]
    bill += [corrected("-1.00", ResourceId="r2")]
    held = [*BOTH, ("b", "1", "r3", "14:00", "15:00")]
    result = reconciled(tmp_path, bill, held)
    assert spent(result)["refund"] == D(-1)


def test_what_is_at_stake_is_of_the_corrected_price(tmp_path: Path) -> None:
    """2 of 4 hours were held; 4.00 less 1.00 is 0.75 an hour: 1.50 at stake, by both rows."""
    result = reconciled(
        tmp_path, [gpu("4", "4.00"), corrected("-1.00")], [("a", "2", "r1", "14:00", "15:00")]
    )
    [found] = result.breaks.rows()
    assert (found["class"], found["amount"], found["rows_billed"]) == ("quantity", D("1.5"), 2)
    behind = [row for row in result.break_rows.rows() if row["side"] == "billed"]
    assert sorted(row["source_row"] for row in behind) == [1, 2]


def test_each_row_has_its_own_reason(tmp_path: Path) -> None:
    """Beside nothing: -5.00 without a quantity is a refund, +3.00 and 1 h taken back are not.

    So is what states a quantity that nets to nothing: -4 h for 4.00 and 4 h for 3.00.
    """
    other = {"ResourceId": "r2"}
    bare = [corrected("-5.00", **other), corrected("3.00", **other)]
    back = gpu("-1", "-1.00", ChargeClass="Correction", **other)
    result = reconciled(tmp_path, [gpu("4", "4.00"), *bare, back])
    assert spent(result) == {"a": D(3), "b": D(1), "refund": D(-5), "correction": D(2)}
    (tmp_path / "other").mkdir()
    again = {"ChargeClass": "Correction", **other}
    counted = [gpu("-4", "-4.00", **again), gpu("4", "3.00", **again)]
    result = reconciled(tmp_path / "other", [gpu("4", "4.00"), *counted])
    assert spent(result) == {"a": D(3), "b": D(1), "correction": D(-1)}


def test_goods_that_no_meter_sees_may_be_meant_too(tmp_path: Path) -> None:
    """No SKU's id tells storage from GPUs: of which the 1.50 were taken back, nobody can say."""
    storage = gpu("3", "1.50", ConsumedUnit="GB", ChargeDescription="Storage")
    bill = [gpu("4", "4.00"), storage, corrected("-1.50", ChargeDescription="taken back")]
    assert spent(reconciled(tmp_path, bill)) == {
        "a": D(3),
        "b": D(1),
        "no_rule": D("1.5"),
        "refund": D("-1.5"),
    }


def test_a_correction_does_not_say_when_hours_begin(tmp_path: Path) -> None:
    """Hours from 14:30 on, as the provider's charges are, whatever a correction's month is."""
    hour = {
        "ChargePeriodStart": "2026-10-03T14:30:00Z",
        "ChargePeriodEnd": "2026-10-03T15:30:00Z",
    }
    month = {
        "ChargePeriodStart": "2026-10-01T00:00:00Z",
        "ChargePeriodEnd": "2026-11-01T00:00:00Z",
    }
    held = [("a", "1", "r1", "14:30", "15:30"), ("b", "1", "r1", "15:30", "16:30")]
    later = {name: text.replace("15:", "16:").replace("14:", "15:") for name, text in hour.items()}
    bill = [gpu("1", "4.00", **hour), gpu("1", "8.00", **later), corrected("-1.00", **month)]
    assert spent(reconciled(tmp_path, bill, held)) == {"a": D(4), "b": D(8), "refund": D(-1)}
