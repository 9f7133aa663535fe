"""What is pinned: names, versions and hashes in the files of ``requirements/``."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
SBOM = FOLDER / "trueup.cdx.json"


def pinned(name: str) -> list[tuple[Requirement, int]]:
    """Every pin of a file, and how many hashes it has."""
    text = re.sub(r"(?m)^#.*\n", "", (FOLDER / name).read_text("utf-8")).replace("\\\n", " ")
    lines = [line.split("--hash=sha256:") for line in text.splitlines()]
    return [(Requirement(first), len(hashes)) for first, *hashes in lines]


def version_of(pin: Requirement) -> str:
    """The one version that a pin allows."""
    (only,) = pin.specifier
    assert only.operator == "=="
    return only.version


def named(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)
