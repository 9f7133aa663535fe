"""The suite for adapters, over a recording that holds and the same one spoiled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from inspect import signature
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("vcr")

from tests.fetch.nimbus import (
    ANSWERS,
    CONNECTOR,
    FEED,
    recorded,
    stands,
    with_rows,
)

from trueup.adapter.feed import Answer, Asking, Connector, Row
from trueup.fetch.cassette.provenance import SIDECAR
from trueup.testing.conformance import (
    Case,
    Conformance,
    at_path,
    faults_of_commitments,
    find_cases,
    raw_answers,
    tables,
    write_golden,
)

SUMS = """
[[sum]]
feed = "plans"
column = "ContractCommitmentCost"
path = "plans[].commitment"
times = {times}
"""
Check = Callable[[Case, Path], None]


def prices(_: Sequence[Answer]) -> list[Row]:
    """A price without anything that a commitment has."""
    return [{"provider": "nimbus", "price": "1.00"}]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """One plan of 11.00 and a file of two rows, one of them rejected; approved as it is."""
    stands(monkeypatch)
    found = Case(tmp_path / "cassettes" / "nightly")
    assert recorded(found.folder).failures == ()
    (found.folder / "sums.toml").write_text(SUMS.format(times=1), encoding="utf-8")
    write_golden(found, tmp_path / "golden")
    return found


def checks() -> Iterator[tuple[str, Check]]:
    """Every check of the suite by its name, given what it asks for, as pytest does."""
    suite = Conformance()
    for name in dir(suite):
        if name.startswith("test_"):
            method = getattr(suite, name)
            asked = signature(method).parameters

            def check(case: Case, tmp_path: Path, method: Any = method, asked: Any = asked) -> None:
                given = {"case": case, "tmp_path": tmp_path}
                method(**{each: given[each] for each in asked})

            yield name, check


def failing(case: Case, folder: Path) -> set[str]:
    """Which checks fail, each in a workspace of its own."""
    found = set()
    for name, check in checks():
        try:
            check(case, folder / f"of-{name}")
        except AssertionError:
            found.add(name.removeprefix("test_"))
    return found


def test_a_recording_that_holds_passes_every_check(case: Case, tmp_path: Path) -> None:
    """Its golden tables are its plan and the sums of its file: 10.00 billed, a row of two."""
    assert failing(case, tmp_path) == set()
    golden = {file.name: file.read_text("utf-8") for file in (case.folder / "golden").iterdir()}
    assert set(golden) == {"nimbus-plans.csv", "charges.csv"}
    file, rows_in, accepted, rejected, currency, billed, effective = (
        golden["charges.csv"].splitlines()[1].split(",")
    )
    assert (file, rows_in, accepted, rejected) == ("nimbus/oct.csv", "2", "1", "1")
    assert (currency, float(billed), float(effective)) == ("USD", 10.0, 8.5)


def test_every_recording_below_a_folder_is_a_test(case: Case) -> None:
    """Its id is its provider and the folder's name; a check without a case is left as it is."""

    class Suite(Conformance):
        recordings = case.folder.parents[1]

    asked: list[tuple[Any, ...]] = []
    for names in (["case", "tmp_path"], ["tmp_path"]):
        metafunc: Any = SimpleNamespace(
            fixturenames=names, parametrize=lambda *given, ids: asked.append((*given, ids))
        )
        Suite().pytest_generate_tests(metafunc)
    assert asked == [("case", [case], ["nimbus-nightly"])]
    assert find_cases(case.folder / "golden") == []


def test_another_table_than_the_approved_one_is_seen(case: Case, tmp_path: Path) -> None:
    """Another cost in the golden table, and one that is not there."""
    golden = case.folder / "golden" / "nimbus-plans.csv"
    text = golden.read_text(encoding="utf-8")
    golden.write_text(text.replace("11.00", "12.00"), encoding="utf-8")
    assert failing(case, tmp_path / "one") == {"plays_to_the_end_and_gives_the_golden_tables"}
    golden.unlink()
    assert failing(case, tmp_path / "two") == {"plays_to_the_end_and_gives_the_golden_tables"}


