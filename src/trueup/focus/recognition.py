"""Says by its columns what a file is: which FOCUS dataset, in which version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from trueup.errors import SourceError
from trueup.focus.columns import DATASETS, VERSIONS, Column, columns_of
from trueup.focus.stream import misnamed

# Without these no row of the dataset can be accepted.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Cost and Usage": (
        "BilledCost",
        "EffectiveCost",
        "BillingCurrency",
        "ChargeCategory",
        "ChargePeriodStart",
        "ChargePeriodEnd",
    ),
    "Contract Commitment": (
        "ContractCommitmentId",
        "ContractCommitmentCategory",
        "ContractCommitmentPeriodStart",
        "ContractCommitmentPeriodEnd",
    ),
    "Invoice Detail": ("InvoiceId", "InvoiceIssueStatus", "BilledCost", "BillingCurrency"),
}

READ_WITH = {
    "Cost and Usage": "read_charges",
    "Contract Commitment": "read_commitments",
    "Invoice Detail": "read_invoices",
}


@dataclass(frozen=True)
class Recognition:
    """What a file's columns say: dataset, version and where each known column stands."""

    dataset: str
    version: str
    format: str  # as sources show it
    positions: Mapping[str, int]  # FOCUS column -> index in the file
    others: tuple[int, ...]  # indexes of the columns that FOCUS does not know
    repeated: tuple[str, ...]  # FOCUS columns that are there more than once: the first is read

    @property
    def notes(self) -> list[str]:
        """What a person should know about the file's header."""
        return [
            f"column {name} is there more than once: the first is read" for name in self.repeated
        ]


def recognise(
    source: str, header: Sequence[str], dataset: str, path: Path | None = None
) -> Recognition:
    """Recognise a file of ``dataset`` by its header, whatever the order of its columns.

    Names are compared exactly, then without case and punctuation (``billed_cost``). Unknown columns
    and absent ones are no obstacle as long as the required ones are there; otherwise SourceError
    says what was missed and what the file looks like instead, and by the first bytes at ``path``
    whether it is what its name says.
    """
    positions, repeated = _positions(header, DATASETS[dataset])
    missing = [name for name in REQUIRED[dataset] if name not in positions]
    if missing:
        first = misnamed(path, source) if path else ""
        raise SourceError(source, first + _refusal(header, dataset, positions, missing))
    known = set(positions.values())
    version = _version(set(positions), dataset)
    return Recognition(
        dataset=dataset,
        version=version,
        format=f"focus-{version}",
        positions=positions,
        others=tuple(index for index in range(len(header)) if index not in known),
        repeated=repeated,
    )


def plain(name: str) -> str:
    """A column name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _positions(
    header: Sequence[str], columns: Sequence[Column]
) -> tuple[dict[str, int], tuple[str, ...]]:
    exact: dict[str, list[int]] = {}
    loose: dict[str, list[int]] = {}
    for index, name in enumerate(header):
        exact.setdefault(name.strip(), []).append(index)
        if not name.startswith("x_"):
            loose.setdefault(plain(name), []).append(index)
    positions: dict[str, int] = {}
    repeated = []
    for column in columns:
        found = exact.get(column.name) or loose.get(plain(column.name))
        if found:
            positions[column.name] = found[0]
        if found and len(found) > 1:
            repeated.append(column.name)
    return positions, tuple(repeated)


def _version(present: set[str], dataset: str) -> str:
    """The version with the fewest mandatory columns missing, the oldest of equals.

    It is at least the version that introduced the newest column present, and at most the last one
    that still had an old column present (where the two contradict each other, the former decides).
    """
    known = [column for column in DATASETS[dataset] if column.name in present]
    first = max(column.introduced for column in known)
    removals = [column.removed for column in known if column.removed is not None]
    candidates = [version for version in VERSIONS if version >= first]
    candidates = [v for v in candidates if not removals or v < min(removals)] or candidates[:1]

    def missing(version: str) -> int:
        columns = columns_of(dataset, version)
        return sum(column.mandatory and column.name not in present for column in columns)

    return min(candidates, key=lambda version: (missing(version), version))


def _refusal(
    header: Sequence[str], dataset: str, positions: Mapping[str, int], missing: Sequence[str]
) -> str:
    for other, columns in DATASETS.items():
        found, _ = _positions(header, columns)
        if other != dataset and all(name in found for name in REQUIRED[other]):
            version = _version(set(found), other)
            return f"this is FOCUS {version} {other}: read it with {READ_WITH[other]}"
    parts = [f"not a FOCUS {dataset} file or a registered export:"]
    parts.append(f"{len(positions)} of its {len(header)} columns are known;")
    if positions:
        parts.append(f"the nearest match is FOCUS {_version(set(positions), dataset)};")
    parts.append(f"missing {', '.join(missing)}")
    similar = [
        f"{name} (for {wanted}?)"
        for wanted in missing
        for name in get_close_matches(wanted, [*map(str, header)], 1, cutoff=0.75)
    ]
    if similar:
        parts.append(f"; the file has {', '.join(similar)}")
    return " ".join(parts).replace(" ;", ";")
