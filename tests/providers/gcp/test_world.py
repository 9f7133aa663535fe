"""What is fetched from worlds of many seeds equals what their ledgers and contracts say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from tests.providers.gcp.conftest import Stage, world_of
from tests.twin.gcp_tables import DETAILED, detailed, is_legacy
from tests.world import asserted_gcp, standing
from tests.world.bills import bills
from tests.world.comparison import differences, plain, report
from tests.world.contracts import contracts, credits_toml
from tests.world.figures import Row as Asserted
from tests.world.world import World

import trueup
from trueup.adapter.feed import COMMITMENTS
from trueup.fetch.feeds import csv_text

SEEDS = range(1, 25)
RECONCILED = range(1, 3)  # slow; that the files and contracts of all are the same is shown above


def same(expected: Iterable[Asserted], found: Iterable[Mapping[str, Any]]) -> None:
    """Every stated column of every row, in any order."""
    wanted = [{name: plain(name, value) for name, value in row.items()} for row in expected]
    names = list(wanted[0])
    given = [{name: plain(name, _instant(name, row.get(name))) for name in names} for row in found]
    assert sorted(map(str, given)) == sorted(map(str, wanted))


def _instant(name: str, value: Any) -> Any:
    """BigQuery writes instants with a space and +00."""
    return value.replace(" ", "T").replace("+00", "Z") if "Period" in name else value


def contracts_file(stage: Stage) -> Path:
    """The contracts of all feeds, as one normalised file."""
    rows = [*stage.rows("compute-commitments"), *stage.rows("spend-cuds")]
    path = stage.folder / "commitments.csv"
    path.write_text(csv_text(COMMITMENTS, rows), encoding="utf-8")
    return path


def different(fetched: Sequence[Path], whole: Path) -> list[tuple[Any, ...]]:
    """The rows that only one side has: fetched files, all text, read as the types of a bill."""
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        files = [str(path) for path in fetched]
        kinds = engine.execute("DESCRIBE FROM read_parquet(?)", [str(whole)]).fetchall()
        typed = ", ".join(f"{name}::{kind} AS {name}" for name, kind, *_ in kinds)
        engine.execute(f"CREATE TABLE ours AS SELECT {typed} FROM read_parquet($1)", [files])
        engine.execute("CREATE TABLE theirs AS FROM read_parquet($1)", [str(whole)])
        return engine.execute(
            "(FROM ours EXCEPT ALL FROM theirs) UNION ALL (FROM theirs EXCEPT ALL FROM ours)"
        ).fetchall()


@pytest.mark.parametrize("seed", SEEDS)
def test_commitments_their_use_and_charges_are_the_worlds(seed: int, stage: Stage) -> None:
    """Every contract, every day of each, and every row of the bill; both models of discounts."""
    ledger = stage.play(seed).ledger
    same(asserted_gcp.spend_commitments(ledger), stage.rows("spend-cuds"))
    same(asserted_gcp.machine_commitments(), stage.rows("compute-commitments"))
    same(asserted_gcp.utilization(ledger), stage.rows("spend-cuds-utilization"))
    (content,) = (body for path, body in bills(ledger).items() if path.startswith("bills/gcp/"))
    whole = stage.folder / "bill.parquet"
    whole.write_bytes(content)
    assert different(stage.files(), whole) == []


def test_list_prices_are_the_worlds(stage: Stage) -> None:
    """Exact to the nano; what is sold in tiers has no single price and no row."""
    same(asserted_gcp.prices(), stage.rows("list-prices"))


@pytest.mark.parametrize("seed", RECONCILED)
def test_reconciled_it_is_the_worlds(seed: int, stage: Stage) -> None:
    """Fetched charges against fetched and typed contracts: commitments, their use, credits."""
    made = stage.play(seed)
    credits_file = stage.folder / "credits.toml"
    credits_file.write_text(credits_toml(made.ledger), encoding="utf-8")
    fetched = contracts_file(stage)
    assert trueup.read_commitments(fetched).rejects.rows() == []
    result = trueup.reconcile(
        stage.files(),
        commitments=[fetched, credits_file],
        period=(made.ledger.start, made.ledger.end),
        as_of=made.ledger.as_of,
    )
    expected, found = _standing(made), _of_the_world(made, result)
    lines = [line for name in found for line in differences(name, expected[name], found[name])]
    assert not lines, report(lines)
    extra = [row for row in result.commitments.rows() if row["type"].startswith("Resource")]
    assert len(extra) == len(asserted_gcp.machine_commitments())
    assert {row["status"] for row in extra} == {"not_covered"}


def _standing(made: World) -> dict[str, list[Asserted]]:
    ids = {one.id for one in contracts(made.ledger) if one.provider == "gcp"}
    return {
        name: [row for row in table if row["commitment_id"] in ids]
        for name, table in (
            ("commitments", standing.commitments(made.ledger)),
            ("utilization", standing.utilization(made.ledger)),
            ("credits", standing.lots(made.ledger)),
        )
    }


def _of_the_world(made: World, result: Any) -> dict[str, Sequence[Mapping[str, object]]]:
    ids = {one.id for one in contracts(made.ledger)}

    def of(table: Any) -> list[Mapping[str, object]]:
        return [row for row in table.rows() if row["commitment_id"] in ids]

    used = [row for row in of(result.utilization) if row["used_quantity"] is not None]
    return {
        "commitments": of(result.commitments),
        "utilization": used,
        "credits": of(result.credits),
    }


def test_a_second_run_fetches_no_file_again(stage: Stage) -> None:
    """Asked for the months and nothing else; a late row brings its month, and only that."""
    before = stage.files()
    stage.asked.clear()
    assert stage.files() == before
    assert stage.count("POST") == 1  # the query that lists
    assert stage.tables is not None
    stage.tables.engine.execute(
        "INSERT INTO focus SELECT * FROM focus WHERE month(BillingPeriodStart) = 10 LIMIT 1"
    )
    stage.asked.clear()
    stage.files()
    assert stage.count("POST") == 2
    assert len(stage.files()) == len(before) == 2


def test_any_changed_value_brings_a_month_again(stage: Stage) -> None:
    """Same rows, same sums, another description: it is another version of the file."""
    stage.files()
    assert stage.tables is not None
    stage.tables.engine.execute(
        "UPDATE focus SET ChargeDescription = 'Corrected' WHERE ChargeCategory = 'Tax'"
    )
    stage.asked.clear()
    (_, october) = stage.files()
    assert stage.count("POST") == 2
    assert "Corrected" in pq.read_table(october)["ChargeDescription"].to_pylist()


def test_the_detailed_export_comes_as_text_without_loss(stage: Stage) -> None:
    """A table in Google's own columns: by invoice month; what nests as JSON, amounts exact."""
    ledger = stage.play(1).ledger
    stage.settings["billing_table"] = DETAILED
    (file,) = stage.files()
    assert file.name == "202610.parquet"
    found = pq.read_table(file).to_pylist()
    expected = detailed(ledger)
    assert len(found) == len(expected)
    costs = sum(Decimal(row["cost"]) for row in found)
    assert costs == sum(Decimal(str(row["cost"])) for row in expected)
    assert {row["labels"] for row in found} == {'{"team":"routing"}'}
    credits_found = sum(
        Decimal(str(one["amount"])) for row in found for one in json.loads(row["credits"])
    )
    assert credits_found == sum(
        Decimal(str(one["amount"])) for row in expected for one in row["credits"]
    )


