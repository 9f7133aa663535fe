"""Random sequences of what happens to a month: the identities, roll-forward and chain always hold.

Runs, restatements, decisions, closes, reopenings, kills and replays in any order. After each, the
figures are compared with sums of the bill made here, and every byte is verified.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.workspace import month
from tests.workspace.killed import KILLED
from trueup.cli.app import app
from trueup.config import read_configuration
from trueup.errors import UsageError
from trueup.workspace.keys import new_key
from trueup.workspace.run import BEGUN, ENDED
from trueup.workspace.verify import verify
from trueup.workspace.workspace import Workspace

GRANTED = Decimal(100)
FIRST = datetime(2026, 11, 10, tzinfo=UTC)
COST = st.integers(min_value=1, max_value=999).map(lambda cents: f"{cents / Decimal(100):.2f}")
PERSONS = {"prepare.key": ("preparer", "prepare"), "approve.key": ("approver", "approve")}


class Month(RuleBasedStateMachine):
    """A month of three charges, drawn from one lot, and everything that may happen to it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(mkdtemp(prefix="trueup-month-"))
        month.written(self.folder)
        blocks = []
        for file, (name, may) in PERSONS.items():
            key = new_key(self.folder / file)
            blocks.append(
                f'[[person]]\nname = "{name}"\npublic_key = "{key.public}"\nmay = ["{may}"]\n'
            )
        with (self.folder / "trueup.toml").open("a", encoding="utf-8") as configuration:
            configuration.write("\n" + "\n".join(blocks))
        self.costs = list(month.COSTS)
        self.more: list[tuple[int, str]] = []  # corrections: day, amount
        self.clock = FIRST
        self.closed_at: Decimal | None = None
        self.ran_since = False  # the close that stands
        self.shown: Decimal | None = None  # the bill's total as the last run read it

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            rmtree(self.folder)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder / ".trueup")

    @property
    def billed(self) -> Decimal:
        return sum(map(Decimal, [*self.costs, *(amount for _, amount in self.more)]), Decimal(0))

    def _write(self) -> None:
        lines = tuple(month.charge(day, amount, "Correction") for day, amount in self.more)
        (self.folder / "bill.csv").write_text(
            month.bill(tuple(self.costs), lines), encoding="utf-8"
        )

    def _command(self, *words: str) -> int:
        """A command of the shell, in this process; its exit code."""
        try:
            app([*words, "-c", str(self.folder / "trueup.toml")], standalone_mode=False)
        except SystemExit as end:
            return int(end.code or 0)
        except UsageError:
            return 2
        return 0

    @rule()
    def run(self) -> None:
        """A night's run."""
        self.clock += timedelta(days=1)
        config = read_configuration(self.folder / "trueup.toml")
        outcome = month.ran(config, self.clock.isoformat())
        assert outcome.exit_code == 0
        self.shown, self.ran_since = self.billed, True

    @rule(day=st.integers(0, 2), cost=COST)
    def restate(self, day: int, cost: str) -> None:
        """The provider writes a line anew."""
        self.costs[day] = cost
        self._write()

    @rule(day=st.integers(1, 3), cost=COST, sign=st.sampled_from(["", "-"]))
    @precondition(lambda self: len(self.more) < 4)
    def correct(self, day: int, cost: str, sign: str) -> None:
        """A correction comes as a line of its own, either sign."""
        self.more.append((day, sign + cost))
        self._write()

    @rule(action=st.sampled_from(["explain", "write-off", "assign"]), number=st.integers(0, 5))
    @precondition(lambda self: self.shown is not None)
    def decide(self, action: str, number: int) -> None:
        """Somebody decides on a break, where there is one."""
        last = self.workspace.runs()[-1]
        rows = self.workspace.table(last.run_id, "breaks").rows()
        if rows:
            name = rows[number % len(rows)]["id"]
            given = ("team",) if action == "assign" else ("--note", "seen")
            self._command("breaks", action, name, *given)

    @rule()
    @precondition(lambda self: self.shown is not None)
    def close(self) -> None:
        """Prepared by one, approved by the other; refused where something stands in the way."""
        key = self.folder / "prepare.key"
        if self._command("close", "2026-10", "--key", str(key)) == 0:
            code = self._command(
                "close", "2026-10", "--approve", "--key", str(self.folder / "approve.key")
            )
            if code == 0 and self.closed_at is None:
                self.closed_at = self.shown
                self.ran_since = False

    @rule()
    @precondition(lambda self: self.closed_at is not None)
    def reopen(self) -> None:
        """The approver opens the month again."""
        code = self._command(
            "close", "2026-10", "--reopen", "--reason", "late bill",
            "--key", str(self.folder / "approve.key"),
        )  # fmt: skip
        assert code == 0
        self.closed_at = None

    @rule(at=st.integers(min_value=1, max_value=90))
    def kill(self, at: int) -> None:
        """A run is killed before one of its writes; where it ends before that, it is a run."""
        self.clock += timedelta(days=1)
        done = subprocess.run(
            [
                sys.executable, "-W", "ignore", "-m", "tests.workspace.killed",
                str(self.folder / "trueup.toml"), str(at), self.clock.isoformat(),
            ],
            check=False,
            capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode in (0, KILLED), done.stderr
        ended = [
            entry.kind for entry in self.workspace.journal.entries() if entry.kind in (BEGUN, ENDED)
        ]
        if ended and ended[-1] == ENDED:
            self.shown, self.ran_since = self.billed, True

    @rule(number=st.integers(0, 30))
    @precondition(lambda self: self.shown is not None)
    def replay(self, number: int) -> None:
        """Any past run, performed again, is the same byte for byte."""
        runs = self.workspace.runs()
        assert self._command("replay", runs[number % len(runs)].run_id) == 0

    @invariant()
    def everything_holds(self) -> None:
        """The chain, the last run's identity and its roll-forward, whatever happened."""
        if not hasattr(self, "folder") or self.shown is None:
            return
        found = verify(self.folder / ".trueup")
        assert found.differences == []
        run = self.workspace.runs()[-1]
        result = json.loads(self.workspace.store.get(run.outputs["result.json"]))
        (identity,) = result["identity"]
        assert Decimal(identity["billed"]) == self.shown
        assert Decimal(identity["difference"]) == 0
        (lot,) = (row for row in result["credits"] if row["lot_id"] == "prepaid")
        assert Decimal(lot["remaining"]) == GRANTED - self.shown
        months = [row for row in result["roll_forward"] if row["span"] == "period"]
        assert sum(Decimal(row["closing"]) for row in months) == GRANTED - self.shown
        days = [row for row in result["roll_forward"] if row["span"] == "day"]
        for one, other in pairwise(days):
            assert one["closing"] == other["opening"]
        if self.closed_at is not None and self.ran_since:
            delta = sum(Decimal(row["effective_delta"]) for row in result["restatements"])
            assert delta == self.shown - self.closed_at


TestMonth = Month.TestCase
TestMonth.settings = settings(
    max_examples=int(os.environ.get("TRUEUP_SEQUENCES", "2")),
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
