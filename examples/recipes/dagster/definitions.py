"""trueup every night, as a job of Dagster: `dagster dev -f definitions.py`.

trueup has a virtual environment of its own, so that neither holds back the other's libraries.
"""

from __future__ import annotations

import subprocess

import dagster as dg

NIGHT = ["/opt/trueup/bin/trueup", "run", "-q", "-c", "/etc/trueup/trueup.toml", "--due"]
FOR_PEOPLE = {1: "material breaks", 2: "wrong use or configuration", 4: "internal error"}


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=1800))
def night() -> None:
    """Reconcile what was committed, billed and used."""
    done = subprocess.run(
        NIGHT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:  # 3: a source failed; it is asked again
        what = FOR_PEOPLE.get(done.returncode, f"exit code {done.returncode}")
        raise dg.Failure(f"{what}:\n{done.stdout}", allow_retries=done.returncode not in FOR_PEOPLE)


@dg.job(tags={"dagster/max_runtime": 6 * 3600})
def trueup() -> None:
    """One night."""
    night()


definitions = dg.Definitions(
    jobs=[trueup],
    schedules=[dg.ScheduleDefinition(job=trueup, cron_schedule="30 6 * * *")],
)
