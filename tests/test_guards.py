"""The lists of guards are complete and say what the code says; ``tox -e guards`` tries them."""

from __future__ import annotations

import ast

import pytest

from tests.guards.guard import FAULTS, ROOT, guards_of, names
from tests.twin.recordings import PROVIDERS


def test_every_provider_has_its_list() -> None:
    """One file per provider that can be asked."""
    assert names() == sorted(PROVIDERS)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_fault_has_a_guard(name: str) -> None:
    """Nothing that can go wrong is left out, and nothing else is listed."""
    assert {guard.fault for guard in guards_of(name)} == set(FAULTS)


@pytest.mark.parametrize("name", PROVIDERS)
def test_guards_stand_in_the_code(name: str) -> None:
    """Each can be taken away, which leaves Python; and its tests are there."""
    for guard in guards_of(name):
        ast.parse(guard.taken_away())
        assert all((ROOT / path).is_file() for path in guard.tests)
