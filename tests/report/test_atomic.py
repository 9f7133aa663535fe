"""Files on their way, and names of sheets."""

from __future__ import annotations

from pathlib import Path

from trueup.report.atomic import COMING, clear_coming
from trueup.report.statement_book import TITLE_MAX, titles


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    """Only that: a report and a hidden file of somebody else stay."""
    for name in ("report.html", f".report.html{COMING}x1", ".gitignore"):
        (tmp_path / name).write_text("x")
    clear_coming(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "report.html"]


def test_no_two_sheets_have_one_name() -> None:
    """Excel tells no case apart, and cuts a name: the later one has a number."""
    long = "t" * (TITLE_MAX + 5)
    found = titles(["ML", "ml", "Ml", long, long + "x", "a/b", "a:b"])
    assert found["ML"] == "ML"
    assert (found["ml"], found["Ml"]) == ("ml (2)", "Ml (3)")
    assert found[long] == "t" * TITLE_MAX
    assert found[long + "x"] == "t" * (TITLE_MAX - 4) + " (2)"
    assert (found["a/b"], found["a:b"]) == ("a_b", "a_b (2)")
