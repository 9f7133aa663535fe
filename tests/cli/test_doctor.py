"""`trueup doctor`: what works, what does not, what to do; nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trueup.adapter.native import NativeExport
from trueup.adapter.registry import providers
from trueup.cli import checks
from trueup.cli.app import app
from trueup.cli.checks import FAIL, OFF, OK, WARN, Check, clouds, configured, machine
from trueup.config import read_configuration
from trueup.focus import native

SECRET = "never-shown-4711"
HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd\n"
)


def doctor(*args: str, columns: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["doctor", *args])


def by_subject(found: list[Check]) -> dict[str, Check]:
    return {check.subject: check for check in found}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_configuration_the_machine_is_checked(empty: Path) -> None:
    """No trueup.toml is a warning with two remedies, not a failure."""
    found = doctor()
    assert found.exit_code == 0
    assert "no trueup.toml here" in found.stdout
    assert "trueup init" in found.stdout
    assert found.stdout.endswith("Everything needed works, 1 warning.\n")
    assert list(empty.iterdir()) == []


def test_a_named_configuration_that_is_not_there_fails(empty: Path) -> None:
    """What was named must exist."""
    found = doctor("-c", "other.toml")
    assert found.exit_code == 1
    assert "other.toml: there is no such file" in found.stdout


def test_every_mistake_of_the_configuration_is_a_line(empty: Path) -> None:
    """Two mistakes are two failures."""
    (empty / "trueup.toml").write_text('[run]\nengine = "x"\nout = ""\n', encoding="utf-8")
    found = doctor()
    assert found.exit_code == 1
    assert found.stdout.endswith("2 failed, 0 warnings.\n")


def test_files_are_found_and_recognised(empty: Path) -> None:
    """A bill by its columns; how many there are, and what they are."""
    (empty / "a.csv").write_text(HEADER, encoding="utf-8")
    (empty / "b.csv").write_text(HEADER, encoding="utf-8")
    (empty / "trueup.toml").write_text('[[charges]]\npath = "*.csv"\n', encoding="utf-8")
    found = by_subject(list(configured(read_configuration("trueup.toml"))))
    assert found["charges"] == Check("charges", OK, "*.csv: 2 files, focus-1.0")
    assert found["out"] == Check("out", OK, "out can be written")
    assert found["usage"].status == WARN
    assert sorted(path.name for path in empty.iterdir()) == ["a.csv", "b.csv", "trueup.toml"]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("gone.csv", None, "no such file"),
        ("no*.csv", None, "no file matches this pattern"),
        ("other.csv", "colour,size\nred,3\n", "not a FOCUS Cost and Usage file"),
    ],
)
def test_a_source_that_will_fail_is_named(
    empty: Path, name: str, text: str | None, found: str
) -> None:
    """Missing, matching nothing, or not a bill: the run would fail, so this does."""
    if text is not None:
        (empty / name).write_text(text, encoding="utf-8")
    (empty / "trueup.toml").write_text(f'[[charges]]\npath = "{name}"\n', encoding="utf-8")
    check = by_subject(list(configured(read_configuration("trueup.toml"))))["charges"]
    assert check.status == FAIL
    assert check.found.startswith(f"{name}: ")
    assert found in check.found


def test_a_url_is_not_fetched(empty: Path) -> None:
    """Looking must not cost anything."""
    (empty / "trueup.toml").write_text('[[charges]]\npath = "s3://b/k.csv"\n', encoding="utf-8")
    check = by_subject(list(configured(read_configuration("trueup.toml"))))["charges"]
    assert (check.status, check.found) == (WARN, "s3://b/k.csv: a URL, which is not fetched here")


def test_an_out_that_is_a_file_fails(empty: Path) -> None:
    """Results could not be written."""
    (empty / "out").write_text("", encoding="utf-8")
    (empty / "trueup.toml").write_text("", encoding="utf-8")
    found = by_subject(list(configured(read_configuration("trueup.toml"))))
    assert found["out"].status == FAIL
    assert found["charges"].remedy == "add a [[charges]] entry with its paths"


def test_credentials_are_named_never_shown() -> None:
    """A variable that is set is named; its value appears nowhere."""
    name, adapter = next(iter(providers().items()))
    variable = adapter.credential_variables[0]
    found = list(clouds(None, {variable: SECRET}))
    assert by_subject(found)[f"{name} credentials"] == Check(
        f"{name} credentials", OK, f"set: {variable}"
    )
    assert SECRET not in repr(found)
    shown = CliRunner(env={variable: SECRET, "COLUMNS": "200"}).invoke(app, ["doctor"])
    assert variable in shown.stdout
    assert SECRET not in shown.output


def test_what_no_provider_needs_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files need no SDK: a missing one is off, with the line that installs it."""
    monkeypatch.setattr(checks, "_installed", lambda _: False)
    name, adapter = next(iter(providers().items()))
    found = by_subject(list(clouds(None, {})))[f"{name} SDK"]
    assert found.status == OFF
    assert f"pip install 'trueup[{adapter.extra}]'" in found.remedy


