"""A workspace of every released version is read by this one, and goes on growing."""

from __future__ import annotations

import json
import re
import tarfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.conftest import row, write_bill
from tests.cli.month import trueup
from tests.upgrades.keep import ARCHIVE, HERE, RESULT_SCHEMA
from trueup.workspace.journal import JOURNAL
from trueup.workspace.workspace import Workspace

VERSIONS = sorted(path.parent.name for path in HERE.glob(f"*/{ARCHIVE}"))


@pytest.fixture(params=VERSIONS)
def left(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as a version left it; the current folder."""
    with tarfile.open(HERE / request.param / ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def breaks(folder: Path, out: str = "2026-10") -> dict[str, Decimal]:
    """Class of break -> its amount, as result.json has them."""
    result = json.loads((folder / "out" / out / "result.json").read_text("utf-8"))
    return {one["class"]: Decimal(one["amount"]) for one in result["breaks"]}


def test_every_release_is_kept(root: Path) -> None:
    """Each version in CHANGELOG.md has its workspace here."""
    released = re.findall(r"(?m)^## (\d\S*)", (root / "CHANGELOG.md").read_text("utf-8"))
    assert set(released) <= set(VERSIONS)
    assert "0.1.0" in VERSIONS


def test_it_is_as_it_was_left(left: Path) -> None:
    """Two nights, a preparation and an approval; every byte is the journal's."""
    found = trueup("verify")
    assert found.exit_code == 0, found.output
    assert "6 entries, " in found.stdout
    assert "all as they were left" in found.stdout


def test_a_past_night_is_performed_again(left: Path) -> None:
    """10.00 - 11.00 = -1.00 was known before the close: the same figure, by this version."""
    found = trueup("run", "-q", "--known-at", "2026-11-20T12:00:00Z", "--out", "out/then")
    assert found.exit_code == 0, found.output
    assert breaks(left, "then") == {"commitment": Decimal("-1.00")}


def test_its_bytes_are_the_same_or_the_version_is_named(left: Path) -> None:
    """Replay has the same bytes, or says what differs; of another version, which made them."""
    made = Workspace(left / ".trueup").run("run-0002").body["version"]
    found = trueup("replay", "run-0002")
    assert found.exit_code in (0, 1), found.output
    if found.exit_code:
        assert ": differs from byte " in found.stdout or "on one side only" in found.stdout
    if found.exit_code and f"trueup, version {made}" not in trueup("--version").output:
        assert f"was made by trueup {made}" in found.stdout


def test_a_further_night_goes_on_from_it(left: Path) -> None:
    """9.50 - 11.00 = -1.50, and 8.00 where 8.50 was closed: -0.50; nothing before is touched."""
    journal = left / ".trueup" / JOURNAL
    before = journal.read_bytes()
    last = Workspace(left / ".trueup").runs()[-1]
    write_bill(left / "bills" / "oct.csv", row("Used", "8.00"), row("Unused", "1.50"))
    night = trueup("run", "-q", "--as-of", (last.at + timedelta(days=1)).isoformat())
    assert night.exit_code == 0, night.output
    assert breaks(left) == {"commitment": Decimal("-1.50"), "restatement": Decimal("-0.50")}
    assert journal.read_bytes().startswith(before)
    assert trueup("verify").exit_code == 0
    listed = json.loads(trueup("breaks", "list", "--json").stdout)
    first = {one["class"]: one["first_seen"][:10] for one in listed}
    assert first == {"commitment": "2026-11-20", "restatement": f"{last.at:%Y-%m-%d}"}
    assert "closed on" in trueup("close", "2026-10", "--status").stdout
    check_readers(left)


def check_readers(folder: Path) -> None:
    """Today's result.json is valid by the schema of then, unless schema_version says otherwise."""
    result = json.loads((folder / "out" / "2026-10" / "result.json").read_text("utf-8"))
    then = json.loads((folder / RESULT_SCHEMA.name).read_text("utf-8"))
    if then["properties"]["schema_version"]["const"] == result["schema_version"]:
        Draft202012Validator(then).validate(result)
