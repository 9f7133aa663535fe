"""`trueup init`: a commented configuration that is valid as it stands and when turned on."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from trueup.adapter.registry import providers
from trueup.cli.app import app
from trueup.config import read_configuration


def test_what_it_writes_is_valid(tmp_path: Path) -> None:
    """The file parses, with one source of charges and the results beside it."""
    file = tmp_path / "trueup.toml"
    found = CliRunner().invoke(app, ["init", "--out", str(file)])
    assert found.exit_code == 0
    assert f"trueup doctor -c {file}" in found.stdout
    config = read_configuration(file)
    assert [entry.paths for entry in config.charges] == [("bills/*.csv",)]
    assert config.out == tmp_path / "out"


def test_every_line_that_is_off_can_be_turned_on(tmp_path: Path) -> None:
    """With the # of every `#key` and `#[table]` removed the file still parses."""
    file = tmp_path / "trueup.toml"
    CliRunner().invoke(app, ["init", "--out", str(file)])
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(?m)^#(?=\S)", "", text), encoding="utf-8")
    config = read_configuration(file)
    assert config.run.material_amount == 100
    assert [kind for kind, _ in config.sources()] == [
        "charges",
        "commitments",
        "invoices",
        "usage",
        "usage",
    ]
    assert list(config.providers) == list(providers())


def test_it_never_overwrites_unasked(tmp_path: Path) -> None:
    """A file that is there stays, byte for byte, until --force is given."""
    file = tmp_path / "trueup.toml"
    file.write_text("# mine\n", encoding="utf-8")
    found = CliRunner().invoke(app, ["init", "--out", str(file)])
    assert found.exit_code == 2
    assert found.stderr == f"Error: {file}: is there already; --force overwrites it\n"
    assert file.read_text(encoding="utf-8") == "# mine\n"
    assert CliRunner().invoke(app, ["init", "--out", str(file), "--force"]).exit_code == 0
    assert "[[charges]]" in file.read_text(encoding="utf-8")


def test_it_makes_the_folder(tmp_path: Path) -> None:
    """A new folder is part of starting."""
    file = tmp_path / "new" / "trueup.toml"
    assert CliRunner().invoke(app, ["init", "--out", str(file)]).exit_code == 0
    assert file.exists()
