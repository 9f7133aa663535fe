"""A month small enough for paper, by every contestant that must be exact; and how tables compare."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from benchmarks.agree import Disagreement, difference, must_agree
from benchmarks.contestants.arguments import Arguments
from benchmarks.contestants.landing import land
from benchmarks.contestants.sql import run
from benchmarks.data import make
from benchmarks.exports import cur_of
from benchmarks.measure import program
from benchmarks.measure import run as run_program

import trueup

D = Decimal

# One hour: profile p was billed 3,000 input tokens for 0.0000000010 and metered 3,000, by three
# sessions of 1,000 each; output tokens were billed 1,000 and metered 980 (2 % less), profile q was
# metered only. The plan committed 0.01, of which p's input took 0.001.
CHARGES = """
SELECT 'p' AS ResourceId, 'input tokens' AS SkuMeter, 'Usage' AS ChargeCategory,
    'Used' AS CommitmentDiscountStatus, 'plan' AS CommitmentDiscountId, 3.000 AS ConsumedQuantity,
    0.0000000010::DECIMAL(24, 10) AS EffectiveCost,
    TIMESTAMPTZ '2026-10-01 05:00:00+00' AS ChargePeriodStart
UNION ALL SELECT 'p', 'output tokens', 'Usage', NULL, NULL, 1.000, 0.5, TIMESTAMPTZ '2026-10-01 05:00:00+00'
UNION ALL SELECT 'plan', NULL, 'Usage', 'Unused', 'plan', NULL, 0.009, TIMESTAMPTZ '2026-10-01 05:00:00+00'
UNION ALL SELECT 'plan', NULL, 'Purchase', NULL, 'plan', NULL, 0, TIMESTAMPTZ '2026-10-01 00:00:00+00'
"""
USAGE = """
SELECT * FROM (VALUES ('p', 'input_tokens', 's2', 1000), ('p', 'input_tokens', 's1', 400),
    ('p', 'input_tokens', 's1', 600), ('p', 'input_tokens', 's3', 1000),
    ('p', 'output_tokens', 's1', 980), ('q', 'input_tokens', 's1', 7))
    AS rows(resource_id, meter, session_id, quantity),
    (SELECT TIMESTAMPTZ '2026-10-01 05:40:00+00' AS window_start)
"""
CONTRACTS = "SELECT 'plan' AS ContractCommitmentId, 0.01::DECIMAL(24, 10) AS ContractCommitmentCost"


def copied(query: str, file: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")


def rows_of(file: Path, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM '{file}' ORDER BY ALL").fetchall()


@pytest.fixture
def hour(tmp_path: Path) -> Path:
    for name, query in (("charges", CHARGES), ("usage", USAGE), ("contracts", CONTRACTS)):
        copied(query, tmp_path / f"{name}.parquet")
    return tmp_path


@pytest.mark.parametrize("contestant", ["sql", "polars"])
def test_the_hour_comes_out_as_on_paper(hour: Path, contestant: str) -> None:
    """2 % is more than 1 %; 10 units by three equal shares are 4, 3 and 3, the first gets the rest."""
    run_program(program(f"benchmarks.contestants.{contestant}", hour, hour / "out"))
    assert rows_of(
        hour / "out" / "matching.parquet", "resource, meter, billed, metered, verdict"
    ) == [
        ("p", "input_tokens", 3000, 3000, "matched"),
        ("p", "output_tokens", 1000, 980, "quantity"),
        ("q", "input_tokens", 0, 7, "missing_in_billing"),
    ]
    assert rows_of(hour / "out" / "shares.parquet", "meter, session, cost") == [
        ("input_tokens", "s1", D("0.0000000004")),
        ("input_tokens", "s2", D("0.0000000003")),
        ("input_tokens", "s3", D("0.0000000003")),
        ("output_tokens", "s1", D("0.5")),
    ]
    assert rows_of(hour / "out" / "utilization.parquet", "commitment, committed, used, unused") == [
        ("plan", D("0.01"), D("0.000000001"), D("0.009")),
    ]


def test_a_unit_that_went_elsewhere_is_a_disagreement(hour: Path) -> None:
    """Two sessions that changed places by one unit: two rows, together 2 units."""
    run(Arguments(hour, hour, ()))
    other = hour / "other"
    other.mkdir()
    moved = "CASE session WHEN 's1' THEN -0.0000000001 WHEN 's2' THEN 0.0000000001 ELSE 0 END"
    copied(
        f"SELECT * REPLACE (cost + CASE meter WHEN 'input_tokens' THEN {moved} ELSE 0 END AS cost) "
        f"FROM '{hour}/shares.parquet'",
        other / "shares.parquet",
    )
    found = difference("shares", hour, other)
    assert (found.rows, found.alone, found.other, found.sum) == (4, 0, 2, D("0.0000000002"))
    with pytest.raises(Disagreement):
        must_agree(("shares",), hour, other)


def test_a_seed_gives_the_same_month_again(tmp_path: Path) -> None:
    """The same seed gives the same charges and usage, another seed others."""

    def sums(folder: Path, seed: int) -> list[tuple[object, ...]]:
        month = make(folder, 12_000, seed)
        charges = rows_of(month / "charges.parquet", "sum(EffectiveCost), count(*)")
        return charges + rows_of(month / "usage.parquet", "sum(quantity), count(*)")

    first = sums(tmp_path / "a", 1)
    assert sums(tmp_path / "b", 1) == first
    assert sums(tmp_path / "c", 2) != first


def test_a_contestant_that_fails_says_why(tmp_path: Path) -> None:
    """What it wrote to standard error is in the exception."""
    from benchmarks.measure import ContestantFailed, Program

    with pytest.raises(ContestantFailed, match="no such month"):
        run_program(Program([sys.executable, "-c", "raise SystemExit('no such month')"]))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month whose files have three row groups: the reader takes two together, then one."""
    return make(tmp_path_factory.mktemp("parts"), 300_000)


@pytest.mark.parametrize("form", ["focus", "cur"])
def test_what_a_reader_is_held_against_makes_what_it_makes(
    parts: Path, form: str, tmp_path: Path
) -> None:
    """By hand: else it might take little because it is wrong, or because it does less."""
    bill = cur_of(parts) if form == "cur" else parts / "charges.parquet"
    read, landed = trueup.read_charges(bill).table, land(bill, tmp_path)
    assert landed.to_arrow() == read.to_arrow()
    assert landed.split is not None
    assert read.split is not None
    (ours,), (by_hand,) = read.split.facts, landed.split.facts
    assert pq.read_table(by_hand) == pq.read_table(ours)
    (ours,), (by_hand,) = read.split.profiles["profile"], landed.split.profiles["profile"]
    assert pq.read_table(by_hand) == pq.read_table(ours)
