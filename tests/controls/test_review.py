"""What a close asks of the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trueup.controls.review import _failed_since
from trueup.workspace.workspace import KILLED, Workspace

AT = datetime(2026, 11, 9, tzinfo=UTC)
OCTOBER = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def test_attempts_of_one_run_are_told_apart_and_those_of_other_periods_left_out(
    tmp_path: Path,
) -> None:
    """What does not end takes no name, so that two failures and a killed one have the same."""
    workspace = Workspace(tmp_path)
    run_id = workspace.begin(AT, {"period": OCTOBER})
    run = workspace.end(run_id, AT, {"inputs": [], "outputs": {}}, {})
    for period, error in ((OCTOBER, "one"), (NOVEMBER, "other"), (OCTOBER, "two")):
        workspace.fail(workspace.begin(AT, {"period": period}), AT, error)
    workspace.begin(AT, {"period": OCTOBER})
    assert workspace.begin(AT, {"period": OCTOBER}) == "run-0002"
    assert _failed_since(workspace.journal.entries(), run) == {
        "run-0002": "one",
        "run-0002-3": "two",
        "run-0002-4": KILLED,
    }
