"""trueup.toml: what is read from it, and what a mistake in it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from trueup.adapter.registry import providers
from trueup.config import RunSettings, read_configuration
from trueup.errors import ConfigurationError
from trueup.period import Period

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
Write = Callable[[str], Path]

FULL = """
rules = "rules.toml"

[run]
period = "2026-10"
as_of = 2026-11-05T06:00:00Z
out = "results"
engine = "spark"
fail_on_breaks = true
material_amount = 0.05

[[charges]]
name = "all accounts"
paths = ["bills/*.csv", "s3://bucket/bill.parquet"]

[[charges]]
path = "/abs/bill.csv"

[[commitments]]
paths = "contracts.csv"

[[usage]]
paths = ["calls.csv"]
format = "table"
columns = { window_start = "TIMESTAMP" }
constants = { provider = "acme" }
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "trueup.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def mistakes(write: Write, text: str) -> list[str]:
    """The lines of the error, without the file's name, which each must begin with."""
    file = write(text)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines), lines
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_everything_is_read(write: Write, tmp_path: Path) -> None:
    """Every key arrives with its type; amounts are exact."""
    (tmp_path / "rules.toml").write_text('idle = "spread"', encoding="utf-8")
    config = read_configuration(write(FULL))
    assert config.run.period == OCTOBER
    assert config.run.as_of == datetime(2026, 11, 5, 6, tzinfo=UTC)
    assert config.run.engine == "spark"
    assert config.run.fail_on_breaks is True
    assert config.run.material_amount == Decimal("0.05")
    assert config.rules.idle == "spread"
    assert [entry.title for entry in config.charges] == ["all accounts", "/abs/bill.csv"]
    assert config.usage[0].columns == {"window_start": "TIMESTAMP"}
    assert config.usage[0].constants == {"provider": "acme"}
    assert [kind for kind, _ in config.sources()] == ["charges", "charges", "commitments", "usage"]


def test_an_empty_file_has_the_defaults(write: Write, tmp_path: Path) -> None:
    """Nothing but the sources needs to be said."""
    config = read_configuration(write(""))
    assert config.run.period is None
    assert config.run.as_of is None
    assert config.run.engine == "duckdb"
    assert config.run.fail_on_breaks is False
    assert config.out == tmp_path / "out"


def test_paths_start_from_the_file(write: Write, tmp_path: Path) -> None:
    """Relative paths start from the configuration's folder; absolute ones and URLs do not."""
    config = read_configuration(write(""))
    assert config.located("bills/*.csv") == str(tmp_path / "bills/*.csv")
    assert config.located("/abs/bill.csv") == "/abs/bill.csv"
    assert config.located("s3://bucket/bill.csv") == "s3://bucket/bill.csv"
    assert config.located("zip://a.csv::file://b.zip") == "zip://a.csv::file://b.zip"
    assert config.located("~/bill.csv") == str(Path.home() / "bill.csv")


def test_rules_may_stand_in_the_file(write: Write) -> None:
    """[rules] is read as a rules file is, with exact numbers."""
    text = '[rules]\nidle = "owner"\n[[rules.tolerance]]\nrelative = 0.02\n'
    config = read_configuration(write(text))
    assert config.rules.tolerance_of("usage", None).relative == Decimal("0.02")


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ('"2026-10"', OCTOBER),
        ('"2026-10-01/2026-11-01"', OCTOBER),
        ('["2026-10-01", "2026-11-01"]', OCTOBER),
        ("[2026-10-01, 2026-11-01T00:00:00Z]", OCTOBER),
        (
            "2026-10-03",
            Period(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC)),
        ),
        ("2026", Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))),
    ],
)
def test_a_period_in_any_form(write: Write, period: str, expected: Period) -> None:
    """Text, a pair, a TOML date and a year all stand for a period."""
    assert read_configuration(write(f"[run]\nperiod = {period}\n")).run.period == expected


