"""A folder that stands for the machine of a recipe: its paths, its trueup, its October."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.workspace import month

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "examples" / "recipes"
WRITTEN = ["parquet", "report.html", "report.xlsx", "result.json"]
STATE = "/var/lib/trueup"
TIMEOUT_SECONDS = 600  # far more than a night of these takes: machines are slow at times
PROGRAMS = {
    "trueup": f'exec "{sys.executable}" -m trueup "$@"',
    "aws": f'exec "{sys.executable}" "{Path(__file__).with_name("bucket.py")}" "$@"',
}


class Machine:
    """Has every path of a recipe below its folder; its clock is the end of October 2026."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin, self.conf, self.state = (folder / name for name in ("bin", "conf", "state"))
        for place in (self.bin, self.conf, self.state):
            place.mkdir()
        for name, line in PROGRAMS.items():
            self.program(name, line)
        month.written(self.conf)
        self.october()

    def program(self, name: str, line: str) -> None:
        """A program of the machine, one line of sh."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def example(self) -> None:
        """The bundled example in place of the small month."""
        example = ROOT / "examples" / "nightly"
        ignored = shutil.ignore_patterns("out", ".trueup")
        shutil.copytree(example, self.conf, dirs_exist_ok=True, ignore=ignored)
        text = (example / "trueup.toml").read_text("utf-8")
        text = text.replace("../../cassettes", str(ROOT / "cassettes"))
        (self.conf / "trueup.toml").write_text(text, "utf-8")
        self.october()

    def october(self) -> None:
        """The configuration leaves the period to the night; its clock is the end of October."""
        file = self.conf / "trueup.toml"
        text = re.sub(r"(?m)^period = .*$", "", file.read_text("utf-8"))
        clock = "as_of = 2026-10-31T12:00:00Z"
        file.write_text(re.sub(r"(?m)^as_of = .*$", clock, text), "utf-8")

    def here(self, text: str) -> str:
        """A recipe's text with this machine's paths."""
        for path, place in (
            ("/opt/trueup/bin", self.bin),
            ("/etc/trueup", self.conf),
            (STATE, self.state),
        ):
            text = text.replace(path, str(place))
        return text

    def sh(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command of a recipe, run where the recipe runs it."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [self.here(part) for part in command],
            cwd=self.state,
            env={**os.environ, "PATH": path, **more},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def asked(self, *command: str) -> list[str]:
        """What a command of a recipe asks trueup, which only says what it was asked."""
        self.program("trueup", """printf '%s\\n' "$@\"""")
        done = self.sh(*command)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    @property
    def night(self) -> list[str]:
        """What a night is: whatever is due, and silent where all is well."""
        return ["run", "-q", "-c", str(self.conf / "trueup.toml"), "--due"]

    @property
    def results(self) -> list[str]:
        """The files of October's results."""
        return sorted(path.name for path in (self.conf / "out" / "2026-10").iterdir())
