"""Runs that are killed, find a disk full or lose power at random points, then the run that completes.

    LD_PRELOAD=power.so python -m tests.reliability.killing --points 50 --seed 1

A trial begins with a folder that has never run, or has run once before its bill was restated. A run
is disturbed at one call of all that change files, now and then the next one too; then a run goes
through, and everything is compared with what runs leave that nobody disturbs. Each run is the
command `trueup run` in a process of its own, forked from this one, which has imported everything and
started no thread. What the core finds and how charts are drawn, pure functions that write nothing
here, is computed once; --whole computes it in every run.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import pickle
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.reliability.disk import Disk
from tests.workspace import month

KILL, FULL = 1, 2  # as power.c has them
WAYS = ("kill", "power", "power", "full disk")
SIGKILL, NO_ROOM = 9, 2 << 8  # as waitpid tells them
ANSWERS = (b'{"cost": 1}', b'{"cost": 2}' * 1000)
BUDGET = '\n[[budget]]\nname = "month"\nscope = { provider = "Nimbus" }\namount = "5"\ncurrency = "USD"\n'
PACKAGES = ("trueup", "deltalake", "duckdb", "ibis", "jinja2", "pyarrow", "xlsxwriter")
LOSSES = 3  # of power, of which the last is gone on with
RUNS_AFTER = 3  # that an undisturbed folder is asked for: one may end and be disturbed after that


@dataclass
class Left:
    """What runs leave: the folder of results, the rows of the tables over all runs."""

    out: dict[str, bytes]
    tables: dict[str, list[str]]

    @classmethod
    def by(cls, folder: Path) -> Left:
        from deltalake import DeltaTable

        out = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted((folder / "out").rglob("*"))
            if not path.is_dir()
        }
        tables = {}
        for place in sorted((folder / ".trueup" / "tables").glob("*")):
            rows = DeltaTable(str(place)).to_pyarrow_table().to_pylist()
            tables[place.name] = sorted(repr(sorted(row.items())) for row in rows)
        return cls(out, tables)

    def differences(self, other: Left) -> list[str]:
        found = []
        for what, one, two in (("", self.out, other.out), ("table ", self.tables, other.tables)):
            names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
            found += [f"{what}{name} differs" for name in names]
        return found


class Killing:
    """Trials in a folder; ``whole``: nothing is computed once for all."""

    def __init__(self, folder: Path, shim: Path, *, whole: bool = False) -> None:
        self.root, self.scratch = folder / "month", folder / "scratch"
        self.folder, self.shim, self.whole = folder, ctypes.CDLL(str(shim)), whole
        self.shim.power_arm.argtypes = [ctypes.c_char_p] * 3 + [
            ctypes.c_int, ctypes.c_long, ctypes.c_double,
        ]  # fmt: skip
        self.known: dict[str, Any] = {}  # what is computed once, by what it is of
        self.calls: dict[str, int] = {}
        self.undisturbed: dict[str, dict[int, Left]] = {}
        self.bases = {name: folder / name for name in ("never ran", "ran before")}

    def prepare(self) -> None:
        """Make both folders to begin with, and what runs leave that nobody disturbs."""
        self._fresh()
        self.root.mkdir()
        month.written(self.root)
        with (self.root / "trueup.toml").open("a", encoding="utf-8") as file:
            file.write(BUDGET)
        self._base("never ran")
        self._run()
        (self.root / "bill.csv").write_text(month.bill(("4.00", "2.75", "3.25")), encoding="utf-8")
        self._base("ran before")

    def _base(self, name: str) -> None:
        shutil.copytree(self.root, self.bases[name])
        self.undisturbed[name] = {}
        for count in range(RUNS_AFTER):
            disk = Disk.of(self.root)
            self._run()
            calls = disk.play((self.folder / "log").read_bytes())
            if disk.differences():
                raise RuntimeError(f"the log does not tell of {disk.differences()}")
            self.calls.setdefault(name, calls)
            ended, left = self._forked(lambda: (len(self._workspace().runs()), Left.by(self.root)))
            if len(self.undisturbed[name]) != count:
                raise RuntimeError("a run is not there")
            self.undisturbed[name][ended] = left
        self._begin(name)

    def _begin(self, name: str) -> None:
        self._fresh()
        shutil.copytree(self.bases[name], self.root)
        self.spoilt = False

    def _fresh(self) -> None:
        for place in (self.root, self.scratch):
            shutil.rmtree(place, ignore_errors=True)
        self.scratch.mkdir(parents=True)

    def trial(self, seed: str) -> list[str]:
        """One trial; what is wrong, under what happened."""
        chance = Random(seed)
        way, base = chance.choice(WAYS), chance.choice(list(self.bases))
        self._begin(base)
        told = [f"seed {seed}: {base}"]
        for _ in range(1 + (chance.random() < 1 / 4)):
            at, part = self._point(base, chance), chance.random()
            told.append(f"{way} at call {at}")
            wrong = self._disturbed(way, at, part, chance)
            if wrong:
                return [", ".join(told), *wrong]
        wrong = self._forked(lambda: self._completed(base))
        return [", ".join(told), *wrong] if wrong else []

    def _point(self, base: str, chance: Random) -> int:
        """Any call, or one of the first or last, where a run begins and is said to have ended."""
        last = self.calls[base]
        anywhere, first, end = (1, last), (1, 50), (last - 15, last + 10)
        return chance.randint(*chance.choice((anywhere, anywhere, first, end)))

    def _disturbed(self, way: str, at: int, part: float, chance: Random) -> list[str]:
        disk = Disk.of(self.root)
        status = self._child(lambda: self._armed(FULL if way == "full disk" else KILL, at, part))
        disk.play((self.folder / "log").read_bytes())
        wrong = [f"{name}: is not what the log tells" for name in disk.differences()]
        said = (self.folder / "said").read_text(encoding="utf-8")
        if way == "full disk":
            if status not in (0, NO_ROOM) or (status == NO_ROOM) != ("no space left on" in said):
                wrong.append(f"ended with {status}: {said}")
        elif status not in (0, SIGKILL):
            wrong.append(f"ended with {status}: {said}")
        if way == "power":
            for _ in range(LOSSES):
                disk.lose_power(chance)
                wrong += self._forked(self._before)
            if chance.random() < 1 / 3:
                self._spoil(chance)
        return wrong

    def _spoil(self, chance: Random) -> None:
        """A disk that says too early that it has something: files of tables are cut or gone.

        Behind a run that ended only what is gone is looked for.
        """
        from trueup.workspace.run import cut_off

        self.spoilt = True
        ended = self._forked(lambda: cut_off(self._workspace().journal.entries()) is None)
        files = sorted((self.root / ".trueup" / "tables").rglob("*"))
        for path in files:
            if path.is_file() and chance.random() < 1 / 4:
                if ended or chance.random() < 1 / 2:
                    path.unlink()
                else:
                    path.write_bytes(path.read_bytes()[: chance.randint(0, path.stat().st_size)])

    def _before(self) -> list[str]:
        """What differs in a folder as it was left: nothing that was said to be kept."""
        from trueup.workspace.verify import verify

        return [
            f"before: {one.where} {one.what}"
            for one in verify(self.root / ".trueup").differences
            if one.what != "is cut off" and not (self.spoilt and one.where.startswith("tables/"))
        ]

    def _completed(self, base: str) -> list[str]:
        """What is wrong before, and after the run that nobody disturbs."""
        from trueup.workspace.run import BEGUN, ENDED, FAILED
        from trueup.workspace.verify import verify

        wrong = self._before()
        code = self._command()
        if code:
            return [*wrong, f"the next run ended with {code}"]
        found = verify(self.root / ".trueup")
        wrong += [f"after: {one.where} {one.what}" for one in found.differences]
        wrong += [f"left over: {where}" for where in found.left_over]
        entries = self._workspace().journal.entries()
        kinds = [one.kind for one in entries if one.kind in (BEGUN, ENDED, FAILED)]
        if kinds[::2] != [BEGUN] * len(kinds[::2]) or BEGUN in kinds[1::2]:
            wrong.append(f"not every attempt is in the journal: {kinds}")
        left = Left.by(self.root)
        return [*wrong, *left.differences(self.undisturbed[base][kinds.count(ENDED)])]

    def _workspace(self) -> Any:
        from trueup.workspace.workspace import Workspace

        return Workspace(self.root / ".trueup")

    def _run(self) -> None:
        """A run that nobody disturbs; keeps what it computed."""
        status = self._child(lambda: self._armed(0, 0, 0.0, keep=True))
        if status:
            raise RuntimeError((self.folder / "said").read_text(encoding="utf-8"))
        self.known, modules = pickle.loads((self.folder / "known").read_bytes())  # noqa: S301
        import_all(modules)

    def _armed(self, how: int, at: int, part: float, *, keep: bool = False) -> int:
        places = (self.root, self.scratch, self.folder / "log")
        self.shim.power_arm(*(str(place).encode() for place in places), how, at, part)
        code = self._command()
        if keep:
            found = self.known, [name for name in sys.modules if name.startswith(PACKAGES)]
            (self.folder / "known").write_bytes(pickle.dumps(found))
        return code

    def _command(self) -> int:
        """`trueup run` in this process; its exit code."""
        from trueup.cli.app import app

        if not self.whole:
            self._compute_once()
        try:
            app(["run", "-q", "-c", str(self.root / "trueup.toml")], standalone_mode=True)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    def _compute_once(self) -> None:
        """Have pure functions look up what they gave for the same arguments."""
        from trueup import api
        from trueup.report.html import charts

        core: Any = api.outcome_of

        def outcome_of(inputs: Any, **given: Any) -> Any:
            key = repr([inputs.charges.sources.rows(), given])
            if key not in self.known:
                found = core(inputs, **given)
                tables = {name: held(table) for name, table in found.tables.items()}
                self.known[key] = replace(found, inputs=None, tables=tables)
            return replace(self.known[key], inputs=inputs)

        def drawing(draw: Callable[..., str]) -> Callable[..., str]:
            def drawn(*given: Any, **named: Any) -> Any:
                key = repr([draw.__name__, given, named])
                if key not in self.known:
                    self.known[key] = draw(*given, **named)
                return self.known[key]

            return drawn

        patch("trueup.evidence.outcome_of", outcome_of).start()
        for name in ("heat_map", "burn_down", "daily_burn", "usual_band", "bars", "cost_curve"):
            patch.object(charts, name, drawing(getattr(charts, name))).start()

    def _forked(self, work: Callable[[], Any]) -> Any:
        """What a function gives in a process of its own."""
        place = self.folder / "given"
        place.unlink(missing_ok=True)
        status = self._child(lambda: place.write_bytes(pickle.dumps(work())) * 0)
        if status:
            return [f"ended with {status}: {(self.folder / 'said').read_text(encoding='utf-8')}"]
        return pickle.loads(place.read_bytes())  # noqa: S301  our own

    def _child(self, work: Callable[[], int]) -> int:
        sys.stdout.flush()
        child = os.fork()
        if child:
            return os.waitpid(child, 0)[1]
        code = 1
        try:
            tempfile.tempdir = os.environ["TMPDIR"] = str(self.scratch)
            said = os.open(self.folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            code = work()
        except BaseException:  # noqa: BLE001  it is told, then the process ends
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def held(table: Any) -> Any:
    from trueup.model.table import Table

    return Table(table.schema, arrow=table.to_arrow())


def answered(*given: Any) -> list[Any]:
    """What a provider that does not exist answers, landed as every answer is."""
    from trueup.adapter.feed import Answer

    place = given[-1]
    for page, body in enumerate(ANSWERS, start=1):
        place.landing.answer(
            "nimbus", "cost", Answer("Cost", {"month": "10"}, page, body), place.at
        )
    return []


def import_all(names: Iterable[str]) -> None:
    """What a run imports, and what it makes once; nothing that starts a thread."""
    from importlib import import_module

    for name in names:
        import_module(name)
    from trueup.report.html import _environment
    from trueup.units import factor

    _environment().get_template("report.html.j2")
    factor("hour", "second")


def main(points: Iterable[int], seed: int, *, whole: bool = False) -> int:
    """Try points; prints each that fails and how many did."""
    in_memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="trueup-kills-", dir=in_memory) as folder:
        killing = Killing(Path(folder).resolve(), Path(os.environ["LD_PRELOAD"]), whole=whole)
        patch("trueup.job.run._fetched", answered).start()
        killing.prepare()
        failed = 0
        count = 0
        for count, point in enumerate(points, start=1):  # noqa: B007
            wrong = killing.trial(f"{seed}-{point}")
            failed += bool(wrong)
            if wrong:
                sys.stdout.write("\n  ".join(wrong) + "\n")
        said = {"points": count, "failed": failed, "calls": killing.calls}
        sys.stdout.write(json.dumps(said) + "\n")
    return int(failed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--only", type=int, help="this point alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_args()
    which = range(given.points) if given.only is None else [given.only]
    sys.exit(main(which, given.seed, whole=given.whole))
