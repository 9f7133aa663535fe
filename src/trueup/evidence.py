"""What a run leaves in its workspace, and how it is performed again from there."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.api import outcome_of
from trueup.budgets.budget import BudgetTerms
from trueup.budgets.notify import FROM_ENVIRONMENT, destinations
from trueup.config import Configuration
from trueup.fetch.asserted import Assertion, asserted
from trueup.focus.landing import Landed
from trueup.forecast.foreseen import Foreseen
from trueup.model.inputs import Inputs, Unread
from trueup.model.rules import Rules
from trueup.notes import annotated
from trueup.period import Period
from trueup.redacted import redacted, redacted_values
from trueup.report.result import Result
from trueup.sources import Failure, Group
from trueup.workspace.canonical import canonical, sha256_of
from trueup.workspace.run import Run
from trueup.workspace.store import Store
from trueup.workspace.workspace import Workspace

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset

ASSERTED, PROVIDER = "asserted", "provider"
# Tables that tell of the run rather than of the period: not part of what an approval binds.
OF_THE_RUN = frozenset({"break_states", "notes"})
RATE_RULES = ("rate", "exchange_rate")


@dataclass(frozen=True)
class Given:
    """Everything a run works on: enough to perform it again."""

    groups: Sequence[Group]  # what could be read, in order
    assertions: Sequence[tuple[Assertion, Landed]]
    rules: Rules
    period: Period | None
    as_of: datetime
    engine: str
    notes: Sequence[Mapping[str, str | None]]  # the job's own, before those of the core
    failures: Sequence[Failure] = ()
    budgets: Sequence[BudgetTerms] = ()  # the report shows them; they change no figure
    foreseen: Foreseen | None = None  # by the run that is performed again

    @property
    def settings(self) -> dict[str, Any]:
        """What is not a file, as JSON."""
        return {
            "rules": self.rules.model_dump(exclude_defaults=True),
            "period": self.period and [self.period.start, self.period.end],
            "as_of": self.as_of,
            "engine": self.engine,
            "notes": list(self.notes),
        }

    def inputs(self) -> Iterator[dict[str, Any]]:
        """Every file, as the journal tells of it."""
        for number, group in enumerate(self.groups):
            for file in group.files:
                yield _input(group.kind, file, group=number, title=group.title, **group.options)
        for one, file in self.assertions:
            yield _input(ASSERTED, file, provider=one.provider, feed=one.feed, gives=one.gives)


def _input(kind: str, file: Landed, **options: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "source": file.source,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "options": options,
    }


def landed_assertions(given: Sequence[Assertion], store: Store) -> list[tuple[Assertion, Landed]]:
    """What providers assert, landed."""
    found = []
    for one in given:
        digest = store.put_file(one.path)
        path = store.path(digest)
        landed = Landed(f"{one.provider}-{one.feed}.csv", path, digest, path.stat().st_size)
        found.append((replace(one, path=path), landed))
    return found


def performed(given: Given, datasets: Mapping[str, Dataset | None]) -> Result:
    """The result of a run whose groups were read."""
    charges = datasets["charges"]
    if charges is None:
        raise ValueError("a run needs charges")
    tables, _ = asserted([one for one, _ in given.assertions])
    outcome = outcome_of(
        Inputs(
            charges=charges,
            commitments=datasets["commitments"],
            usage=datasets["usage"],
            invoices=datasets["invoices"],
            asserted=tables,
            stated=[_source(number, *one) for number, one in enumerate(given.assertions)],
            unread=[
                Unread(one.source.split()[0] if one.kind == PROVIDER else None, one.source)
                for one in given.failures
                if one.kind in (PROVIDER, "charges")
            ],
        ),
        period=given.period,
        rules=given.rules,
        as_of=given.as_of,
        engine=given.engine,
    )
    return Result(annotated(outcome, given.notes))


def _source(number: int, said: Assertion, file: Landed) -> dict[str, Any]:
    """What a provider's feed was normalised into, as a row of ``SOURCES``."""
    with file.path.open(encoding="utf-8", newline="") as text:
        rows = sum(1 for _ in csv.reader(text)) - 1
    return {
        "source_id": number,
        "source": file.source,
        "kind": PROVIDER,
        "format": said.gives,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "rows_in": rows,
        "accepted": rows,
        "rejected": 0,
        "note": None,
    }


def kept(
    workspace: Workspace,
    run_id: str,
    given: Given,
    result: Result,
    folder: Path,
    exit_code: int,
    config: str,
) -> Run:
    """Keep what a run wrote and say in the journal what it read, found and wrote."""
    store = workspace.store
    outputs = {
        path.relative_to(folder).as_posix(): store.put_file(path) for path in outputs_of(folder)
    }
    files = list(given.inputs())
    figures = {
        path: digest
        for path, digest in outputs.items()
        if path.startswith("parquet/") and Path(path).stem not in OF_THE_RUN
    }
    rules = given.settings["rules"]
    body = {
        "period": {"start": result.start, "end": result.end},
        "as_of": given.as_of,
        "version": version("trueup"),
        "exit_code": exit_code,
        "failures": [vars(one) for one in given.failures],
        "inputs": files,
        "config": config,
        "settings": store.put(canonical(given.settings)),
        "foreseen": store.put(result.foreseen.to_bytes()),
        "hashes": {
            "result": sha256_of(figures),
            "rules": sha256_of(rules),
            "contracts": sha256_of(_hashes(files, "commitments")),
            "rates": sha256_of(
                [{name: rules.get(name) for name in RATE_RULES}, _hashes(files, ASSERTED, "rates")]
            ),
        },
        "outputs": outputs,
        "control_totals": result.control_totals.rows(),
        "identity": result.identity.rows(),
        "final_at": {str(name): at for name, at in result.outcome.final_at.items()},
        "material_amount": result.outcome.material_amount,
    }
    return workspace.end(run_id, given.as_of, body, result.tables)


def configuration_kept(config: Configuration) -> bytes:
    """A ``trueup.toml`` as the workspace keeps it: its own bytes, or its values without secrets."""
    content = config.file.read_bytes()
    text, urls = content.decode(), config.alerts.urls
    if redacted(text) == text and all(url.startswith(FROM_ENVIRONMENT) for url in urls):
        return content
    values = redacted_values(tomllib.loads(text, parse_float=Decimal))
    if urls:
        values["alerts"]["urls"] = [one.name for one in destinations(urls, {})]
    return canonical(values)


def _hashes(files: Sequence[Mapping[str, Any]], kind: str, gives: str | None = None) -> list[str]:
    return sorted(
        one["sha256"]
        for one in files
        if one["kind"] == kind and (gives is None or one["options"]["gives"] == gives)
    )


def outputs_of(folder: Path) -> list[Path]:
    """The files of a result's folder that a run writes."""
    named = [folder / name for name in ("report.html", "report.xlsx", "result.json")]
    tables = (sorted((folder / name).glob("*")) for name in ("parquet", "chargeback"))
    return [*(path for path in named if path.exists()), *chain.from_iterable(tables)]
