"""What trueup makes of a world, in the form of the world's answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import trueup
from tests.world.asserted_oci import NEXT_POOL
from tests.world.comparison import NAMES_OF_ROWS, Row, differences, report
from trueup.config import Configuration, Files, UsageFiles
from trueup.engine.engine import open_engine
from trueup.fetch.asserted import Assertion, asserted
from trueup.model.combined import combined
from trueup.model.dataset import Dataset
from trueup.model.inputs import Inputs
from trueup.model.table import Table
from trueup.period import Period
from trueup.reconcile.restatement import restated_break, restatements

TO_COME = {"commitments": 1, "credits": 1}  # rows on what begins after the period
IN_RESULT = {"unattributed": "unattributed_by_reason"}

Tables = Mapping[str, Sequence[Row]]


def inputs_of(config: Configuration, asserted: Mapping[str, Table]) -> Inputs:
    """Every dataset of a configuration's files, and what providers say."""
    return Inputs(
        combined([trueup.read_charges(_paths(config, entry)) for entry in config.charges]),
        combined([trueup.read_commitments(_paths(config, entry)) for entry in config.commitments]),
        combined([_usage(config, entry) for entry in config.usage]),
        combined([trueup.read_invoices(_paths(config, entry)) for entry in config.invoices]),
        asserted,
    )


def asserted_tables(folder: Path) -> dict[str, Table]:
    """What providers say, from CSV files as their feeds are normalised into."""
    given = [
        Assertion(path.stem, path.stem, path.stem, path) for path in sorted(folder.glob("*.csv"))
    ]
    tables, failures = asserted(given)
    assert not failures
    return tables


def restated(known: Dataset, folder: Path, period: Period | None) -> Tables:
    """How the bill below a folder differs from the one that is known: items, and their breaks."""
    assert period is not None
    bills = [sorted(map(str, one.iterdir())) for one in sorted((folder / "bills").iterdir())]
    later = combined([trueup.read_charges(paths) for paths in bills])
    with open_engine("duckdb") as engine:
        before, after = (engine.scan(one.table.files, one.table.schema) for one in (known, later))
        items = restatements(before, after, period, engine)
    breaks = [restated_break(row, "closed") for row in items]
    return {"restatements": items, "restated_breaks": breaks}


def reconciled(config: Configuration) -> trueup.Result:
    """The result of a configuration's files, read as the nightly job reads them."""
    return trueup.reconcile(
        combined([trueup.read_charges(_paths(config, entry)) for entry in config.charges]),
        commitments=combined(
            [trueup.read_commitments(_paths(config, entry)) for entry in config.commitments]
        ),
        usage=combined([_usage(config, entry) for entry in config.usage]),
        period=config.run.period,
        as_of=config.run.as_of,
        rules=config.rules,
    )


def _paths(config: Configuration, entry: Files) -> list[str | Path]:
    return [config.located(path) for path in entry.paths]


def _usage(config: Configuration, entry: UsageFiles) -> Dataset:
    return trueup.read_usage(
        _paths(config, entry),
        format=entry.format,
        columns=dict(entry.columns) or None,
        constants=dict(entry.constants) or None,
    )


def comparable(result: trueup.Result, folder: Path) -> Tables:
    """The tables answers speak of, without what they make no statement on.

    Sources are named as they lie in the folder.
    """
    found = {name: getattr(result, IN_RESULT.get(name, name)).rows() for name in NAMES_OF_ROWS}
    benefits = {row["commitment_id"] for row in found["utilization"] if row["used_quantity"]}
    found["utilization"] = [
        row
        for row in found["utilization"]
        if row["commitment_id"] in benefits and row["used_quantity"] is not None
    ]
    found["unattributed"] = [row for row in found["unattributed"] if row["cost"]]
    found["buckets"] = _billed_buckets(found["buckets"])
    found["control_totals"] = [
        {**row, "source": str(row["source"]).removeprefix(f"{folder}/")}
        for row in found["control_totals"]
        if row["kind"] not in ("commitments", "invoices")
    ]
    return found


def _billed_buckets(rows: Sequence[Row]) -> list[Row]:
    """The buckets of the bills: by class for breaks, as a whole for the others."""
    counted: dict[tuple[object, object], int] = defaultdict(int)
    for row in rows:
        if row["side"] == "billed":
            reason = row["reason"] if row["bucket"] == "break" else None
            counted[(row["bucket"], reason)] += int(str(row["rows"]))
    return [
        {"side": "billed", "bucket": bucket, "reason": reason, "rows": count}
        for (bucket, reason), count in counted.items()
        if count
    ]


def assert_equal(expected: Tables, found: Tables) -> None:
    """Every table agrees; otherwise the differences are shown, row by row."""
    assert_same(expected, found, NAMES_OF_ROWS)


def assert_same(expected: Tables, found: Tables, names: Iterable[str]) -> None:
    """The same of the tables with these names."""
    assert expected.keys() == set(names)
    lines = [line for name in expected for line in differences(name, expected[name], found[name])]
    assert not lines, f"{len(lines)} differences\n{report(lines)}"


def assert_equal_as_fetched(expected: Tables, found: Tables) -> None:
    """Every table agrees, but for how a provider cuts its files and what it tells beforehand.

    Control totals of bills are compared by provider; the contract's second year, which its
    provider tells of before it begins, is there and left out.
    """
    begun = {
        name: [row for row in found[name] if row["commitment_id"] != NEXT_POOL] for name in TO_COME
    }
    assert {name: len(found[name]) - len(begun[name]) for name in TO_COME} == TO_COME
    expected, found = (
        {**tables, "control_totals": _by_provider(tables["control_totals"])}
        for tables in (expected, {**found, **begun})
    )
    assert_equal(expected, found)


def _by_provider(rows: Sequence[Row]) -> list[Row]:
    """Control totals of bills by provider and currency, of other sources as they are."""
    sums: dict[tuple[object, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    other = []
    for row in rows:
        path = Path(str(row["source"])).parts
        place = next((name for name in ("fetched", "bills") if name in path), None)
        if place is None:
            other.append(row)
            continue
        provider = path[path.index(place) + 1]
        for column in ("rows_in", "accepted", "rejected", "billed_cost", "effective_cost"):
            value = row.get(column)
            sums[(provider, row["currency"])][column] += Decimal(str(value or 0))
    return other + [
        {"source": provider, "currency": currency, **figures}
        for (provider, currency), figures in sums.items()
    ]
