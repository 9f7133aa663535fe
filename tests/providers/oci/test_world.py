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
from tests.world import asserted_oci, oci
from tests.world.bills import bills

SEEDS = range(1, 22)

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
