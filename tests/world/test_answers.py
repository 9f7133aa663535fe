"""trueup's results equal the independent answers, table by table, to the last digit."""

from __future__ import annotations

import gzip
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trueup
from tests.world import world
from tests.world.asserted_oci import NEXT_POOL
from tests.world.comparison import NAMES_OF_ROWS, Row, differences, report

START = datetime(2026, 10, 1, tzinfo=UTC)
SEEDS = range(1, 51)
EXAMPLE = Path(__file__).parents[2] / "examples" / "nightly"
BUNDLED = (7, START, 31)
RECORDINGS = "../../cassettes/*/nightly"
TO_COME = {"commitments": 1, "credits": 1}  # rows on what begins after the period
BYTES_MAX = 6_000_000
IN_RESULT = {"unattributed": "unattributed_by_reason"}

Tables = Mapping[str, Sequence[Row]]


def results(folder: Path) -> Tables:
    """What trueup makes of a folder, read by its configuration as the nightly job reads it."""
    from trueup.config import Configuration, Files, UsageFiles, read_configuration
    from trueup.model.combined import combined
    from trueup.model.dataset import Dataset

    config = read_configuration(folder / "trueup.toml")

    def paths(entry: Files) -> list[str | Path]:
        return [config.located(path) for path in entry.paths]

    def usage(entry: UsageFiles) -> Dataset:
        return trueup.read_usage(
            paths(entry),
            format=entry.format,
            columns=dict(entry.columns) or None,
            constants=dict(entry.constants) or None,
        )

    def reconciled(config: Configuration) -> trueup.Result:
        return trueup.reconcile(
            combined([trueup.read_charges(paths(entry)) for entry in config.charges]),
            commitments=combined(
                [trueup.read_commitments(paths(entry)) for entry in config.commitments]
            ),
            usage=combined([usage(entry) for entry in config.usage]),
            period=config.run.period,
            as_of=config.run.as_of,
            rules=config.rules,
        )

    return comparable(tables_of(reconciled(config)), folder)


def tables_of(result: trueup.Result) -> Tables:
    """The tables that the answers speak of."""
    return {name: getattr(result, IN_RESULT.get(name, name)).rows() for name in NAMES_OF_ROWS}


def comparable(tables: Tables, folder: Path) -> Tables:
    """Leave out what answers make no statement on, and name sources as they lie in the folder."""
    found = dict(tables)
    benefits = {row["commitment_id"] for row in tables["utilization"] if row["used_quantity"]}
    found["utilization"] = [
        row
        for row in tables["utilization"]
        if row["commitment_id"] in benefits and row["used_quantity"] is not None
    ]
    found["unattributed"] = [row for row in tables["unattributed"] if row["cost"]]
    found["buckets"] = _billed_buckets(tables["buckets"])
    found["control_totals"] = [
        {**row, "source": str(row["source"]).removeprefix(f"{folder}/")}
        for row in tables["control_totals"]
        if row["kind"] != "commitments"
    ]
    return found


def _billed_buckets(rows: Sequence[Row]) -> list[Row]:
    """The buckets of the bills: by class for breaks, as a whole for the others."""
    counted: dict[tuple[object, object], int] = defaultdict(int)
    for row in rows:
        if row["side"] == "billed":
            reason = row["reason"] if row["bucket"] == "break" else None
            counted[(row["bucket"], reason)] += int(str(row["rows"]))
    return [
        {"side": "billed", "bucket": bucket, "reason": reason, "rows": count}
        for (bucket, reason), count in counted.items()
        if count
    ]


def assert_equal(expected: Tables, found: Tables) -> None:
    """Every table agrees; otherwise the differences are shown, row by row."""
    assert expected.keys() == NAMES_OF_ROWS.keys()
    lines = [line for name in expected for line in differences(name, expected[name], found[name])]
    assert not lines, f"{len(lines)} differences\n{report(lines)}"


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_answers_of_a_seed(seed: int, tmp_path: Path) -> None:
    """Three days of any seed: every table as the ledger knows it."""
    world.write(world.make(seed, START, 3), tmp_path)
    expected = world.read_answers((tmp_path / "answers.json").read_text())
    assert_equal(expected, results(tmp_path))


