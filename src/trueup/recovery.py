"""A past run performed again from what landed, and compared byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trueup.budgets.budget import terms_of
from trueup.errors import UsageError
from trueup.evidence import ASSERTED, Given, outputs_of, performed
from trueup.fetch.asserted import Assertion
from trueup.focus.landing import Landed
from trueup.forecast.foreseen import Foreseen
from trueup.model.combined import combined
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.sources import KINDS, Failure, Group
from trueup.workspace.run import Run
from trueup.workspace.workspace import Workspace

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset
    from trueup.report.result import Result

SHOWN_BEFORE, SHOWN_BEHIND = 30, 20  # bytes around the first that differs


def given_by(workspace: Workspace, run: Run) -> Given:
    """What a past run worked on, from the store; IntegrityError where that is damaged."""
    store = workspace.store
    settings = json.loads(store.get(run.body["settings"]))
    groups: dict[int, Group] = {}
    assertions = []
    for one in run.inputs:
        store.get(one["sha256"])  # proves the bytes
        options = dict(one["options"])
        path = store.path(one["sha256"])
        file = Landed(one["source"], path, one["sha256"], one["size_bytes"])
        if one["kind"] == ASSERTED:
            assertions.append((Assertion(path=path, **options), file))
            continue
        number, title = options.pop("group"), options.pop("title")
        known = groups.get(number, Group(one["kind"], title, (), options))
        groups[number] = Group(known.kind, known.title, (*known.files, file), known.options)
    period = settings["period"]
    told = run.body.get("foreseen")  # older runs kept none
    return Given(
        groups=list(groups.values()),
        assertions=assertions,
        rules=Rules.model_validate(settings["rules"]),
        period=period and Period(*(datetime.fromisoformat(at) for at in period)),
        as_of=datetime.fromisoformat(settings["as_of"]),
        engine=settings["engine"],
        notes=settings["notes"],
        failures=[Failure(**one) for one in run.body["failures"]],
        budgets=terms_of(store.get(run.body["config"])),
        foreseen=Foreseen.from_bytes(store.get(told)) if told else None,
    )


def known(workspace: Workspace, period: Period | None, at: datetime) -> tuple[Run, Given]:
    """The last run known at an instant, and what to perform for a period from what it landed.

    It is the last run of that period, else the last of any, by their clocks: a run at an earlier
    clock tells what was known then, whenever it was performed. Raises UsageError where nothing was
    known at that instant.
    """
    runs = workspace.runs(at)
    if not runs:
        first = [run.at for run in workspace.runs()]
        since = "it has never run: `trueup run` fills it"
        if first:
            since = f"the first run was known at {min(first):%Y-%m-%dT%H:%M:%SZ}"
        when = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        raise UsageError(f"{workspace.folder}: nothing was known at {when}; {since}")
    same = [run for run in runs if period and (run.start, run.end) == (period.start, period.end)]
    run = max(same or runs, key=lambda run: (run.at, run.number))
    given = given_by(workspace, run)
    return run, replace(given, period=period or given.period, foreseen=None)


def datasets_of(given: Given) -> dict[str, Dataset | None]:
    """Every kind of input read, one dataset each."""
    found: dict[str, list[Dataset]] = {kind: [] for kind in KINDS}
    for group in given.groups:
        found[group.kind].append(group.read())
    return {kind: combined(some) if some else None for kind, some in found.items()}


@dataclass(frozen=True)
class Differing:
    """An output that is not what the run wrote: its path, and where it first differs."""

    path: str
    at_byte: int | None  # None: it is missing, or there is one more
    before: str = ""  # what stands there in the run's output
    after: str = ""


def replay(
    workspace: Workspace, run: Run, completed: Callable[[Given, Result], Result]
) -> list[Differing]:
    """Perform a run again from what landed; every output that is not the same, byte for byte.

    ``completed`` adds what the journal knew before the run.
    """
    given = given_by(workspace, run)
    with TemporaryDirectory(prefix="trueup-replay-") as place:
        folder = Path(place) / "out"
        completed(given, performed(given, datasets_of(given))).write(folder)
        now = {path.relative_to(folder).as_posix(): path for path in outputs_of(folder)}
        found = [Differing(name, None) for name in sorted(now.keys() ^ run.outputs.keys())]
        for name in sorted(now.keys() & run.outputs.keys()):
            before, after = workspace.store.get(run.outputs[name]), now[name].read_bytes()
            if before != after:
                found.append(_differing(name, before, after))
    return found


def _differing(name: str, before: bytes, after: bytes) -> Differing:
    pairs = enumerate(zip(before, after, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(0, at - SHOWN_BEFORE)
    shown = (side[start : at + SHOWN_BEHIND].decode(errors="replace") for side in (before, after))
    return Differing(name, at, *shown)
