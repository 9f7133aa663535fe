"""What is fetched from worlds of many seeds equals what their bills and contracts say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.twin import aws
from tests.world import asserted_aws
from tests.world.bills import bills
from tests.world.comparison import plain
from tests.world.figures import Row as Asserted
from tests.world.world import World

import trueup
from trueup.adapter.feed import COMMITMENTS
from trueup.fetch.feeds import csv_text

SEEDS = range(1, 26)


def same(expected: Sequence[Asserted], found: Sequence[Any]) -> None:
    """Every stated column of every row, in the order of the rows."""
    assert [{name: plain(name, value) for name, value in row.items()} for row in expected] == [
        {name: plain(name, row.get(name)) for name in stated}
        for stated, row in zip(expected, found, strict=True)
    ]


def commitments_of(cloud: Any, folder: Path) -> Path:
    path = folder / "commitments.csv"
    path.write_text(csv_text(COMMITMENTS, cloud.rows("savings-plans")), encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", SEEDS)
def test_commitments_their_use_and_charges_are_the_worlds(
    seed: int, cloud: Any, worlds: Callable[[int], World], tmp_path: Path
) -> None:
    """Read back as trueup reads them: every contract, every day of each; and every file."""
    made = worlds(seed)
    cloud.answers = aws.answerer(made)
    read = trueup.read_commitments(commitments_of(cloud, tmp_path))
    assert read.rejects.rows() == []
    found = sorted(read.table.rows(), key=lambda row: str(row["ContractCommitmentId"]))
    same(asserted_aws.commitments(made.ledger), found)
    used = cloud.rows("savings-plans-utilization")
    used.sort(key=lambda row: (row["commitment_id"], row["interval_start"]))
    same(asserted_aws.utilization(made.ledger), used)
    assert asserted_aws.balances(made.ledger) == []
    assert {path.name: path.read_bytes() for path in cloud.files(tmp_path)} == {
        path.rpartition("/")[2]: content
        for path, content in bills(made.ledger).items()
        if path.startswith("bills/aws/")
    }
