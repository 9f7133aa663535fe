"""trueup every night, as a DAG of Airflow 3: into its folder `dags/`.

trueup has a virtual environment of its own: its libraries are not those that Airflow pins.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

NIGHT = ["/opt/trueup/bin/trueup", "run", "-q", "-c", "/etc/trueup/trueup.toml", "--due"]
FOR_PEOPLE = {1: "material breaks", 2: "wrong use or configuration", 4: "internal error"}


@dag(
    schedule="30 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["finops"],
)
def trueup() -> None:
    """Reconcile what was committed, billed and used."""

    @task(retries=2, retry_delay=timedelta(minutes=30), execution_timeout=timedelta(hours=6))
    def night() -> None:
        done = subprocess.run(
            NIGHT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode in FOR_PEOPLE:
            raise AirflowFailException(f"{FOR_PEOPLE[done.returncode]}:\n{done.stdout}")
        if done.returncode:  # 3: a source failed; it is asked again
            raise AirflowException(f"exit code {done.returncode}:\n{done.stdout}")

    night()


trueup()
