"""The embedded engine as the readers use it: bounded memory, UTC, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.focus.repair import MACROS

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "1GB"


@contextmanager
def session(directory: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that spills to ``directory`` and knows the macros of ``repair``."""
    import duckdb

    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(directory / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.execute(MACROS)
        yield connection
    finally:
        connection.close()
