"""Metrics handed on: as a text file for Prometheus, and to a collector of OpenTelemetry.

Both formats have binary floats for numbers: amounts become floats here, and nowhere before.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.budgets.review import Told
from trueup.errors import MissingDependency, TrueupError
from trueup.job.metrics import last_success
from trueup.job.settings import workspace_of
from trueup.redacted import redacted

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

    from trueup.config import Configuration
    from trueup.job.metrics import Figure, Metric, Sample

EXTRA = "metrics"
PUSH_SECONDS = 10


class NotSent(TrueupError):
    """Metrics could not be written or were not taken."""


def handed_on(config: Configuration, samples: Sequence[Sample]) -> Told | None:
    """Write and send a night's metrics as ``[metrics]`` says; None where it says nothing.

    No error is raised: the runs are done and kept.
    """
    wanted = config.metrics
    if wanted.textfile is None and wanted.otlp is None:
        return None
    delivered, failed, whole = [], [], list(samples)
    try:
        whole += last_success(workspace_of(config).runs())
    except TrueupError as error:
        failed.append(f"when a run was whole last is not known: {error}")
    ways: dict[str, Callable[[], None]] = {}
    if wanted.textfile is not None:
        path = Path(config.located(wanted.textfile))
        ways[str(path)] = partial(write_textfile, whole, path)
    if wanted.otlp is not None:
        ways[wanted.otlp] = partial(push, whole, wanted.otlp)
    for name, hand_on in ways.items():
        try:
            hand_on()
        except TrueupError as error:
            failed.append(redacted(str(error)))
        else:
            delivered.append(redacted(name))
    return Told(delivered, failed)


def write_textfile(samples: Sequence[Sample], path: Path) -> None:
    """Replace a text file of Prometheus' exposition format as a whole; raises NotSent."""
    try:
        from prometheus_client import CollectorRegistry, write_to_textfile
        from prometheus_client.core import GaugeMetricFamily
        from prometheus_client.registry import Collector
    except ImportError as error:
        raise MissingDependency("prometheus-client", EXTRA) from error

    class Collected(Collector):
        """The samples, as the library asks for them."""

        def collect(self) -> Iterator[GaugeMetricFamily]:
            for metric, some in _by_metric(samples).items():
                family = GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
                for one in some:
                    labels = [one.labels[name] for name in metric.labels]
                    family.add_metric(labels, _binary(one.value))
                yield family

    registry = CollectorRegistry()
    registry.register(Collected())
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise NotSent(f"{path}: cannot be written ({error.strerror})") from error


def push(samples: Sequence[Sample], endpoint: str, seconds: float = PUSH_SECONDS) -> None:
    """Send samples to ``<endpoint>/v1/metrics``, once, within so many seconds; raises NotSent."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise MissingDependency("opentelemetry-exporter-otlp-proto-http", EXTRA) from error
    reader = InMemoryMetricReader()
    program = {"service.name": "trueup", "service.version": version("trueup")}
    provider = MeterProvider([reader], Resource.create(program), shutdown_on_exit=False)
    meter = provider.get_meter("trueup")
    for metric, some in _by_metric(samples).items():
        gauge = meter.create_gauge(metric.name, metric.unit, metric.about)
        for one in some:
            gauge.set(_binary(one.value), dict(one.labels))
    data = reader.get_metrics_data()
    if data is None:
        raise NotSent("there is nothing to send")
    exporter = OTLPMetricExporter(f"{endpoint.rstrip('/')}/v1/metrics", timeout=seconds)
    with _overheard() as said:
        taken = exporter.export(data, seconds * 1000) is MetricExportResult.SUCCESS
    exporter.shutdown()
    provider.shutdown()
    if not taken:
        why = said[-1] if said else "it did not answer"
        raise NotSent(f"{endpoint}: did not take the metrics ({why})")


def _binary(value: Figure) -> int | float:
    return float(value) if isinstance(value, Decimal) else value


def _by_metric(samples: Sequence[Sample]) -> dict[Metric, list[Sample]]:
    found: dict[Metric, list[Sample]] = defaultdict(list)
    for one in samples:
        found[one.metric].append(one)
    return found


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the exporter tells of its trouble: it only logs that."""
    said: list[str] = []

    class Overhearing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, handler = logging.getLogger("opentelemetry"), Overhearing()
    logger.addHandler(handler)
    before, logger.propagate = logger.propagate, False
    try:
        yield said
    finally:
        logger.propagate = before
        logger.removeHandler(handler)
