"""Who belongs to whom, and how pages name what has no name."""

from __future__ import annotations

import pytest

from trueup.attribute.cost_line import Payer
from trueup.attribute.hierarchy import Hierarchy, Place, shown


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ((), ()),
        ((None,), ("(no business unit)",)),
        ((None, None), ("(no business unit)", "(no cost centre)")),
        ((None, None, None), ("(no business unit)", "(no cost centre)", "(nobody)")),
        ((None, "4711", None), ("(no business unit)", "4711", "(no team)")),
        (("retail", None, "ads"), ("retail", "(no cost centre)", "ads")),
        (("retail", None), ("retail", "(no cost centre)")),
        (("(no team)", "(nobody)", "'(no team)'"), ("'(no team)'", "'(nobody)'", "''(no team)''")),
    ],
)
def test_what_has_no_name_stands_in_brackets(place: Place, path: tuple[str, ...]) -> None:
    """Only the lowest of a place with a name lacks a team; a name like these stands in quotes."""
    assert shown(place) == path


def test_a_payer_without_any_name_is_nobody() -> None:
    """Null, not an empty name: no level has one."""
    assert Payer() == (None, None, None)
    assert Payer("ads") == ("ads", None, None)


def test_without_tables_a_payer_is_what_it_says() -> None:
    """No cost centre of a team is known, no business unit of a cost centre."""
    assert Hierarchy().payer(Payer("ads", "4712")) == ("ads", "4712", None)
    assert Hierarchy().payer(Payer("ads")) == ("ads", None, None)
