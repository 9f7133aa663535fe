from __future__ import annotations

from pathlib import Path

import pytest

from tests.complaints.closing import tables_after_close
from tests.complaints.golden import Case, cases, difference


def named(case: Case) -> str:
    return f"{case.name}: {', '.join(case.threads)}"


@pytest.mark.parametrize("case", cases(), ids=named)
def test_what_users_complained_of_comes_out_right(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each complaint's inputs give what a person worked out from them, table by table."""
    monkeypatch.chdir(tmp_path)
    closes = (case.folder / "trueup.toml").exists()
    found = difference(case, tables_after_close(case, tmp_path) if closes else case.tables())
    if found:
        pytest.fail(found, pytrace=False)
