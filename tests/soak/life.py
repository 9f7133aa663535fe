"""One life of the year: a workspace, and the nights that fill it."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import psutil

from tests.soak.cloud import Cloud
from tests.soak.faults import Disturbance, Night
from tests.soak.year import FINAL, begun
from tests.twin.recordings import twin_of
from tests.world.ledger import month_of
from trueup.config import read_configuration
from trueup.job.outcome import DONE, PARTIAL, WRONG_USE, JobOutcome
from trueup.job.progress import Unwatched
from trueup.job.run import run
from trueup.job.settings import Settings
from trueup.period import Period

LOOKED_AT = 8  # each so many runs
KILLED, BROKE_OFF = -signal.SIGKILL, 4


@dataclass
class Told:
    """What is written down of one run."""

    clock: str
    month: str
    exit_code: int
    seconds: float
    memory_mb: float
    open_files: int
    workspace_bytes: int | None  # looked at from time to time, as memory without garbage
    faults: list[str] = field(default_factory=list)


def write_configuration(folder: Path, providers: Sequence[str]) -> Path:
    """What the job is told: whom to ask, and that a bill is final soon."""
    lines = ["[rules]"]
    for name in providers:
        lines += ["[[rules.lag]]", f'provider = "{name}"', f'final_after = "P{FINAL.days}D"']
    for name in providers:
        settings = twin_of(name).SETTINGS
        lines += [f"[providers.{name}]", *(f"{k} = {json.dumps(v)}" for k, v in settings.items())]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "trueup.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@dataclass
class Life:
    """Runs by the night, each looked at when it has ended."""

    folder: Path
    seed: int
    cloud: Cloud
    told: list[Told] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    whole_at: dict[datetime, datetime] = field(default_factory=dict)  # month -> last whole run

    def __post_init__(self) -> None:
        self.file = write_configuration(self.folder, self.cloud.providers)
        self.workspace = self.folder / ".trueup"

    def due(self, clock: datetime) -> list[datetime]:
        """This month, and every earlier one without a whole run since it was final."""
        whole_at = [(start, self.whole_at.get(start, start)) for start in begun(clock)]
        return [start for start, at in whole_at if at < month_of(start)[1] + FINAL]

    def night(self, clock: datetime, night: Night) -> None:
        """All runs of a night."""
        for start in [] if night.missed else self.due(clock):
            if night.killed_at is not None:
                self.killed(start, clock, night.killed_at)
            else:
                again = [replace(one, fired=0, of_tokens=False) for one in night.disturbances]
                self.run(start, clock, again, night.zone)

    def run(
        self,
        start: datetime,
        clock: datetime,
        disturbances: Sequence[Disturbance] = (),
        zone: str | None = None,
    ) -> None:
        """One run, and what is wrong with it."""
        began, code, wrong = time.monotonic(), BROKE_OFF, []
        try:
            with in_zone(zone), self.cloud.showing(self.seed, start, clock, disturbances):
                as_of = clock.astimezone(ZoneInfo(zone)) if zone else clock
                outcome = perform(self.file, start, as_of)
            code, wrong = outcome.exit_code, list(complaints(outcome, disturbances))
        except Exception:  # noqa: BLE001  whatever it is, the soak has found it
            wrong = [traceback.format_exc()]
        where = f"{start:%Y-%m} at {clock:%Y-%m-%d}, {[vars(one) for one in disturbances]}"
        self.wrong += [f"{where}: {one}" for one in wrong]
        if code == DONE:
            self.whole_at[start] = clock
        fired = [f"{one.kind}{', lasting' * one.lasts}" for one in disturbances if one.fired]
        self.say(start, clock, code, began, fired + ["another zone"] * bool(zone))

    def killed(self, start: datetime, clock: datetime, step: int) -> None:
        """One run in a process of its own that kills itself at a step, or ends before."""
        began = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", "tests.soak.killed", self.folder, str(self.seed),
             ",".join(self.cloud.providers), start.isoformat(), clock.isoformat(), str(step)],
            check=False, capture_output=True, text=True,
            env=os.environ | {"TMPDIR": str(self.folder)},  # what it leaves behind
        )  # fmt: skip
        if ended.returncode not in {KILLED, DONE}:
            self.wrong.append(
                f"{start:%Y-%m} at {clock:%Y-%m-%d}, killed at {step}: {ended.stderr}"
            )
        if ended.returncode == DONE:
            self.whole_at[start] = clock
        self.say(start, clock, ended.returncode, began, ["killed"] * (ended.returncode == KILLED))

    def say(
        self, start: datetime, clock: datetime, code: int, began: float, faults: list[str]
    ) -> None:
        """Write a run down."""
        looked_at = len(self.told) % LOOKED_AT == 0
        if looked_at:
            gc.collect()
        process = psutil.Process()
        one = Told(
            f"{clock:%Y-%m-%d}",
            f"{start:%Y-%m}",
            code,
            round(time.monotonic() - began, 2),
            round(process.memory_info().rss / 2**20, 1),
            process.num_fds(),
            size_bytes(self.workspace) if looked_at else None,
            faults,
        )
        self.told.append(one)
        with (self.folder / "nights.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(one)) + "\n")


def size_bytes(folder: Path) -> int:
    """All files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def perform(file: Path, start: datetime, as_of: datetime, step: int | None = None) -> JobOutcome:
    """The nightly job for a month; at a step, if any, the process ends as by `kill -9`."""
    settings = Settings(period=Period(*month_of(start)), as_of=as_of)
    return run(read_configuration(file), settings, Unwatched() if step is None else Killing(step))


class Killing(Unwatched):
    """Kills the process at a step of its run."""

    def __init__(self, at: int) -> None:
        self.left = at

    def asking(self, provider: str, what: str) -> None:
        self.step(f"{provider} {what}")

    def reading(self, kind: str, title: str) -> None:
        self.step(f"{kind} {title}")

    def step(self, text: str) -> None:  # noqa: ARG002  whatever it is
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def complaints(outcome: JobOutcome, disturbances: Sequence[Disturbance]) -> Iterator[str]:
    """Where exit code, result and what was done to the answers do not say the same, or add up."""
    failed = [one.text for one in outcome.failures]
    allowed = [one.codes for one in disturbances if one.fired] or [{DONE}]
    certain = [one for one in allowed if DONE not in one]
    if outcome.exit_code not in set.union(*(certain or allowed)):
        yield f"exit code {outcome.exit_code}: {failed}"
    if bool(failed) != (outcome.exit_code in {WRONG_USE, PARTIAL}):
        yield f"exit code {outcome.exit_code}, and failed: {failed}"
    if outcome.result is None or outcome.folder is None:
        return
    said = json.loads((outcome.folder / "result.json").read_text(encoding="utf-8"))
    report = (outcome.folder / "report.html").read_text(encoding="utf-8")
    if {said["partial"], "PARTIAL RUN" in report} != {outcome.exit_code == PARTIAL}:
        yield f"exit code {outcome.exit_code}, and its result looks otherwise"
    for row in outcome.result.identity.rows():
        if row["billed"] != row["allocated"] + row["unused"] + row["unattributed"]:
            yield f"does not add up: {row}"


@contextmanager
def in_zone(zone: str | None) -> Iterator[None]:
    """The process in a time zone."""
    try:
        with patch.dict("os.environ", {"TZ": zone} if zone else {}):
            time.tzset()
            yield
    finally:
        time.tzset()
