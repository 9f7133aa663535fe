"""Secrets are planted everywhere; what is written and said by any command has none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fsspec
import pytest
from click.testing import CliRunner, Result
from tests.cli.month import Month
from tests.secrets import planted
from tests.secrets.searched import found_in, marked

from trueup.cli.app import app

IS_OURS = ("trueup.toml", "google.json", "preparer.key", "approver.key", "stranger.key")


def said(*arguments: str, code: int | tuple[int, ...] = 0) -> Result:
    """What a command says on both streams has no secret, whatever its exit code."""
    done = CliRunner().invoke(app, arguments, env={"LOGNAME": "nobody"})
    assert not marked(done.output_bytes), done.output
    assert done.exit_code in (code if isinstance(code, tuple) else (code,)), done.output
    return done


def assert_no_secret_in(folder: Path) -> None:
    """In no file but those that were planted."""
    left = [name for name in found_in(folder) if not name.endswith(IS_OURS)]
    assert left in ([], [planted.FOLDER]), left


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Month]:
    """October, of which a bill lies behind a URL with secrets and one in a folder called so."""
    monkeypatch.chdir(tmp_path)
    for name, value in planted.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    made = Month(tmp_path)
    bill = tmp_path / "bills" / "oct.csv"
    header, used, unused = bill.read_text().splitlines(keepends=True)
    (tmp_path / planted.FOLDER).mkdir()
    (tmp_path / planted.FOLDER / "bill.csv").write_text(header)
    bill.write_text(f"{header}{unused}more,than,there,are{',columns' * 40}\n")
    remote = fsspec.filesystem("memory")
    with fsspec.open(planted.BILL, "wt") as file:
        file.write(header + used)
    yield made
    remote.store.clear()


def configured(month: Month, more: str = "") -> None:
    """The configuration with persons, alerts, and charges from everywhere."""
    month.persons()
    text = (month.folder / "trueup.toml").read_text()
    paths = ["bills/*.csv", f"{planted.FOLDER}/*.csv", planted.BILL]
    text = text.replace('["bills/*.csv"]', json.dumps(paths))
    (month.folder / "trueup.toml").write_text(text + planted.ALERTS + more)


def test_a_month_is_run_closed_packed_and_exported_without_a_secret(month: Month) -> None:
    """Nothing that is written holds one: results, workspace, close pack, exports, metrics."""
    configured(month)
    said("run", code=0)
    said("run", "-q", "--log-format", "json")
    said("budget", "--alert")
    said("breaks", "list")
    accept = [
        f"--accept=break:{month.break_id()[:6]}=the plan grew",
        "--accept=rejected:bills/oct.csv=one line of nobody's",
    ]
    said("close", "2026-10", "--key", "preparer.key", *accept)
    said("close", "2026-10", "--approve", "--key", "approver.key")
    said("close", "2026-10", "--pack", "pack.zip")
    said("verify")
    said("replay", "run-0001")
    said("export", "focus", "--out", "focus")
    said("doctor", code=(0, 1))
    said("init", "--out", "new.toml")
    said("diff", "run-0001", "run-0002")
    said("run", "--known-at", "2026-12-01")
    assert_no_secret_in(month.folder)
    said("reconcile", "--charges", planted.BILL, "--out", "reconciled")
    assert_no_secret_in(month.folder)


def test_what_fails_tells_no_secret(
    month: Month, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A URL that nobody answers, wrong values, a wrong passphrase, an error that nobody foresaw."""
    configured(month, f'\n[[usage]]\npath = "{planted.GONE}"\n')
    said("run", code=3)
    said("run", "--log-format", "json", code=3)
    said("run", "--dry-run", code=(0, 2, 3))
    said("reconcile", "--charges", planted.GONE, "--out", "gone", code=2)
    said("reconcile", "--charges", planted.BILL, "--period", planted.SIGNED, code=2)
    said("doctor", code=(0, 1))

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(planted.SAID, dict(planted.ENVIRONMENT), planted.BILL)

    with patch("trueup.report.result.Result.write", broken):
        said("run", code=4)
        said("run", "--log-format", "json", code=4)
    monkeypatch.setenv("TRUEUP_KEY_PASSPHRASE", planted.secret("wrong"))
    said("close", "2026-10", "--key", "preparer.key", code=2)
    file = month.folder / "trueup.toml"
    whole = file.read_text()
    for wrong in (
        f'[providers.oci]\nsecret_key = "{planted.plain("setting")}"\n',
        f'[alerts]\nurls = "tgram://{planted.plain("bot")}/1"\n',
        f'[[charges]]\npath = ["{planted.GONE}", 5]\n',
        f'password = "{planted.plain("top")}"\n',
    ):
        file.write_text(wrong)
        said("run", code=2)
        said("doctor", code=1)
    file.write_text(whole)
    assert_no_secret_in(month.folder)
    assert not marked(caplog.text.encode()), caplog.text
