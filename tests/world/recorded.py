"""A file of telemetry, and what a reader must make of its records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recorded:
    """The file's text, how many records it holds, and how many of them must be refused.

    A record that repeats another, and is therefore counted once, is refused, too.
    """

    text: str
    records: int
    rejected: int = 0
