"""Each recipe passes the linter of its kind, and its commands run trueup."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.machine import RECIPES, STATE, WRITTEN, Machine

ENTRYPOINT = ["trueup"]  # of the container
EXPOSURE_MAX = 20  # of 100, by `systemd-analyze security`: 14 when it was written


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def passes(program: str, *args: str | Path) -> str:
    """A linter that finds nothing; what it printed."""
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here (dependency group `recipes`)")
    done = subprocess.run([found, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def yaml_of(path: Path) -> list[Any]:
    yaml = pytest.importorskip("yaml", reason="no pyyaml here (dependency group `recipes`)")
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def test_systemd_knows_every_line(machine: Machine) -> None:
    """`systemd-analyze verify` finds nothing in service and timer, with programs that are there."""
    units = []
    for path in sorted((RECIPES / "systemd").iterdir()):
        unit = machine.folder / path.name
        unit.write_text(path.read_text("utf-8").replace("/opt/trueup/bin", str(machine.bin)))
        units.append(unit)
    assert passes("systemd-analyze", "verify", "--man=no", *units) == ""
    exposed = ("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", "--no-pager")
    passes("systemd-analyze", *exposed, units[0])


def test_the_service_runs_the_bundled_example(machine: Machine) -> None:
    """Its ExecStart, as systemd reads it, on the four providers' recorded answers: exit code 0."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(RECIPES / "systemd" / "trueup.service", "utf-8")
    command = shlex.split(unit["Service"]["ExecStart"])
    machine.example()
    done = machine.sh(*command)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert set(WRITTEN) <= set(machine.results)


def test_cron_runs_at_half_past_six(machine: Machine) -> None:
    """The crontab has one job, every day; its command, as cron hands it on, prints nothing."""
    cronsim = pytest.importorskip("cronsim", reason="no cronsim here (dependency group `recipes`)")
    text = machine.here((RECIPES / "cron" / "trueup.crontab").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    set_by = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    (job,) = [line for line in lines if not re.match(r"\w+=", line)]
    *when, command = job.split(maxsplit=5)
    nights = cronsim.CronSim(" ".join(when), datetime(2026, 10, 31, 7, tzinfo=UTC))
    assert [next(nights).isoformat() for _ in range(2)] == [
        "2026-11-01T06:30:00+00:00",
        "2026-11-02T06:30:00+00:00",
    ]
    assert "%" not in command  # cron would end the command there
    assert machine.here("/opt/trueup/bin") in set_by["PATH"].split(":")
    done = machine.sh(set_by["SHELL"], "-c", command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.results == WRITTEN


def test_kubernetes_knows_every_field() -> None:
    """Strictly: a field that is not in the schema is an error."""
    passes("kubernetes-validate", "--strict", "--quiet", RECIPES / "kubernetes" / "trueup.yaml")


def test_the_cron_job_reads_secrets_and_is_tried_again_where_that_helps(machine: Machine) -> None:
    """No two at once, nothing writable but state and scratch, 1, 2 and 4 fail it at once, 3 not."""
    *_, job = yaml_of(RECIPES / "kubernetes" / "trueup.yaml")
    spec = job["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {STATE, "/tmp"}
    (failing,) = [one for one in spec["podFailurePolicy"]["rules"] if one["action"] == "FailJob"]
    assert failing["onExitCodes"]["values"] == [1, 2, 4]
    assert failing["onExitCodes"]["containerName"] == container["name"]
    assert (pod["restartPolicy"], spec["backoffLimit"]) == ("Never", 2)
    assert machine.asked(*ENTRYPOINT, *container["args"]) == machine.night


def test_github_takes_the_workflow(tmp_path: Path) -> None:
    """By GitHub's schema, and without anything that zizmor finds dangerous or merely careless."""
    workflow = RECIPES / "github-actions" / "nightly.yml"
    passes("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)
    passes("zizmor", "--offline", "--pedantic", "--no-config", "--no-progress", workflow)


def test_github_keeps_the_workspace_from_night_to_night(machine: Machine) -> None:
    """Two nights on two machines of which nothing is left: the second is run-0002, and proved."""
    (job,) = yaml_of(RECIPES / "github-actions" / "nightly.yml")[0]["jobs"].values()
    steps = [
        one["run"]
        for one in job["steps"]
        if "trueup" in one.get("run", "") and "pip" not in one["run"]
    ]
    buckets = machine.folder / "buckets"
    for _ in range(2):
        runner = machine.state
        shutil.rmtree(runner)
        shutil.copytree(machine.conf, runner)
        for step in steps:
            done = machine.sh("bash", "-e", "-c", step, **job["env"], BUCKETS=str(buckets))
            assert done.returncode == 0, done.stdout + done.stderr
    kept = buckets / "example-finops" / "trueup" / "workspace" / "journal.jsonl"
    assert (
        re.findall(r'"kind":"run_begun"|"run":"run-\d+"', kept.read_text("utf-8"))[-1]
        == '"run":"run-0002"'
    )
    assert (runner / "out" / "2026-10" / "report.html").exists()


def test_the_container_file_is_clean() -> None:
    """Hadolint finds nothing; no root, no secret, no pulled-in latest."""
    passes("hadolint", "--no-color", RECIPES / "Containerfile")
    text = (RECIPES / "Containerfile").read_text("utf-8")
    assert f"\nENTRYPOINT {json.dumps(ENTRYPOINT)}\n" in text
    assert re.search(r"(?m)^USER 10001:10001$", text)
    assert not re.search(r"(?i)secret=|password|token|:latest", text.replace("No secret", ""))


@pytest.mark.parametrize("name", ["airflow/dag.py", "dagster/definitions.py"])
def test_a_scheduler_asks_for_a_night(name: str, machine: Machine) -> None:
    """What the file starts; `tox -e recipes` does it by the schedulers themselves."""
    text = (RECIPES / name).read_text("utf-8")
    compile(text, name, "exec")
    (night,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NIGHT"
    ]
    assert machine.asked(*night) == machine.night
