"""What every adapter must do with every recording of it: a suite for pytest.

A recording is a folder with a ``provenance.json``; beside its exchanges lie

- ``golden/``: the normalised tables it must give, one CSV a feed, and ``charges.csv`` with rows and
  sums of every exported file; written by ``write_golden``, read and approved by a person;
- ``sums.toml``: which figures of the raw answers each column must add up to, as ``[[sum]]`` tables
  with ``feed``, ``column``, ``path`` (``plans[].commitment``) and ``times``, where the answers tell
  the same total so many times.

In a test module::

    from trueup.testing.conformance import Conformance

    class TestConformance(Conformance):
        recordings = Path("cassettes")
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.adapter.feed import COMMITMENTS, exact_json
from trueup.fetch.cassette.provenance import (
    SIDECAR,
    Provenance,
    read_provenance,
    recorded_text,
    recordings,
)
from trueup.fetch.cassette.pseudonyms import foreign
from trueup.fetch.cassette.replay import exchanges
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import Fetched, replayed
from trueup.fetch.settings import connector_of
from trueup.focus.charges import read_charges
from trueup.focus.columns import CONTRACT_COMMITMENT, DATASETS
from trueup.focus.commitments import read_commitments
from trueup.period import parse_period
from trueup.workspace.journal import JOURNAL

if TYPE_CHECKING:
    import pytest

AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One recording of one provider."""

    folder: Path

    def __str__(self) -> str:
        return f"{self.provenance.provider}-{self.folder.name}"

    @cached_property
    def provenance(self) -> Provenance:
        return read_provenance(self.folder)

    def play(self, workspace: Path) -> Fetched:
        """What the adapter makes of the recording."""
        place = Place(Landing.at(workspace / "landing"), workspace / "fetched", AT)
        place.folder.mkdir(parents=True, exist_ok=True)
        known = self.provenance
        return replayed(known.provider, self.folder, parse_period(known.period), place)


def find_cases(folder: Path) -> list[Case]:
    """Every recording below a folder."""
    return [Case(sidecar.parent) for sidecar in sorted(folder.rglob(SIDECAR))]


def tables(fetched: Fetched, workspace: Path) -> dict[str, str]:
    """The normalised tables by file name, and the rows and sums of every exported file."""
    found = {fed.path.name: fed.path.read_text(encoding="utf-8") for fed in fetched.feeds}
    if fetched.charges:
        found["charges.csv"] = _charges(fetched, workspace)
    return found


def _charges(fetched: Fetched, workspace: Path) -> str:
    import duckdb

    with duckdb.connect() as engine:
        charges = read_charges(*fetched.charges)
        engine.register("charges", charges.table.to_arrow())
        engine.register("sources", charges.sources.to_arrow())
        rows = engine.execute(
            "SELECT source, rows_in, accepted, rejected, BillingCurrency AS currency, "
            "sum(BilledCost)::VARCHAR, sum(EffectiveCost)::VARCHAR "
            "FROM sources LEFT JOIN charges ON source_id = x_SourceId GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["file", "rows_in", "accepted", "rejected", "currency", "billed_cost", "effective_cost"]
    )
    below = f"{workspace / 'fetched'}/"
    writer.writerows([str(source).removeprefix(below), *rest] for source, *rest in rows)
    return text.getvalue()


def write_golden(case: Case, workspace: Path) -> None:
    """Write what the adapter makes of a recording as what it must make of it from now on."""
    golden = case.folder / "golden"
    golden.mkdir(exist_ok=True)
    for name, text in tables(case.play(workspace), workspace).items():
        (golden / name).write_text(text, encoding="utf-8")


def raw_answers(case: Case) -> Iterator[tuple[str, bytes]]:
    """The recorded answers with status 200 of each feed, in their order."""
    for file in recordings(case.folder):
        _, responses = exchanges(file)
        for response in responses:
            if response["status"]["code"] == 200 and response["body"]["string"]:
                yield file.name.split(".")[0], response["body"]["string"]


def at_path(value: Any, path: str) -> Iterator[Any]:
    """What lies at ``a.b[].c`` in a JSON value: every item where ``[]`` stands, one at ``[2]``."""
    name, _, rest = path.partition(".")
    key, bracket, number = name.removesuffix("]").partition("[")
    found = value.get(key) if isinstance(value, dict) and key else None if key else value
    items = [found]
    if bracket:
        items = found if isinstance(found, list) else []
        items = items[int(number) : int(number) + 1] if number else items
    for item in items:
        if item is None:
            continue
        if rest:
            yield from at_path(item, rest)
        else:
            yield item


