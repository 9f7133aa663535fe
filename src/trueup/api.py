"""``trueup.reconcile``: inputs in any of their forms, one result.

This is the edge between a caller and the core: it reads what is not read yet, parses the period
and the clock, and says which argument is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from trueup.errors import UsageError

if TYPE_CHECKING:
    from trueup.forecast.outlook import Outlook
    from trueup.model.dataset import Dataset
    from trueup.model.inputs import Inputs
    from trueup.model.outcome import Outcome
    from trueup.model.rules import Rules
    from trueup.model.table import Table
    from trueup.period import Period
    from trueup.report.plan import Plan
    from trueup.report.result import Result

ENGINES = ("duckdb", "spark")


class ArrowStream(Protocol):
    """A pandas, polars or Arrow table, or anything else that hands itself on as Arrow."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


Paths: TypeAlias = "str | Path | Sequence[str | Path]"
Instant: TypeAlias = "datetime | date | str"
PeriodLike: TypeAlias = "Period | date | str | tuple[Instant, Instant]"
RulesLike: TypeAlias = "Rules | Mapping[str, Any] | str | Path"


def reconcile(
    charges: Dataset | Paths | ArrowStream,
    *,
    commitments: Dataset | Paths | None = None,
    usage: Dataset | Paths | ArrowStream | None = None,
    invoices: Dataset | Paths | ArrowStream | None = None,
    period: PeriodLike | None = None,
    rules: RulesLike | None = None,
    as_of: Instant | None = None,
    engine: str = "duckdb",
) -> Result:
    """Match contract, bill and telemetry; say what does not agree, what is unused, who used it.

    ``charges``, ``commitments``, ``usage`` and ``invoices`` are what the ``read_*`` functions gave,
    or what they take. ``period`` is half-open, in UTC, on the charge period: "2026-10",
    "2026-10-03", "2026-10-03T14", "START/END" or a pair; without it everything in the files.
    ``as_of`` is the clock of the run, on which lag and age depend: default now. ``engine`` is
    "duckdb" or "spark": both give the same answer.

    Raises UsageError for a wrong argument, SourceError for a file that cannot be read,
    CurrencyMismatch and UnitError where figures cannot be compared, IntegrityError where an
    identity does not hold. What is wrong with a row, or does not agree, is in the result.
    """
    from trueup.model.inputs import Inputs
    from trueup.model.rules import read_rules
    from trueup.report.result import Result

    engine = checked_engine(engine)
    checked_rules = read_rules(rules)
    when = None if period is None else parsed_period(period)
    clock = parsed_clock(as_of)
    return Result(
        outcome_of(
            Inputs(
                dataset_of("charges", charges),
                None if commitments is None else dataset_of("commitments", commitments),
                None if usage is None else dataset_of("usage", usage),
                None if invoices is None else dataset_of("invoices", invoices),
            ),
            period=when,
            rules=checked_rules,
            as_of=clock,
            engine=engine,
        )
    )


def session_costs(
    usage: Dataset | Paths | ArrowStream,
    *,
    rules: RulesLike | None = None,
    period: PeriodLike | None = None,
    engine: str = "duckdb",
) -> Table:
    """What usage costs by the dated rates of the rules alone, by session, step and meter.

    The estimate before a bill arrives, and the whole for services that no bill here covers; with a
    bill, ``reconcile(...).session_costs`` has the same rows beside what was billed. All rows have
    the basis ``rated``, or ``unrated`` and no cost where no rate speaks of them. Columns are those
    of ``session_costs``. Raises UsageError and SourceError as ``reconcile`` does, and
    ConfigurationError for rules that cannot be.
    """
    from trueup.focus.rule_columns import check_columns
    from trueup.model.rules import read_rules
    from trueup.reconcile.rated_usage import rated_usage

    checked = read_rules(rules)
    check_columns(checked)
    when = None if period is None else parsed_period(period)
    return rated_usage(dataset_of("usage", usage), when, checked, checked_engine(engine))