def test_the_detailed_export_as_fetched_is_read_as_focus(stage: Stage) -> None:
    """Billed is cost and credits of all; unused of each day is what the feed of its use says."""
    ledger = stage.play(1).ledger
    stage.settings["billing_table"] = DETAILED
    dataset = trueup.read_charges(stage.files())
    (source,) = dataset.sources.rows()
    lines = detailed(ledger)
    assert source["format"] == "gcp-billing-export"
    assert (source["rows_in"], source["accepted"]) == (len(lines), len(lines))
    found = dataset.table.rows()
    amounts = [one["amount"] for line in lines for one in line["credits"]]
    total = sum(Decimal(str(amount)) for amount in [*amounts, *(line["cost"] for line in lines)])
    assert sum(row["BilledCost"] for row in found) == total
    assert sum(row["EffectiveCost"] for row in found) == total
    unused: dict[str, Decimal] = {}
    for row in found:
        if row["CommitmentDiscountStatus"] == "Unused":
            day = f"{row['ChargePeriodStart']:%Y-%m-%dT00:00:00Z}"
            unused[day] = unused.get(day, Decimal(0)) + row["CommitmentDiscountQuantity"]
    said = {row["interval_start"]: row["unused"] for row in stage.rows("spend-cuds-utilization")}
    assert unused == {day: Decimal(str(amount)) for day, amount in said.items()}


def test_worlds_hold_both_models_of_discounts() -> None:
    """Of the seeds above, each has days of either kind: neither is left untried."""
    for seed in SEEDS:
        ledger = world_of(seed).ledger
        days = {is_legacy(ledger, hour) for hour in ledger.hours()}
        assert days == {True, False}
