"""What a name may lead to: pipes, devices, links, patterns, and paths that climb."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.focus.bill import row, write
from tests.hostile.readers import CONFIGURATION, READERS, outcome
from trueup.errors import SourceError
from trueup.fetch.feeds import _safe
from trueup.focus.charges import read_charges
from trueup.focus.landing import expand
from trueup.telemetry.usage import read_usage

SECONDS_MAX = 120  # of a command that must not wait for ever


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trueup", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


@pytest.mark.parametrize("name", ["charges", "contracts", "otlp", "configuration", "rates"])
@pytest.mark.parametrize("what", ["pipe", "device"])
def test_what_may_never_end_is_not_read(name: str, what: str, tmp_path: Path) -> None:
    """A pipe nobody writes to, and a link to /dev/zero, are refused before they are opened."""
    file = tmp_path / next(iter(READERS[name].seeds))
    os.mkfifo(file) if what == "pipe" else file.symlink_to("/dev/zero")
    assert "is a pipe or a device" in outcome(READERS[name], file)


def test_a_recording_that_may_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert "is a pipe or a device" in outcome(READERS["cassette"], tmp_path / "a.yaml")


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    """A link to a bill elsewhere is read, as whoever named it may; one in a circle is no file."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere / "b.csv")
    (tmp_path / "link.csv").symlink_to(elsewhere / "b.csv")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    assert len(read_charges(tmp_path / "link.csv").table) == 1
    with pytest.raises(SourceError, match="no such file"):
        read_charges(tmp_path / "circle.csv")


def test_folders_that_lead_back_are_entered_once(tmp_path: Path) -> None:
    """Three links to the folder they are in would be 3^40 paths; the two bills are found once."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    bills = [write(tmp_path / "1.csv"), write(deep / "2.csv")]
    for name in "xyz":
        (tmp_path / name).symlink_to(tmp_path)
        (deep / name).symlink_to(tmp_path)
    assert expand(str(tmp_path / "**" / "*.csv")) == sorted(map(str, bills))
    assert expand(str(tmp_path / "**")) == sorted(map(str, bills))


@pytest.mark.parametrize(
    "pattern", ["**/*.csv", "./**/*.csv", "**", "a/**/*.csv", "a/**/c/*.csv", "*/**/2*", "**/c/**"]
)
def test_a_pattern_finds_what_the_shell_would(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing leads back, ``**`` is Python's own: hidden folders are left out."""
    import glob

    monkeypatch.chdir(tmp_path)
    for place in ("1.csv", "a/2.csv", "a/b/2.csv", "a/b/c/3.csv", ".hidden/4.csv", "a/[c]/2.csv"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        write(Path(place))
    expected = [found for found in glob.glob(pattern, recursive=True) if Path(found).is_file()]  # noqa: PTH207
    assert expand(pattern) == sorted(expected)


@pytest.mark.parametrize(
    "name", ["a*.jsonl", "a?.jsonl", "[ab].jsonl", "it's.jsonl", 'a"; --.jsonl', "a\nb.jsonl"]
)
def test_a_name_that_is_a_pattern_is_one_file(name: str, tmp_path: Path) -> None:
    """The engine takes patterns, too: the other file beside it must not count."""
    (tmp_path / "ab.jsonl").write_bytes(READERS["otlp"].seeds["s.jsonl"] * 5)
    (tmp_path / name).write_bytes(READERS["otlp"].seeds["s.jsonl"])
    (source,) = read_usage([tmp_path / name]).sources.rows()
    assert (source["source"], source["rows_in"]) == (str(tmp_path / name), 2)


def test_a_name_that_no_report_could_spell_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 as a name: said with an escape, as given and found by a pattern."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.csv")
    write(Path(name))
    for given in (name, str(tmp_path / "*.csv")):
        with pytest.raises(SourceError, match="its name is not UTF-8: rename the file"):
            read_charges(given)
    done = command(tmp_path, "reconcile", "--charges", name)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert r"b\udcff.csv" in done.stderr


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_charges(str(tmp_path / name))


@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", "/etc/passwd", "a/../../b", "..\\..\\b", "a/\0/b", "..", "", "\ud800"],
)
def test_a_file_of_an_export_lies_below_its_folder(key: str) -> None:
    """A manifest may name anything: no part of a path climbs, and each can be written."""
    path = Path("/out") / _safe(key)
    assert ".." not in path.parts
    assert len(path.parts) > 2
    os.fsencode(path)


def test_long_names_of_an_export_stay_apart() -> None:
    """Names that no file system takes become hashes, with the ending that tells the format."""
    one, other = _safe("x" * 999 + "1.csv"), _safe("x" * 999 + "2.csv")
    assert one != other
    assert (one.suffix, len(one.name)) == (".csv", 68)


def test_a_run_writes_to_its_folders_alone(tmp_path: Path) -> None:
    """Names that climb, in cells and file names, make no file outside of out and workspace."""
    inside = tmp_path / "inside"
    inside.mkdir()
    climbing = "../../../climbed"
    write(inside / "b.csv", row(ServiceName=climbing, x_Team=climbing, ChargeCategory="Usage"))
    file = inside / "trueup.toml"
    text = CONFIGURATION.replace("bills/*.csv", "b.csv").partition("[[usage]]")[0]
    file.write_text(
        f"{text}\n[[budget]]\nname = '{climbing}'\nscope = {{ team = '{climbing}' }}\namount = '5'\ncurrency = 'USD'\n"
    )
    done = command(inside, "run", "-c", str(file), "--as-of", "2026-11-05")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"inside"}
    assert {path.name for path in inside.iterdir()} == {"b.csv", "trueup.toml", "out", ".trueup"}


@pytest.mark.parametrize("out", ["s3://bucket/out", "\\u0000"])
def test_an_output_folder_that_is_none(out: str, tmp_path: Path) -> None:
    file = tmp_path / "trueup.toml"
    file.write_text(CONFIGURATION.replace('out = "out"', f'out = "{out}"'))
    done = command(tmp_path, "run", "-c", str(file))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
