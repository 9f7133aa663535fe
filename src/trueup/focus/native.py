"""Exports in a provider's own columns: recognised by their header, read as FOCUS columns.

A provider's folder registers its exports; nothing else here knows their columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trueup.focus.columns import COST_AND_USAGE
from trueup.focus.recognition import Recognition, recognise


@dataclass(frozen=True)
class NativeExport:
    """One export format: the columns that identify it, and where each FOCUS column stands in it."""

    name: str  # shown as the source's format
    identified_by: frozenset[str]
    columns: Mapping[str, str]  # FOCUS column -> the export's column

    def recognises(self, header: Sequence[str]) -> bool:
        """Say whether a file with this header is such an export."""
        return self.identified_by <= set(header)


_registered: dict[str, NativeExport] = {}


def register(export: NativeExport) -> None:
    """Make ``read_charges`` recognise an export; one of the same name is replaced."""
    _registered[export.name] = export


def recognise_charges(source: str, header: Sequence[str], path: Path | None = None) -> Recognition:
    """Recognise a bill: a registered export, else FOCUS, else SourceError (see recognise)."""
    for export in _registered.values():
        if export.recognises(header):
            named = {column: name for name, column in export.columns.items()}
            renamed = [named.get(column, column) for column in header]
            return replace(recognise(source, renamed, COST_AND_USAGE), format=export.name)
    return recognise(source, header, COST_AND_USAGE, path)
