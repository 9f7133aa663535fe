"""The contract of a telemetry reader: recognise a file, turn it into usage rows, count the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class UsageSource:
    """One local file to read, whatever URL it came from."""

    source_id: int
    source: str  # as given
    path: Path  # local, as it came (perhaps compressed)
    columns: Mapping[str, str] = field(default_factory=dict)  # usage column -> file column
    constants: Mapping[str, str] = field(default_factory=dict)  # usage column -> fixed value


class TelemetryReader(Protocol):
    """A folder's or module's public face, registered under ``trueup.telemetry``."""

    name: str

    def recognises(self, source: UsageSource) -> bool:
        """Say from the first bytes or the header whether this reader is made for the file."""

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Append to the tables ``usage`` and ``rejects`` of the connection; return rows in.

        ``usage`` has the columns of ``model.schema.USAGE`` without ``usage_id``; ``rejects`` those
        of ``model.schema.REJECTS``. Every record of the file is accepted (with any number of usage
        rows, also none) or has exactly one row in ``rejects``.
        """
