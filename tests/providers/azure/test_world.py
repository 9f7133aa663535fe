"""What is fetched from the twin equals what the world's ledger says, computed without trueup."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from tests.providers.azure.conftest import Stage, world_of
from tests.twin import azure as twin
from tests.world import asserted_azure as asserted
from tests.world import azure
from tests.world.bills import bills
from tests.world.figures import Row

from trueup.fetch.providers import Fetched, paths_of

SEEDS = range(1, 21)
ESSENTIAL = {
    key: twin.SETTINGS[key] for key in twin.SETTINGS if key not in {"subscription", "enrollment"}
}


def rows_of(fetched: Fetched, table: str) -> list[dict[str, str]]:
    """The normalised rows of a table, from all feeds that give it."""
    return [
        row
        for path in paths_of([fetched], table)
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    ]


def plain(rows: Iterable[Mapping[str, object]], columns: Iterable[str]) -> list[dict[str, object]]:
    """Rows as comparable: these columns, numbers by value, nothing as None, in a stable order."""
    columns = list(columns)
    found = [{name: _plain(row.get(name)) for name in columns} for row in rows]
    return sorted(found, key=str)


def _plain(value: object) -> object:
    text = str(value)
    if value is None or not text:
        return None
    try:
        return format(Decimal(text).normalize(), "f")
    except ArithmeticError:
        return text


def assert_same(expected: list[Row], found: list[dict[str, str]]) -> None:
    """The same rows in the columns that the answers speak of."""
    assert expected
    assert plain(found, expected[0]) == plain(expected, expected[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_ledger_of_a_seed(seed: int, stage: Stage) -> None:
    """Commitments, utilization, balances and charges of three days, to the last digit."""
    ledger = world_of(seed).ledger
    fetched = stage.fetch(twin.answerer(world_of(seed)), ESSENTIAL)
    assert fetched.failures == ()
    commitments = rows_of(fetched, "commitments")
    for row in commitments:
        spend = row["ContractCommitmentCategory"] == "Spend"
        row["figure"] = row["ContractCommitmentCost" if spend else "ContractCommitmentQuantity"]
        row["unit"] = row["BillingCurrency" if spend else "ContractCommitmentUnit"]
    assert_same(asserted.commitments(ledger), commitments)
    assert_same(asserted.utilization(ledger), rows_of(fetched, "utilization"))
    assert_same(asserted.balances(ledger), rows_of(fetched, "balances"))
    assert charges_of(fetched.charges) == sorted(
        bills(ledger)[azure.FILE].decode().splitlines()[1:]
    )


def charges_of(paths: Iterable[Path]) -> list[str]:
    """Every row of a bill as it is written, whatever file it stands in."""
    return sorted(row for path in paths for row in path.read_text("utf-8").splitlines()[1:])


def test_the_price_sheet_equals_the_worlds(stage: Stage) -> None:
    """All pages of it, and the price under a savings plan as a row of its own."""
    found = rows_of(stage.fetch(), "rates")
    assert_same(asserted.rates(), found)
    assert {(row["valid_from"], row["valid_to"]) for row in found} == {
        ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    }


def test_an_enterprises_prepayment(stage: Stage) -> None:
    """9000.00 + 1000.00 - 12.50 = 9987.50 to spend; 412.03 tax + 31.50 marketplace = 443.53."""
    (row,) = [one for one in rows_of(stage.fetch(), "balances") if one["kind"] == "Prepayment"]
    assert (row["granted"], row["drawn"], row["remaining"]) == ("9987.50", "443.53", "9543.97")
    assert (row["lot_id"], row["currency"]) == ("8817402/2026-10", "EUR")


def test_what_lacks_a_setting_is_not_asked(stage: Stage) -> None:
    """Reservations and plans need none; everything else says what it lacks."""
    fetched = stage.fetch(settings={})
    assert [one.split(": ") for one in fetched.not_asked] == [
        ["agreements", "needs billing_account in [providers.azure]"],
        ["balances", "needs billing_account in [providers.azure]"],
        ["prepayment", "needs enrollment in [providers.azure]"],
        ["price-sheet", "needs subscription in [providers.azure]"],
        ["export", "needs export_account, export_container in [providers.azure]"],
    ]
    assert [one.feed for one in fetched.feeds] == [
        "reservations",
        "savings-plans",
        "reservation-hours",
        "savings-plan-utilization",
    ]


def test_a_second_run_downloads_no_file_again(stage: Stage) -> None:
    """Only what is new or changed is downloaded; the list is asked for each time."""

    def downloads() -> int:
        return sum(request.path.endswith(".csv") for request in stage.asked)

    first = stage.fetch()
    assert downloads() == 2
    assert stage.fetch().charges == first.charges
    assert downloads() == 2


def test_questions_are_the_same_each_time(stage: Stage) -> None:
    """No random id and no wall clock in any address: recordings can be matched strictly."""

    def questions() -> list[str]:
        return [f"{one.method} {one.host}{one.path}?{one.query_text}" for one in stage.asked]

    stage.fetch()
    first = questions()
    stage.asked.clear()
    stage.folder = stage.folder / "second"
    stage.fetch()
    assert questions() == first