def test_a_time_without_a_zone_is_utc(write: Write) -> None:
    """Local time never plays a part."""
    config = read_configuration(write("[run]\nas_of = 2026-11-05T06:00:00\n"))
    assert config.run.as_of == datetime(2026, 11, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[run]\nengin = "spark"',
            ("run.engin: there is no such key; did you mean 'engine'? known here: period, as_of, "
            "every, out, engine, fail_on_breaks, material_amount, workspace, replay"),
        ),
        (
            '[run]\nengine = "duckdbb"',
            "run.engine = 'duckdbb': did you mean 'duckdb'? it is one of duckdb, spark",
        ),
        ('[run]\nfail_on_breaks = "yes"', ("run.fail_on_breaks = 'yes': it is true or false, "
         "without quotes")),
        ('[run]\nmaterial_amount = "much"', ("run.material_amount = 'much': it is a number, as "
         '"0.05"')),
        ("[run]\nmaterial_amount = -1", ("run.material_amount = -1: input should be greater than or "
         "equal to 0")),
        ('[run]\nout = "s3://x"', ("run.out = 's3://x': it is written to, so it is a folder of this "
         "machine: give its path")),
        ("colour = 3", ("colour: there is no such key; known here: run, charges, commitments, "
             "usage, invoices, rules, providers, person, controls, budget, alerts, metrics, gate")),
        ("file = 3", ("file: there is no such key; known here: run, charges, commitments, usage, invoices, "
         "rules, providers, person, controls, budget, alerts, metrics, gate")),
        ("[[charges]]", "charges[1].paths: is missing; it must be given"),
        ("[[charges]]\npaths = []", "charges[1].paths: at least one is needed"),
        ('[[charges]]\npath = "a"\n[[charges]]\npath = "b"\nnam = "x"', ("charges[2].nam: there is "
         "no such key; did you mean 'name'? known here: paths, name")),
        ('[[charges]]\npath = "a"\npaths = "b"', "charges[1]: give either path or paths, not both"),
        ("[[usage]]\npaths = 3", 'usage[1].paths = 3: it is a list, as ["this", "that"]'),
        ('[rules]\nidle = "spred"', ("rules.idle = 'spred': did you mean 'spread'? it is one of "
         "apart, owner, spread")),
        ("[[rules.tolerance]]\nrelativ = 1", ("rules.tolerance[1].relativ: there is no such key; "
         "did you mean 'relative'? known here: leg, provider, relative, absolute, days, "
         "period_relative")),
    ],
)  # fmt: skip
def test_a_mistake_names_key_value_and_what_is_right(
    write: Write, text: str, expected: str
) -> None:
    """One line: file, key, value, what would be right."""
    assert mistakes(write, text) == [expected]


def test_every_mistake_has_its_line(write: Write) -> None:
    """Two mistakes are reported at once."""
    assert len(mistakes(write, '[run]\nengine = "x"\nout = ""\n')) == 2


def test_an_unknown_provider_lists_the_known_ones(write: Write) -> None:
    """[providers.x] is checked against the installed adapters."""
    (line,) = mistakes(write, "[providers.gcpp]\nenabled = false\n")
    assert "no provider is called 'gcpp': did you mean 'gcp'?" in line
    assert line.endswith(f"known providers are {', '.join(providers())}")


def test_an_unknown_format_lists_the_known_ones(write: Write) -> None:
    """Format names a telemetry reader that is installed."""
    (line,) = mistakes(write, '[[usage]]\npath = "a"\nformat = "litelm"\n')
    assert line.startswith("usage[1].format = 'litelm': did you mean 'litellm'? formats are ")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('columns = { window_strat = "t" }', ("columns: 'window_strat' is no column of usage that "
         "a format takes: did you mean 'window_start'? it is one of window_start, window_end, ")),
        ('format = "litellm"\ncolumns = { quantity = "n" }', ("columns: 'quantity' is no column of "
         "usage that litellm takes: it is one of provider, account_id, ")),
        ('format = "table"\nconstants = { step = "60" }', ("constants: 'step' is no column of usage "
         "that table takes: it is one of window_start, ")),
    ],
)  # fmt: skip
def test_an_unknown_usage_column_is_named(write: Write, entry: str, expected: str) -> None:
    """The key of the map, the nearest one and all that the format takes, before any file is read."""
    (line,) = mistakes(write, f'[[usage]]\npath = "a"\n{entry}\n')
    assert line.startswith(f"usage[1]: {expected}")


def test_prometheus_takes_its_step(write: Write) -> None:
    """Keys that only one format has are right there, and where the file will tell its format."""
    for named in ("", 'format = "prometheus"\n'):
        text = f'[[usage]]\npath = "a"\n{named}constants = {{ step = "900" }}\n'
        assert read_configuration(write(text)).usage[0].constants == {"step": "900"}