def faults_of_commitments(fetched: Fetched) -> Iterator[str]:
    """What is not FOCUS in normalised commitments: rejects, foreign words, gaps not declared."""
    unknown = {feed.name: set(feed.unknown) for feed in connector_of(fetched.provider).feeds}
    columns = [column for column in DATASETS[CONTRACT_COMMITMENT] if column.removed is None]
    for fed in fetched.feeds:
        if fed.gives != COMMITMENTS:
            continue
        for reject in read_commitments(fed.path).rejects.rows():
            yield f"{fed.feed}: row {reject['row_number']}: {reject['column']}: {reject['reason']}"
        for row in csv.DictReader(io.StringIO(fed.path.read_text(encoding="utf-8"))):
            for column in columns:
                value = row[column.name]
                if not value and not column.nullable and column.name not in unknown[fed.feed]:
                    yield f"{fed.feed}: {column.name} is empty, and not declared as unknown"
                if value and column.values and value not in column.values:
                    yield f"{fed.feed}: {column.name} = {value!r}: not one of {column.values}"


class Conformance:
    """Inherit from it, name the folder of recordings, and pytest runs it over every case."""

    recordings: Path

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each recording."""
        if "case" in metafunc.fixturenames:
            found = find_cases(self.recordings)
            metafunc.parametrize("case", found, ids=[str(case) for case in found])

    def test_plays_to_the_end_and_gives_the_golden_tables(self, case: Case, tmp_path: Path) -> None:
        """Every exchange is asked for, nothing fails, and the tables are the approved ones."""
        fetched = case.play(tmp_path)
        assert fetched.failures == ()
        golden = {file.name: file.read_text("utf-8") for file in (case.folder / "golden").iterdir()}
        assert tables(fetched, tmp_path) == golden

    def test_a_second_run_adds_nothing(self, case: Case, tmp_path: Path) -> None:
        """The same answers again leave the landing as it is, byte by byte."""
        case.play(tmp_path)
        before = _bytes_below(tmp_path / "landing")
        case.play(tmp_path)
        assert _bytes_below(tmp_path / "landing") == before
        assert JOURNAL in before

    def test_sums_are_those_of_the_raw_answers(self, case: Case, tmp_path: Path) -> None:
        """Columns add up to what the raw answers say, read without the adapter."""
        feeds = {fed.feed: fed.path for fed in case.play(tmp_path).feeds}
        sums = tomllib.loads((case.folder / "sums.toml").read_text(encoding="utf-8"))["sum"]
        assert sums
        raw = [(feed, body) for feed, body in raw_answers(case) if body[:1] in b"{["]
        for one in sums:
            rows = csv.DictReader(io.StringIO(feeds[one["feed"]].read_text(encoding="utf-8")))
            ours = sum((Decimal(row[one["column"]] or 0) for row in rows), Decimal(0))
            theirs = sum(
                (
                    Decimal(str(found))
                    for feed, body in raw
                    if feed == one["feed"]
                    for found in at_path(exact_json(body), one["path"])
                ),
                Decimal(0),
            )
            times = int(one.get("times", 1))
            assert (one["feed"], one["column"], times * ours) == (
                one["feed"],
                one["column"],
                theirs,
            )

    def test_no_recording_holds_an_id_or_a_secret(self, case: Case) -> None:
        """Every file beside the recording, too, holds reserved ids only."""
        for file in sorted(case.folder.rglob("*")):
            if file.is_file():
                assert (file.name, foreign(_without_hashes(file))) == (file.name, [])

    def test_commitments_are_focus(self, case: Case, tmp_path: Path) -> None:
        """Normalised commitments are Contract Commitment rows of FOCUS 1.4."""
        assert list(faults_of_commitments(case.play(tmp_path))) == []

    def test_says_honestly_where_it_comes_from(self, case: Case) -> None:
        """The sidecar has the statement that belongs to its origin."""
        sidecar = json.loads((case.folder / SIDECAR).read_text(encoding="utf-8"))
        assert sidecar["statement"]
        assert sidecar["origin"] in {"synthetic", "live", "derived"}
        assert sidecar["sdk"]


def _without_hashes(file: Path) -> str:
    text = recorded_text(file)
    if file.name != SIDECAR:
        return text
    return json.dumps({**json.loads(text), "sha256": {}})


def _bytes_below(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