def test_an_sdk_that_is_no_extra_is_installed_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter of another package needs its SDK itself; trueup has no extra for it."""
    name, adapter = next(iter(providers().items()))
    own = replace(adapter, extra=None, sdk_modules=("an_sdk_that_is_not_here",))
    monkeypatch.setitem(providers(), name, own)
    found = by_subject(list(clouds(None, {})))[f"{name} SDK"]
    assert found.remedy == "files need none; else pip install an_sdk_that_is_not_here"


def test_a_provider_to_be_asked_needs_its_sdk(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enabled without its SDK fails and says what to install; switched off it is no matter."""
    monkeypatch.setattr(checks, "_installed", lambda _: False)
    name, other, *_ = providers()
    text = f"[providers.{name}]\n[providers.{other}]\nenabled = false\n"
    (empty / "trueup.toml").write_text(text, encoding="utf-8")
    found = by_subject(list(clouds(read_configuration("trueup.toml"), {})))
    assert found[f"{name} SDK"].status == FAIL
    assert found[f"{name} SDK"].remedy == f"pip install 'trueup[{name}]'"
    assert found[f"{name} credentials"].status == WARN
    assert found[f"{other} SDK"].status == OFF


def test_destinations_of_alerts_are_looked_at(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is right, one is no URL, one is not set; none is shown, and nothing is sent."""
    names = ("RIGHT", "WRONG", "UNSET")
    urls = ", ".join(f'"env:ALERTS_{name}"' for name in names)
    (empty / "trueup.toml").write_text(f"[alerts]\nurls = [{urls}]\n")
    monkeypatch.setenv("ALERTS_RIGHT", f"json://127.0.0.1:9/{SECRET}")
    monkeypatch.setenv("ALERTS_WRONG", SECRET)
    found = [
        one for one in configured(read_configuration("trueup.toml")) if one.subject == "alerts"
    ]
    assert [one.status for one in found] == [OK, FAIL, FAIL]
    assert [one.found for one in found] == [
        "env:ALERTS_RIGHT: a URL that Apprise understands",
        "env:ALERTS_WRONG: it holds no URL that Apprise understands",
        "env:ALERTS_UNSET: it is not set",
    ]
    assert found[2].remedy == "set ALERTS_UNSET to a URL of Apprise"


def test_what_fails_stands_last(empty: Path) -> None:
    """The last row above the verdict is what fails, whatever was looked at first."""
    (empty / "trueup.toml").write_text('[[charges]]\npath = "gone.csv"\n', encoding="utf-8")
    found = doctor()
    assert found.exit_code == 1
    statuses = [line.split()[0] for line in found.stdout.splitlines()[1:-1]]
    assert statuses[-2:] == [WARN, FAIL]  # no usage is configured; gone.csv is not there
    assert found.stdout.splitlines()[-1] == "1 failed, 1 warning."


def test_an_export_in_a_providers_own_columns_is_no_failure(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the run would read, doctor recognises too."""
    names = zip(HEADER.strip().split(","), "abcdef", strict=True)
    columns = ", ".join(f"{own} AS {focus}" for focus, own in names)
    export = NativeExport("mine", frozenset("abcdef"), f"SELECT record, {columns} FROM export")
    monkeypatch.setattr(native, "native_exports", lambda: [export])
    (empty / "a.csv").write_text("a,b,c,d,e,f\n", encoding="utf-8")
    (empty / "trueup.toml").write_text('[[charges]]\npath = "a.csv"\n', encoding="utf-8")
    found = by_subject(list(configured(read_configuration("trueup.toml"))))
    assert found["charges"] == Check("charges", OK, "a.csv: 1 file, mine")


def test_spark_fails_where_it_is_configured(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """Without pyspark the engine is off, unless the configuration asks for it."""
    monkeypatch.setattr(checks, "_installed", lambda name: name != "pyspark")
    assert by_subject(list(machine(None, {})))["engine spark"].status == OFF
    (empty / "trueup.toml").write_text('[run]\nengine = "spark"\n', encoding="utf-8")
    check = by_subject(list(machine(read_configuration("trueup.toml"), {})))["engine spark"]
    assert check.status == FAIL
    assert "pip install 'trueup[spark]'" in check.remedy


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_table_fits_the_terminal(empty: Path, columns: int) -> None:
    """No line is wider than the terminal, and nothing is a terminal control sequence."""
    found = doctor(columns=columns)
    assert max(map(len, found.stdout.splitlines())) <= columns
    assert "\x1b" not in found.stdout


def test_where_metrics_go_is_looked_at(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the text file has to be there, and the packages; nothing is written."""
    text = '[metrics]\ntextfile = "gone/night.prom"\notlp = "http://localhost:4318"\n'
    (empty / "trueup.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(checks, "_installed", lambda module: module != "opentelemetry")

    def found() -> list[tuple[str, str]]:
        checked = configured(read_configuration("trueup.toml"))
        return [(one.status, one.found) for one in checked if one.subject == "metrics"]

    lacking = ("fail", "without opentelemetry")
    assert found() == [lacking, ("fail", "there is no folder gone")]
    (empty / "gone").mkdir()
    assert found() == [lacking, ("ok", "gone can be written")]
    assert list((empty / "gone").iterdir()) == []


def test_recordings_are_looked_at(empty: Path) -> None:
    """What is played has to be there, of every provider that is configured."""
    cassettes = Path(__file__).parents[2] / "cassettes"
    text = "[run]\nreplay = '{}'\n[providers.aws]\nexport_bucket = 'b'\n[providers.gcp]\n"

    def found(folder: Path) -> list[tuple[str, str]]:
        (empty / "trueup.toml").write_text(text.format(folder), encoding="utf-8")
        checked = configured(read_configuration("trueup.toml"))
        return [(one.status, one.found) for one in checked if one.subject == "replay"]

    aws = cassettes / "aws" / "nightly"
    assert found(aws) == [("ok", f"aws: {aws}"), ("fail", "gcp: nothing was recorded")]
    [(status, told)] = found(empty)
    assert (status, "no recording here" in told) == ("fail", True)


def test_a_fixed_clock_is_pointed_out(empty: Path) -> None:
    """A nightly job with one would find the same each night; without one there is no line."""

    def found(text: str) -> list[tuple[str, str]]:
        (empty / "trueup.toml").write_text(text, encoding="utf-8")
        checked = configured(read_configuration("trueup.toml"))
        return [(one.status, one.found) for one in checked if one.subject == "clock"]

    told = "run.as_of: every run is as of 2026-11-01T00:00:00Z"
    assert found("[run]\nas_of = 2026-11-01T00:00:00Z\n") == [("warn", told)]
    assert found("[run]\n") == []