@pytest.mark.parametrize("enabled", ['"false"', "0"])
def test_a_provider_is_on_or_off(write: Write, enabled: str) -> None:
    """Text that says false is not taken for true."""
    (line,) = mistakes(write, f"[providers.aws]\nenabled = {enabled}\n")
    assert line.endswith("it is true or false, without quotes")
    assert line.startswith("providers.aws.enabled = ")


def test_an_unknown_provider_key_is_named(write: Write) -> None:
    """A key that would do nothing is a mistake."""
    (line,) = mistakes(write, "[providers.aws]\nenabeld = false\n")
    assert line.startswith("providers: aws.enabeld: there is no such key; did you mean 'enabled'?")


def test_a_wrong_period_lists_the_forms(write: Write) -> None:
    """The forms of a period are in the message."""
    (line,) = mistakes(write, '[run]\nperiod = "2026-13"\n')
    assert line.startswith("run.period = '2026-13': ")
    assert "a month 2026-10" in line


def test_text_without_quotes_says_so(write: Write) -> None:
    """A period without quotes is no TOML; the line and the remedy are named."""
    (line,) = mistakes(write, "[run]\nperiod = 2026-10\n")
    assert "line 2" in line
    assert 'text such as "2026-10" stands in quotes' in line


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    """The remedy is a command."""
    with pytest.raises(ConfigurationError, match="trueup init --out"):
        read_configuration(tmp_path / "no.toml")


def test_a_missing_rules_file_is_named(write: Write, tmp_path: Path) -> None:
    """The rules file is looked for beside the configuration."""
    with pytest.raises(ConfigurationError, match=str(tmp_path / "rules.toml")):
        read_configuration(write('rules = "rules.toml"'))


def test_a_configuration_cannot_change(write: Write) -> None:
    """What was read stays as it was read."""
    from pydantic import ValidationError

    config = read_configuration(write(""))
    with pytest.raises(ValidationError):
        setattr(config.run, "out", "elsewhere")  # noqa: B010 (a plain assignment fails mypy)


def test_metrics_go_to_a_file_here_and_a_collector(write: Write) -> None:
    """A URL is no file of this machine, and an address begins with how it is asked."""
    config = read_configuration(write('[metrics]\ntextfile = "a.prom"\notlp = "https://b:4318"\n'))
    assert (config.metrics.textfile, config.metrics.otlp) == ("a.prom", "https://b:4318")
    wrong = '[metrics]\ntextfile = "s3://bucket/a.prom"\notlp = "localhost:4318"\n'
    assert mistakes(write, wrong) == [
        "metrics.textfile = 's3://bucket/a.prom': it is a file of this machine: give its path",
        (
            "metrics.otlp = 'localhost:4318': it is the address of a collector, as "
            '"http://localhost:4318"'
        ),
    ]


@pytest.mark.parametrize("clock", ["5", "true"])
def test_a_clock_that_is_no_instant_says_how_one_is_written(write: Write, clock: str) -> None:
    """A number is no time."""
    (line,) = mistakes(write, f"[run]\nas_of = {clock}\n")
    assert line.startswith("run.as_of = ")
    assert "an instant is written as 2026-10-03, 2026-10-03T14" in line


def test_a_period_that_was_read_stays() -> None:
    """A configuration that is made in Python gives it as it is, or none."""
    assert RunSettings.model_validate({"period": OCTOBER}).period == OCTOBER
    assert RunSettings.model_validate({"period": None}).period is None


@pytest.mark.parametrize(
    ("workspace", "out"), [("out", "out"), ("./out/", "out"), ("w", "w/results"), ("a/../w", "w")]
)
def test_results_go_outside_of_the_workspace(tmp_path: Path, workspace: str, out: str) -> None:
    """What lies in it is evidence; results there would be taken for what is not trueup's."""
    file = tmp_path / "trueup.toml"
    file.write_text(f'[run]\nworkspace = "{workspace}"\nout = "{out}"\n')
    with pytest.raises(ConfigurationError, match="give it a folder of its own"):
        read_configuration(file)
    file.write_text('[run]\nout = ".trueup"\n')  # where the evidence goes by default
    with pytest.raises(ConfigurationError, match="give it a folder of its own"):
        read_configuration(file)
    file.write_text(f'[run]\nworkspace = "{out}/.trueup"\nout = "{out}"\n')
    assert read_configuration(file).run.out == out


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Some editors begin a file with one."""
    file = tmp_path / "trueup.toml"
    file.write_bytes(b'\xef\xbb\xbf[run]\nout = "elsewhere"\n')
    assert read_configuration(file).run.out == "elsewhere"
