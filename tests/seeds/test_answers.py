"""trueup's results equal the independent answers, table by table, to the last digit."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.burnt import assert_burnt
from tests.seeds.charged import assert_charged
from tests.seeds.results import assert_equal, assert_equal_as_fetched, comparable, reconciled
from tests.seeds.sessions import assert_sessions
from tests.some import some
from tests.twin.exchange import Answerer
from tests.twin.recordings import PROVIDERS, recorded_of, twin_of
from tests.twin.server import running
from tests.world import world
from trueup.config import Files, read_configuration
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import fetch_all, paths_of
from trueup.job.run import run
from trueup.job.settings import Settings
from trueup.model.table import Table

START = datetime(2026, 10, 1, tzinfo=UTC)
FROM_FILES = some(range(1, 51), 1)  # test_legs has them with further faults
FETCHED = some(range(26, 51), 1)
SDKS = ("boto3", "google.cloud.bigquery", "azure.identity", "oci")
EXAMPLE = Path(__file__).parents[2] / "examples" / "nightly"
BUNDLED = (7, START, 31)
RECORDINGS = "../../cassettes/*/nightly"
BYTES_MAX = 6_000_000
FIGURES_OF_SESSIONS = [
    ("session_costs", "cost"),
    ("session_costs", "committed_cost"),
    ("session_costs", "quantity"),
    ("allocations", "committed_cost"),
    ("rated", "cost"),
    ("rated", "quantity"),
]


@pytest.mark.parametrize("seed", FROM_FILES)
def test_equals_the_answers_of_a_seed(seed: int, tmp_path: Path) -> None:
    """Three days of any seed, from files: every table as the ledger knows it."""
    made = world.make(seed, START, 3)
    world.write(made, tmp_path)
    expected = world.read_answers((tmp_path / "answers.json").read_text())
    result = reconciled(read_configuration(tmp_path / "trueup.toml"))
    assert_equal(expected, comparable(result, tmp_path))
    assert_charged(made, result)
    assert_sessions(made, expected, result)
    assert_burnt(made.ledger, result)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Answerer]]:
    """A twin of all providers, with credentials for each; a test says who answers for a host."""
    for sdk in SDKS:
        pytest.importorskip(sdk, reason="a provider's SDK is not installed")
    with ExitStack() as stack:
        for name in PROVIDERS:
            stack.enter_context(patch.dict("os.environ", getattr(twin_of(name), "ENVIRONMENT", {})))
        answerers: dict[str, Answerer] = {}
        stack.enter_context(running(answerers, tmp_path_factory.mktemp("authority")))
        yield answerers


@pytest.mark.parametrize("seed", FETCHED)
def test_equals_the_answers_of_a_seed_that_is_fetched(
    seed: int, clouds: dict[str, Answerer], tmp_path: Path
) -> None:
    """Three days of other seeds, bills and contracts asked of all four through their SDKs."""
    made = world.make(seed, START, 3)
    world.write(made, tmp_path, RECORDINGS)
    clouds |= {twin_of(name).HOSTS: recorded_of(name, made) for name in PROVIDERS}
    config = read_configuration(tmp_path / "trueup.toml")
    assert config.run.period
    assert config.run.as_of
    fetched = fetch_all(
        {name: twin_of(name).SETTINGS for name in PROVIDERS},
        config.run.period,
        Place(Landing.at(tmp_path), tmp_path / "fetched", config.run.as_of),
    )
    assert [one.failures for one in fetched] == [()] * len(PROVIDERS)
    found = {
        "charges": tuple(
            Files(paths=tuple(map(str, one.charges)), name=one.provider) for one in fetched
        ),
        "commitments": (
            *config.commitments,
            Files(paths=tuple(map(str, paths_of(fetched, "commitments"))), name="contracts"),
        ),
    }
    expected = world.read_answers((tmp_path / "answers.json").read_text())
    result = reconciled(config.model_copy(update=found))
    assert_equal_as_fetched(expected, comparable(result, tmp_path))


def test_equals_the_answers_of_the_bundled_month(tmp_path: Path) -> None:
    """The bundled October, from recorded answers: every table as its answers.json says."""
    config = read_configuration(EXAMPLE / "trueup.toml")
    elsewhere = config.run.model_copy(update={"workspace": str(tmp_path)})
    config = config.model_copy(update={"run": elsewhere})
    outcome = run(config, Settings(out=tmp_path / "out"))
    assert (outcome.exit_code, outcome.failures) == (0, ())
    assert outcome.result is not None
    expected = world.read_answers((EXAMPLE / "answers.json").read_text())
    assert_equal_as_fetched(expected, comparable(outcome.result, EXAMPLE))
    made = world.make(*BUNDLED)
    assert_charged(made, outcome.result)
    assert_sessions(made, expected, outcome.result)
    assert_burnt(made.ledger, outcome.result)


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


@pytest.mark.parametrize("factor", [0, 2])
def test_wrong_figures_of_sessions_are_found(factor: int, tmp_path: Path) -> None:
    """A figure that is doubled, or nothing, does not pass; the ledger has none of what is unrated."""
    made = world.make(1, START, 3)
    world.write(made, tmp_path)
    expected = world.read_answers((tmp_path / "answers.json").read_text())
    result = reconciled(read_configuration(tmp_path / "trueup.toml"))
    assert_sessions(made, expected, result)
    found = set()
    for table, figure in FIGURES_OF_SESSIONS:
        right = getattr(result, table)
        rows = right.rows()
        for basis in {row.get("basis") for row in rows if row[figure]} - {"unrated"}:
            wrong = [
                {**row, figure: row[figure] * factor}
                if row.get("basis") == basis and row[figure]
                else row
                for row in rows
            ]
            changed = Table.from_rows(right.to_arrow().schema, wrong)
            with patch.dict(vars(result), {table: changed}), pytest.raises(AssertionError):
                assert_sessions(made, expected, result)
            found.add((figure, basis))
    assert found >= {("cost", "billed"), ("cost", "accrued"), ("quantity", "capacity")}
    assert found >= {(name, basis) for name in ("cost", "quantity") for basis in ("rated", None)}
    assert found >= {("committed_cost", "billed"), ("committed_cost", None)}


def test_a_lost_and_a_new_row_are_found() -> None:
    """A break too few and one too many are both named."""
    expected = world.read_answers(world.files(world.make(1, START, 3))["answers.json"].decode())
    [first, *rest] = expected["breaks"]
    found = expected | {"breaks": [*rest, {**first, "provider": "nimbus"}]}
    with pytest.raises(
        AssertionError, match=r"2 differences\s+breaks: missing .*\n\s*breaks: unexp"
    ):
        assert_equal(expected, found)
