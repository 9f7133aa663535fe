"""The twin of the providers over a year: it shows one month at a time, as known at a clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from tests.soak.faults import PATIENCE_SECONDS, Disturbance
from tests.soak.year import known, month
from tests.twin import aws_bucket, azure_export, gcp, oci
from tests.twin.exchange import Answerer
from tests.twin.gcp_tables import Tables
from tests.twin.recordings import twin_of
from tests.twin.server import Twin, running
from trueup.fetch.asking import Asker

# Lists are long by the end of a month: of the twin's small pages a run would ask hundreds.
PAGE, PAGED = 20, (aws_bucket, azure_export, gcp, oci)
PATIENCE = [
    *(f"{name}.client.READ_SECONDS" for name in ("aws", "azure", "oci")),
    *(f"gcp.{module}.SECONDS" for module in ("client", "catalog", "compute")),
]


@dataclass
class Cloud:
    """Who answers now."""

    providers: Sequence[str]
    twin: Twin
    answerers: dict[str, Answerer]

    @contextmanager
    def showing(
        self, seed: int, start: datetime, clock: datetime, disturbances: Sequence[Disturbance] = ()
    ) -> Iterator[None]:
        """One month as it is known at a clock, with something in the way."""
        world = known(month(seed, start), clock)
        tables = Tables(world.ledger)
        for name in self.providers:
            more = {"tables": tables, "machines": ()} if name == "gcp" else {}
            answerer = twin_of(name).answerer(world, **more)
            for one in disturbances:
                if one.provider == name:
                    answerer = one.over(answerer)
            self.answerers[twin_of(name).HOSTS] = answerer
        try:
            with ExitStack() as stack:
                if any(one.kind == "stalled answer" for one in disturbances):
                    for place in PATIENCE:
                        module, _, constant = f"trueup.providers.{place}".rpartition(".")
                        stack.enter_context(
                            patch.object(import_module(module), constant, PATIENCE_SECONDS)
                        )
                yield
        finally:
            self.twin.asked.clear()
            tables.engine.close()


@contextmanager
def clouds(providers: Sequence[str], folder: Path) -> Iterator[Cloud]:
    """A running twin with credentials for every provider; nobody waits before asking again."""
    answerers: dict[str, Answerer] = {}
    with ExitStack() as stack:
        for name in providers:
            environment = getattr(twin_of(name), "ENVIRONMENT", {})
            stack.enter_context(patch.dict("os.environ", environment))
        for module in PAGED:
            stack.enter_context(patch.object(module, "PAGE", PAGE))
        stack.enter_context(patch.object(Asker, "_sleep", staticmethod(lambda _seconds: None)))
        folder.mkdir(parents=True, exist_ok=True)
        yield Cloud(providers, stack.enter_context(running(answerers, folder)), answerers)
