"""What CI installs is pinned with hashes, fits pyproject.toml, and stands in the wheel's SBOM."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from tests.supply.pins import ROOT, SBOM, named, pinned, version_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OWN = PROJECT["project"]["name"]
UNPINNED = {"schedulers"}  # not in CI: Airflow and Dagster as they are released, on their own


def required() -> Iterator[Requirement]:
    """Everything that pyproject.toml asks for: to build, to run, in extras, in groups."""
    found = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
    for some in PROJECT["project"]["optional-dependencies"].values():
        found += some
    for group, some in PROJECT["dependency-groups"].items():
        if group not in UNPINNED:
            found += [one for one in some if isinstance(one, str)]
    yield from (one for one in map(Requirement, found) if one.name != OWN)


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    """Else pyproject.toml was changed and the pins were not: `tox -e pin`."""
    versions: dict[str, list[str]] = {}
    for pin, _ in pinned("ci.txt"):
        versions.setdefault(named(pin), []).append(version_of(pin))
    unfit = [
        str(one)
        for one in required()
        if not any(
            one.specifier.contains(v, prereleases=True) for v in versions.get(named(one), [])
        )
    ]
    assert unfit == [], "pin anew: tox -e pin"


def test_every_pin_has_hashes_and_names_no_place() -> None:
    """A file from anywhere is taken if, and only if, it has the bytes that were pinned."""
    assert [str(pin) for pin, hashes in pinned("ci.txt") if not hashes] == []
    assert [str(pin) for pin, _ in pinned("ci.txt") if pin.url] == []


def test_what_runs_is_pinned_as_it_is_tested() -> None:
    """The versions of the SBOM are those that CI has."""
    tested = {(named(pin), version_of(pin)) for pin, _ in pinned("ci.txt")}
    assert {(named(pin), version_of(pin)) for pin, _ in pinned("runtime.txt")} <= tested


def test_the_sbom_lists_exactly_what_runs() -> None:
    """CycloneDX 1.6, a component for each pin, of trueup itself."""
    sbom = json.loads(SBOM.read_text("utf-8"))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    about = sbom["metadata"]["component"]
    assert (about["name"], about["version"]) == (OWN, PROJECT["project"]["version"])
    listed = sorted((one["name"], one["version"]) for one in sbom["components"])
    assert listed == sorted((pin.name, version_of(pin)) for pin, _ in pinned("runtime.txt"))
    for one in sbom["components"]:
        assert one["purl"].startswith(f"pkg:pypi/{one['name']}@{one['version']}")
