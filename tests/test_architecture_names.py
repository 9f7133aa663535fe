"""Knowledge of a provider lives in its folder: no other file of the package names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trueup.adapter.registry import providers

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "trueup"
SLUGS = tuple(providers())
# Each provider's own names, of one plain word; what its adapter declares, nobody lists again here.
WORDS = tuple(
    sorted(
        {
            word.lower()
            for adapter in providers().values()
            for word in (adapter.name, *adapter.bill_names, *adapter.telemetry_names)
            if word.isalpha()
        }
    )
)
# A word is whole between anything but letters, so aws_region and AwsClient are found too.
NAMED = re.compile(
    rf"(?<![a-z])(?:{'|'.join(WORDS)})(?![a-z])|(?:{'|'.join(w.title() for w in WORDS)})(?=[A-Z])"
)
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "providers" not in path.parts)


def named_in(text: str) -> list[str]:
    return [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), start=1)
        if NAMED.search(line) or NAMED.search(line.lower())
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_file_outside_its_folder_names_a_provider(path: Path) -> None:
    """Not in code, nor in docstrings, comments or messages: the registry knows."""
    assert named_in(path.read_text(encoding="utf-8")) == []


def test_the_packages_extras_and_entry_points_are_the_only_list() -> None:
    """In pyproject.toml providers stand in extras, their SDKs and entry points, nowhere else."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    named = [line.strip() for line in lines if NAMED.search(line.lower())]
    allowed = re.compile(
        rf'^(?:(?:{"|".join(SLUGS)}) = (?:\[|"trueup\.providers\.)|clouds = \["trueup\[|'
        r'"[\w-]+[>=]=)|^"?\w+\.\*"?,?$'
    )
    assert [line for line in named if not allowed.match(line)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# as AWS does", True),
        ("aws_region = 1", True),
        ("class AzureReader:", True),
        ("def read_bedrock():", True),
        ("a capacious social laws vertices associated lawsuit", False),
    ],
)
def test_the_check_finds_names_as_whole_words_only(text: str, found: bool) -> None:
    """Names are found inside identifiers, and not inside other words."""
    assert bool(named_in(text)) is found