def test_equals_the_answers_of_the_bundled_month(tmp_path: Path) -> None:
    """The bundled October, from recorded answers: every table as its answers.json says."""
    from trueup.config import read_configuration
    from trueup.job import Settings, run

    config = read_configuration(EXAMPLE / "trueup.toml")
    elsewhere = config.run.model_copy(update={"workspace": str(tmp_path)})
    config = config.model_copy(update={"run": elsewhere})
    outcome = run(config, Settings(out=tmp_path / "out"))
    assert (outcome.exit_code, outcome.failures) == (0, ())
    assert outcome.result is not None
    expected = dict(world.read_answers((EXAMPLE / "answers.json").read_text()))
    found = dict(comparable(tables_of(outcome.result), EXAMPLE))
    begun = {name: [row for row in found[name] if not _to_come(row)] for name in TO_COME}
    assert {name: len(found[name]) - len(begun[name]) for name in TO_COME} == TO_COME
    found |= begun
    for tables in (expected, found):
        tables["control_totals"] = list(map(dict, _by_provider(tables["control_totals"])))
    assert_equal(expected, found)


def _to_come(row: Row) -> bool:
    """Whether it is the contract's second year, which the provider tells of before it begins."""
    return row["commitment_id"] == NEXT_POOL


def _by_provider(rows: Sequence[Row]) -> list[Row]:
    """Control totals of bills by provider: recorded exports cut them into other files."""
    sums: dict[tuple[object, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    other = []
    for row in rows:
        path = Path(str(row["source"])).parts
        place = next((name for name in ("fetched", "bills") if name in path), None)
        if place is None:
            other.append(row)
            continue
        provider = path[path.index(place) + 1]
        for column in ("rows_in", "accepted", "rejected", "billed_cost", "effective_cost"):
            value = row.get(column)
            sums[(provider, row["currency"])][column] += Decimal(str(value or 0))
    return other + [
        {"source": provider, "currency": currency, **figures}
        for (provider, currency), figures in sums.items()
    ]


def test_bundled_month_is_what_the_generator_writes() -> None:
    """Written again from its seed, the example has the same content, file by file.

    Compressed files are compared unpacked and Parquet as a table: other versions of the libraries
    that pack them give other bytes for the same content.
    """
    for path, content in world.files(world.make(*BUNDLED), RECORDINGS).items():
        assert _unpacked(path, (EXAMPLE / path).read_bytes()) == _unpacked(path, content), path


def test_bundled_month_is_small() -> None:
    """All its files together stay under 6 MB."""
    files = world.files(world.make(*BUNDLED), RECORDINGS)
    assert sum((EXAMPLE / path).stat().st_size for path in files) < BYTES_MAX


def _unpacked(path: str, content: bytes) -> object:
    if path.endswith(".gz"):
        return gzip.decompress(content)
    if path.endswith(".zst"):
        return pa.input_stream(io.BytesIO(content), compression="zstd").read()
    if path.endswith(".parquet"):
        return pq.read_table(io.BytesIO(content)).to_pylist()
    return content


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("commitments", "used_quantity"),
        ("utilization", "unused_cost"),
        ("breaks", "amount"),
        ("breaks", "expected"),
        ("pending", "expected"),
        ("allocations", "cost"),
        ("unattributed", "cost"),
        ("identity", "allocated"),
        ("credits", "remaining"),
        ("control_totals", "effective_cost"),
    ],
)
def test_one_wrong_digit_is_found(table: str, column: str) -> None:
    """A result that is off in the last digit of one figure does not pass."""
    expected = world.read_answers(world.files(world.make(1, START, 3))["answers.json"].decode())
    found = {name: [dict(row) for row in rows] for name, rows in expected.items()}
    assert_equal(expected, found)
    row = next(row for row in found[table] if row.get(column))
    exponent = Decimal(str(row[column])).as_tuple().exponent
    row[column] = Decimal(str(row[column])) + Decimal(1).scaleb(int(exponent))
    with pytest.raises(AssertionError, match=rf"1 differences\s+{table}: .*{column} is"):
        assert_equal(expected, found)


def test_a_lost_and_a_new_row_are_found() -> None:
    """A break too few and one too many are both named."""
    expected = world.read_answers(world.files(world.make(1, START, 3))["answers.json"].decode())
    [first, *rest] = expected["breaks"]
    found = expected | {"breaks": [*rest, {**first, "provider": "nimbus"}]}
    with pytest.raises(
        AssertionError, match=r"2 differences\s+breaks: missing .*\n\s+breaks: unexp"
    ):
        assert_equal(expected, found)
