"""The page on adding a provider is a provider: its files are written, recorded, tested and run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vcr")
pytest.importorskip("requests")

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "add-a-provider.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^`(?P<path>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
RECORDED = """
import sys
from pathlib import Path
from tests.twin.exchange import Response
from tests.twin.server import running
from trueup.cli import main

def answer(request):
    path = request.path.removeprefix("/v1/")
    name = path.removeprefix("exports/") if path.startswith("exports/") else f"{path}.json"
    if request.query.get("page"):
        name = f"{path}-{request.query['page']}.json"
    if request.headers.get("authorization") != "Bearer of the test":
        return Response(b"{}", 401)
    return Response((Path("answers") / name).read_bytes())

with running({r"api\\.examplecloud\\.example": answer}, Path()):
    main()
"""


@dataclass(frozen=True)
class Package:
    """The page's files in a folder, found by Python as an installed package is."""

    folder: Path

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """What a command of the page does; recording asks a server on this machine."""
        name, *arguments = shlex.split(command)
        started = {
            "trueup": ["-m", "trueup"],
            "pytest": ["-m", "pytest", "-p", "no:cacheprovider", "-q"],
            "python": [],
        }[name]
        if arguments[0] == "record":
            started = ["-c", RECORDED]
            arguments += ["--key-file", str(self.folder / "key")]
        paths = (str(self.folder), os.environ["PYTHONPATH"], str(ROOT / "src"), str(ROOT))
        return subprocess.run(
            [sys.executable, *started, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "EXAMPLECLOUD_TOKEN": "of the test",
            },
            capture_output=True,
            text=True,
            check=False,
        )


def commands() -> list[str]:
    return re.findall(r"(?m)^```sh\n(.+)\n```$", PAGE)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """All files of the page, and after each of its commands what that has made."""
    folder = tmp_path_factory.mktemp("fifth")
    files = {match["path"]: match["text"] for match in BLOCK.finditer(PAGE)}
    sums = "cassettes/examplecloud/hour/sums.toml"
    later = {sums: files.pop(sums)}  # a recording is made in an empty folder
    made = Package(folder)
    write(folder, files | installed(files["pyproject.toml"]))
    for command in commands():
        done = made.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        write(folder, later)
    return made


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def installed(pyproject: str) -> dict[str, str]:
    """What pip writes beside a package that it installs."""
    project = tomllib.loads(pyproject)["project"]
    (slug, target), *_ = project["entry-points"]["trueup.providers"].items()
    name, version = project["name"].replace("-", "_"), project["version"]
    needs = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    return {
        f"{name}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {version}\n{needs}"
        ),
        f"{name}-{version}.dist-info/entry_points.txt": f"[trueup.providers]\n{slug} = {target}\n",
    }


@pytest.fixture(scope="module")
def result(package: Package) -> dict[str, Any]:
    (file,) = (package.folder / "out").rglob("result.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_every_command_of_the_page_was_run(package: Package) -> None:
    """Recorded, golden tables written, conformance passed, and run: in this order."""
    assert [command.split()[0] for command in commands()] == [
        "trueup",
        "python",
        "pytest",
        "trueup",
    ]
    assert len(list((package.folder / "cassettes").rglob("*.yaml"))) == 3


def test_the_suite_notices_a_wrong_column(package: Package) -> None:
    """It passes on the page's files; with what is held taken for used, it does not."""
    file = package.folder / "trueup_examplecloud" / "usage.py"
    right = file.read_text(encoding="utf-8")
    file.write_text(right.replace('"used": str(one["used"])', '"used": str(one["held"])'), "utf-8")
    done = package.run("pytest tests")
    file.write_text(right, encoding="utf-8")
    assert done.returncode == 1
    assert "2 failed, 4 passed" in done.stdout


def test_the_commitments_are_those_worked_out_by_hand(result: dict[str, Any]) -> None:
    """2 = 1.5 + 0.5 and 1 = 1 + 0 GPU-hours; 6.00 = 4.50 + 1.50 and 2.80 = 2.80 + 0.00 EUR."""
    names = [
        f"{what}_{of}" for of in ("quantity", "cost") for what in ("committed", "used", "unused")
    ]
    found = {
        one["commitment_id"]: [Decimal(one[name]) for name in names]
        for one in result["commitments"]
    }
    assert found == {
        "rsv-1": [Decimal(text) for text in ("2", "1.5", "0.5", "6.00", "4.50", "1.50")],
        "rsv-2": [Decimal(text) for text in ("1", "1", "0", "2.80", "2.80", "0")],
    }
    assert {one["provider"] for one in result["commitments"]} == {"examplecloud"}


def test_the_hour_costs_what_the_page_says(result: dict[str, Any]) -> None:
    """4.50 + 1.50 + 2.80 + 5.00 = 13.80 EUR, 1.50 of it unused, and nothing disagrees."""
    (identity,) = result["identity"]
    assert identity["currency"] == "EUR"
    assert Decimal(identity["billed"]) == Decimal("13.80")
    assert Decimal(identity["unused"]) == Decimal("1.50")
    assert result["breaks"] == []


def test_a_recording_says_which_sdk_it_was_made_with(package: Package) -> None:
    """The packages are those that the adapter's own package needs; the account is a pseudonym."""
    (sidecar,) = (package.folder / "cassettes").rglob("provenance.json")
    known = json.loads(sidecar.read_text(encoding="utf-8"))
    assert "requests" in known["sdk"]
    assert known["settings"]["account"].startswith("trueup")
