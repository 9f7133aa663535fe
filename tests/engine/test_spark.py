"""Spark from outside: whose session it is, where steps are kept, what is left behind."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.engine.scratch import Scratch
from trueup.engine.spark import SCRATCH, SETTINGS, SparkEngine, _scratch
from trueup.errors import SourceError, UsageError

ROWS = pa.table({"a": pa.array([Decimal("1.5"), None], pa.decimal128(38, 18))})


def session_on(master: str | None) -> Any:
    return SimpleNamespace(conf=SimpleNamespace(get=lambda _name, other: master or other))


@pytest.mark.parametrize(
    "master", ["yarn", "k8s://https://10.0.0.1", "spark://10.0.0.1:7077", None]
)
def test_workers_elsewhere_need_a_folder_that_they_see(master: str | None) -> None:
    """A temporary folder of the driver would be empty for them: nothing runs without another."""
    with pytest.raises(UsageError, match=f"set {SCRATCH} to a folder that all of them reach"):
        _scratch(session_on(master), None)


@pytest.mark.parametrize("master", ["local[*]", "local-cluster[2,1,1024]"])
def test_local_workers_need_none(master: str) -> None:
    """Files of this machine are used where they are, and the folder goes with the run."""
    scratch = _scratch(session_on(master), None)
    assert scratch.brought(Path("/a/bill.parquet"), "x") == "/a/bill.parquet"
    assert Path(scratch.folder).is_dir()
    scratch.close()
    assert not Path(scratch.folder).exists()


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_files_are_brought_to_a_shared_folder(form: str, tmp_path: Path) -> None:
    """By path or URL, each run below its own name; when it is over nothing is left of it."""
    bill = tmp_path / "bill.parquet"
    pq.write_table(ROWS, bill)
    one, other = (Scratch(form.format(tmp_path / "shared")) for _ in range(2))
    assert one.folder != other.folder
    for path in (one.brought(bill, "a.parquet"), one.written(ROWS, "b.parquet")):
        assert path.startswith(form.format(tmp_path / "shared"))
        assert pq.read_table(path.removeprefix("file://")).equals(ROWS)
    one.close()
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_place_that_is_not_known_or_not_there_is_said(tmp_path: Path) -> None:
    """A kind of URL that no package here opens, and a file where a folder should be."""
    with pytest.raises(SourceError, match="no folder to work in: Protocol not known: nowhere"):
        Scratch("nowhere://bucket")
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot be written"):
        Scratch(str(tmp_path / "file")).written(ROWS, "b.parquet")


@pytest.mark.spark
def test_a_session_that_is_there_is_used_and_left_as_it_was(spark: Any, tmp_path: Path) -> None:
    """Its settings, views and Spark stay; what the run kept is gone."""
    before = {name: spark.conf.get(name) for name in SETTINGS}
    spark.conf.set("spark.sql.ansi.enabled", "false")
    engine = SparkEngine({**os.environ, SCRATCH: str(tmp_path / "shared")})
    assert engine.session.sparkContext is spark.sparkContext
    assert engine.session.conf.get("spark.sql.ansi.enabled") == "true"
    bill = tmp_path / "bill.parquet"
    pq.write_table(ROWS, bill)
    kept = engine.keep(engine.scan([bill], ROWS.schema).filter(lambda rows: rows.a.notnull()))
    assert engine.collect(kept).to_pylist() == [{"a": Decimal("1.5")}]
    assert engine.count(engine.scan([], ROWS.schema)) == 0
    assert len(list((tmp_path / "shared").iterdir())) == 1
    engine.close()
    assert list((tmp_path / "shared").iterdir()) == []
    assert spark.conf.get("spark.sql.ansi.enabled") == "false"
    assert spark.catalog.listTables() == []
    spark.conf.set("spark.sql.ansi.enabled", before["spark.sql.ansi.enabled"])
