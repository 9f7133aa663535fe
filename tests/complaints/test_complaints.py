from __future__ import annotations

import pytest

from tests.complaints.golden import Case, cases, difference


def named(case: Case) -> str:
    return f"{case.name}: {', '.join(case.threads)}"


@pytest.mark.parametrize("case", cases(), ids=named)
def test_what_users_complained_of_comes_out_right(case: Case) -> None:
    """Each complaint's inputs give what a person worked out from them, table by table."""
    found = difference(case, case.tables())
    if found:
        pytest.fail(found, pytrace=False)
