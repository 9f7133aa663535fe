"""The public face: what `import trueup` offers, and what `reconcile` does with its arguments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import trueup
from trueup import api
from trueup.errors import UsageError
from trueup.model.dataset import Dataset
from trueup.model.rules import Rules
from trueup.model.schema import REJECTS, RESULT_TABLES, SOURCES, USAGE
from trueup.model.table import Table
from trueup.period import Period

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)


def dataset(kind: str) -> Dataset:
    """An empty dataset of a kind; its columns play no part here."""
    return Dataset(
        kind,
        Table.from_rows(USAGE, []),
        Table.from_rows(SOURCES, []),
        Table.from_rows(REJECTS, []),
    )


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every call of the core; it answers with the empty outcome that it was asked for."""
    from trueup.model.outcome import Outcome

    calls: list[dict[str, Any]] = []

    def outcome_of(inputs: Any, **given: Any) -> Outcome:
        calls.append({**vars(inputs), **given})
        tables = {name: Table.from_rows(schema, []) for name, schema in RESULT_TABLES.items()}
        return Outcome(START, END, given["as_of"], tables, inputs)

    monkeypatch.setattr(api, "outcome_of", outcome_of)
    return calls


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What each reader was asked to read."""
    asked: list[tuple[str, Any]] = []

    def reader_of(kind: str) -> Callable[..., Dataset]:
        def read(given: Any) -> Dataset:
            asked.append((kind, given))
            return dataset(kind)

        return read

    monkeypatch.setattr(api, "reader_of", reader_of)
    return asked


def test_every_public_name_is_there() -> None:
    """Each name of `__all__` resolves, and is listed by `dir`."""
    for name in trueup.__all__:
        assert getattr(trueup, name) is not None
        assert name in dir(trueup)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'read_chargse'"):
        _ = trueup.read_chargse  # type: ignore[attr-defined]  # misspelt on purpose


def test_reconcile_stays_a_function_when_the_subpackage_is_imported() -> None:
    """`trueup.reconcile` is the public function before and after its subpackage is loaded."""
    program = (
        "import trueup, importlib\n"
        "importlib.import_module('trueup.reconcile')\n"
        "assert callable(trueup.reconcile), trueup.reconcile\n"
        "importlib.reload(importlib.import_module('trueup.reconcile'))\n"
        "from trueup import reconcile\n"
        "assert reconcile is trueup.reconcile and reconcile.__module__ == 'trueup.api'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_trueup_resolves_nothing() -> None:
    """`import trueup` imports none of its own modules."""
    program = (
        "import sys, trueup\n"
        "found = [name for name in sys.modules if name.startswith('trueup.')]\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_datasets_go_to_the_core_as_they_are(core: list[dict[str, Any]]) -> None:
    """What was read already is not read again; period, rules and clock arrive parsed."""
    charges, usage, invoices = dataset("charges"), dataset("usage"), dataset("invoices")
    result = trueup.reconcile(
        charges,
        usage=usage,
        invoices=invoices,
        period="2026-10",
        as_of="2026-11-05",
        rules={"idle": "spread"},
    )
    assert core == [
        {
            "charges": charges,
            "commitments": None,
            "usage": usage,
            "invoices": invoices,
            "asserted": {},
            "unread": (),
            "stated": (),
            "period": Period(START, END),
            "rules": Rules(idle="spread"),
            "as_of": datetime(2026, 11, 5, tzinfo=UTC),
            "engine": "duckdb",
        }
    ]
    assert result.start == START
    assert result.usage is usage


def test_paths_are_read(core: list[dict[str, Any]], readers: list[tuple[str, Any]]) -> None:
    """Paths and lists of paths go to the reader of their kind."""
    trueup.reconcile("bills/*.csv", commitments=Path("c.toml"), usage=["a.jsonl", "b.jsonl"])
    assert readers == [
        ("charges", "bills/*.csv"),
        ("commitments", Path("c.toml")),
        ("usage", ["a.jsonl", "b.jsonl"]),
    ]
    assert core[0]["charges"].kind == "charges"


def test_a_data_frame_is_read(core: list[dict[str, Any]], readers: list[tuple[str, Any]]) -> None:
    """Anything that hands itself on as Arrow goes to the reader too."""
    import polars

    frame = polars.DataFrame({"BilledCost": ["1.00"]})
    trueup.reconcile(frame)
    assert readers[0][1] is frame
    assert core[0]["period"] is None


def test_the_clock_is_now_unless_it_is_given(core: list[dict[str, Any]]) -> None:
    """Without `as_of` the run's clock is the wall clock, in UTC."""
    trueup.reconcile(dataset("charges"))
    assert abs(datetime.now(UTC) - core[0]["as_of"]) < timedelta(minutes=1)
    assert core[0]["as_of"].tzinfo is UTC


def test_a_dataset_of_another_kind_is_refused() -> None:
    """Usage given as charges is named, with the reader that would be right."""
    with pytest.raises(trueup.UsageError, match=r"dataset of usage.*trueup\.read_charges"):
        trueup.reconcile(dataset("usage"))


def test_an_unknown_engine_is_refused_before_anything_is_read(
    readers: list[tuple[str, Any]],
) -> None:
    """The engines are listed, the nearest one first."""
    with pytest.raises(trueup.UsageError, match=r"did you mean 'duckdb'\? it is one of"):
        trueup.reconcile("bill.csv", engine="duckbd")
    assert readers == []


@pytest.mark.parametrize("period", ["2026-13", "October", ("2026-10-02", "2026-10-01")])
def test_a_wrong_period_is_refused_before_anything_is_read(
    readers: list[tuple[str, Any]], period: Any
) -> None:
    """A period that cannot be meant stops the run before the files are opened."""
    with pytest.raises(trueup.UsageError):
        trueup.reconcile("bill.csv", period=period)
    assert readers == []


@pytest.mark.parametrize(
    ("rows", "why"),
    [("", "no row"), ("1,1,USD,Usage,lunch,2026-10-02\n", "1 rejected, the first: ")],
)
def test_a_bill_without_a_charge_is_named(tmp_path: Path, rows: str, why: str) -> None:
    """Which file, why there is nothing in it, and what to do."""
    columns = (
        "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd"
    )
    path = tmp_path / "bill.csv"
    path.write_text(f"{columns}\n{rows}", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        trueup.reconcile(path)
    assert str(caught.value).startswith(f"{path}: no charge to reconcile ({why}")
    assert str(caught.value).endswith("give the bill that holds the charges")


def test_a_forecast_is_of_a_result_or_of_a_workspace(
    core: list[dict[str, Any]], readers: list[tuple[str, Any]], tmp_path: Path
) -> None:
    """A result is one run that is known; a workspace without a run has none."""
    result = trueup.reconcile("bill.csv")
    assert [(run.start, run.end) for run in trueup.forecast(result).runs] == [(START, END)]
    assert list(trueup.forecast(str(tmp_path / ".trueup")).runs) == []
