"""Datasets read apart and made one: columns united, numbers unique, nothing lost."""

from __future__ import annotations

import gc
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UsageError
from trueup.model.columns import AMOUNT
from trueup.model.combined import combined
from trueup.model.dataset import Dataset
from trueup.model.folder import OwnedFolder
from trueup.model.schema import REJECTS, SOURCES
from trueup.model.table import Table


def charges(name: str, costs: list[str], extra: str | None = None, rejects: int = 0) -> Dataset:
    """A dataset of one source, its rows numbered from 1, perhaps with a column of its own."""
    columns = [("BilledCost", AMOUNT), ("x_SourceId", pa.int32()), ("x_ChargeId", pa.int64())]
    schema = pa.schema([*columns, (extra, pa.string())] if extra else columns)
    rows = [
        {"BilledCost": Decimal(cost), "x_SourceId": 1, "x_ChargeId": row, extra or "": name}
        for row, cost in enumerate(costs, 1)
    ]
    counts = {"rows_in": len(costs) + rejects, "accepted": len(costs), "rejected": rejects}
    source = {"source_id": 1, "source": name, "kind": "charges", **counts}
    refused = [{"source_id": 1, "source": name, "row_number": row} for row in range(rejects)]
    return Dataset(
        "charges",
        Table.from_rows(schema, rows),
        Table.from_rows(SOURCES, [source]),
        Table.from_rows(REJECTS, refused),
    )


def test_one_dataset_stays_as_it_is() -> None:
    """Nothing is copied where nothing is combined."""
    only = charges("a", ["1"])
    assert combined([only]) is only


def test_columns_are_united_and_numbers_stay_unique() -> None:
    """A column of one dataset is null in the other; sources and rows get numbers of their own."""
    both = combined([charges("a", ["1", "2"], "x_A"), charges("b", ["3"], "x_B", rejects=1)])
    assert both.table.rows() == [
        {"BilledCost": 1, "x_SourceId": 1, "x_ChargeId": 1, "x_A": "a", "x_B": None},
        {"BilledCost": 2, "x_SourceId": 1, "x_ChargeId": 2, "x_A": "a", "x_B": None},
        # Sources 0 and 1 are taken, rows 0 to 2 too: both begin at 1, so 1 + 2 and 1 + 3.
        {"BilledCost": 3, "x_SourceId": 3, "x_ChargeId": 4, "x_A": None, "x_B": "b"},
    ]
    assert [row["source_id"] for row in both.sources.rows()] == [1, 3]
    assert [row["source_id"] for row in both.rejects.rows()] == [3]
    assert both.table.schema.field("x_SourceId").type == pa.int32()


def test_different_kinds_do_not_combine() -> None:
    """Charges and usage are never one dataset."""
    part = charges("a", [])
    usage = Dataset("usage", part.table, part.sources, part.rejects)
    with pytest.raises(UsageError, match="charges, usage"):
        combined([charges("a", []), usage])


@given(st.lists(st.lists(st.integers(-9, 9).map(str), max_size=3), min_size=1, max_size=4))
def test_nothing_is_lost(parts: list[list[str]]) -> None:
    """The rows of the whole are those of its parts, in order, each with a number of its own."""
    whole = combined([charges(str(number), costs) for number, costs in enumerate(parts)])
    rows = whole.table.rows()
    assert [row["BilledCost"] for row in rows] == [Decimal(c) for costs in parts for c in costs]
    assert len({row["x_ChargeId"] for row in rows}) == len(rows)
    assert len({row["source_id"] for row in whole.sources.rows()}) == len(parts)


def test_the_folder_goes_with_the_dataset() -> None:
    """Files on disk are removed when nothing refers to them any more, without a warning."""
    both = combined([charges("a", ["1"]), charges("b", ["2"])])
    folder = both.table.files[0].parents[1]
    assert folder.is_dir()
    del both
    gc.collect()
    assert not folder.exists()


def test_a_folder_can_be_removed_at_once() -> None:
    """`cleanup` removes it, and does no harm the second time."""
    folder = OwnedFolder()
    (folder.path / "file").write_text("", encoding="utf-8")
    folder.cleanup()
    folder.cleanup()
    assert not Path(folder.path).exists()
