"""Metrics of a night: read back by Prometheus' own parser, and by what decodes OTLP."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families
from tests.cli.conftest import row, write_bill
from tests.cli.month import Month, trueup
from tests.job.receiver import receiving

from trueup.budgets.review import Told
from trueup.config import read_configuration
from trueup.job.exporters import NotSent, handed_on, push, write_textfile
from trueup.job.metrics import EXIT_CODE, METRICS, Sample, samples_of
from trueup.job.outcome import JobOutcome
from trueup.job.reading import Reading

Key = tuple[str, frozenset[tuple[str, str]]]
TEXTFILE = '[metrics]\ntextfile = "night.prom"\n'
DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


def key(name: str, **labels: str) -> Key:
    return name, frozenset(labels.items())


def textfile(path: Path) -> dict[Key, float]:
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    return {key(one.name, **one.labels): one.value for each in families for one in each.samples}


def received(body: bytes) -> dict[Key, float]:
    """Every point of a request, which is of one program."""
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    about = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert about["service.name"] == "trueup"
    return {
        key(metric.name, **{one.key: one.value.string_value for one in point.attributes}): (
            point.as_double or point.as_int
        )
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """October, of whose one hour the bill says 8.50 used and 1.50 unused; the contract 11.00."""
    monkeypatch.chdir(tmp_path)
    made = Month(tmp_path)
    made.configure(TEXTFILE)
    return made


def test_a_nights_figures_stand_in_the_textfile(month: Month) -> None:
    """Rows, age, breaks, money, exit code and the last success, under the period's name."""
    month.run()
    found = textfile(month.folder / "night.prom")
    source = {"period": "2026-10", "kind": "charges", "source": "bills/*.csv"}
    assert found[key("trueup_rows", **source)] == 2
    assert found[key("trueup_rejected_rows", **source)] == 0
    clock = datetime(2026, 11, 20, 6, tzinfo=UTC)
    end = datetime(2026, 10, 3, 15, tzinfo=UTC)
    assert found[key("trueup_source_age_seconds", **source)] == (clock - end).total_seconds()
    period = {"period": "2026-10"}
    assert found[key("trueup_unused_commitment", **period, currency="USD")] == 1.5
    assert found[key("trueup_breaks", **period, **{"class": "commitment"})] == 1
    assert found[key("trueup_money_at_stake", **period, currency="USD")] == 1  # 10.00 of 11.00
    assert found[key("trueup_material_breaks", **period)] == 1
    assert found[key("trueup_run_exit_code", **period)] == 0
    assert found[key("trueup_run_success", **period)] == 1
    assert found[key("trueup_run_partial", **period)] == 0
    assert found[key("trueup_failed_sources", **period)] == 0
    assert found[key("trueup_run_duration_seconds", **period)] > 0
    assert found[key("trueup_last_success_timestamp_seconds")] == clock.timestamp()


def test_a_failed_night_keeps_the_last_success(month: Month) -> None:
    """A bill that cannot be read: success is 0, exit code 2, and when it went well last stays."""
    month.run()
    before = textfile(month.folder / "night.prom")[key("trueup_last_success_timestamp_seconds")]
    (month.folder / "bills" / "oct.csv").write_text("colour\nred\n", encoding="utf-8")
    assert trueup("run", "-q", "--as-of", "2026-11-02").exit_code == 2
    found = textfile(month.folder / "night.prom")
    assert found[key("trueup_run_success", period="2026-10")] == 0
    assert found[key("trueup_run_exit_code", period="2026-10")] == 2
    assert found[key("trueup_failed_sources", period="2026-10")] == 1
    assert found[key("trueup_last_success_timestamp_seconds")] == before
    # What broke off before it began to read is told as well.
    assert trueup("run", "-q", "--out", "trueup.toml/x").exit_code == 2
    found = textfile(month.folder / "night.prom")
    assert found[key("trueup_run_success", period="2026-10")] == 0
    assert key("trueup_failed_sources", period="2026-10") in found


def test_a_collector_gets_the_same_figures(month: Month) -> None:
    """Every sample of the textfile is a point of a gauge, in one request."""
    with receiving() as collector:
        month.configure(f'{TEXTFILE}otlp = "{collector.url}"\n')
        ran = trueup("run")
    assert f"Metrics       {collector.url}" in ran.stdout
    ((path, body),) = collector.posted
    assert path == "/v1/metrics"
    assert received(body) == textfile(month.folder / "night.prom")
    assert len(received(body)) >= 10