def test_an_export_that_is_not_asked_for_is_seen(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its export the provider gives no sums of files, and an exchange is left over."""
    stands(monkeypatch, replace(CONNECTOR, exports=()))
    fetched = case.play(tmp_path / "less")
    assert [failure.what for failure in fetched.failures] == ["replay (replay)"]
    assert set(tables(fetched, tmp_path / "less")) == {"nimbus-plans.csv"}
    assert "plays_to_the_end_and_gives_the_golden_tables" in failing(case, tmp_path)


def test_what_grows_at_each_run_is_seen(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed that asks with a number of its own lands its answer again."""
    number = count()

    def fetch(asker: Asking) -> list[Answer]:
        ask = lambda: asker.connection.get("/plans")  # noqa: E731
        return [asker.once("ListPlans", ask, try_number=str(next(number)))]

    stands(monkeypatch, replace(CONNECTOR, feeds=(replace(FEED, fetch=fetch),)))
    assert failing(case, tmp_path) == {"a_second_run_adds_nothing"}


def test_sums_that_are_not_those_of_the_answers_are_seen(case: Case, tmp_path: Path) -> None:
    """The answers tell 11.00 once, not twice; and no sum at all is no check."""
    sums = case.folder / "sums.toml"
    sums.write_text(SUMS.format(times=2), encoding="utf-8")
    assert failing(case, tmp_path / "one") == {"sums_are_those_of_the_raw_answers"}
    sums.write_text("sum = []\n", encoding="utf-8")
    assert failing(case, tmp_path / "two") == {"sums_are_those_of_the_raw_answers"}


def test_an_id_beside_a_recording_is_seen(case: Case, tmp_path: Path) -> None:
    """An account's number in a file of the folder; the hashes of the sidecar are no ids."""
    (case.folder / "notes.txt").write_text("of account 123456789012", encoding="utf-8")
    assert failing(case, tmp_path) == {"no_recording_holds_an_id_or_a_secret"}


def test_a_sidecar_that_hides_its_origin_is_seen(case: Case, tmp_path: Path) -> None:
    """A recording says which packages asked."""
    sidecar = case.folder / SIDECAR
    told = json.loads(sidecar.read_text(encoding="utf-8"))
    assert failing(case, tmp_path / "one") == set()
    sidecar.write_text(json.dumps(told | {"sdk": {}}), encoding="utf-8")
    assert failing(case, tmp_path / "two") == {"says_honestly_where_it_comes_from"}


@pytest.mark.parametrize(
    ("connector", "faults"),
    [
        (
            with_rows(ContractCommitmentPeriodEnd="soon"),
            ["plans: row 1: ContractCommitmentPeriodEnd: "],
        ),
        (
            with_rows(ContractId=None),
            ["plans: ContractId is empty, and not declared as unknown"],
        ),
        (
            with_rows(ContractCommitmentModel="Now and then"),
            ["plans: ContractCommitmentModel = 'Now and then': not one of ('Continuous', "],
        ),
        (replace(CONNECTOR, feeds=(replace(FEED, gives="rates", normalise=prices),)), []),
    ],
    ids=["rejected", "empty", "foreign", "no commitments"],
)
def test_commitments_that_are_not_focus_are_seen(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connector: Connector,
    faults: list[str],
) -> None:
    """A period without end, a gap that was not declared, a word FOCUS does not know."""
    stands(monkeypatch, connector)
    found = list(faults_of_commitments(case.play(tmp_path / "played")))
    assert len(found) == len(faults)
    assert all(one.startswith(begin) for one, begin in zip(found, faults, strict=True))
    check = dict(checks())["test_commitments_are_focus"]
    with pytest.raises(AssertionError) if faults else nullcontext():
        check(case, tmp_path / "checked")


def test_a_gap_that_is_declared_is_none(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider cannot tell its contract, and says so."""
    (feed,) = with_rows(ContractId=None).feeds
    stands(monkeypatch, replace(CONNECTOR, feeds=(replace(feed, unknown=("ContractId",)),)))
    assert list(faults_of_commitments(case.play(tmp_path / "played"))) == []


def test_answers_that_failed_or_are_empty_are_no_raw_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three feeds, one was refused and one has no body: one answer is left."""
    stands(monkeypatch)
    recorded(tmp_path / "one", {**ANSWERS, "/plans": (403, b"{}"), "/exports/oct.csv": (200, b"")})
    assert list(raw_answers(Case(tmp_path / "one"))) == []
    recorded(tmp_path / "two")
    assert [feed for feed, _ in raw_answers(Case(tmp_path / "two"))] == ["costs", "plans"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", [[{"b": 1}, {"b": 2}, {}]]),
        ("a[].b", [1, 2]),
        ("a[1].b", [2]),
        ("a[7].b", []),
        ("gone", []),
        ("gone[].b", []),
        ("a.b", []),
        ("c.d", [3]),
        ("c[].d", []),
    ],
)
def test_a_path_leads_to_every_value(path: str, found: list[Any]) -> None:
    """Into members, each item of a list, or one; to nothing where nothing is."""
    assert list(at_path({"a": [{"b": 1}, {"b": 2}, {}], "c": {"d": 3}}, path)) == found


def test_a_path_may_begin_with_a_list() -> None:
    """The answer itself is the list."""
    assert list(at_path([{"b": 1}, {"b": None}, {"b": 2}], "[].b")) == [1, 2]
