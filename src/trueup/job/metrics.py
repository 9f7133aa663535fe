"""What a run's metrics are: a figure each, with its name, unit and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.job.folder import folder_name
from trueup.job.outcome import DONE, MATERIAL_BREAKS, PARTIAL, JobOutcome

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.report.result import Result
    from trueup.workspace.run import Run

Figure = int | float | Decimal  # float: a duration, of the machine's own clock


@dataclass(frozen=True)
class Metric:
    """A gauge: of what, in which unit (as OpenTelemetry writes it), by which labels."""

    name: str
    unit: str
    labels: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class Sample:
    """One figure of a metric."""

    metric: Metric
    value: Figure
    labels: Mapping[str, str] = field(default_factory=dict)


_SOURCE = ("period", "kind", "source")
ROWS = Metric("trueup_rows", "{row}", _SOURCE, "Rows read of a source, rejected ones included")
REJECTED = Metric("trueup_rejected_rows", "{row}", _SOURCE, "Rows rejected of a source")
AGE = Metric(
    "trueup_source_age_seconds",
    "s",
    _SOURCE,
    "From the latest end of a row of charges or usage to the run's clock",
)
FAILED = Metric("trueup_failed_sources", "{source}", ("period",), "Sources that could not be read")
BREAKS = Metric("trueup_breaks", "{break}", ("period", "class"), "Breaks by class")
MATERIAL = Metric("trueup_material_breaks", "{break}", ("period",), "Breaks that are material")
AT_STAKE = Metric(
    "trueup_money_at_stake",
    "{currency}",
    ("period", "currency"),
    "Gross drift: what breaks hold, over and under added up",
)
UNUSED = Metric(
    "trueup_unused_commitment",
    "{currency}",
    ("period", "currency"),
    "Cost of commitments that nobody used",
)
DURATION = Metric("trueup_run_duration_seconds", "s", ("period",), "How long the run took")
EXIT_CODE = Metric("trueup_run_exit_code", "1", ("period",), "Exit code of the run")
IS_PARTIAL = Metric("trueup_run_partial", "1", ("period",), "1 where a source is missing, else 0")
SUCCESS = Metric("trueup_run_success", "1", ("period",), "1 where the run is whole, else 0")
LAST_SUCCESS = Metric(
    "trueup_last_success_timestamp_seconds",
    "s",
    (),
    "Clock of the last whole run in the workspace, of any period",
)
METRICS = (
    *(ROWS, REJECTED, AGE, FAILED, BREAKS, MATERIAL, AT_STAKE, UNUSED),
    *(DURATION, EXIT_CODE, IS_PARTIAL, SUCCESS, LAST_SUCCESS),
)


def samples_of(outcome: JobOutcome, clock: datetime) -> list[Sample]:
    """The figures of one run; of one that broke off, how it ended."""
    period = {"period": folder_name(outcome.period)}
    found = [
        Sample(DURATION, outcome.seconds, period),
        Sample(EXIT_CODE, outcome.exit_code, period),
        Sample(IS_PARTIAL, int(outcome.exit_code == PARTIAL), period),
        Sample(SUCCESS, int(outcome.exit_code in (DONE, MATERIAL_BREAKS)), period),
        Sample(FAILED, len(outcome.failures), period),
    ]
    for read in outcome.reads:
        labels = {**period, "kind": read.kind, "source": read.title}
        found += [Sample(ROWS, read.rows, labels), Sample(REJECTED, read.rejected, labels)]
        if read.newest is not None:
            found.append(Sample(AGE, (clock - read.newest).total_seconds(), labels))
    if outcome.result is not None:
        found.append(Sample(MATERIAL, outcome.material_breaks, period))
        found += _found(outcome.result, period)
    return found


def _found(result: Result, period: Mapping[str, str]) -> Iterator[Sample]:
    """Breaks and money as the summary has them: what is on no bill at all is left out."""
    from trueup.report import figures

    drift = figures.drift_by_currency(result)
    for name, count in figures.classes(drift):
        yield Sample(BREAKS, count, {**period, "class": name})
    for currency in figures.currencies(result):
        gross = drift[currency].gross if currency in drift else 0
        yield Sample(AT_STAKE, gross, {**period, "currency": currency})
    for currency, held in figures.benefit_by_currency(result).items():
        if held.unused.known is not None:
            yield Sample(UNUSED, held.unused.known, {**period, "currency": currency})


def last_success(runs: Sequence[Run]) -> list[Sample]:
    """When the last whole run was, by its clock; nothing where there was none."""
    whole = [run.at for run in runs if run.exit_code in (DONE, MATERIAL_BREAKS)]
    return [Sample(LAST_SUCCESS, int(whole[-1].timestamp()))] if whole else []
