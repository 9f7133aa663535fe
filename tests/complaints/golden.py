"""Golden cases: a folder of small inputs and the result that a person worked out from them.

A case is a folder. ``case.toml`` says what was complained about and how to run it; ``bill*``,
``contracts*``, ``invoices*`` and ``rules.toml`` are what their names say, every other file is
telemetry. ``expected.md`` is arithmetic in words, and tables: a heading names a table of the result
(or ``charges``, ``usage``: what was read), the table below it which of its columns to look at.

The same document is written again with the figures of a run, and the two are compared line by line.
A table that has a head and no rows is not written yet: with ``TRUEUP_GOLDEN_UPDATE=1`` it gets the
rows of the run, to be worked out by hand before they are committed. What stands there is never
overwritten: to have it written anew, delete its rows first.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import trueup
from trueup.money import plain
from trueup.report.order import ordered

FOLDER = Path(__file__).parent
UPDATE = "TRUEUP_GOLDEN_UPDATE"
NO_ROW = "none"
RULE = re.compile(r"\|[-|]+\|")


@dataclass(frozen=True)
class Case:
    """One complaint: the folder that shows it, and what ``case.toml`` says of it."""

    folder: Path

    @cached_property
    def said(self) -> Mapping[str, Any]:
        return tomllib.loads((self.folder / "case.toml").read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def threads(self) -> tuple[str, ...]:
        """Where users complained, as owner/repository#number."""
        return tuple(self.said["threads"])

    @property
    def expected(self) -> str:
        return (self.folder / "expected.md").read_text(encoding="utf-8")

    def inputs(self) -> Iterator[tuple[str, Path]]:
        """What there is to read, with its kind."""
        for path in sorted(self.folder.iterdir()):
            kind = re.split(r"[._-]", path.name)[0]
            if path.name in ("case.toml", "expected.md", "rules.toml") or path.is_dir():
                continue
            kinds = {"bill": "charges", "contracts": "commitments", "invoices": "invoices"}
            yield kinds.get(kind, "usage"), path

    def tables(self) -> Mapping[str, Any]:
        """The tables of a run over the inputs, by name."""
        found: dict[str, list[Path]] = {}
        for kind, path in self.inputs():
            found.setdefault(kind, []).append(path)
        read: dict[str, Any] = {
            kind: getattr(trueup, f"read_{kind}")(paths) for kind, paths in found.items()
        }
        rules = self.folder / "rules.toml"
        result = trueup.reconcile(
            read["charges"],
            **{kind: dataset for kind, dataset in read.items() if kind != "charges"},
            **self.said["run"],
            rules=rules if rules.exists() else None,
        )
        found_tables = {name: ordered(name, one) for name, one in result.outcome.tables.items()}
        return found_tables | {
            kind: read[kind].table for kind in ("charges", "usage") if kind in read
        }


def cases() -> list[Case]:
    return [Case(path.parent) for path in sorted(FOLDER.glob("*/case.toml"))]


def difference(case: Case, tables: Mapping[str, Any]) -> str:
    """How the run differs from what was worked out, as a unified diff; empty where it does not."""
    expected = case.expected
    if os.environ.get(UPDATE) == "1":
        expected = rewritten(expected, tables, only_empty=True)
        (case.folder / "expected.md").write_text(expected, encoding="utf-8")
    found = rewritten(expected, tables)
    was, now = (document.splitlines(keepends=True) for document in (expected, found))
    return "".join(difflib.unified_diff(was, now, "expected.md", "found", n=1))


def rewritten(document: str, tables: Mapping[str, Any], *, only_empty: bool = False) -> str:
    """The document with the rows of these tables instead of its own."""
    lines = document.splitlines()
    written: list[str] = []
    heading = ""
    while lines:
        line = lines.pop(0)
        written.append(line)
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not RULE.fullmatch(line):
            continue
        columns = cells(written[-2])
        own = []
        while lines and lines[0].startswith("|"):
            own.append(lines.pop(0))
        keep = only_empty and own
        written += own if keep else rows(tables[heading].rows(), columns)
    return "\n".join(written) + "\n"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows(found: list[dict[str, Any]], columns: list[str]) -> list[str]:
    """Lines of a table, one that says so where there is no row."""
    written = [[text(row[name]) for name in columns] for row in found]
    return [f"| {' | '.join(row)} |" for row in written or [[NO_ROW] * len(columns)]]


def text(value: Any) -> str:
    """A value as a person writes it: two decimals or as many as there are, minutes in UTC."""
    if isinstance(value, Decimal):
        return plain(value, 2)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "null" if value is None else str(value)
