"""What is fetched through the SDK equals the world's own answers."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.providers.oci.stage import Stage, made
from tests.world import asserted_oci, contracts, oci
from tests.world.bills import bills
from tests.world.comparison import NAMES_OF_ROWS, differences

import trueup

SEEDS = range(1, 22)
RECONCILED = (1, 7)  # the bill's lines and the contracts are compared for all of them
TABLES = ("commitments", "credits")

Rows = Sequence[Mapping[str, Any]]


def told(rows: Rows, expected: Rows) -> list[dict[str, Any]]:
    """Rows with the columns that the world makes a statement on."""
    return [{column: row[column] for column in expected[0]} for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_fetched_equals_the_worlds_answers(stage: Stage, seed: int) -> None:
    """Commitments, balances, what was drawn and what each day cost, to the last digit."""
    stage.show(made(seed))
    ledger = stage.world.ledger
    for feed, expected in (
        ("universal-credits", asserted_oci.commitments(ledger)),
        ("universal-credits-balances", asserted_oci.balances(ledger, stage.at)),
        ("universal-credits-drawdown", asserted_oci.drawdown(ledger)),
        ("cost", asserted_oci.cost(ledger)),
    ):
        assert told(stage.rows(feed), expected) == expected, feed
    assert lines(stage.export()) == list(csv.reader(io.StringIO(bills(ledger)[oci.FILE].decode())))


def lines(reports: Iterable[Path]) -> list[list[str]]:
    """The header of the daily reports, and their lines one after the other."""
    read = [
        list(csv.reader(io.StringIO(gzip.decompress(one.read_bytes()).decode()))) for one in reports
    ]
    assert all(one[0] == read[0][0] for one in read)
    return [read[0][0], *(line for one in read for line in one[1:])]


@pytest.mark.parametrize("seed", RECONCILED)
def test_reconciling_what_is_fetched_gives_what_files_give(
    stage: Stage, seed: int, tmp_path: Path
) -> None:
    """The daily reports and the fetched commitments stand for the bill and the contracts."""
    stage.show(made(seed))
    ledger = stage.world.ledger
    (tmp_path / "bill.csv").write_text(bills(ledger)[oci.FILE].decode(), encoding="utf-8")
    (tmp_path / "contracts.csv").write_text(contracts.contracts_csv(ledger), encoding="utf-8")
    wanted = reconciled(stage, [tmp_path / "bill.csv"], tmp_path / "contracts.csv")
    found = reconciled(stage, stage.export(), stage.feed("universal-credits"))
    for table, rows in wanted.items():
        assert rows
        assert differences(table, rows, found[table]) == []
    (pool,) = found["credits"]
    drawn = asserted_oci.balances(ledger, stage.at)[0]
    assert {name: f"{pool[name]:f}".rstrip("0").rstrip(".") for name in ("granted", "drawn")} == {
        name: str(drawn[name]).rstrip("0").rstrip(".") for name in ("granted", "drawn")
    }


def reconciled(stage: Stage, charges: list[Path], commitments: Path) -> dict[str, Rows]:
    """The rows of the pool, in the columns that answers speak of."""
    ledger = stage.world.ledger
    result = trueup.reconcile(
        trueup.read_charges(charges),
        commitments=trueup.read_commitments(commitments),
        period=(ledger.start, ledger.end),
        as_of=ledger.as_of,
    )
    told_apart = {"name"}  # the contract's own words in the file, the product's in the API
    return {
        table: [
            {column: value for column, value in row.items() if column not in told_apart}
            for row in getattr(result, table).rows()
            if row["commitment_id"] == oci.POOL
        ]
        for table in TABLES
        if table in NAMES_OF_ROWS
    }
