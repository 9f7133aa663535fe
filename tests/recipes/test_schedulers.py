"""Airflow and Dagster themselves load the recipes and run a night: `tox -e recipes`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.recipes.machine import RECIPES, WRITTEN, Machine

AIRFLOW = pytest.mark.skipif(
    find_spec("airflow") is None, reason="no Airflow here (tox -e recipes)"
)
DAGSTER = pytest.mark.skipif(
    find_spec("dagster") is None, reason="no Dagster here (tox -e recipes)"
)
Scheduler = Callable[[Machine, Path], subprocess.CompletedProcess[str]]
# Exit code of a night -> whether the scheduler's run succeeds, and how often a night was tried.
ENDS = {0: (True, 1), 1: (False, 1), 2: (False, 1), 3: (False, 3), 4: (False, 1)}
DAGSTER_NIGHT = """
import runpy, sys
definitions = runpy.run_path(sys.argv[1])["definitions"]
(schedule,) = definitions.schedules
assert (schedule.job_name, schedule.cron_schedule) == ("trueup", "30 6 * * *")
done = definitions.get_job_def("trueup").execute_in_process(raise_on_error=False)
sys.exit(not done.success)
"""


def scheduled(machine: Machine, name: str, folder: Path) -> Path:
    """A recipe on the machine, where no try waits for the next."""
    text = machine.here((RECIPES / name).read_text("utf-8"))
    text = text.replace("timedelta(minutes=30)", "timedelta(0)").replace("delay=1800", "delay=0")
    folder.mkdir(parents=True)
    path = folder / Path(name).name
    path.write_text(text, "utf-8")
    return path


def by_airflow(machine: Machine, folder: Path) -> subprocess.CompletedProcess[str]:
    """One run of the DAG, with an Airflow and a database of its own in the folder."""
    home = folder / "airflow"
    scheduled(machine, "airflow/dag.py", home / "dags")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # asks no name server
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
    }
    program = str(Path(sys.executable).with_name("airflow"))
    made = machine.sh(program, "db", "migrate", **settings)
    assert made.returncode == 0, made.stderr
    return machine.sh(program, "dags", "test", "trueup", **settings)


def by_dagster(machine: Machine, folder: Path) -> subprocess.CompletedProcess[str]:
    """One run of the job."""
    path = scheduled(machine, "dagster/definitions.py", folder / "dagster")
    return machine.sh(sys.executable, "-c", DAGSTER_NIGHT, str(path), DAGSTER_HOME=str(path.parent))


BY = [pytest.param(by_airflow, marks=AIRFLOW), pytest.param(by_dagster, marks=DAGSTER)]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("code", ENDS)
def test_a_night_ends_as_trueup_does(code: int, by: Scheduler, tmp_path: Path) -> None:
    """The file loads; the run succeeds with trueup, is tried again on 3, and on nothing else."""
    machine = Machine(tmp_path)
    tries = tmp_path / "tries"
    machine.program("trueup", f'echo "$@" >> "{tries}"; echo the reason; exit {code}')
    done = by(machine, tmp_path)
    asked = tries.read_text("utf-8").splitlines()
    said = done.stdout + done.stderr
    assert (done.returncode == 0, len(asked)) == ENDS[code], said
    assert asked[0] == " ".join(machine.night)
    assert (code == 0) or "the reason" in said


@pytest.mark.parametrize("by", BY)
def test_the_bundled_example_is_a_night(by: Scheduler, tmp_path: Path) -> None:
    """Trueup itself, on the four providers' recorded answers."""
    machine = Machine(tmp_path)
    machine.example()
    done = by(machine, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(WRITTEN) <= set(machine.results)
