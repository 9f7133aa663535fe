"""Wheel and sdist: the same bytes wherever and whenever they are built, with what they should have."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.supply.pins import ROOT, SBOM

KEPT_OUT = shutil.ignore_patterns("__pycache__", ".*_cache", "_build", "*.pyc")
PARTS = ("src", "requirements", "docs", "examples", "changelog.d")
FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "tox.ini", ".gitignore")
YEAR_2001 = 1_000_000_000


def built(folder: Path, at: int, zone: str) -> dict[str, Path]:
    """Both distributions, from a copy whose files are of another time, built by another clock."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=KEPT_OUT)
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        os.utime(path, (at, at))
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"} | {"TZ": zone}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", "dist"],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return {path.suffix: path for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], dict[str, Path]]:
    """Built in two folders."""
    pytest.importorskip("hatchling")
    first = built(tmp_path_factory.mktemp("one"), YEAR_2001, "UTC")
    deep = tmp_path_factory.mktemp("another") / "much" / "deeper"
    deep.mkdir(parents=True)
    return first, built(deep, 2 * YEAR_2001 - YEAR_2001 // 2, "Asia/Tokyo")


def test_both_are_the_same_bytes_wherever_they_are_built(
    twice: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    """Two folders, two times, two zones: one SHA-256 each."""
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in one.values()}
        for one in twice
    )
    assert first == second
    assert {path.suffix for path in twice[0].values()} == {".whl", ".gz"}


def test_the_wheel_has_the_package_its_licences_and_its_sbom(
    twice: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    """And every file of the package, typed; no test, no document, nothing of a build."""
    with zipfile.ZipFile(twice[0][".whl"]) as wheel:
        names = set(wheel.namelist())
        (metadata,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        assert {name.split("/")[0] for name in names} == {"trueup", metadata}
        sbom = wheel.read(f"{metadata}/sboms/{SBOM.name}")
        assert json.loads(sbom) == json.loads(SBOM.read_bytes())
    source = ROOT / "src"
    package = {
        path.relative_to(source).as_posix()
        for path in (source / "trueup").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "_cache" not in str(path.parent)
    }
    assert {name for name in names if name.startswith("trueup/")} == package
    assert "trueup/py.typed" in names
    assert {f"{metadata}/licenses/{name}" for name in ("LICENSE", "NOTICE")} <= names


def test_the_sdist_builds_the_wheel(twice: tuple[dict[str, Path], dict[str, Path]]) -> None:
    """It has the package, its pins and what pyproject.toml names."""
    with tarfile.open(twice[0][".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "src/trueup/py.typed", "requirements/trueup.cdx.json"} <= names