def test_what_is_not_taken_fails_no_run(month: Month) -> None:
    """A collector that refuses, and a folder that is not there: told, with exit code 0."""
    with receiving(status=400) as collector:
        signed_in = collector.url.replace("http://", "http://me:c4nary@")
        month.configure(f'[metrics]\ntextfile = "gone/night.prom"\notlp = "{signed_in}"\n')
        ran = trueup("run", "-q")
    assert ran.exit_code == 0
    first, second = ran.stderr.splitlines()
    assert first.startswith("Metrics failed  gone/night.prom: cannot be written (")
    assert second.startswith("Metrics failed  http://***@127.0.0.1")
    assert "did not take the metrics" in second
    assert "c4nary" not in ran.output


def test_without_the_packages_it_says_what_to_install(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is done; what is missing is named with its extra."""
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    ran = trueup("run", "-q")
    assert (ran.exit_code, "pip install 'trueup[metrics]'" in ran.stderr) == (0, True)


def test_every_metric_is_documented() -> None:
    """The table has each metric with its labels and its unit, and no other."""
    rows = re.findall(r"(?m)^\| `(trueup_\w+)` \| (.*?) \| `(.*?)` \|", DOCS.read_text("utf-8"))
    told = {name: (re.findall(r"`(\w+)`", labels), unit) for name, labels, unit in rows}
    assert told == {one.name: (list(one.labels), one.unit) for one in METRICS}


def test_a_collector_that_is_gone_is_given_up() -> None:
    """Nobody listens there: it is given up within the limit, and the reason is told."""
    with receiving() as gone:
        url = gone.url
    with pytest.raises(NotSent, match="did not take the metrics"):
        push([Sample(EXIT_CODE, 0, {"period": "2026-10"})], url, seconds=1)


def test_names_with_quotes_are_no_syntax(month: Month) -> None:
    """A source's name is a label, whatever is in it."""
    write_bill(month.folder / 'a"b\\c.csv', row("Used", "1.00"))
    text = (month.folder / "trueup.toml").read_text(encoding="utf-8")
    text = text.replace('"bills/*.csv"', "'a\"b\\c.csv'")
    (month.folder / "trueup.toml").write_text(text, encoding="utf-8")
    month.run()
    labels = {"period": "2026-10", "kind": "charges", "source": 'a"b\\c.csv'}
    assert textfile(month.folder / "night.prom")[key("trueup_rows", **labels)] == 1


def test_two_sources_of_one_name_are_one(tmp_path: Path) -> None:
    """A series that stood twice would make Prometheus refuse the file; the older age counts."""
    clock = datetime(2026, 10, 4, tzinfo=UTC)
    newest = [datetime(2026, 10, 3, hour, tzinfo=UTC) for hour in (12, 18)]
    reads = tuple(Reading("usage", "gateway", 1, 5, 1, end) for end in newest)
    found = samples_of(JobOutcome(None, (), None, (), 0, 2, reads=reads), clock)
    write_textfile(found, tmp_path / "night.prom")
    lines = (tmp_path / "night.prom").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("trueup_rows{") for line in lines) == 1
    labels = {"period": "all", "kind": "usage", "source": "gateway"}
    figures = textfile(tmp_path / "night.prom")
    assert figures[key("trueup_rows", **labels)] == 10
    assert figures[key("trueup_source_age_seconds", **labels)] == 12 * 3600


def test_a_collector_alone_gets_no_textfile(tmp_path: Path) -> None:
    """Only what [metrics] names is written; without it nothing is said."""
    (tmp_path / "trueup.toml").write_text("", encoding="utf-8")
    samples = [Sample(EXIT_CODE, 0, {"period": "2026-10"})]
    assert handed_on(read_configuration(tmp_path / "trueup.toml"), samples) is None
    with receiving() as collector:
        text = f'[metrics]\notlp = "{collector.url}"\n'
        (tmp_path / "trueup.toml").write_text(text, encoding="utf-8")
        told = handed_on(read_configuration(tmp_path / "trueup.toml"), samples)
    assert told == Told([collector.url], [])
    assert len(collector.posted) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["trueup.toml"]


def test_nothing_is_sent_where_there_is_nothing() -> None:
    """Without a sample the collector is not asked."""
    with receiving() as collector, pytest.raises(NotSent, match="there is nothing to send"):
        push([], collector.url)
    assert collector.posted == []