def plan(  # noqa: PLR0913  all but usage and rules are by name, and few are ever given
    usage: Dataset | Paths | ArrowStream,
    *,
    rules: RulesLike,
    offers: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    period: PeriodLike | None = None,
    commitments: Dataset | Paths | None = None,
    utilization: Table | None = None,
    what_if: Mapping[str, str] | None = None,
    as_of: Instant | None = None,
    engine: str = "duckdb",
) -> Plan:
    """How much to commit: what each level of each offer would have cost over the hours of usage.

    ``usage`` is what ``read_usage`` gave, or takes. ``rules`` have the prices (``rate``) and what
    is offered (``offer``); ``offers`` names some of them. ``where`` takes only usage whose columns
    its patterns find, as in the ``match`` of a rate, ``period`` only that of a time. What
    ``commitments`` (contracts) serve already is subtracted, or in the hours of ``utilization``, a
    table of results, what they were found to serve. ``what_if`` changes ``price``, ``spot_price``
    or ``use`` by percent, as {"price": "+10%"}. Prices are those of the day ``as_of``, without it
    the last day of the usage.

    Raises UsageError for a wrong argument and where nothing is left to plan for, SourceError for a
    file that cannot be read.
    """
    from trueup.engine.engine import open_engine
    from trueup.focus.rule_columns import check_columns, check_where
    from trueup.model.rules import read_rules
    from trueup.planning.planned import Question, planned
    from trueup.planning.use import Wanted
    from trueup.report.plan import Plan

    checked_rules = read_rules(rules)
    check_columns(checked_rules)
    check_where(where or {})
    question = Question(
        Wanted(
            where or {},
            None if period is None else parsed_period(period),
            None if as_of is None else parsed_clock(as_of).date(),
        ),
        offers,
        what_if or {},
        None if commitments is None else dataset_of("commitments", commitments),
        () if utilization is None else utilization,
    )
    with open_engine(checked_engine(engine)) as opened:
        return Plan(planned(dataset_of("usage", usage), checked_rules, question, opened))


def forecast(
    source: Result | str | Path,
    *,
    commitment: str | None = None,
    horizon_days: int | None = None,
) -> Outlook:
    """What is to come of commitments: use with its interval, what will lapse, until when to act.

    ``source`` is a result, or the folder of a workspace (``.trueup``): then the newest run of
    every period. A forecast reaches to the expiry or, where intervals lapse one by one, 28 days;
    ``horizon_days`` ends it earlier. Everything in it is an estimate.

    Raises UsageError for a commitment without a history, MissingDependency without
    ``trueup[forecast]``. A history too short for a forecast is said in the row of its commitment.
    """
    from trueup.forecast.histories import Known
    from trueup.forecast.outlook import Outlook
    from trueup.workspace.newest import newest_runs
    from trueup.workspace.workspace import Workspace

    if isinstance(source, str | Path):
        workspace = Workspace(Path(source))
        known = [Known.of_run(workspace, run) for run in newest_runs(workspace.runs())]
    else:
        known = [Known.of_outcome(source.outcome)]
    return Outlook(known, commitment, horizon_days)


def outcome_of(
    inputs: Inputs,
    *,
    period: Period | None,
    rules: Rules,
    as_of: datetime,
    engine: str,
) -> Outcome:
    """What the core finds in datasets that are read and arguments that are checked."""
    from trueup.focus.rule_columns import check_columns
    from trueup.reconcile import reconcile as core

    check_columns(rules)
    if period is None and not len(inputs.charges.table):
        raise UsageError(_no_charge(inputs.charges))
    return core(inputs, period, rules, as_of, engine)


def _no_charge(charges: Dataset) -> str:
    """Why there is nothing to reconcile, where, and what to do."""
    names = [row["source"] for row in charges.sources.rows()]
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    first = charges.rejects.to_arrow().slice(0, 1).to_pylist()
    why = (
        f"{len(charges.rejects):,} rejected, the first: {first[0]['reason']}" if first else "no row"
    )
    return (
        f"{', '.join(names[:3])}{more}: no charge to reconcile ({why}); "
        "correct the file, or give the bill that holds the charges"
    )


def reader_of(kind: str) -> Callable[..., Dataset]:
    """The ``read_*`` function of a kind of input: charges, commitments, usage or invoices."""
    if kind == "charges":
        from trueup.focus.charges import read_charges

        return read_charges
    if kind == "commitments":
        from trueup.focus.commitments import read_commitments

        return read_commitments
    if kind == "invoices":
        from trueup.focus.invoices import read_invoices

        return read_invoices
    from trueup.telemetry.usage import read_usage

    return read_usage


def dataset_of(kind: str, given: Dataset | Paths | ArrowStream) -> Dataset:
    """A dataset of the kind, read from paths or a table where it is not one already."""
    from trueup.model.dataset import Dataset

    if not isinstance(given, Dataset):
        return reader_of(kind)(given)
    if given.kind != kind:
        raise UsageError(
            f"{kind}: this is a dataset of {given.kind}; give what trueup.read_{kind} returned"
        )
    return given


def checked_engine(name: str) -> str:
    """The engine's name; raises UsageError that lists the engines."""
    if name in ENGINES:
        return name
    close = get_close_matches(str(name), ENGINES, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"engine {name!r}: {hint}it is one of {', '.join(ENGINES)}")


def parsed_period(given: PeriodLike) -> Period:
    """The period given, in UTC; raises UsageError that lists its forms."""
    from trueup.period import parse_period

    return parse_period(given)


def parsed_clock(given: Instant | None) -> datetime:
    """The instant given, in UTC, or now."""
    from trueup.period import parse_instant

    return datetime.now(UTC) if given is None else parse_instant(given)
